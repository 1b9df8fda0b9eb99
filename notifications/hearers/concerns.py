"""Concerns: the authors hear the worry, who raised it hears what became of it, who asked why hears the answer.

Source: lifecycle.md, "Concerns". A blocking one holds the gate, so the people at the gate hear of it as well.
"""

from __future__ import annotations

from changes.concerns import ConcernOverruled, ConcernRaised, ConcernResolved, Responded, WhyAnswered, WhyAsked
from changes.state import Concern
from notifications.telling import ASKED, AUTHOR, CONCERNED, WONDERING, Scene, Tellings, tell, tells
from notifications.wording import FULL_LENGTH, shortened


def _concern(scene: Scene, ref: str) -> Concern:
    return next(concern for concern in scene.after.concerns if concern.ref == ref)


def _named(concern: Concern) -> dict[str, str]:
    return {
        "concern": concern.ref,
        "concern_title": concern.title,
        "meaning": concern.code.meaning,
        "blocking": "yes" if concern.blocking else "",
    }


def _held_up(scene: Scene, concern: Concern) -> tuple[str, ...]:
    """The people whose open gate a blocking concern holds."""
    return scene.at_the_gate if concern.blocking and scene.after.gate else ()


def _wondering(concern: Concern) -> tuple[str, ...]:
    return tuple(dict.fromkeys(why.by for why in concern.whys))


@tells(ConcernRaised)
def _raised(scene: Scene, event: ConcernRaised) -> Tellings:
    concern = _concern(scene, event.concern)
    data = {
        **_named(concern),
        "text": shortened(event.text, FULL_LENGTH),
        "would_settle": shortened(event.would_settle, FULL_LENGTH),
    }
    yield from tell(event, "concern_raised", data, (scene.authors, AUTHOR), (_held_up(scene, concern), ASKED))


@tells(WhyAsked)
def _why_asked(scene: Scene, event: WhyAsked) -> Tellings:
    concern = _concern(scene, event.concern)
    data = {**_named(concern), "question": shortened(event.question, FULL_LENGTH)}
    yield from tell(event, "concern_why_asked", data, ((concern.by,), CONCERNED))


@tells(WhyAnswered)
def _why_answered(scene: Scene, event: WhyAnswered) -> Tellings:
    """Those whose question this answers, and the authors."""
    concern = _concern(scene, event.concern)
    asked = tuple(dict.fromkeys(why.by for why in concern.whys if why.answered_at == event.at))
    data = {**_named(concern), "to": "why", "text": shortened(event.answer, FULL_LENGTH), "changed": ""}
    yield from tell(event, "concern_answered", data, (asked, WONDERING), (scene.authors, AUTHOR))


@tells(Responded)
def _responded(scene: Scene, event: Responded) -> Tellings:
    concern = _concern(scene, event.concern)
    changed = "yes" if event.changed_something else ""
    data = {**_named(concern), "to": "concern", "text": shortened(event.text, FULL_LENGTH), "changed": changed}
    groups = (((concern.by,), CONCERNED), (scene.authors, AUTHOR), (_wondering(concern), WONDERING))
    yield from tell(event, "concern_answered", data, *groups)


@tells(ConcernResolved)
def _resolved(scene: Scene, event: ConcernResolved) -> Tellings:
    concern = _concern(scene, event.concern)
    data = {**_named(concern), "reason": shortened(event.because, FULL_LENGTH)}
    groups = ((scene.authors, AUTHOR), (_held_up(scene, concern), ASKED), (_wondering(concern), WONDERING))
    yield from tell(event, "concern_resolved", data, *groups)


@tells(ConcernOverruled)
def _overruled(scene: Scene, event: ConcernOverruled) -> Tellings:
    concern = _concern(scene, event.concern)
    data = {**_named(concern), "reason": shortened(event.reason, FULL_LENGTH)}
    groups = (
        ((concern.by,), CONCERNED),
        (scene.authors, AUTHOR),
        (_held_up(scene, concern), ASKED),
        (_wondering(concern), WONDERING),
    )
    yield from tell(event, "concern_overruled", data, *groups)
