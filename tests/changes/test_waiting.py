"""Who is being waited for, and who has a part in a change."""

from __future__ import annotations

from typing import Any

import pytest

from changes.any_moment import Follow, PutOnHold
from changes.commands import COMMANDS
from changes.concerns import AskWhy, RaiseConcern, Respond
from changes.facts import GATES, START_ROLLOUT
from changes.hearing import AskForChanges, Decline, SayBack
from changes.learning import RecordEffect
from changes.recruiting import Invite, PlanChampions, SignCoverage
from changes.rollout import RollBack
from changes.state import ConcernCode, EffectOutcome
from changes.waiting import GATE_COMMANDS, GATE_TASKS, parts_in, receipt_for, standing, summary, waiting_for
from tests.changes.road import (
    Road,
    at_champions,
    at_check,
    at_coverage,
    at_endorsement,
    at_learning,
    at_pause,
    at_planning,
    at_rollout,
    at_signing,
    at_testing,
    at_wave,
    decided_alone,
    filed,
    in_the_window,
    looked_back,
    measured,
    planned,
    recruited,
)

EVERYWHERE = [
    filed,
    in_the_window,
    decided_alone,
    at_planning,
    at_endorsement,
    at_testing,
    at_signing,
    at_champions,
    at_coverage,
    at_rollout,
    at_wave,
    at_pause,
    at_learning,
    at_check,
]


def asked(road: Road) -> dict[str, tuple[str, ...]]:
    """The people waited for, with the usual command of each of their tasks."""
    found: dict[str, tuple[str, ...]] = {}
    for waiting in waiting_for(road.change):
        found[waiting.person] = (*found.get(waiting.person, ()), waiting.commands[0])
    return found


def expired() -> Road:
    road = filed()
    while road.change.closing is None:
        road.to_next_moment()
    return road


def with_a_concern(road: Road) -> Road:
    road.do("kai", RaiseConcern(title="Fraud", text="No checks.", code=ConcernCode.R09, blocking=True))
    return road


@pytest.mark.parametrize(
    ("bring", "expected"),
    [
        (filed, {"mara": ("accept_for_testing",), "omar": ("accept_for_testing",)}),
        (in_the_window, {}),
        (at_planning, {"paul": ("propose_tests",)}),
        (at_endorsement, {"mara": ("endorse",), "omar": ("endorse",)}),
        (at_testing, {"tom": ("record_result",)}),
        (at_signing, {"omar": ("sign_gate",)}),
        (at_champions, {"paul": ("plan_champions", "plan_rollout")}),
        (at_coverage, {"omar": ("sign_coverage",)}),
        (at_rollout, {"paul": ("start_wave",)}),
        (at_wave, {"paul": ("report_metric",)}),
        (at_pause, {"paul": ("resume_wave",)}),
        (at_learning, {"paul": ("hold_retrospective",)}),
        (at_check, {"paul": ("hold_retrospective",), "bela": ("record_effect",)}),
        (expired, {"paul": ("renew",)}),
    ],
)
def test_somebody_is_waited_for(bring: Any, expected: dict[str, tuple[str, ...]]) -> None:
    assert asked(bring()) == expected


@pytest.mark.parametrize("bring", [*EVERYWHERE, expired])
def test_whoever_is_waited_for_can_do_it(bring: Any) -> None:
    road = bring()
    for waiting in waiting_for(road.change):
        assert set(waiting.commands) <= set(COMMANDS)
        assert waiting.commands[0] in road.offers(waiting.person)


def test_each_gate_has_its_words() -> None:
    assert set(GATE_TASKS) == set(GATE_COMMANDS) == set(GATES)


