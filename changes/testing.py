"""The testing stage: tests are endorsed before they run, results count only after that, people conclude and sign.

Source: lifecycle.md, "Testing".
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from changes.commands import Command
from changes.events import Event
from changes.facts import ENDORSE_TESTS, SIGN_TESTS, Facts
from changes.gates import ask, settled
from changes.refusals import invalid, not_yours
from changes.review import no_review_owed
from changes.rules import anybody, decides, evolves, in_phase, no_blocking_concern, seat_at, the_lead
from changes.state import (
    Answer,
    Change,
    Closing,
    Conclusion,
    Outcome,
    Phase,
    Result,
    Round,
    Stage,
    Stop,
    Test,
    Verdict,
)
from changes.values import Number, OptionalText, PersonRef, Ref, Text

# ---------------------------------------------------------------------------------------------------- commands

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
TestPlan = tuple[Test, ...]


class ProposeTests(Command, kind="propose_tests", button="Propose the tests"):
    """Write the tests that must pass, before anything is implemented. A changed plan needs endorsing again."""

    tests: TestPlan = Field(min_length=1, max_length=20, description="One or more tests")


class Endorse(Command, kind="endorse", button="Endorse the tests"):
    """Yes: if these tests pass, that is good evidence."""

    note: OptionalText = Field(default="", description="A word to the proposer")


class EndorseWithChanges(Command, kind="endorse_with_changes", button="Endorse with changes"):
    """Yes, provided the tests are changed: describe it, or change them yourself."""

    what: Text = Field(description="What you changed, or what has to be changed while testing")
    tests: TestPlan = Field(default=(), max_length=20, description="The tests as you would endorse them")


class RecordResult(Command, kind="record_result", button="Enter a result"):
    """Enter what a test gave. Only its named testers can, and only once the tests are endorsed."""

    test: Ref = Field(description="Which test, for example T1")
    value: Number = Field(description="The measured value")
    sample: int = Field(ge=1, le=1_000_000_000, description="From how many observations")
    evidence: Text = Field(description="Where the evidence is: a file, a report, an address")
    evidence_sha256: Digest | None = Field(
        default=None, description="The SHA-256 of the evidence, in hex, so that it can be recognised later"
    )
    measured_by: PersonRef | None = Field(default=None, description="Who measured it, if it was not you")
    note: OptionalText = Field(default="", description="Anything that helps to read it")


class StopEarly(Command, kind="stop_early", button="Stop a test early"):
    """Stop a test before its end, with the reason."""

    test: Ref = Field(description="Which test, for example T1")
    reason: Text = Field(description="What happened")


class Conclude(Command, kind="conclude", button="Conclude the tests"):
    """Adopt, adapt or abandon. Against what the pass lines computed only with a reason."""

    verdict: Verdict = Field(description="Adopt, adapt (another round) or abandon")
    reason: OptionalText = Field(default="", description="Why, needed when it differs from what was computed")


class SignGate(Command, kind="sign_gate", button="Sign the gate"):
    """Sign that the evidence is good enough to go on to champions and rollout."""

    statement: OptionalText = Field(default="", description="A word for the record")


# ------------------------------------------------------------------------------------------------------ events


class TestsProposed(Event, kind="tests_proposed", words="proposed {count} tests (version {plan_version})"):
    """A new version of the test plan."""

    __test__ = False

    tests: TestPlan
    plan_version: int
    count: int
    teams: dict[str, Ref] = Field(default_factory=dict)
    """In which team each tester is, so that it is noticed when they move."""


class Endorsed(Event, kind="endorsed", words="endorsed the tests (version {plan_version}). {note}"):
    """A yes to the tests."""

    note: str = ""
    plan_version: int


class EndorsedWithChanges(
    Event, kind="endorsed_with_changes", words="endorsed the tests with changes (version {plan_version}): {what}"
):
    """A yes to the tests, with changes."""

    what: str
    plan_version: int


class ResultRecorded(Event, kind="result_recorded", words="recorded the result of {test}: {value} {unit}, {outcome}"):
    """What a test gave."""

    test: Ref
    value: Number
    unit: str
    sample: int
    evidence: str
    measured_by: Ref
    note: str = ""
    passed: bool
    outcome: str
    evidence_sha256: str = ""
    partial: bool = False


class TestStopped(Event, kind="test_stopped", words="stopped {test} early: {reason}"):
    """A test ended early."""

    __test__ = False

    test: Ref
    reason: str


class Concluded(Event, kind="concluded", words="concluded the tests: {verdict} (computed: {computed}). {reason}"):
    """What people concluded, beside what was computed."""

    verdict: Verdict
    computed: Verdict
    reason: str = ""


class Signed(Event, kind="signed", words="signed the gate after the tests. {statement}"):
    """A signature on the evidence."""

    statement: str = ""
    meaning: str = "The evidence is good enough to go on to champions and rollout."


# ------------------------------------------------------------------------------------------------------- rules


def computed_verdict(tests: Round) -> Verdict:
    """What the pass lines say: all passed is adopt, all failed is abandon, anything else is adapt.

    The last result of a test counts; where a test names a sample, all its results together, once it is reached. A test
    that was stopped, or has not reached its sample, is inconclusive, which is adapt.
    """
    outcomes: dict[str, bool | None] = {test.ref: None for test in tests.tests}
    for result in tests.counting_results:
        outcomes[result.test] = None if result.partial else result.passed
    for stop in tests.counting_stops:
        outcomes[stop.test] = None
    if all(outcome is True for outcome in outcomes.values()):
        return Verdict.ADOPT
    if all(outcome is False for outcome in outcomes.values()):
        return Verdict.ABANDON
    return Verdict.ADAPT


def _check_plan(tests: TestPlan, facts: Facts, now: datetime) -> None:
    seen: set[str] = set()
    for index, test in enumerate(tests):
        at = f"/tests/{index}"
        if test.ref in seen:
            invalid("test_ref_twice", f"Two tests are called {test.ref}. Give each its own short name.", f"{at}/ref")
        seen.add(test.ref)
        if test.ends < test.starts:
            invalid("ends_before_start", f"{test.ref} ends before it starts.", f"{at}/ends")
        if test.ends < now.date():
            invalid("ends_in_the_past", f"{test.ref} ends on {test.ends}, which has passed.", f"{at}/ends")
        for place, person in enumerate(test.testers):
            if person in facts.whereabouts and not facts.whereabouts[person].active:
                invalid("not_active", f"{facts.people[person].name} is not active any more.", f"{at}/testers/{place}")


def _proposed(tests: TestPlan, version: int, facts: Facts) -> TestsProposed:
    teams = facts.teams_of(person for test in tests for person in test.testers)
    return TestsProposed(tests=tests, plan_version=version, count=len(tests), teams=teams)


@decides(
    ProposeTests,
    when=[in_phase(Phase.PLANNING_TESTS, Phase.AWAITING_ENDORSEMENT, Phase.RUNNING_TESTS)],
    who=the_lead,
)
def _propose_tests(change: Change, command: ProposeTests, facts: Facts, now: datetime) -> Iterator[Event]:
    _check_plan(command.tests, facts, now)
    version = change.round.plan_version + 1
    yield _proposed(command.tests, version, facts)
    yield from ask(change, facts, ENDORSE_TESTS, now)


def _once(change: Change, facts: Facts) -> None:
    if facts.actor.ref in change.round.counting_endorsers:
        not_yours("already_endorsed", "You have already endorsed this version of the tests.")


def _not_own_tests(change: Change, facts: Facts) -> None:
    """Whoever wrote the tests does not endorse them, even where they did not propose the change."""
    seat_at(ENDORSE_TESTS)(change, facts)
    if facts.actor.ref == change.round.proposed_by and facts.actor.ref not in change.round.counting_endorsers:
        not_yours("own_tests", "You wrote these tests, so somebody else endorses them.")


def _may_endorse(change: Change, facts: Facts) -> None:
    _not_own_tests(change, facts)
    _once(change, facts)


@decides(Endorse, when=[in_phase(Phase.AWAITING_ENDORSEMENT), no_blocking_concern], who=_may_endorse)
def _endorse(change: Change, command: Endorse, facts: Facts, now: datetime) -> Iterator[Event]:
    yield Endorsed(note=command.note, plan_version=change.round.plan_version)
    yield from settled(change, facts, ENDORSE_TESTS, (*change.round.counting_endorsers, facts.actor.ref), now)


@decides(EndorseWithChanges, when=[in_phase(Phase.AWAITING_ENDORSEMENT), no_blocking_concern], who=_not_own_tests)
def _endorse_with_changes(change: Change, command: EndorseWithChanges, facts: Facts, now: datetime) -> Iterator[Event]:
    version = change.round.plan_version
    others = change.round.counting_endorsers
    if command.tests:
        _check_plan(command.tests, facts, now)
        version, others = version + 1, ()
        yield _proposed(command.tests, version, facts)
    else:
        _once(change, facts)
    yield EndorsedWithChanges(what=command.what, plan_version=version)
    yield from settled(change, facts, ENDORSE_TESTS, (*others, facts.actor.ref), now)


def _test_named(change: Change, ref: str) -> Test:
    test = change.round.test(ref)
    if test is None:
        names = ", ".join(test.ref for test in change.round.tests)
        invalid("unknown_test", f"There is no test called {ref} in this round. There are: {names}.", "/test")
    if any(stop.test == ref for stop in change.round.counting_stops):
        invalid("test_stopped", f"{ref} was stopped early.", "/test")
    return test


def _testers_only(facts: Facts, what: str, testers: tuple[str, ...]) -> None:
    if facts.actor.ref not in testers:
        names = ", ".join(facts.people[person].name for person in testers if person in facts.people)
        not_yours("testers_only", f"Only the named testers of {what} enter its results: {names}.")


def _a_tester(change: Change, facts: Facts) -> None:
    anybody(change, facts)
    _testers_only(facts, "this round", change.round.testers)


@decides(RecordResult, when=[in_phase(Phase.RUNNING_TESTS)], who=_a_tester)
def _record_result(change: Change, command: RecordResult, facts: Facts, now: datetime) -> Iterator[Event]:
    test = _test_named(change, command.test)
    _testers_only(facts, test.ref, test.testers)
    value, partial = command.value, False
    outcome = "not passed"
    if test.target_sample is not None:
        value, sample = _together(change.round, test.ref, command.value, command.sample)
        partial = sample < test.target_sample
    holds = test.operator.holds(value, test.pass_line)
    if partial:
        outcome = f"so far {'on' if holds else 'not on'} its pass line, from {sample:,} of {test.target_sample:,}"
    elif holds:
        outcome = "passed"
    yield ResultRecorded(
        test=test.ref,
        value=command.value,
        unit=test.unit,
        sample=command.sample,
        evidence=command.evidence,
        measured_by=command.measured_by or facts.actor.ref,
        note=command.note,
        passed=holds,
        outcome=outcome,
        evidence_sha256=command.evidence_sha256 or "",
        partial=partial,
    )


def _together(round_: Round, ref: str, value: Decimal, sample: int) -> tuple[Decimal, int]:
    """This result with those before it: the mean weighted by sample, and the whole sample."""
    earlier = round_.pooled(ref)
    if earlier is None:
        return value, sample
    whole = earlier[1] + sample
    return ((earlier[0] * earlier[1] + value * sample) / whole).quantize(Decimal("0.000001")), whole


def _a_tester_or_lead(change: Change, facts: Facts) -> None:
    if facts.actor.ref in change.round.testers:
        return anybody(change, facts)
    return the_lead(change, facts)


@decides(StopEarly, when=[in_phase(Phase.RUNNING_TESTS)], who=_a_tester_or_lead)
def _stop_early(change: Change, command: StopEarly, facts: Facts, now: datetime) -> Iterator[Event]:
    test = _test_named(change, command.test)
    yield TestStopped(test=test.ref, reason=command.reason)


@decides(Conclude, when=[in_phase(Phase.RUNNING_TESTS)], who=the_lead)
def _conclude(change: Change, command: Conclude, facts: Facts, now: datetime) -> Iterator[Event]:
    if missing := [test.ref for test in change.round.tests if test.ref not in change.round.finished]:
        invalid(
            "results_missing",
            f"Still without a result: {', '.join(missing)}. Enter one or stop the test early.",
            "/verdict",
        )
    if command.verdict is Verdict.ABANDON:
        no_review_owed(change)
    computed = computed_verdict(change.round)
    if command.verdict is not computed and not command.reason:
        invalid(
            "reason_against_verdict",
            f"The pass lines compute “{computed}”. Say why you conclude “{command.verdict}” instead.",
            "/reason",
        )
    yield Concluded(verdict=command.verdict, computed=computed, reason=command.reason)
    if command.verdict is Verdict.ADOPT:
        yield from ask(change, facts, SIGN_TESTS, now)


def _may_sign(change: Change, facts: Facts) -> None:
    seat_at(SIGN_TESTS)(change, facts)
    if facts.actor.ref in change.round.testers:
        not_yours("tester", "You ran one of the tests, so somebody else signs the gate after them.")
    if any(answer.person == facts.actor.ref for answer in change.round.signatures):
        not_yours("already_signed", "You have already signed this gate.")


@decides(SignGate, when=[in_phase(Phase.AWAITING_SIGNATURES), no_blocking_concern], who=_may_sign)
def _sign_gate(change: Change, command: SignGate, facts: Facts, now: datetime) -> Iterator[Event]:
    signers = tuple(answer.person for answer in change.round.signatures)
    yield Signed(statement=command.statement)
    yield from settled(change, facts, SIGN_TESTS, (*signers, facts.actor.ref), now)


# --------------------------------------------------------------------------------------------------- evolution


@evolves(TestsProposed)
def _tests_proposed(change: Change, event: TestsProposed) -> Change:
    round_ = change.round.having(
        plan_version=event.plan_version,
        tests=event.tests,
        teams=event.teams,
        named_at={},
        proposed_at=event.at,
        proposed_by=event.by,
        endorsements=tuple(answer.having(stale=True) for answer in change.round.endorsements),
        endorsed=False,
        results=tuple(result.having(stale=True) for result in change.round.results),
        stops=tuple(stop.having(stale=True) for stop in change.round.stops),
    )
    return change.having(
        round=round_,
        phase=Phase.PLANNING_TESTS if change.gate is None else change.phase,
        proposal=change.proposal.having(changes_asked=""),
    )


def _with_endorsement(change: Change, answer: Answer) -> Change:
    return change.having(round=change.round.having(endorsements=(*change.round.endorsements, answer)))


@evolves(Endorsed)
def _endorsed(change: Change, event: Endorsed) -> Change:
    answer = Answer(person=event.by, kind="endorsed", at=event.at, note=event.note, about_version=event.plan_version)
    return _with_endorsement(change, answer)


@evolves(EndorsedWithChanges)
def _endorsed_with_changes(change: Change, event: EndorsedWithChanges) -> Change:
    answer = Answer(
        person=event.by,
        kind="endorsed_with_changes",
        at=event.at,
        note=event.what,
        about_version=event.plan_version,
    )
    return _with_endorsement(change, answer)


@evolves(ResultRecorded)
def _result_recorded(change: Change, event: ResultRecorded) -> Change:
    result = Result(
        test=event.test,
        value=event.value,
        sample=event.sample,
        evidence=event.evidence,
        measured_by=event.measured_by,
        at=event.at,
        passed=event.passed,
        note=event.note,
        evidence_sha256=event.evidence_sha256,
        partial=event.partial,
    )
    return change.having(round=change.round.having(results=(*change.round.results, result)))


@evolves(TestStopped)
def _test_stopped(change: Change, event: TestStopped) -> Change:
    stop = Stop(test=event.test, reason=event.reason, by=event.by, at=event.at)
    return change.having(round=change.round.having(stops=(*change.round.stops, stop)))


@evolves(Concluded)
def _concluded(change: Change, event: Concluded) -> Change:
    conclusion = Conclusion(
        verdict=event.verdict, computed=event.computed, reason=event.reason, by=event.by, at=event.at
    )
    finished = change.round.having(conclusion=conclusion)
    if event.verdict is Verdict.ADAPT:
        return another_round(change.having(round=finished))
    change = change.having(round=finished)
    if event.verdict is Verdict.ABANDON:
        closing = Closing(
            outcome=Outcome.ABANDONED, reason=event.reason or "the tests did not pass", by=event.by, at=event.at
        )
        return change.having(closing=closing, gate=None)
    return change


def another_round(change: Change) -> Change:
    """The state with the round put away, everything in it still on record, and an empty next one opened."""
    earlier = (*change.earlier_rounds, change.round)
    fresh = Round(number=len(earlier) + 1)
    return change.having(
        stage=Stage.TESTING, phase=Phase.PLANNING_TESTS, gate=None, earlier_rounds=earlier, round=fresh
    )


@evolves(Signed)
def _signed(change: Change, event: Signed) -> Change:
    answer = Answer(person=event.by, kind="signed", at=event.at, note=event.statement)
    return change.having(round=change.round.having(signatures=(*change.round.signatures, answer)))
