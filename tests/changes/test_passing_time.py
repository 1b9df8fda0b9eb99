"""Silence reminds, escalates at most twice, and in the end expires with notice. It never approves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from changes.any_moment import Reminded
from changes.concerns import RaiseConcern
from changes.decision import decide
from changes.facts import ENDORSE_TESTS, SIGN_TESTS, START_ROLLOUT, SYSTEM, Quorum
from changes.gates import GATE_WORDS, unanswered
from changes.hearing import AcceptForTesting
from changes.passing_time import Escalated, NoticeTime, next_moment
from changes.recruiting import SignCoverage
from changes.refusals import Refused
from changes.state import ConcernCode, Outcome, Phase, Verdict
from changes.testing import Conclude, Endorse, SignGate
from tests.changes.road import (
    Road,
    at_champions,
    at_coverage,
    at_endorsement,
    at_learning,
    at_pause,
    at_planning,
    at_rollout,
    at_signing,
    at_testing,
    at_wave,
    filed,
    in_the_window,
    kinds,
    measured,
    planned,
)
from tests.changes.world import World

AT_A_GATE = [filed, at_endorsement, at_signing, at_coverage]


def two_at_each_gate() -> World:
    world = World()
    world.quorums[ENDORSE_TESTS] = Quorum(rule="all")
    world.quorums[SIGN_TESTS] = Quorum(rule="all")
    world.quorums[START_ROLLOUT] = Quorum(rule="count", count=2)
    return world


def through_silence(road: Road) -> list[str]:
    """What Groundswell does by itself until the change ends."""
    happened: list[str] = []
    for _ in range(50):
        if road.change.closing:
            return happened
        happened += kinds(road.to_next_moment())
    raise AssertionError(f"it never ends: {happened}")


class TestSilence:
    @pytest.mark.parametrize("bring", [filed, at_endorsement, at_signing])
    def test_reminds_escalates_twice_and_expires(self, bring: Any) -> None:
        road = bring()
        began = road.now
        level = ["reminded", "reminded", "escalated"]
        assert through_silence(road) == [*level, *level, "reminded", "reminded", "expired"]
        assert road.now == began + timedelta(days=30)
        assert road.change.closing is not None
        assert road.change.closing.outcome is Outcome.EXPIRED
        assert "Renew it" in road.change.closing.way_forward
        assert road.change.gate is not None
        assert road.change.closing.reason == f"nobody answered {GATE_WORDS[road.change.gate.name]}"

    @pytest.mark.parametrize("bring", AT_A_GATE)
    def test_never_passes_a_gate(self, bring: Any) -> None:
        road = bring()
        assert "gate_passed" not in through_silence(road)

    def test_escalates_as_often_as_the_policy_says(self) -> None:
        assert through_silence(filed(World(escalation_levels=0))) == ["reminded", "reminded", "expired"]
        assert through_silence(filed(World(escalation_levels=1))).count("escalated") == 1

    def test_asks_one_level_up_and_nobody_loses_their_say(self) -> None:
        road = filed()
        assert road.rule("vera", AcceptForTesting()) == "not_asked"
        road.to_next_moment()
        road.to_next_moment()
        road.to_next_moment()
        gate = road.change.gate
        assert gate is not None
        assert (gate.level, gate.levels_left) == (1, 1)
        assert [seat.person for seat in gate.asked] == ["mara", "omar", "vera"]
        assert gate.due == road.now + timedelta(days=5)
        assert road.last(Escalated).sentence() == (
            "asked one level up about the answer to the proposal, because nobody had answered"
        )
        assert road.rule("lena", AcceptForTesting()) == "not_asked"
        road.do("vera", AcceptForTesting())

    def test_escalation_never_asks_for_more_yeses(self) -> None:
        road = at_endorsement(two_at_each_gate())
        road.do("omar", Endorse())
        assert road.change.gate is not None
        road.now = road.change.gate.due
        road.notice()
        road.do("vera", Endorse())
        assert road.is_at(Phase.RUNNING_TESTS)

    def test_a_long_absence_skips_no_level(self) -> None:
        road = filed()
        road.wait(days=400)
        assert kinds(road.notice()) == ["escalated"]
        assert road.notice() == ()
        road.wait(days=400)
        assert kinds(road.notice()) == ["escalated"]
        road.wait(days=400)
        assert kinds(road.notice()) == ["expired"]
        assert road.refused(SYSTEM, NoticeTime()).rule == "change_ended"


class TestReminders:
    def test_go_to_those_who_have_not_endorsed(self) -> None:
        road = at_endorsement(two_at_each_gate())
        road.do("mara", Endorse())
        road.to_next_moment()
        assert road.last(Reminded).people == ("omar",)
        assert road.last(Reminded).sentence() == "reminded 1 people of the endorsement of the tests"

    def test_go_to_endorsers_who_have_not_signed(self) -> None:
        road = at_endorsement(two_at_each_gate())
        road.do("mara", Endorse())
        road.do("omar", Endorse())
        measured(road).do("paul", Conclude(verdict=Verdict.ADOPT))
        assert unanswered(road.change) == ("mara", "omar")
        road.do("omar", SignGate())
        road.to_next_moment()
        assert road.last(Reminded).people == ("mara",)

    def test_go_to_those_who_have_not_signed_the_rollout(self) -> None:
        road = at_coverage(two_at_each_gate())
        assert unanswered(road.change) == ("omar",)
        road.do("omar", SignCoverage(decision="go"))
        assert unanswered(road.change) == ()

    def test_go_to_those_who_answered_for_an_earlier_plan(self) -> None:
        road = at_coverage(two_at_each_gate())
        road.do("omar", SignCoverage(decision="hold", conditions="A night shift."))
        assert unanswered(road.change) == ()
        planned(road)
        assert unanswered(road.change) == ("omar",)

    def test_go_to_everybody_while_nobody_has_answered(self) -> None:
        assert unanswered(filed().change) == ("mara", "omar")
        assert unanswered(at_testing().change) == ()

    def test_come_once_each(self) -> None:
        road = filed()
        first, second = road.change.gate.reminders if road.change.gate else ()
        road.now = second
        assert kinds(road.notice()) == ["reminded"]
        assert road.notice() == ()
        assert next_moment(road.change) == road.now + timedelta(days=1)
        assert first < second


class TestNextMoment:
    @pytest.mark.parametrize("bring", [at_testing, at_wave])
    def test_waits_for_people_only(self, bring: Any) -> None:
        assert next_moment(bring().change) is None

    @pytest.mark.parametrize("bring", [at_planning, at_rollout, at_pause])
    def test_reminds_the_authors_of_the_step_they_owe_three_times_and_no_more(self, bring: Any) -> None:
        road = bring()
        for _ in range(3):
            assert kinds(road.to_next_moment()) == ["authors_reminded"]
        assert next_moment(road.change) is None

    @pytest.mark.parametrize("bring", [filed, in_the_window, at_endorsement, at_signing, at_champions, at_learning])
    def test_lies_ahead(self, bring: Any) -> None:
        road = bring()
        moment = next_moment(road.change)
        assert moment is not None
        assert moment > road.now

    @pytest.mark.parametrize("bring", [filed, in_the_window, at_champions, at_coverage, at_learning])
    def test_noticed_early_nothing_happens(self, bring: Any) -> None:
        road = bring()
        moment = next_moment(road.change)
        assert moment is not None
        road.now = moment - timedelta(microseconds=1)
        assert road.notice() == ()

    @pytest.mark.parametrize("bring", [filed, in_the_window, at_champions, at_coverage, at_learning])
    def test_noticed_in_time_something_happens_and_the_next_one_is_later(self, bring: Any) -> None:
        road = bring()
        assert road.to_next_moment()
        following = next_moment(road.change)
        assert following is None or following > road.now


def test_only_groundswell_notices_time() -> None:
    for person in ("paul", "mara", "vera"):
        refused = filed().refused(person, NoticeTime())
        assert refused.rule == "system_only"
    assert "notice_time" not in filed().offers(SYSTEM)


def test_a_blocking_concern_does_not_stop_the_clock_of_a_gate() -> None:
    road = filed()
    road.do("kai", RaiseConcern(title="Fraud", text="No checks.", code=ConcernCode.R09, blocking=True))
    assert "expired" in through_silence(road)


def test_time_is_noticed_for_a_change_only() -> None:
    road = filed()
    refused = decide(None, NoticeTime(), road.facts(SYSTEM), road.now)
    assert isinstance(refused, Refused)
    assert refused.rule == "unknown_change"
