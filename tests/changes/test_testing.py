"""The testing stage: endorse before running, count only what is current, conclude beside the computed verdict, sign."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from pydantic import ValidationError

from changes.concerns import RaiseConcern
from changes.decision import decide
from changes.facts import ENDORSE_TESTS, SIGN_TESTS, Quorum, Seat
from changes.hearing import AskForChanges
from changes.refusals import RefusalKind, Refused
from changes.state import ConcernCode, Outcome, Phase, Round, Stage, Test, Verdict
from changes.testing import (
    Conclude,
    Concluded,
    Endorse,
    EndorseWithChanges,
    ProposeTests,
    RecordResult,
    ResultRecorded,
    SignGate,
    StopEarly,
    computed_verdict,
)
from tests.changes.road import (
    at_endorsement,
    at_planning,
    at_signing,
    at_testing,
    decided_alone,
    endorse,
    filed,
    kinds,
    measured,
)
from tests.changes.world import World, a_test

BLOCKING = RaiseConcern(title="Fraud", text="Nobody checks receipts.", code=ConcernCode.R09, blocking=True)


def a_result(test: str = "T1", value: str = "20") -> RecordResult:
    return RecordResult(test=test, value=Decimal(value), sample=40, evidence="the desk's log")


def two_must_endorse() -> World:
    world = World()
    world.quorums[ENDORSE_TESTS] = Quorum(rule="percent", percent=60, at_least=2)
    world.quorums[SIGN_TESTS] = Quorum(rule="all")
    return world


class TestProposeTests:
    def test_asks_for_their_endorsement(self) -> None:
        road = at_planning()
        assert kinds(road.do("paul", ProposeTests(tests=(a_test(),)))) == ["tests_proposed", "gate_opened"]
        assert (road.change.phase, road.change.round.plan_version) == (Phase.AWAITING_ENDORSEMENT, 1)
        assert road.change.gate is not None
        assert [seat.person for seat in road.change.gate.asked] == ["omar", "mara"]

    def test_the_owner_of_the_process_may_write_them(self) -> None:
        road = at_planning()
        road.do("omar", ProposeTests(tests=(a_test(),)))
        refused = road.refused("kai", ProposeTests(tests=(a_test(),)))
        assert (refused.kind, refused.rule) == (RefusalKind.NOT_YOURS, "lead_only")
        assert "owner of Returns" in refused.detail

    @pytest.mark.parametrize(
        ("tests", "rule", "pointer"),
        [
            ((a_test("T1"), a_test("T1")), "test_ref_twice", "/tests/1/ref"),
            (
                (a_test("T1"), a_test("T2", starts=date(2026, 5, 2), ends=date(2026, 5, 1))),
                "ends_before_start",
                "/tests/1/ends",
            ),
            (
                (a_test("T1", starts=date(2026, 2, 1), ends=date(2026, 2, 27)),),
                "ends_in_the_past",
                "/tests/0/ends",
            ),
            ((a_test("T1", testers=("tom", "ghost")),), "unknown_person", "/tests/0/testers/1"),
        ],
    )
    def test_refuses_a_plan_that_cannot_work(self, tests: tuple[Test, ...], rule: str, pointer: str) -> None:
        refused = at_planning().refused("paul", ProposeTests(tests=tests))
        assert (refused.kind, refused.rule, refused.pointer) == (RefusalKind.INVALID, rule, pointer)

    def test_a_test_may_end_today(self) -> None:
        road = at_planning()
        road.do("paul", ProposeTests(tests=(a_test(starts=date(2026, 3, 2), ends=date(2026, 3, 2)),)))

    def test_needs_a_test_and_a_tester(self) -> None:
        with pytest.raises(ValidationError):
            ProposeTests(tests=())
        with pytest.raises(ValidationError):
            a_test(testers=())

    def test_only_while_testing(self) -> None:
        command = ProposeTests(tests=(a_test(),))
        assert filed().rule("paul", command) == "wrong_stage"
        assert at_signing().rule("paul", command) == "wrong_stage"

    def test_answers_a_request_for_changes(self) -> None:
        road = at_endorsement()
        road.do("omar", AskForChanges(what="A bigger sample."))
        road.do("paul", ProposeTests(tests=(a_test("T1b"),)))
        assert road.change.proposal.changes_asked == ""
        endorse(road)

    def test_of_somebody_who_decided_alone_need_no_endorsement(self) -> None:
        road = decided_alone()
        assert kinds(road.do("paul", ProposeTests(tests=(a_test(),)))) == ["tests_proposed", "gate_passed"]
        assert road.is_at(Phase.RUNNING_TESTS)
        assert road.change.round.endorsed

    def test_a_blocking_concern_holds_the_tests_of_somebody_who_decided_alone(self) -> None:
        road = decided_alone()
        road.do("kai", BLOCKING)
        assert road.rule("paul", ProposeTests(tests=(a_test(),))) == "blocking_concern"


class TestEndorse:
    def test_by_enough_people_lets_the_tests_run(self) -> None:
        road = at_endorsement()
        assert kinds(road.do("mara", Endorse(note="Good."))) == ["endorsed", "gate_passed"]
        assert road.is_at(Phase.RUNNING_TESTS)
        assert road.change.round.endorsed
        assert road.change.passed[-1].because == "1 said yes, 1 needed"

    def test_a_quorum_of_two_waits_for_two(self) -> None:
        road = at_endorsement(two_must_endorse())
        assert road.change.gate is not None
        assert road.change.gate.rule == "2 of 2 must say yes"
        assert kinds(road.do("mara", Endorse())) == ["endorsed"]
        assert road.is_at(Phase.AWAITING_ENDORSEMENT)
        assert road.rule("mara", Endorse()) == "already_endorsed"
        assert "endorse" not in road.offers("mara")
        assert kinds(road.do("omar", Endorse())) == ["endorsed", "gate_passed"]
        assert road.change.round.counting_endorsers == ("mara", "omar")

    @pytest.mark.parametrize(
        ("person", "rule"),
        [("paul", "own_change"), ("tom", "not_asked"), ("vera", "not_asked"), ("system", "not_asked")],
    )
    def test_refuses_the_wrong_person(self, person: str, rule: str) -> None:
        assert at_endorsement().rule(person, Endorse()) == rule

    def test_refuses_the_wrong_stage_and_a_blocking_concern(self) -> None:
        assert at_planning().rule("omar", Endorse()) == "wrong_stage"
        assert at_testing().rule("omar", Endorse()) == "wrong_stage"
        road = at_endorsement()
        road.do("tom", BLOCKING)
        assert road.rule("omar", Endorse()) == "blocking_concern"
        assert road.rule("omar", EndorseWithChanges(what="More.")) == "blocking_concern"

    def test_a_changed_plan_makes_endorsements_stale(self) -> None:
        road = at_endorsement(two_must_endorse())
        road.do("mara", Endorse())
        road.do("paul", ProposeTests(tests=(a_test("T1", at_most="12"),)))
        assert [(answer.person, answer.stale) for answer in road.change.round.endorsements] == [("mara", True)]
        assert road.change.round.counting_endorsers == ()
        assert kinds(road.do("omar", Endorse())) == ["endorsed"]
        road.do("mara", Endorse())
        assert road.is_at(Phase.RUNNING_TESTS)
        assert [answer.about_version for answer in road.change.round.endorsements] == [1, 2, 2]

    def test_an_endorsement_counts_on_when_its_giver_has_left(self) -> None:
        road = at_endorsement(two_must_endorse())
        road.do("mara", Endorse())
        road.world.alter("mara", active=False)
        # Vera now stands in for Mara, whose place has answered already.
        assert kinds(road.do("omar", Endorse())) == ["endorsed", "gate_passed"]

    def test_whoever_stands_in_fills_the_place(self) -> None:
        road = at_endorsement(two_must_endorse())
        road.world.alter("mara", away=True)
        refused = road.refused("mara", Endorse())
        assert refused.rule == "not_asked"
        road.do("vera", Endorse())
        road.do("omar", Endorse())
        assert road.is_at(Phase.RUNNING_TESTS)


class TestEndorseWithChanges:
    def test_in_words_keeps_the_plan(self) -> None:
        road = at_endorsement()
        road.do("omar", EndorseWithChanges(what="Tell Logistics before you begin."))
        assert road.change.round.plan_version == 1
        answer = road.change.round.endorsements[-1]
        assert (answer.kind, answer.note) == ("endorsed_with_changes", "Tell Logistics before you begin.")
        assert road.is_at(Phase.RUNNING_TESTS)

    def test_with_other_tests_makes_a_new_version_that_the_others_endorse_again(self) -> None:
        road = at_endorsement(two_must_endorse())
        road.do("mara", Endorse())
        events = road.do("omar", EndorseWithChanges(what="A stricter line.", tests=(a_test("T1", at_most="12"),)))
        assert kinds(events) == ["tests_proposed", "endorsed_with_changes"]
        assert road.change.round.plan_version == 2
        assert road.change.round.counting_endorsers == ("omar",)
        assert road.is_at(Phase.AWAITING_ENDORSEMENT)
        road.do("mara", Endorse())
        assert road.is_at(Phase.RUNNING_TESTS)
        assert road.change.round.tests[0].pass_line == 12

    def test_may_follow_an_own_endorsement_only_with_other_tests(self) -> None:
        road = at_endorsement(two_must_endorse())
        road.do("mara", Endorse())
        assert road.rule("mara", EndorseWithChanges(what="One more thing.")) == "already_endorsed"
        road.do("mara", EndorseWithChanges(what="A stricter line.", tests=(a_test("T1", at_most="12"),)))
        assert road.change.round.counting_endorsers == ("mara",)

    def test_its_tests_must_be_possible(self) -> None:
        command = EndorseWithChanges(what="Both.", tests=(a_test(), a_test()))
        assert at_endorsement().refused("omar", command).pointer == "/tests/1/ref"

    def test_refuses_the_wrong_person_and_stage(self) -> None:
        command = EndorseWithChanges(what="More.")
        assert at_endorsement().rule("paul", command) == "own_change"
        assert at_endorsement().rule("kai", command) == "not_asked"
        assert at_testing().rule("omar", command) == "wrong_stage"


class TestRecordResult:
    @pytest.mark.parametrize(("value", "passed"), [("24", True), ("24.000001", False)])
    def test_holds_the_value_against_the_pass_line(self, value: str, passed: bool) -> None:
        road = at_testing()
        road.do("tom", a_result(value=value))
        result = road.change.round.results[-1]
        assert (result.passed, result.value, result.measured_by) == (passed, Decimal(value), "tom")
        assert road.last(ResultRecorded).outcome == ("passed" if passed else "not passed")

    def test_names_who_measured(self) -> None:
        road = at_testing()
        road.do("tom", a_result().having(measured_by="uta"))
        assert road.change.round.results[-1].measured_by == "uta"
        assert road.rule("tom", a_result().having(measured_by="ghost")) == "unknown_person"

    def test_is_refused_before_the_endorsement(self) -> None:
        refused = at_endorsement().refused("tom", a_result())
        assert (refused.kind, refused.rule) == (RefusalKind.WRONG_STAGE, "wrong_stage")
        assert "being tested" in refused.detail

    @pytest.mark.parametrize("person", ["paul", "omar", "uta"])
    def test_by_nobody_but_the_named_testers(self, person: str) -> None:
        road = at_testing(tests=(a_test("T1", testers=("tom", "sina")),))
        refused = road.refused(person, a_result())
        assert (refused.kind, refused.rule) == (RefusalKind.NOT_YOURS, "testers_only")
        assert "Tom Reyes, Sina Thoma" in refused.detail
        assert "record_result" not in road.offers(person)

    def test_by_the_testers_of_that_test(self) -> None:
        road = at_testing(tests=(a_test("T1", testers=("tom",)), a_test("T2", testers=("uta",))))
        refused = road.refused("tom", a_result("T2"))
        assert refused.rule == "testers_only"
        assert "Uta Holm" in refused.detail
        road.do("uta", a_result("T2"))

    def test_by_testers_who_are_still_here(self) -> None:
        road = at_testing()
        road.world.alter("tom", active=False)
        assert road.rule("tom", a_result()) == "not_active"

    def test_of_an_unknown_or_stopped_test(self) -> None:
        road = at_testing()
        refused = road.refused("tom", a_result("T9"))
        assert (refused.rule, refused.pointer) == ("unknown_test", "/test")
        assert "There are: T1." in refused.detail
        road.do("tom", StopEarly(test="T1", reason="The desk closed."))
        assert road.rule("tom", a_result()) == "test_stopped"

    def test_becomes_stale_when_the_plan_changes(self) -> None:
        road = measured(at_testing(tests=(a_test("T1"), a_test("T2"))))
        road.do("paul", StopEarly(test="T2", reason="Enough seen."))
        road.do("paul", ProposeTests(tests=(a_test("T1", at_most="12"),)))
        assert road.is_at(Phase.AWAITING_ENDORSEMENT)
        assert not road.change.round.endorsed
        assert len(road.change.round.results) == 2
        assert road.change.round.counting_results == ()
        assert road.change.round.counting_stops == ()
        endorse(road)
        assert road.rule("paul", Conclude(verdict=Verdict.ADOPT)) == "results_missing"


class TestStopEarly:
    def test_by_a_tester_or_the_lead(self) -> None:
        for person in ("tom", "paul", "omar"):
            road = at_testing()
            road.do(person, StopEarly(test="T1", reason="The desk closed."))
            assert [stop.by for stop in road.change.round.stops] == [person]

    def test_refuses_others_other_stages_and_twice(self) -> None:
        command = StopEarly(test="T1", reason="The desk closed.")
        assert at_testing().rule("kai", command) == "lead_only"
        assert at_endorsement().rule("tom", command) == "wrong_stage"
        road = at_testing()
        road.do("tom", command)
        assert road.rule("tom", command) == "test_stopped"
        with pytest.raises(ValidationError):
            StopEarly(test="T1", reason="")

    def test_counts_as_neither_passed_nor_failed(self) -> None:
        road = at_testing()
        road.do("tom", StopEarly(test="T1", reason="The desk closed."))
        refused = road.refused("paul", Conclude(verdict=Verdict.ADOPT))
        assert (refused.rule, refused.pointer) == ("reason_against_verdict", "/reason")
        assert "“adapt”" in refused.detail


class TestConclude:
    @pytest.mark.parametrize(
        ("values", "verdict"),
        [
            (("20", "20"), Verdict.ADOPT),
            (("20", "30"), Verdict.ADAPT),
            (("30", "30"), Verdict.ABANDON),
        ],
    )
    def test_computes_the_verdict_from_the_pass_lines(self, values: tuple[str, str], verdict: Verdict) -> None:
        road = at_testing(tests=(a_test("T1"), a_test("T2")))
        for ref, value in zip(("T1", "T2"), values, strict=True):
            road.do("tom", a_result(ref, value))
        assert computed_verdict(road.change.round) is verdict

    def test_the_last_result_of_a_test_counts(self) -> None:
        road = measured(measured(at_testing(), "30"), "20")
        assert computed_verdict(road.change.round) is Verdict.ADOPT
        assert len(road.change.round.results) == 2

    def test_waits_for_every_test(self) -> None:
        road = at_testing(tests=(a_test("T1"), a_test("T2")))
        road.do("tom", a_result("T1"))
        refused = road.refused("paul", Conclude(verdict=Verdict.ADOPT))
        assert (refused.rule, refused.pointer) == ("results_missing", "/verdict")
        assert "Still without a result: T2." in refused.detail

    def test_adopt_asks_the_endorsers_to_sign(self) -> None:
        road = at_signing()
        assert (road.change.phase, road.change.stage) == (Phase.AWAITING_SIGNATURES, Stage.TESTING)
        assert road.change.gate is not None
        assert [seat.person for seat in road.change.gate.asked] == ["omar"]
        conclusion = road.change.round.conclusion
        assert conclusion is not None
        assert (conclusion.verdict, conclusion.computed, conclusion.by) == (Verdict.ADOPT, Verdict.ADOPT, "paul")

    def test_against_the_computed_verdict_needs_a_reason(self) -> None:
        road = measured(at_testing(), "20")
        refused = road.refused("paul", Conclude(verdict=Verdict.ABANDON))
        assert (refused.rule, refused.pointer) == ("reason_against_verdict", "/reason")
        assert "“adopt”" in refused.detail
        road.do("paul", Conclude(verdict=Verdict.ABANDON, reason="The law has changed."))
        assert road.change.closing is not None
        assert (road.change.closing.outcome, road.change.closing.reason) == (Outcome.ABANDONED, "The law has changed.")
        assert road.last(Concluded).computed is Verdict.ADOPT

    def test_abandon_after_failing_needs_no_words(self) -> None:
        road = measured(at_testing(), "30")
        road.do("paul", Conclude(verdict=Verdict.ABANDON))
        assert road.change.closing is not None
        assert road.change.closing.reason == "the tests did not pass"

    def test_adapt_opens_the_next_round_and_keeps_this_one(self) -> None:
        road = measured(at_testing(), "30")
        road.do("paul", Conclude(verdict=Verdict.ADAPT, reason="Nearly."))
        assert (road.change.phase, road.change.round) == (Phase.PLANNING_TESTS, Round(number=2))
        [first] = road.change.earlier_rounds
        assert (first.number, len(first.results), len(first.endorsements)) == (1, 1, 1)
        assert first.conclusion is not None
        assert first.conclusion.verdict is Verdict.ADAPT
        road.do("paul", ProposeTests(tests=(a_test("T1"),)))
        assert road.rule("tom", a_result()) == "wrong_stage"
        endorse(road)
        assert road.change.round.counting_results == ()
        measured(road, "20")
        road.do("paul", Conclude(verdict=Verdict.ADOPT))
        assert road.change.round.number == 2

    def test_refuses_the_wrong_person_and_stage(self) -> None:
        road = measured(at_testing())
        assert road.rule("tom", Conclude(verdict=Verdict.ADOPT)) == "lead_only"
        assert at_endorsement().rule("paul", Conclude(verdict=Verdict.ADOPT)) == "wrong_stage"

    def test_a_blocking_concern_holds_the_conclusion_of_somebody_who_decided_alone(self) -> None:
        road = decided_alone()
        road.do("paul", ProposeTests(tests=(a_test(),)))
        measured(road)
        road.do("kai", BLOCKING)
        assert road.rule("paul", Conclude(verdict=Verdict.ADOPT)) == "blocking_concern"
        road.do("paul", Conclude(verdict=Verdict.ADAPT, reason="Because of the concern."))


class TestSignGate:
    def test_by_the_endorsers_opens_the_champions_stage(self) -> None:
        road = at_signing()
        assert kinds(road.do("omar", SignGate(statement="Well done."))) == ["signed", "gate_passed"]
        assert (road.change.stage, road.change.phase) == (Stage.CHAMPIONS, Phase.RECRUITING)
        assert road.change.recruiting.campaign_due is not None
        assert [answer.person for answer in road.change.round.signatures] == ["omar"]

    def test_all_of_them_when_the_policy_says_so(self) -> None:
        road = measured(at_testing(two_must_endorse()))
        road.do("paul", Conclude(verdict=Verdict.ADOPT))
        road.do("omar", SignGate())
        assert road.is_at(Phase.AWAITING_SIGNATURES)
        assert road.rule("omar", SignGate()) == "already_signed"
        assert "sign_gate" not in road.offers("omar")
        road.do("mara", SignGate())
        assert road.is_at(Phase.RECRUITING)

    @pytest.mark.parametrize(("person", "rule"), [("paul", "own_change"), ("mara", "not_asked"), ("tom", "not_asked")])
    def test_refuses_the_wrong_person(self, person: str, rule: str) -> None:
        assert at_signing().rule(person, SignGate()) == rule

    def test_never_by_somebody_who_ran_a_test(self) -> None:
        road = measured(at_testing(tests=(a_test("T1", testers=("omar",)),)))
        road.do("paul", Conclude(verdict=Verdict.ADOPT))
        refused = road.refused("omar", SignGate())
        assert refused.rule == "passed_over"
        assert "ran a test of this change" in refused.detail
        assert road.rule("kai", SignGate()) == "not_asked"
        road.do("vera", SignGate())  # next in line above Omar

    def test_not_even_when_a_look_up_seats_them(self) -> None:
        road = measured(at_testing(tests=(a_test("T1", testers=("omar",)),)))
        road.do("paul", Conclude(verdict=Verdict.ADOPT))
        facts = road.facts("omar", SignGate())
        seat = Seat(person="omar", because="a mistake", group="endorsers")
        gate = facts.gates[SIGN_TESTS].having(seats=(seat,), passed_over=())
        refused = decide(road.change, SignGate(), facts.having(gates=facts.gates | {SIGN_TESTS: gate}), road.now)
        assert isinstance(refused, Refused)
        assert refused.rule == "tester"

    def test_refuses_the_wrong_stage_and_a_blocking_concern(self) -> None:
        assert at_testing().rule("omar", SignGate()) == "wrong_stage"
        road = at_signing()
        road.do("bela", BLOCKING)
        assert road.rule("omar", SignGate()) == "blocking_concern"

    def test_is_not_needed_by_somebody_who_decided_alone(self) -> None:
        road = decided_alone()
        road.do("paul", ProposeTests(tests=(a_test(),)))
        measured(road)
        assert kinds(road.do("paul", Conclude(verdict=Verdict.ADOPT))) == ["concluded", "gate_passed"]
        assert road.is_at(Phase.RECRUITING)


def test_whoever_wrote_the_tests_does_not_endorse_them() -> None:
    road = at_planning()
    road.do("omar", ProposeTests(tests=(a_test(),)))
    assert "omar" not in {seat.person for seat in road.change.gate.asked} if road.change.gate else False
    assert "wrote these tests" in road.refused("omar", Endorse()).detail
    assert road.rule("omar", EndorseWithChanges(what="Mine.", tests=(a_test(ref="T9"),))) == "passed_over"
