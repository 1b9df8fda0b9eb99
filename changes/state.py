"""What a change is: its state, part by part, in the order of its life.

State is only ever made by evolving events (:mod:`changes.decision`). It travels with the workflow through
continue-as-new and is stored beside the ledger as the read model, so fields are added with defaults and never renamed.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from pydantic import Field

from changes.facts import PolicyRef, Recommendation, Seat, UnitCoverage
from changes.values import (
    CandidateRef,
    Line,
    Moment,
    Number,
    OptionalText,
    PersonRef,
    ProcessRef,
    Ref,
    TeamRef,
    Text,
    Value,
)


class Stage(StrEnum):
    """Where on its road a change is."""

    PROPOSAL = "proposal"
    TESTING = "testing"
    CHAMPIONS = "champions"
    ROLLOUT = "rollout"
    LEARNING = "learning"


class Phase(StrEnum):
    """What a change is waiting for within its stage."""

    AWAITING_ANSWER = "awaiting_answer"
    NEEDS_CHANGES = "needs_changes"
    OVERTAKEN = "overtaken"
    OBJECTION_WINDOW = "objection_window"
    PLANNING_TESTS = "planning_tests"
    AWAITING_ENDORSEMENT = "awaiting_endorsement"
    RUNNING_TESTS = "running_tests"
    AWAITING_SIGNATURES = "awaiting_signatures"
    RECRUITING = "recruiting"
    PREPARING_WAVE = "preparing_wave"
    WAVE_RUNNING = "wave_running"
    WAVE_PAUSED = "wave_paused"
    CHECKING_EFFECT = "checking_effect"


class Outcome(StrEnum):
    """How a change ended."""

    DECLINED = "declined"
    DUPLICATE = "duplicate"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    ABANDONED = "abandoned"
    ROLLED_BACK = "rolled_back"
    ADOPTED = "adopted"


class Verdict(StrEnum):
    """What follows from a round of tests."""

    ADOPT = "adopt"
    ADAPT = "adapt"
    ABANDON = "abandon"


class Operator(StrEnum):
    """How a value is held against a number."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    OVER = "over"
    UNDER = "under"

    def holds(self, value: Decimal, number: Decimal) -> bool:
        """Whether ``value`` is on the right side of ``number``."""
        match self:
            case Operator.AT_LEAST:
                return value >= number
            case Operator.AT_MOST:
                return value <= number
            case Operator.OVER:
                return value > number
            case Operator.UNDER:
                return value < number


# ---------------------------------------------------------------------------------------------------- proposal


class ProposalContent(Value):
    """What a proposer writes: what they saw, what they suggest and whom it touches."""

    title: Line = Field(description="A name people will recognise")
    process: ProcessRef = Field(description="The process that could work better")
    problem: Text = Field(description="What did you see?")
    suggestion: Text = Field(description="What do you suggest?")
    affected_teams: tuple[TeamRef, ...] = Field(min_length=1, max_length=50, description="Teams that would notice")
    people_affected: int = Field(ge=1, le=1_000_000, description="How many people would work differently")
    cost: Number = Field(default=Decimal(0), ge=0, description="What it costs, in the organisation's currency")
    reversible: bool = Field(default=True, description="It can be undone within a day")
    customer_facing: bool = Field(default=False, description="Customers would notice")
    regulated: bool = Field(default=False, description="A law or a contract governs this process")
    urgency: Literal["normal", "emergency"] = Field(default="normal", description="How urgent it is")
    goal: OptionalText = Field(default="", description="The vision goal it serves, if any")
    policy: CandidateRef | None = Field(
        default=None, description="The candidate for the policy that this puts forward, by its content hash"
    )


class ProposalVersion(Value):
    """One version of the words, with who wrote it and what changed."""

    number: int
    content: ProposalContent
    by: Ref
    at: Moment
    what_changed: str = ""


class Heard(Value):
    """What a manager heard, and whether the proposer says that is right."""

    text: str
    by: Ref
    at: Moment
    confirmed: bool | None = None
    correction: str = ""


class SelfDecision(Value):
    """The proposer decided alone, inside the policy's limits."""

    because: tuple[str, ...]
    at: Moment
    objection_due: Moment


