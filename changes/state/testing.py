"""Tests in rounds: planned, endorsed, run and concluded."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pydantic import Field

from changes.state.gates import Answer
from changes.state.road import Operator, Verdict
from changes.values import Line, Moment, Number, OptionalText, PersonRef, Ref, Text, Value


class Test(Value):
    """One test: what we expect, how it is measured and what counts as passed, written before it runs."""

    __test__ = False  # pytest must not collect it

    ref: Ref = Field(description="A short name such as T1, used when results come in")
    hypothesis: Text = Field(description="What we expect to happen, and why")
    measure: Line = Field(description="What is measured")
    unit: Line = Field(description="In which unit")
    baseline: Number | None = Field(default=None, description="The value today")
    operator: Operator = Field(description="Passed when the value is at least, at most, over or under …")
    pass_line: Number = Field(description="… this number")
    where: Line = Field(description="Where it runs")
    testers: tuple[PersonRef, ...] = Field(min_length=1, max_length=20, description="Who runs it and enters results")
    starts: date = Field(description="First day")
    ends: date = Field(description="Last day")
    stop_early_if: OptionalText = Field(default="", description="What would stop it early")
    expected_elsewhere: OptionalText = Field(default="", description="Effects expected elsewhere")
    target_sample: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000_000,
        description="From how many observations it counts; until then several results add up",
    )


class Result(Value):
    """What a test gave, with the evidence and the verdict its pass line computes."""

    test: Ref
    value: Number
    sample: int
    evidence: str
    measured_by: Ref
    at: Moment
    passed: bool
    note: str = ""
    stale: bool = False
    """Measured for an earlier version of the plan: kept, and no longer counted."""
    evidence_sha256: str = ""
    """The SHA-256 of the evidence, in hex, so that it can be recognised later; empty where nobody gave it."""
    partial: bool = False
    """Whether more observations are needed before this counts as the test's result."""


class Stop(Value):
    """A test that was stopped before its end."""

    test: Ref
    reason: str
    by: Ref
    at: Moment
    stale: bool = False


class Conclusion(Value):
    """What people concluded from a round, beside what the pass lines computed."""

    verdict: Verdict
    computed: Verdict
    reason: str
    by: Ref
    at: Moment


class Round(Value):
    """One round of tests with everything that was said and measured in it."""

    number: int = 1
    plan_version: int = 0
    tests: tuple[Test, ...] = ()
    proposed_by: Ref | None = None
    """Who wrote the plan as it is now."""
    endorsements: tuple[Answer, ...] = ()
    endorsed: bool = False
    results: tuple[Result, ...] = ()
    stops: tuple[Stop, ...] = ()
    conclusion: Conclusion | None = None
    signatures: tuple[Answer, ...] = ()
    teams: dict[str, Ref] = Field(default_factory=dict)
    """In which team each tester was when they were named."""
    named_at: dict[str, Moment] = Field(default_factory=dict)
    """Since when a test has other testers than those it was endorsed with."""
    proposed_at: Moment | None = None
    """When the plan as it is now was written."""

    @property
    def counting_endorsers(self) -> tuple[str, ...]:
        """Those whose endorsement is about the plan as it is now."""
        return tuple(dict.fromkeys(answer.person for answer in self.endorsements if not answer.stale))

    @property
    def testers(self) -> tuple[str, ...]:
        """Everybody named as tester in this round."""
        return tuple(dict.fromkeys(person for test in self.tests for person in test.testers))

    @property
    def counting_results(self) -> tuple[Result, ...]:
        """The results that are about the plan as it is now."""
        return tuple(result for result in self.results if not result.stale)

    @property
    def counting_stops(self) -> tuple[Stop, ...]:
        """The tests of the plan as it is now that were stopped early."""
        return tuple(stop for stop in self.stops if not stop.stale)

    @property
    def finished(self) -> frozenset[str]:
        """The tests of the plan as it is now that have a result or were stopped early."""
        measured = {result.test for result in self.counting_results if not result.partial}
        return frozenset(measured | {stop.test for stop in self.counting_stops})

    def pooled(self, ref: str) -> tuple[Decimal, int] | None:
        """What all counting results of a test say together: the mean weighted by sample, and the whole sample."""
        results = [result for result in self.counting_results if result.test == ref]
        if not results:
            return None
        sample = sum(result.sample for result in results)
        total = sum((result.value * result.sample for result in results), Decimal(0))
        return (total / sample).quantize(Decimal("0.000001")), sample

    def test(self, ref: str) -> Test | None:
        """The test called ``ref``."""
        return next((test for test in self.tests if test.ref == ref), None)
