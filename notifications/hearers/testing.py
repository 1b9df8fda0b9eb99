"""The testing stage: endorsements, results, the conclusion and the signatures after it.

Source: lifecycle.md, "Testing".
"""

from __future__ import annotations

from changes.events import Event
from changes.state import Verdict
from changes.testing import (
    Concluded,
    Endorsed,
    EndorsedWithChanges,
    ResultRecorded,
    Signed,
    TestsProposed,
    TestStopped,
)
from notifications.packets import all_results_in, evidence, packet
from notifications.telling import AUTHOR, ENDORSER, FOLLOWER, TESTER, Scene, Tellings, tell, tells
from notifications.wording import FULL_LENGTH, shortened


@tells(TestsProposed)
def _tests_proposed(scene: Scene, event: TestsProposed) -> Tellings:
    """Those whose endorsement no longer counts, with what is asked of them again."""
    stale = scene.before.round.counting_endorsers if scene.before else ()
    better = scene.event(EndorsedWithChanges)
    words = shortened(better.what, FULL_LENGTH) if better else ""
    for person in stale:
        asked_again = scene.after.gate if scene.after.gate and person in scene.at_the_gate else None
        data = {**packet(scene.after, asked_again), "what": "tests", "note": words}
        yield from tell(event, "changed_since_you_answered", data, ((person,), ENDORSER))


def _answered(scene: Scene, event: Event, answer: str, note: str) -> Tellings:
    data = {"answer": answer, "note": shortened(note, FULL_LENGTH), "passed": "", "passed_because": ""}
    yield from tell(event, "answered", data, (scene.authors, AUTHOR))


@tells(Endorsed)
def _endorsed(scene: Scene, event: Endorsed) -> Tellings:
    yield from _answered(scene, event, "endorsed", event.note)


@tells(EndorsedWithChanges)
def _endorsed_with_changes(scene: Scene, event: EndorsedWithChanges) -> Tellings:
    yield from _answered(scene, event, "endorsed_with_changes", event.what)


@tells(Signed)
def _signed(scene: Scene, event: Signed) -> Tellings:
    yield from _answered(scene, event, "signed", event.statement)


@tells(ResultRecorded)
def _result_recorded(scene: Scene, event: ResultRecorded) -> Tellings:
    """Only the last missing result is worth a mail; the page shows each."""
    yield from _results_in(scene, event)


@tells(TestStopped)
def _test_stopped(scene: Scene, event: TestStopped) -> Tellings:
    data = {"test": event.test, "reason": shortened(event.reason, FULL_LENGTH)}
    yield from tell(event, "test_stopped", data, (scene.authors, AUTHOR), (scene.after.round.testers, TESTER))
    yield from _results_in(scene, event)


def _results_in(scene: Scene, event: Event) -> Tellings:
    already = scene.before is not None and all_results_in(scene.before.round)
    if all_results_in(scene.after.round) and not already:
        yield from tell(event, "results_in", evidence(scene.after.round), (scene.authors, AUTHOR))


@tells(Concluded)
def _concluded(scene: Scene, event: Concluded) -> Tellings:
    """Those who worked for the round; followers when it ends the change."""
    round_ = scene.before.round if scene.before else scene.after.round
    data = {
        **evidence(round_),
        "verdict": event.verdict.value,
        "computed": event.computed.value,
        "verdict_reason": shortened(event.reason, FULL_LENGTH),
    }
    followers = scene.after.followers if event.verdict is Verdict.ABANDON else ()
    groups = (
        (scene.authors, AUTHOR),
        (round_.testers, TESTER),
        (round_.counting_endorsers, ENDORSER),
        (followers, FOLLOWER),
    )
    yield from tell(event, "concluded", data, *groups)