class Proposal(Value):
    """The proposal with all its versions; the last one counts."""

    proposer: Ref
    filer: Ref
    co_proposers: tuple[Ref, ...] = ()
    asked_to_join: tuple[Ref, ...] = ()
    """Colleagues who were asked to propose it as well and have not answered; seen by its authors and by themselves."""
    asked_to_join_at: Moment | None = None
    """When the last of them were asked."""
    joined: tuple[Ref, ...] = ()
    """Those who said yes."""
    answered_by: tuple[Ref, ...] = ()
    """Everybody who answered the proposal as somebody who was asked."""
    versions: tuple[ProposalVersion, ...]
    free_edit_until: Moment
    heard: tuple[Heard, ...] = ()
    acceptances: tuple[Ref, ...] = ()
    """Those who said yes to the words as they are now, where the policy wants more than one."""
    changes_asked: str = ""
    overtaken_by: PolicyRef | None = None
    """The policy that took force before the one put forward here; nobody asked for changes."""
    self_decision: SelfDecision | None = None

    @property
    def content(self) -> ProposalContent:
        """The words that count now."""
        return self.versions[-1].content

    @property
    def authors(self) -> tuple[str, ...]:
        """Those for whom this is their own change: proposer, filer and co-proposers."""
        return tuple(dict.fromkeys((self.proposer, self.filer, *self.co_proposers)))


# ------------------------------------------------------------------------------------------------------- gates


class Answer(Value):
    """One person's answer at a gate; stale answers are kept and marked, and no longer count."""

    person: Ref
    kind: str
    at: Moment
    note: str = ""
    about_version: int = 0
    stale: bool = False


class OpenGate(Value):
    """A gate that is waiting for people, as it was asked."""

    name: str
    opened_at: Moment
    due: Moment
    expires: Moment
    reminders: tuple[Moment, ...] = ()
    asked: tuple[Seat, ...]
    rule: str
    """The quorum in words, as it was when the gate opened."""
    level: int = 0
    asked_since: Moment | None = None
    """Since when the time to answer runs, where that is not since it was opened."""
    moved: bool = False
    """Whether a person moved the deadline; it is then no longer reckoned anew."""
    quiet_until: Moment | None = None
    """Until when nobody is nudged about it again."""
    last_call_until: Moment | None = None
    """While a last call runs: until when. The gate does not close before."""
    agreed: str = ""
    """Why the gate will close after the last call: the quorum that was reached."""
    reopened: bool = False
    """Whether a blocking concern ended a last call; another follows once it is settled."""
    joined: dict[str, Moment] = Field(default_factory=dict)
    """Since when those are asked who came later than the others."""
    levels_left: int = 0
    """How often silence may still be escalated; then only expiry is left. Silence never approves."""


class PassedGate(Value):
    """A gate that was passed, and why."""

    name: str
    at: Moment
    because: str


# ----------------------------------------------------------------------------------------------------- testing


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


# --------------------------------------------------------------------------------------------------- champions


class InvitationStatus(StrEnum):
    """Where an invitation stands. Declined and expired look the same to everybody else."""

    SENT = "sent"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    STEPPED_DOWN = "stepped_down"
    GONE = "gone"
    """Accepted, and has left the organisation since."""


class Invitation(Value):
    """One colleague asked to be a champion."""

    person: Ref
    at: Moment
    due: Moment
    reminder: Moment | None = None
    reasons: tuple[str, ...] = ()
    status: InvitationStatus = InvitationStatus.SENT
    answered_at: Moment | None = None
    team: Ref | None = None
    """In which team they were when they were asked."""


class Conversation(Value):
    """A champion's note of a talk with colleagues of a team; never about a single person."""

    by: Ref
    at: Moment
    team: Ref
    people: int
    note: str
    reason_code: str = ""


class Introduction(Value):
    """Somebody introduced two people who can help each other."""

    by: Ref
    at: Moment
    person: Ref
    to: Ref
    why: str


class CoverageSignature(Value):
    """One signature on champion coverage and the rollout plan, with the table it was based on."""

    person: Ref
    at: Moment
    decision: Literal["go", "go_with_conditions", "hold"]
    conditions: str = ""
    coverage: tuple[UnitCoverage, ...] = ()
    about_version: int = 0


