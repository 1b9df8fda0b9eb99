"""Gates: who is asked, what silence leads to, and who hears that a gate was passed.

Source: lifecycle.md, "Time" and "Rules that always hold": silence never approves; it reminds, escalates and expires.
"""

from __future__ import annotations

from changes.any_moment import Reminded, Renewed, Resumed
from changes.events import Event
from changes.facts import ENDORSE_TESTS
from changes.gates import (
    GateOpened,
    GatePassed,
    GateReopened,
    GateReplanned,
    LastCallEnded,
    LastCallMade,
    unanswered,
)
from changes.hearing import Objected
from changes.passing_time import DeadlineReckoned, Escalated, Expired, ObjectionWindowClosed
from changes.proposal import Edited, Resubmitted
from notifications.packets import packet, planned_tests
from notifications.telling import (
    ASKED,
    ASKED_BEFORE,
    AUTHOR,
    CHAMPION,
    CONCERNED,
    FOLLOWER,
    SILENT,
    TESTER,
    Scene,
    Telling,
    Tellings,
    tell,
    tells,
)
from notifications.wording import FULL_LENGTH, shortened

SILENT[LastCallEnded] = "the gate goes on as before"
SILENT[ObjectionWindowClosed] = "the gate it passes is told in the same breath"


@tells(GateOpened)
def _asked(scene: Scene, event: GateOpened) -> Tellings:
    known = _asked_already(scene, event)
    people = [seat.person for seat in event.gate.asked if seat.person not in known]
    yield from tell(event, "asked", {**packet(scene.after, event.gate), **_occasion(scene)}, (people, ASKED))


def _asked_already(scene: Scene, event: GateOpened) -> set[str]:
    """In its first hour a proposal is polished freely; nobody gets a second mail for a comma."""
    edited = scene.event(Edited)
    gate = scene.before.gate if scene.before else None
    if edited is None or not edited.free or gate is None or gate.name != event.gate.name:
        return set()
    return {seat.person for seat in gate.asked}


def _occasion(scene: Scene) -> dict[str, str]:
    """Why the gate was asked just now, where it is not the first time, and what was said about it."""
    occasion, words = "", ""
    for event in scene.events:
        match event:
            case Edited() | Resubmitted():
                occasion, words = event.kind, event.what_changed
            case Objected() | Resumed():
                occasion, words = event.kind, event.reason
            case Renewed():
                occasion = event.kind
    return {"occasion": occasion, "occasion_words": shortened(words, FULL_LENGTH), "asker": scene.giver}


@tells(GatePassed)
def _passed(scene: Scene, event: GatePassed) -> Tellings:
    data = {"answer": "", "note": "", "passed": event.name, "passed_because": event.because}
    yield from tell(event, "answered", data, (scene.authors, AUTHOR))
    if event.name == ENDORSE_TESTS:
        yield from _tests_to_run(scene, event)


def _tests_to_run(scene: Scene, event: GatePassed) -> Tellings:
    """Each tester hears of their own tests; whoever led to this and is a tester knows already."""
    for person in scene.after.round.testers:
        if person == scene.giver:
            continue
        theirs = [test for test in scene.after.round.tests if person in test.testers]
        data = {"tests": planned_tests(theirs), "until": max(test.ends for test in theirs).isoformat()}
        yield Telling(person, "tests_to_run", TESTER, event.by, data)


@tells(Reminded)
def _reminded(scene: Scene, event: Reminded) -> Tellings:
    yield from tell(event, "reminded", packet(scene.after, scene.after.gate), (event.people, ASKED))


@tells(Escalated)
def _escalated(scene: Scene, event: Escalated) -> Tellings:
    """The newly asked are asked; those who did not answer and the authors hear who has been asked besides."""
    earlier = {seat.person for seat in scene.before.gate.asked} if scene.before and scene.before.gate else set()
    newly = [seat.person for seat in event.asked if seat.person not in earlier]
    silent = [person for person in unanswered(scene.after) if person in earlier]
    data = {**packet(scene.after, scene.after.gate), "escalated_to": ",".join(newly)}
    yield from tell(event, "escalated", data, (newly, ASKED), (silent, ASKED_BEFORE), (scene.authors, AUTHOR))


@tells(Expired)
def _expired(scene: Scene, event: Expired) -> Tellings:
    groups = ((scene.authors, AUTHOR), (scene.at_the_gate, ASKED), (scene.after.followers, FOLLOWER))
    yield from tell(event, "expired", {"what": event.what}, *groups)


@tells(GateReplanned)
def _replanned(scene: Scene, event: GateReplanned) -> Tellings:
    """Whoever is asked from now on is asked; those who wait, and those who need not answer any more, hear of it."""
    occasion = {"occasion": "", "occasion_words": "", "asker": event.by}
    asked = {**packet(scene.after, scene.after.gate), **occasion}
    yield from tell(event, "asked", asked, (event.came, ASKED))
    data = {
        "what": event.what,
        "instead": ",".join(event.came),
        "gone": ",".join(event.left),
        "because": shortened(event.because, FULL_LENGTH),
        "due": event.due.isoformat(),
    }
    yield from tell(event, "asked_instead", data, (scene.authors, AUTHOR), (event.left, ASKED_BEFORE))


@tells(DeadlineReckoned)
def _reckoned(scene: Scene, event: DeadlineReckoned) -> Tellings:
    data = {"deadline": event.what, "to": event.due.isoformat(), "reason": "the organisation's calendar changed"}
    yield from tell(event, "deadline_moved", data, (unanswered(scene.after), ASKED), (scene.authors, AUTHOR))


@tells(LastCallMade)
def _last_call(scene: Scene, event: LastCallMade) -> Tellings:
    """Everybody who could still have something to settle."""
    data = {"what": event.what, "until": event.until.isoformat(), "reason": shortened(event.because, FULL_LENGTH)}
    yield from _around(scene, event, "last_call", data)


@tells(GateReopened)
def _reopened(scene: Scene, event: GateReopened) -> Tellings:
    data = {"what": event.what, "until": "", "reason": f"the blocking concern {event.concern}"}
    yield from _around(scene, event, "last_call", data)


def _around(scene: Scene, event: Event, kind: str, data: dict[str, str]) -> Tellings:
    concerned = tuple(dict.fromkeys(concern.by for concern in scene.after.concerns))
    groups = (
        (scene.authors, AUTHOR),
        (scene.at_the_gate, ASKED),
        (concerned, CONCERNED),
        (scene.after.recruiting.champions, CHAMPION),
        (scene.after.followers, FOLLOWER),
    )
    yield from tell(event, kind, data, *groups)
