"""The decision packet: everything somebody has to know to answer at a gate, as one value.

Mail, page and API read it (peers.md E9): why, risk, tests with their predictions, what they gave, how to back out, the
concerns that are open and those that were overruled, and what exactly a yes would be signing.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from changes.facts import ANSWER_PROPOSAL, ENDORSE_TESTS, SIGN_TESTS, START_ROLLOUT
from changes.gates import GATE_WORDS
from changes.state import Change, Concern, ConcernStatus, OpenGate, Round, Test, Wave
from changes.values import Moment, Ref, Value

MEANINGS = {
    ANSWER_PROPOSAL: "This proposal is worth testing.",
    ENDORSE_TESTS: "These tests must pass before the process changes.",
    SIGN_TESTS: "The evidence is good enough to go on to champions and rollout.",
    START_ROLLOUT: "Every affected group is covered as shown, and the rollout may start.",
}
"""What a yes means at each gate, word for word as it is signed."""

Outcome = Literal["passed", "not passed", "partial", "stopped", "no result yet"]


class Risk(Value):
    """What makes a change small or large."""

    people_affected: int
    cost: Decimal
    reversible: bool
    customer_facing: bool
    regulated: bool
    emergency: bool


class Tested(Value):
    """A test with its prediction and what it gave."""

    test: Test
    outcome: Outcome
    value: Decimal | None = None
    """All results that count together, where the test names a sample; else the last."""
    sample: int = 0
    evidence: tuple[str, ...] = ()
    evidence_sha256: tuple[str, ...] = ()
    why_stopped: str = ""


class Objection(Value):
    """A concern that is open, or was overruled: the dissent stays beside the decision."""

    ref: Ref
    title: str
    text: str
    reason: str
    blocking: bool
    overruled_because: str = ""
    by: Ref = ""
    """Who raised it; a pseudonym where they stay anonymous."""
    would_settle: str = ""
    """What would settle it, in their words."""


class Packet(Value):
    """What the people at a gate have to know."""

    change: Ref
    version: int
    gate: str
    what: str
    """What is asked for, in words; empty where no gate is open."""
    signing: str
    """What a yes means; empty where no gate is open."""
    rule: str
    """How many answers it takes."""
    due: Moment | None
    last_call_until: Moment | None
    title: str
    problem: str
    suggestion: str
    process: Ref
    affected_teams: tuple[Ref, ...]
    risk: Risk
    plan_version: int
    tests: tuple[Tested, ...]
    verdict: str
    computed: str
    verdict_reason: str
    waves: tuple[Wave, ...]
    back_out_plan: str
    champions: int
    places: int
    open_concerns: tuple[Objection, ...]
    """The blocking ones first."""
    overruled_concerns: tuple[Objection, ...]


def packet_for(change: Change, gate: OpenGate | None = None) -> Packet:
    """The packet of ``change`` for the people at ``gate``; for the open gate unless another is named."""
    gate = gate or change.gate
    name = gate.name if gate else ""
    content, round_ = change.proposal.content, change.round
    still_open = [concern for concern in change.concerns if concern.status is ConcernStatus.OPEN]
    conclusion = round_.conclusion
    return Packet(
        change=change.ref,
        version=change.version,
        gate=name,
        what=GATE_WORDS.get(name, ""),
        signing=MEANINGS.get(name, ""),
        rule=gate.rule if gate else "",
        due=gate.due if gate else None,
        last_call_until=gate.last_call_until if gate else None,
        title=change.title,
        problem=content.problem,
        suggestion=content.suggestion,
        process=content.process,
        affected_teams=content.affected_teams,
        risk=Risk(
            people_affected=content.people_affected,
            cost=content.cost,
            reversible=content.reversible,
            customer_facing=content.customer_facing,
            regulated=content.regulated,
            emergency=content.urgency == "emergency",
        ),
        plan_version=round_.plan_version,
        tests=tuple(tested(round_, test) for test in round_.tests),
        verdict=conclusion.verdict if conclusion else "",
        computed=conclusion.computed if conclusion else "",
        verdict_reason=conclusion.reason if conclusion else "",
        waves=tuple(progress.wave for progress in change.rollout.waves),
        back_out_plan=change.rollout.back_out_plan,
        champions=len(change.recruiting.champions),
        places=change.recruiting.places,
        open_concerns=tuple(_objection(each) for each in sorted(still_open, key=lambda concern: not concern.blocking)),
        overruled_concerns=tuple(
            _objection(concern) for concern in change.concerns if concern.status is ConcernStatus.OVERRULED
        ),
    )


def tested(round_: Round, test: Test) -> Tested:
    """A test of a round with what it gave so far."""
    results = [result for result in round_.counting_results if result.test == test.ref]
    stop = next((stop for stop in round_.counting_stops if stop.test == test.ref), None)
    pooled = round_.pooled(test.ref)
    value, sample = pooled if pooled and test.target_sample else (None, 0)
    if results and not test.target_sample:
        value, sample = results[-1].value, results[-1].sample
    outcome: Outcome = "no result yet"
    if stop:
        outcome = "stopped"
    elif results:
        last = results[-1]
        outcome = "partial" if last.partial else "passed" if last.passed else "not passed"
    return Tested(
        test=test,
        outcome=outcome,
        value=value,
        sample=sample,
        evidence=tuple(result.evidence for result in results),
        evidence_sha256=tuple(result.evidence_sha256 for result in results if result.evidence_sha256),
        why_stopped=stop.reason if stop else "",
    )


def _objection(concern: Concern) -> Objection:
    overruled = concern.closed_because if concern.status is ConcernStatus.OVERRULED else ""
    return Objection(
        ref=concern.ref,
        title=concern.title,
        text=concern.text,
        reason=concern.code.meaning,
        blocking=concern.blocking,
        overruled_because=overruled,
        by=concern.by,
        would_settle=concern.would_settle,
    )