class Recruiting(Value):
    """Who was recommended, asked, and said yes."""

    places: int = 0
    plans: tuple[Recommendation, ...] = ()
    invitations: tuple[Invitation, ...] = ()
    nominations: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Who was nominated, by whom."""
    interest: dict[str, str] = Field(default_factory=dict)
    open_places: int = 0
    campaign_due: Moment | None = None
    conversations: tuple[Conversation, ...] = ()
    introductions: tuple[Introduction, ...] = ()
    signatures: tuple[CoverageSignature, ...] = ()
    looked_at: Moment | None = None
    """The last batch of invitations whose answers were looked at."""
    finding: str = ""
    """What the answers say about the change, where no more colleagues should be asked."""
    offers: tuple[str, ...] = ()
    """What may be done about it."""
    planned_at: Moment | None = None
    """When colleagues were recommended last."""
    to_invite: bool = False
    """Whether nobody has been asked since."""

    def with_status(self, status: InvitationStatus) -> tuple[str, ...]:
        """The people whose latest invitation has ``status``."""
        latest = {invitation.person: invitation for invitation in self.invitations}
        return tuple(person for person, invitation in latest.items() if invitation.status is status)

    @property
    def champions(self) -> tuple[str, ...]:
        """Those who accepted and still hold their place."""
        return self.with_status(InvitationStatus.ACCEPTED)


# ----------------------------------------------------------------------------------------------------- rollout


class Guard(Value):
    """A metric with a threshold; a wave whose guard is breached pauses by itself."""

    metric: Line = Field(description="What is watched")
    unit: Line = Field(description="In which unit")
    operator: Operator = Field(description="Healthy while the value is at least, at most, over or under …")
    threshold: Number = Field(description="… this number")
    readings: int = Field(default=1, ge=1, le=20, description="Bad readings in a row before the wave pauses")


class Wave(Value):
    """One wave of the rollout plan."""

    name: Line = Field(description="A name such as Pilot")
    teams: tuple[TeamRef, ...] = Field(min_length=1, max_length=200, description="Teams that start in this wave")
    guards: tuple[Guard, ...] = Field(min_length=1, max_length=20, description="What must stay healthy")
    smallest_adoption: int | None = Field(
        default=None, ge=0, le=100, description="Per cent that must have adopted before the next wave"
    )
    gate: Literal["automatic", "person"] = Field(
        default="automatic", description="Whether a signer of the gate must start it"
    )


class Reading(Value):
    """One reported value of a guard's metric."""

    metric: str
    value: Number
    by: Ref
    at: Moment
    healthy: bool


class WaveStatus(StrEnum):
    """Where a wave stands."""

    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETE = "complete"
    ROLLED_BACK = "rolled_back"


class WaveProgress(Value):
    """A wave of the plan with what has happened in it."""

    wave: Wave
    status: WaveStatus = WaveStatus.PLANNED
    started_at: Moment | None = None
    readings: tuple[Reading, ...] = ()
    pauses: tuple[str, ...] = ()
    adoption: int | None = None


class Rollout(Value):
    """The rollout plan, its back-out plan and the progress of its waves."""

    plan_version: int = 0
    signed_version: int = 0
    waves: tuple[WaveProgress, ...] = ()
    back_out_plan: str = ""
    starters: tuple[Ref, ...] = ()
    """Who may start a wave that waits for a person, where whoever signed the plan has left."""

    @property
    def current(self) -> WaveProgress | None:
        """The wave that is running or paused."""
        return next((wave for wave in self.waves if wave.status in {WaveStatus.RUNNING, WaveStatus.PAUSED}), None)

    @property
    def upcoming(self) -> WaveProgress | None:
        """The first wave that can be started."""
        return next((wave for wave in self.waves if wave.status in {WaveStatus.PLANNED, WaveStatus.ROLLED_BACK}), None)


# ---------------------------------------------------------------------------------------------------- learning


class EffectOutcome(StrEnum):
    """What an effect check found."""

    EFFECTIVE = "effective"
    INEFFECTIVE = "ineffective"
    INCONCLUSIVE = "inconclusive"