class TestWaitingFor:
    def test_what_was_heard(self) -> None:
        road = filed()
        road.do("mara", SayBack(heard="Faster."))
        assert asked(road)["paul"] == ("confirm_heard",)

    def test_changes(self) -> None:
        road = filed()
        road.do("mara", AskForChanges(what="Name the desk."))
        assert asked(road) == {"paul": ("resubmit",)}

    def test_the_conclusion(self) -> None:
        assert asked(measured(at_testing())) == {"paul": ("conclude",)}

    def test_invitations_and_the_next_step_of_the_campaign(self) -> None:
        road = at_champions()
        road.do("paul", PlanChampions())
        assert asked(road) == {"paul": ("invite", "plan_rollout")}
        road.do("paul", Invite(people=("bela",)))
        assert asked(road) == {"paul": ("plan_rollout",), "bela": ("accept_invitation",)}
        assert asked(planned(road)) == {"bela": ("accept_invitation",)}

    def test_a_rollout_plan_behind_the_gate(self) -> None:
        road = recruited(at_champions())
        road.do("omar", SignCoverage(decision="go"))
        assert asked(road) == {"paul": ("plan_rollout",)}
        planned(road)
        assert road.change.gate is not None
        assert road.change.gate.name == START_ROLLOUT
        assert asked(road) == {"omar": ("sign_coverage",)}

    def test_the_end(self) -> None:
        road = at_wave()
        road.do("paul", RollBack(scope="all", reason="Too slow."))
        assert asked(looked_back(road)) == {"paul": ("close",)}
        road = looked_back(at_check())
        road.do("bela", RecordEffect(check="E1", outcome=EffectOutcome.EFFECTIVE, numbers="20 hours"))
        assert asked(road) == {}

    def test_concerns(self) -> None:
        """Whom a reason concerns owes the answer: what breaks something is answered at the gate (champions.md 3.7)."""
        road = with_a_concern(at_planning())
        assert asked(road) == {"paul": ("propose_tests",), "omar": ("respond",)}
        road.do("paul", AskWhy(concern="C1", question="Why?"))
        assert asked(road) == {"paul": ("propose_tests",), "kai": ("answer_why",)}
        road.do("paul", Respond(concern="C1", text="We check now."))
        assert asked(road) == {"paul": ("propose_tests",), "kai": ("answer_why",)}

    def test_nobody_while_it_rests_or_when_it_has_ended(self) -> None:
        road = filed()
        road.do("paul", PutOnHold(reason="Stocktaking"))
        assert waiting_for(road.change) == ()
        road = filed()
        road.do("mara", Decline(reason="No.", way_forward="Later."))
        assert waiting_for(road.change) == ()


def test_parts_name_everybody_once_per_part_and_no_one_who_said_no() -> None:
    road = at_check()
    road.do("kai", Follow())
    with_a_concern(road)
    parts = parts_in(road.change)
    assert parts == {
        "paul": ("proposer", "filer"),
        "tom": ("tester",),
        "omar": ("endorser", "signer"),
        "bela": ("champion", "effect check owner"),
        "sina": ("champion",),
        "kai": ("concerned", "follower"),
    }
    assert parts_in(filed().change)["mara"] == ("asked",)


class TestSummary:
    def test_says_where_it_stands_and_what_comes_next(self) -> None:
        road = filed()
        assert summary(road.change) == ("CH-0001 is waiting for an answer to the proposal. Next: answer the proposal.")

    def test_keeps_references_as_they_are_written(self) -> None:
        assert summary(at_testing().change).endswith("Next: run T1 and enter its result.")

    def test_of_a_rest_and_an_end(self) -> None:
        road = filed()
        road.do("paul", PutOnHold(reason="Stocktaking"))
        assert standing(road.change) == "is on hold: Stocktaking"
        road = filed()
        road.do("mara", Decline(reason="No.", way_forward="Later."))
        assert summary(road.change) == "CH-0001 has ended: declined."


def test_a_receipt_says_what_happened_and_where_the_change_is_now() -> None:
    road = filed()
    events = road.do("mara", Decline(reason="No.", way_forward="Later."))
    receipt = receipt_for(road.change, events)
    assert (receipt.change, receipt.version, receipt.outcome) == ("CH-0001", 3, "declined")
    assert receipt.happened == ("declined",)
    assert receipt.summary == "CH-0001 has ended: declined."
    assert receipt_for(filed().change, ()).outcome == ""
