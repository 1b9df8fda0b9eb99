"""The learning stage: did it work, what surprised us, and what changes because of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from changes.concerns import RaiseConcern
from changes.facts import START_ROLLOUT, Quorum
from changes.learning import Close, HoldRetrospective, RecordBenefit, RecordEffect
from changes.passing_time import next_moment
from changes.recruiting import SignCoverage
from changes.refusals import RefusalKind
from changes.rollout import CompleteWave, ReportMetric, RollBack
from changes.state import ConcernCode, EffectOutcome, Outcome, Phase, Stage, Verdict, WaveStatus
from changes.testing import Conclude, ProposeTests, SignGate
from tests.changes.road import (
    Road,
    at_check,
    at_learning,
    at_rollout,
    at_wave,
    complete,
    endorse,
    kinds,
    looked_back,
    measured,
    planned,
    start,
)
from tests.changes.world import World, a_test

BLOCKING = RaiseConcern(title="Fraud", text="Nobody checks receipts.", code=ConcernCode.R09, blocking=True)
CLOSE = Close(summary="It is how we work now.")
RETROSPECTIVE = HoldRetrospective(
    prediction_and_result="24 hours expected, 20 measured.", consequence="none", because="Nothing to repeat."
)


def found(outcome: str = "effective", check: str = "E1", **fields: Any) -> RecordEffect:
    content = {"check": check, "outcome": outcome, "numbers": "20 hours, from the desk's log", "value": "20"}
    return RecordEffect.model_validate(content | fields)


def adapted(road: Road) -> Road:
    """The change turned out ineffective and goes through its tests a second time, up to recruiting."""
    owner = next(check.owner for check in road.change.learning.checks)
    ref = next(check.ref for check in road.change.learning.checks if check.opened and check.outcome is None)
    road.do(owner, found("ineffective", ref, next_step="adapt"))
    road.do("paul", ProposeTests(tests=(a_test(),)))
    endorse(road)
    measured(road)
    road.do("paul", Conclude(verdict=Verdict.ADOPT))
    for person in road.change.round.counting_endorsers:
        if road.change.phase is Phase.AWAITING_SIGNATURES:
            road.do(person, SignGate())
    return road


class TestEffectChecks:
    def test_open_by_themselves(self) -> None:
        road = at_learning()
        assert [(check.ref, check.opened) for check in road.change.learning.checks] == [("E1", False), ("E2", False)]
        assert road.rule("bela", found()) == "no_check_open"
        assert kinds(road.to_next_moment()) == ["effect_check_opened"]
        assert kinds(road.to_next_moment()) == ["effect_check_opened"]
        assert next_moment(road.change) is None

    def test_open_together_when_nobody_looked_for_long(self) -> None:
        road = at_learning()
        road.wait(days=100)
        assert kinds(road.notice()) == ["effect_check_opened", "effect_check_opened"]

    def test_belong_to_somebody_who_endorsed_nothing(self) -> None:
        # Omar owns the process but endorsed the tests, so the first champion looks.
        assert {check.owner for check in at_learning().change.learning.checks} == {"bela"}

    def test_belong_to_the_owner_of_the_process_who_endorsed_nothing(self) -> None:
        road = at_wave()
        road.world.owners["returns"] = "lena"
        complete(road)
        start(road)
        complete(road)
        assert {check.owner for check in road.change.learning.checks} == {"lena"}

    def test_belong_to_the_proposer_in_the_end(self) -> None:
        road = at_wave()
        complete(road)
        start(road)
        for person in ("bela", "sina"):
            road.world.alter(person, active=False)
        complete(road)
        assert {check.owner for check in road.change.learning.checks} == {"paul"}

    def test_belong_to_the_proposer_even_when_everybody_has_left(self) -> None:
        road = at_wave()
        complete(road)
        start(road)
        for person in ("bela", "sina", "paul"):
            road.world.alter(person, active=False)
        road.do("omar", ReportMetric(metric="Complaints", value=Decimal(1)))
        road.do("omar", CompleteWave(adoption=90))
        assert {check.owner for check in road.change.learning.checks} == {"paul"}


class TestRecordEffect:
    @pytest.mark.parametrize("outcome", ["effective", "inconclusive"])
    def test_keeps_the_numbers(self, outcome: str) -> None:
        road = at_check()
        road.do("bela", found(outcome))
        check = road.change.learning.checks[0]
        assert (check.outcome, check.value) == (EffectOutcome(outcome), Decimal(20))
        assert check.numbers == "20 hours, from the desk's log"
        assert check.at == road.now

    def test_by_its_owner_only(self) -> None:
        refused = at_check().refused("paul", found())
        assert (refused.kind, refused.rule) == (RefusalKind.NOT_YOURS, "check_owner_only")
        assert "Bela Kis" in refused.detail

    def test_when_its_owner_has_left_by_those_who_carry_the_change(self) -> None:
        road = at_check()
        assert "record_effect" not in road.offers("omar")
        road.world.alter("bela", active=False)
        assert road.rule("bela", found()) == "not_active"
        assert road.rule("kai", found()) == "check_owner_only"
        road.do("omar", found())

    @pytest.mark.parametrize("check", ["E2", "E9"])
    def test_of_an_open_check(self, check: str) -> None:
        refused = at_check().refused("bela", found(check=check))
        assert (refused.rule, refused.pointer) == ("unknown_check", "/check")
        assert "Open for you: E1." in refused.detail

    def test_once(self) -> None:
        road = at_check()
        road.do("bela", found())
        assert road.rule("bela", found()) == "no_check_open"
        road.to_next_moment()
        assert road.rule("bela", found()) == "unknown_check"

    @pytest.mark.parametrize(
        ("command", "rule", "pointer"),
        [
            (found("ineffective"), "next_step_needed", "/next_step"),
            (found("ineffective", next_step="accept"), "reason_to_accept", "/reason"),
            (found("effective", next_step="accept"), "next_step_only_if_ineffective", "/next_step"),
        ],
    )
    def test_an_ineffective_change_needs_a_next_step(self, command: Any, rule: str, pointer: str) -> None:
        refused = at_check().refused("bela", command)
        assert (refused.kind, refused.rule, refused.pointer) == (RefusalKind.INVALID, rule, pointer)

    def test_accepted_with_a_reason_it_stays(self) -> None:
        road = at_check()
        road.do("bela", found("ineffective", next_step="accept", reason="It is cheaper at least."))
        assert road.change.learning.checks[0].next_step == "accept"
        assert road.is_at(Phase.CHECKING_EFFECT)

    def test_rolled_back_it_can_be_closed(self) -> None:
        road = at_check()
        road.do("bela", found("ineffective", next_step="roll_back"))
        assert {progress.status for progress in road.change.rollout.waves} == {WaveStatus.ROLLED_BACK}
        assert [check.ref for check in road.change.learning.checks] == ["E1"]
        assert next_moment(road.change) is None
        looked_back(road).do("paul", CLOSE)
        assert road.change.closing is not None
        assert road.change.closing.outcome is Outcome.ROLLED_BACK

    def test_adapted_it_goes_back_to_its_tests(self) -> None:
        road = at_check()
        road.do("bela", found("ineffective", next_step="adapt"))
        assert (road.change.stage, road.change.phase, road.change.round.number) == (
            Stage.TESTING,
            Phase.PLANNING_TESTS,
            2,
        )
        assert len(road.change.earlier_rounds) == 1
        assert road.change.rollout.waves == ()
        assert next_moment(road.change) == road.change.step_reminder, "nothing but the authors' own step"
        assert road.change.recruiting.champions == ("bela", "sina")

    def test_refuses_other_stages(self) -> None:
        assert at_rollout().rule("bela", found()) == "wrong_stage"


class TestASecondTime:
    def test_signatures_on_the_first_rollout_do_not_count(self) -> None:
        world = World()
        world.quorums[START_ROLLOUT] = Quorum(rule="any")
        road = adapted(at_check(world))
        world.quorums[START_ROLLOUT] = Quorum(rule="count", count=2)
        assert len(road.change.recruiting.signatures) == 1
        world.owners["returns"] = "lena"
        assert kinds(road.do("lena", SignCoverage(decision="go"))) == ["coverage_signed"]
        assert road.is_at(Phase.RECRUITING)

    def test_every_check_has_a_name_of_its_own(self) -> None:
        road = at_check()
        road.to_next_moment()
        # E2 is recorded first, E1 never; the numbers go on behind both.
        road.do("bela", found("ineffective", "E2", next_step="adapt"))
        road.do("paul", ProposeTests(tests=(a_test(),)))
        endorse(road)
        measured(road)
        road.do("paul", Conclude(verdict=Verdict.ADOPT))
        road.do("omar", SignGate())
        planned(road)
        road.do("omar", SignCoverage(decision="go"))
        for _ in range(2):
            start(road)
            complete(road)
        refs = [check.ref for check in road.change.learning.checks]
        assert len(set(refs)) == len(refs) == 3
        while next_moment(road.change):
            road.to_next_moment()
        for check in [check for check in road.change.learning.checks if check.outcome is None]:
            road.do(check.owner, found("effective", check.ref))
        looked_back(road).do("paul", CLOSE)


class TestBenefits:
    def test_the_last_word_on_each_counts(self) -> None:
        road = at_learning()
        hours = RecordBenefit(name="Hours saved", unit="hours a week", target=Decimal(20))
        road.do("paul", hours)
        road.do("omar", hours.having(forecast=Decimal(15)))
        road.do("paul", RecordBenefit(name="Letters", unit="a week", target=Decimal(5), actual=Decimal(4)))
        assert [(b.name, b.forecast, b.actual) for b in road.change.learning.benefits] == [
            ("Hours saved", Decimal(15), None),
            ("Letters", None, Decimal(4)),
        ]
        assert road.rule("kai", hours) == "lead_only"
        assert at_wave().rule("paul", hours) == "wrong_stage"


class TestRetrospective:
    def test_has_a_consequence(self) -> None:
        road = at_learning()
        road.do("paul", RETROSPECTIVE)
        assert road.change.learning.retrospective is not None
        assert road.change.learning.retrospective.because == "Nothing to repeat."
        with pytest.raises(ValidationError):
            HoldRetrospective.model_validate(RETROSPECTIVE.model_dump() | {"because": ""})

    def test_refuses_the_wrong_person_and_stage(self) -> None:
        assert at_learning().rule("bela", RETROSPECTIVE) == "lead_only"
        assert at_wave().rule("paul", RETROSPECTIVE) == "wrong_stage"


class TestClose:
    def test_ends_the_change_as_adopted(self) -> None:
        road = at_check()
        road.do("bela", found())
        road.to_next_moment()
        road.do("bela", found(check="E2"))
        looked_back(road).do("omar", CLOSE)
        assert road.change.closing is not None
        assert (road.change.closing.outcome, road.change.closing.by) == (Outcome.ADOPTED, "omar")
        assert next_moment(road.change) is None
        assert road.offered() == set()

    def test_waits_for_the_checks_and_the_retrospective(self) -> None:
        road = looked_back(at_check())
        refused = road.refused("paul", CLOSE)
        assert (refused.kind, refused.rule) == (RefusalKind.WRONG_STAGE, "checks_missing")
        assert "effect check E1, E2." in refused.detail
        road = at_wave()
        road.do("paul", RollBack(scope="all", reason="Too slow."))
        assert road.rule("paul", CLOSE) == "no_retrospective"
        looked_back(road).do("paul", CLOSE)
        assert road.change.closing is not None
        assert road.change.closing.outcome is Outcome.ROLLED_BACK

    def test_waits_for_a_blocking_concern(self) -> None:
        road = at_wave()
        road.do("paul", RollBack(scope="all", reason="Too slow."))
        looked_back(road).do("uta", BLOCKING)
        assert road.rule("paul", CLOSE) == "blocking_concern"

    def test_refuses_the_wrong_person_and_stage(self) -> None:
        road = at_wave()
        assert road.rule("paul", CLOSE) == "wrong_stage"
        road.do("paul", RollBack(scope="all", reason="Too slow."))
        looked_back(road)
        assert road.rule("bela", CLOSE) == "lead_only"
