"""The last call before a gate closes, and reminders that people send."""

from __future__ import annotations

from datetime import timedelta

from changes.any_moment import Follow, MakeLastCall, Remind
from changes.concerns import OverruleConcern, RaiseConcern, ResolveConcern
from changes.facts import ANSWER_PROPOSAL, START_ROLLOUT
from changes.hearing import AcceptForTesting
from changes.recruiting import SignCoverage
from changes.state import ConcernCode, Phase
from changes.waiting import waiting_for
from tests.changes.road import at_champions, filed, kinds, recruited
from tests.changes.world import World

WORRY = RaiseConcern(title="Depot", text="Nobody asked us.", code=ConcernCode.R07, blocking=True)


def world(*gates: str) -> World:
    """A policy that has a last call made at these gates."""
    return World(last_calls=set(gates))


class TestLastCall:
    def test_comes_before_the_gate_closes_where_the_policy_says_so(self) -> None:
        road = filed(world(ANSWER_PROPOSAL))
        assert kinds(road.do("mara", AcceptForTesting())) == ["accepted_for_testing", "last_call_made"]
        assert road.is_at(Phase.AWAITING_ANSWER)
        assert not any(task.person == "omar" for task in waiting_for(road.change)), "enough have agreed"
        assert kinds(road.to_next_moment())[0] == "gate_passed"
        assert road.now == road.change.opened_at + timedelta(days=7)

    def test_is_reopened_by_a_new_blocking_concern_and_made_again_when_that_is_settled(self) -> None:
        road = filed(world(ANSWER_PROPOSAL))
        road.do("mara", AcceptForTesting())
        road.wait(days=6)
        assert kinds(road.do("kai", WORRY)) == ["concern_raised", "gate_reopened"]
        road.wait(days=3)
        assert kinds(road.do("kai", ResolveConcern(concern="C1"))) == ["concern_resolved", "last_call_made"]
        assert road.change.gate is not None
        assert road.change.gate.last_call_until == road.now + timedelta(days=7)
        assert kinds(road.to_next_moment())[0] == "gate_passed"

    def test_overruling_makes_it_again_as_well(self) -> None:
        road = filed(world(ANSWER_PROPOSAL))
        road.do("mara", AcceptForTesting())
        road.do("kai", WORRY)
        assert kinds(road.do("vera", OverruleConcern(concern="C1", reason="Looked into."))) == [
            "concern_overruled",
            "last_call_made",
        ]

    def test_a_softer_concern_reopens_nothing(self) -> None:
        road = filed(world(ANSWER_PROPOSAL))
        road.do("mara", AcceptForTesting())
        assert kinds(road.do("kai", WORRY.having(blocking=False))) == ["concern_raised"]

    def test_may_be_made_by_a_person_where_the_policy_asks_for_none(self) -> None:
        road = filed()
        road.do("omar", MakeLastCall())
        assert road.rule("mara", MakeLastCall()) == "last_call_already"
        assert kinds(road.do("mara", AcceptForTesting())) == ["accepted_for_testing"], "it waits for the end of it"
        while road.is_at(Phase.AWAITING_ANSWER):
            happened = road.to_next_moment()
        assert "gate_passed" in kinds(happened)

    def test_that_nobody_answered_leaves_the_gate_as_it_was(self) -> None:
        road = filed()
        road.do("omar", MakeLastCall())
        seen: list[str] = []
        while "last_call_ended" not in seen:
            seen += kinds(road.to_next_moment())
        assert road.is_at(Phase.AWAITING_ANSWER)

    def test_at_a_gate_that_was_signed_before_it_was_asked(self) -> None:
        road = recruited(at_champions(world(START_ROLLOUT)))
        happened = road.do("omar", SignCoverage(decision="go"))
        assert "last_call_made" in kinds(happened)
        assert road.change.gate is not None
        assert road.change.gate.last_call_until is not None


class TestRemind:
    def test_is_for_whoever_waits_and_at_most_once_in_four_hours(self) -> None:
        road = filed()
        assert kinds(road.do("paul", Remind())) == ["reminded"]
        road.wait(hours=3, minutes=59)
        assert road.rule("paul", Remind()) == "reminded_lately"
        road.wait(minutes=1)
        road.do("paul", Remind())

    def test_counts_together_with_what_groundswell_sends_by_itself(self) -> None:
        road = filed()
        assert road.change.gate is not None
        half = road.change.gate.reminders[0]
        road.do("paul", Remind(), at=half - timedelta(hours=1))
        assert kinds(road.to_next_moment()) == ["reminded"]
        assert road.now == half + timedelta(hours=3), "four hours after the person did"
        assert road.rule("paul", Remind()) == "reminded_lately"

    def test_is_not_for_everybody(self) -> None:
        road = filed()
        assert road.rule("kai", Remind()) == "lead_only"
        road.do("kai", Follow())
        road.do("kai", Remind())
