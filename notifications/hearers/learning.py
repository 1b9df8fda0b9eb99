"""The learning stage: effect checks that open by themselves, what they found, and the end of the road.

Source: lifecycle.md, "Learning".
"""

from __future__ import annotations

from changes.learning import (
    BenefitRecorded,
    Closed,
    EffectCheckOpened,
    EffectChecksPlanned,
    EffectRecorded,
    RetrospectiveHeld,
)
from changes.values import enumerated
from changes.waiting import parts_in
from notifications.packets import matter
from notifications.telling import AUTHOR, OWNER, SILENT, Scene, Telling, Tellings, tell, tells
from notifications.wording import FULL_LENGTH, shortened

SILENT.update(
    {
        EffectChecksPlanned: "the owner of each check hears when it opens",
        BenefitRecorded: "read on the page",
        RetrospectiveHeld: "a step in the lead's own work; read on the page and told at closing",
    }
)


@tells(EffectCheckOpened)
def _check_opened(scene: Scene, event: EffectCheckOpened) -> Tellings:
    """All the checks that wait for this owner, so that two that open at once make one letter."""
    waiting = [check for check in scene.after.learning.checks if check.opened and check.outcome is None]
    for owner in {check.owner for check in waiting if check.ref == event.check}:
        checks = enumerated(check.ref for check in waiting if check.owner == owner)
        yield Telling(owner, "effect_check_due", OWNER, event.by, {**matter(scene.after), "checks": checks})


@tells(EffectRecorded)
def _effect_recorded(scene: Scene, event: EffectRecorded) -> Tellings:
    data = {
        "check": event.check,
        "outcome": event.outcome.value,
        "numbers": shortened(event.numbers, FULL_LENGTH),
        "next_step": event.next_step,
        "reason": shortened(event.reason, FULL_LENGTH),
    }
    yield from tell(event, "effect_found", data, (scene.authors, AUTHOR))


@tells(Closed)
def _closed(scene: Scene, event: Closed) -> Tellings:
    """Everybody who had a part, with thanks."""
    learned = scene.after.learning.retrospective
    data = {
        "outcome": event.outcome.replace("_", " "),
        "summary": shortened(event.summary, FULL_LENGTH),
        "consequence": learned.consequence.replace("_", " ") if learned else "",
        "consequence_because": shortened(learned.because, FULL_LENGTH) if learned else "",
    }
    for person, parts in parts_in(scene.after).items():
        part = AUTHOR if person in scene.authors else parts[0]
        yield Telling(person, "closed", part, event.by, data)