class EffectCheck(Value):
    """A look, some time later, at whether the change did what it promised."""

    ref: Ref
    opens: Moment
    owner: Ref
    opened: bool = False
    opened_at: Moment | None = None
    outcome: EffectOutcome | None = None
    value: Number | None = None
    numbers: str = ""
    next_step: str = ""
    at: Moment | None = None


class Benefit(Value):
    """A benefit with what was aimed at, expected and reached."""

    name: str
    unit: str
    target: Number
    forecast: Number | None = None
    actual: Number | None = None
    by: Ref
    at: Moment


class Retrospective(Value):
    """Prediction against result, what surprised us, and the consequence that follows."""

    prediction_and_result: str
    surprises: str
    consequence: Literal["standard_change", "policy_edit", "test_template", "none"]
    because: str
    by: Ref
    at: Moment


class Learning(Value):
    """What was learned, and what changed because of it."""

    checks: tuple[EffectCheck, ...] = ()
    benefits: tuple[Benefit, ...] = ()
    retrospective: Retrospective | None = None


# ---------------------------------------------------------------------------------------------------- concerns


class ConcernCode(StrEnum):
    """Why people hold back, coded per change, never per person (reference/champions.md 3.7)."""

    R01 = "R01"
    R02 = "R02"
    R03 = "R03"
    R04 = "R04"
    R05 = "R05"
    R06 = "R06"
    R07 = "R07"
    R08 = "R08"
    R09 = "R09"
    R10 = "R10"
    R11 = "R11"

    @property
    def meaning(self) -> str:
        """The code in plain words."""
        return _MEANINGS[self]


_MEANINGS = {
    ConcernCode.R01: "nobody told us why",
    ConcernCode.R02: "does not fix our problem",
    ConcernCode.R03: "costs us work, role, status or pay",
    ConcernCode.R04: "we cannot do it yet: skill, tool or access is missing",
    ConcernCode.R05: "no time, too many changes",
    ConcernCode.R06: "leaders are not behind it",
    ConcernCode.R07: "decided without us",
    ConcernCode.R08: "earlier promises were broken",
    ConcernCode.R09: "breaks something: safety, customers, law or data",
    ConcernCode.R10: "worse here: site, shift, language or disability",
    ConcernCode.R11: "rather not say, or something else",
}


class Why(Value):
    """Somebody asked why; the answer belongs to the person who raised the concern."""

    by: Ref
    at: Moment
    question: str
    answer: str = ""
    answered_at: Moment | None = None


class Response(Value):
    """What was changed because of a concern, or why not."""

    by: Ref
    at: Moment
    text: str
    changed_something: bool


class ConcernStatus(StrEnum):
    """Where a concern stands."""

    OPEN = "open"
    RESOLVED = "resolved"
    OVERRULED = "overruled"


class Concern(Value):
    """A named worry with a reason; an open blocking one holds the next gate."""

    ref: Ref
    title: str
    text: str
    code: ConcernCode
    blocking: bool
    would_settle: str
    by: Ref
    at: Moment
    status: ConcernStatus = ConcernStatus.OPEN
    whys: tuple[Why, ...] = ()
    responses: tuple[Response, ...] = ()
    closed_by: Ref | None = None
    closed_because: str = ""
    must_answer: tuple[Ref, ...] = ()
    """Who owes an answer to a reason like this one (reference/champions.md 3.7)."""
    ask_by: Moment | None = None
    """By when somebody should have asked why; a measure, not a deadline."""
    left_to: tuple[Ref, ...] = ()
    """Who may settle it by overruling it, once whoever raised it has left."""

    @property
    def holds_gates(self) -> bool:
        """Whether this concern keeps the next gate shut."""
        return self.blocking and self.status is ConcernStatus.OPEN


# ------------------------------------------------------------------------------------------------- any moment


class Hold(Value):
    """The change rests, and why."""

    reason: str
    by: Ref
    at: Moment
    until: Moment | None = None


class Comment(Value):
    """A remark: what works, what would make it better, or a question."""

    by: Ref
    at: Moment
    about: Literal["works", "better", "question"]
    text: str


