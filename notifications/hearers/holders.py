"""Somebody who held something left, moved or is away: those who carry the change hear it, and who takes over is asked.

Source: lifecycle.md, "Rules that always hold": the people waiting are told.
"""

from __future__ import annotations

from changes.holders import CheckHandedOn, HolderBack, HolderGone, ReviewHandedOn, TestersNamed
from changes.state import Phase
from notifications.packets import matter, planned_tests
from notifications.telling import (
    AUTHOR,
    CONCERNED,
    OWNER,
    REVIEWER,
    SILENT,
    TESTER,
    Scene,
    Telling,
    Tellings,
    tell,
    tells,
)

SILENT[HolderBack] = "nobody has to do anything; the trail says it"


@tells(HolderGone)
def _gone(scene: Scene, event: HolderGone) -> Tellings:
    """Several people missed at once make one letter: each is in it, with what they held."""
    news = [one for one in scene.events if isinstance(one, HolderGone)]
    data = {
        "missed": ",".join(one.person for one in news),
        "hows": "\n".join(one.how for one in news),
        "helds": "\n".join(one.held for one in news),
    }
    yield from tell(event, "holder_gone", data, (event.asked, AUTHOR), (event.overruling, CONCERNED))


@tells(TestersNamed)
def _testers_named(scene: Scene, event: TestersNamed) -> Tellings:
    """Whoever runs a test from now on hears of it, once it may run."""
    if scene.after.phase is not Phase.RUNNING_TESTS:
        return
    for person in event.testers:
        if person not in event.before:
            theirs = [test for test in scene.after.round.tests if person in test.testers]
            data = {"tests": planned_tests(theirs), "until": max(test.ends for test in theirs).isoformat()}
            yield Telling(person, "tests_to_run", TESTER, event.by, data)


@tells(CheckHandedOn)
def _check_handed_on(scene: Scene, event: CheckHandedOn) -> Tellings:
    """Only of a check that is open; the owner of another hears when it opens."""
    if any(check.ref == event.check and check.opened for check in scene.after.learning.checks):
        data = {**matter(scene.after), "checks": event.check}
        yield from tell(event, "effect_check_due", data, ((event.owner,), OWNER))


@tells(ReviewHandedOn)
def _review_handed_on(scene: Scene, event: ReviewHandedOn) -> Tellings:
    data = {**matter(scene.after), "due": event.due.isoformat(), "again": ""}
    yield from tell(event, "review_due", data, ((seat.person for seat in event.asked), REVIEWER))