class Closing(Value):
    """How and why the change ended. Everything stays findable."""

    outcome: Outcome
    reason: str
    way_forward: str = ""
    by: Ref
    at: Moment
    duplicate_of: Ref | None = None


class RevealRequest(Value):
    """Who agreed to have the name behind a pseudonym shown, and whether it may be looked at now."""

    pseudonym: Ref
    agreed: tuple[Ref, ...] = ()
    reasons: tuple[str, ...] = ()
    granted: bool = False


class PolicyChange(Value):
    """What a change of the policy itself puts forward."""

    candidate: PolicyRef
    instead_of: PolicyRef
    """The policy that was in force when it was put forward."""
    what_changes: tuple[str, ...] = ()
    worth_knowing: tuple[str, ...] = ()
    in_force_since: Moment | None = None


class Review(Value):
    """The review afterwards that a short road owes."""

    asked: tuple[Seat, ...]
    """Who is asked; the first is its owner."""
    since: Moment
    """When it was asked for, last."""
    due: Moment
    reminders: tuple[Moment, ...] = ()
    level: int = 0
    """How often it was overdue."""
    joined: dict[str, Moment] = Field(default_factory=dict)
    """Since when each of them is asked."""
    by: Ref | None = None
    at: Moment | None = None
    """When it was done; none while it is owed."""
    justified: str = ""
    findings: str = ""
    consequence: str = ""


class Missing(Value):
    """Somebody with something open here who is not where they were when they took it on."""

    person: Ref
    why: Literal["left", "moved", "away"]
    at: Moment
    """When it was noticed."""
    until: date | None = None
    """The last day of an absence."""
    team: Ref | None = None
    """Where they are now, where they have moved."""
    asked: tuple[Ref, ...] = ()
    """Who was asked to see to what they held: those who carry the change, as of then."""
    speaking: tuple[Ref, ...] = ()
    """Who may speak for the change, where the last of its authors has left."""


class Change(Value):
    """One change, as evolved from everything that was recorded about it."""

    ref: Ref
    version: int = 0
    """How many events made this state; the number an edit must name to prove it is not stale."""
    stage: Stage
    phase: Phase
    policy: PolicyRef
    route: str
    route_because: tuple[str, ...]
    opened_at: Moment
    updated_at: Moment
    phase_since: Moment
    """When the change came into its phase."""
    proposal: Proposal
    gate: OpenGate | None = None
    passed: tuple[PassedGate, ...] = ()
    round: Round = Round()
    earlier_rounds: tuple[Round, ...] = ()
    recruiting: Recruiting = Recruiting()
    rollout: Rollout = Rollout()
    learning: Learning = Learning()
    concerns: tuple[Concern, ...] = ()
    comments: tuple[Comment, ...] = ()
    followers: tuple[Ref, ...] = ()
    hold: Hold | None = None
    closing: Closing | None = None
    reveals: tuple[RevealRequest, ...] = ()
    stepped_aside: tuple[Ref, ...] = ()
    """Those who said that they have a conflict of interest; no gate asks them."""
    step_reminder: Moment | None = None
    """When the authors are reminded of the step they owe, while they owe one."""
    step_reminders: int = 0
    """How often they have been reminded of it."""

    policy_change: PolicyChange | None = None
    review: Review | None = None
    missing: tuple[Missing, ...] = ()
    running_since: Moment | None = None
    """When it went on after its last hold, or was renewed."""

    @property
    def left(self) -> frozenset[str]:
        """Those with a part in it of whom it was noticed that they have left."""
        return frozenset(one.person for one in self.missing if one.why == "left")

    def reveal_of(self, pseudonym: str) -> RevealRequest:
        """Who agreed so far to reveal somebody."""
        found = (request for request in self.reveals if request.pseudonym == pseudonym)
        return next(found, RevealRequest(pseudonym=pseudonym))

    @property
    def title(self) -> str:
        """The title that counts now."""
        return self.proposal.content.title

    @property
    def blocking_concerns(self) -> tuple[Concern, ...]:
        """The open concerns that hold the next gate."""
        return tuple(concern for concern in self.concerns if concern.holds_gates)

    def concern(self, ref: str) -> Concern | None:
        """The concern called ``ref``."""
        return next((concern for concern in self.concerns if concern.ref == ref), None)
