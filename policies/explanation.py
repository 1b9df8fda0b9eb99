"""What a policy says about a proposal, in sentences: for its proposer while they still write, and on the page after.

Source: lifecycle.md, "Draft": "you may decide this yourself", or who will be asked, why them, and by when.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from changes.facts import GATES, SIGN_TESTS, START_ROLLOUT, Empowerment, GateFacts, PolicyRef, Subject
from changes.gates import GATE_WORDS
from changes.quorums import in_words
from changes.state import ProposalContent
from changes.values import Moment, Number, ProcessRef, Ref, TeamRef, Value, enumerated
from directory.model import Directory
from policies.case import Case
from policies.judgements import judge
from policies.schema import Policy, Route
from policies.wording import counted
from policies.working_time import working_time

NUMBERS = ("nobody", "one person", "two people", "three people", "four people", "five people", "six people")
"""How few people are said; more are counted in figures."""


class Draft(Value):
    """As much of a proposal as decides its road; a text that is still being written need not be there."""

    process: ProcessRef = Field(description="The process that could work better")
    affected_teams: tuple[TeamRef, ...] = Field(default=(), max_length=50, description="Teams that would notice")
    people_affected: int = Field(default=1, ge=1, le=1_000_000, description="How many people would work differently")
    cost: Number = Field(default=Decimal(0), ge=0, description="What it costs, in the organisation's currency")
    reversible: bool = Field(default=True, description="It can be undone within a day")
    customer_facing: bool = Field(default=False, description="Customers would notice")
    regulated: bool = Field(default=False, description="A law or a contract governs this process")
    urgency: Literal["normal", "emergency"] = Field(default="normal", description="How urgent it is")
    kind: Literal["process", "policy"] = Field(default="process", description="What is to change")

    @classmethod
    def of(cls, content: ProposalContent) -> Draft:
        """What of a whole proposal decides its road."""
        told = {name: getattr(content, name) for name in cls.model_fields if hasattr(content, name)}
        return cls.model_construct(**told)


class Asked(Value):
    """One person who will be asked, and why it is them."""

    person: Ref
    name: str
    because: str
    stands_in_for: Ref | None = None


class GateExplained(Value):
    """One gate on the road."""

    name: str
    what: str
    """Such as "the endorsement of the tests"."""
    sentence: str
    """Who is asked, because of what, and by when."""
    people: tuple[Asked, ...]
    rule: str
    """How many of them must say yes, in words."""
    not_asked: tuple[str, ...]
    """Who would be asked, had a rule not excluded them: "Mara Lind filed this change"."""
    answer_in: str
    """How long they have: "5 working days"."""
    due: Moment
    """Until when, were they asked now."""


class Explanation(Value):
    """Everything a policy says about a proposal, and why."""

    policy: PolicyRef
    route: str
    may_decide_alone: bool
    headline: str
    """One sentence: "You may decide this yourself, because …", or who will be asked first and by when."""
    limits: tuple[str, ...]
    """Each limit held against the proposal; empty where the route alone decides."""
    objection: str
    """Who may object to deciding alone, and until when; empty where that is not possible."""
    matched: str
    """The rule that fits, and on which facts."""
    not_matched: tuple[str, ...]
    """The rules before it, and why each does not fit."""
    gates: tuple[GateExplained, ...]
    """The gates in their order; met only if others object, where the proposer may decide alone."""
    review: str
    """The review afterwards, where the route asks for one."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """All of it as one text, the most important first."""
        gates = tuple(gate.sentence for gate in self.gates)
        told = (self.headline, self.objection, *self.limits, *gates, self.review, self.matched, *self.not_matched)
        return tuple(dict.fromkeys(sentence for sentence in told if sentence))


def explain(
    policy: Policy,
    directory: Directory,
    content: ProposalContent | Draft,
    proposer: str,
    now: datetime,
    *,
    filer: str | None = None,
    co_proposers: Sequence[str] = (),
) -> Explanation:
    """What would happen to ``content`` if ``proposer`` submitted it now.

    Args:
        filer: who types it, if that is somebody else; like co-proposers they may not answer at its gates.
    """
    draft = Draft.of(content) if isinstance(content, ProposalContent) else content
    subject = Subject(
        proposer=proposer,
        filer=filer or proposer,
        co_proposers=tuple(co_proposers),
        **{name: getattr(draft, name) for name in Draft.model_fields},
    )
    judgement = judge(policy, directory, subject, today=working_time(policy.time).today(now))
    case, chosen = judgement.case, judgement.route
    zone = ZoneInfo(policy.time.zone)
    empowerment = judgement.empowerment(now)
    on_the_road = [name for name in GATES if subject.kind != "policy" or name != START_ROLLOUT]
    gates = tuple(_gate(case, judgement.gate(name, now), zone) for name in on_the_road)
    return Explanation(
        policy=policy.ref,
        route=chosen.route,
        may_decide_alone=empowerment.allowed,
        headline=_headline(empowerment, gates[0]),
        limits=tuple(f"{reason}." for reason in empowerment.because[1:]),
        objection=_objection(gates[0], empowerment, zone) if empowerment.allowed else "",
        matched=f"{chosen.because[0]}.",
        not_matched=tuple(f"{reason}." for reason in chosen.because[1:]),
        gates=gates,
        review=_review(case.route),
    )


def _headline(empowerment: Empowerment, first: GateExplained) -> str:
    if empowerment.allowed:
        verdict, _, because = empowerment.because[0].partition(": ")
        return f"{verdict}, because {because}."
    return first.sentence


def _objection(first: GateExplained, empowerment: Empowerment, zone: ZoneInfo) -> str:
    names = enumerated(person.name for person in first.people) or "Nobody"
    are = "is" if len(first.people) < 2 else "are"
    return f"{names} {are} told, and may object until {moment_in_words(empowerment.objection_due, zone)}."


def _gate(case: Case, facts: GateFacts, zone: ZoneInfo) -> GateExplained:
    directory = case.directory
    people = tuple(
        Asked(
            person=seat.person,
            name=directory.people[seat.person].name,
            because=seat.because,
            stands_in_for=seat.stands_in_for,
        )
        for seat in facts.seats
    )
    answer_in = case.policy.gate(case.route, facts.name).answer_in.in_words()
    rule = in_words(facts.quorum, facts.seats)
    return GateExplained(
        name=facts.name,
        what=GATE_WORDS[facts.name],
        sentence=_asking(facts, rule, answer_in, zone),
        people=people,
        rule=rule,
        not_asked=tuple(passed.because for passed in facts.passed_over),
        answer_in=answer_in,
        due=facts.due,
    )


def _asking(facts: GateFacts, rule: str, answer_in: str, zone: ZoneInfo) -> str:
    """ "One person will be asked for the answer to the proposal, by Tuesday 17 March, 14:00, because …"."""
    if not facts.seats:
        return f"Nobody can be asked for {GATE_WORDS[facts.name]} at the moment; please tell a steward."
    many = len(facts.seats)
    who = NUMBERS[many] if many < len(NUMBERS) else counted(many, "person", "people")
    first = facts.name == GATES[0]
    when = f"by {moment_in_words(facts.due, zone)}" if first else f"within {answer_in}"
    because = "; ".join(seat.because for seat in facts.seats)
    quorum = "" if many == 1 else f" Of them, {rule}." if facts.quorum.rule != "any" else f" {_capital(rule)}."
    later = ", when the time comes," if not first and facts.name == SIGN_TESTS else ""
    return f"{_capital(who)} will be asked{later} for {GATE_WORDS[facts.name]} {when}, because {because}.{quorum}"


def _review(route: Route) -> str:
    if route.review_within is None:
        return ""
    within = route.review_within.in_words()
    return (
        f"It must be reviewed within {within} after its first wave has started, by somebody who decided nothing about "
        "it, and cannot be closed before."
    )


def moment_in_words(moment: datetime, zone: ZoneInfo) -> str:
    """A moment on the organisation's own clock: "Tuesday 17 March, 14:00"."""
    local = moment.astimezone(zone)
    return f"{local:%A} {local.day} {local:%B}, {local:%H:%M}"


def _capital(clause: str) -> str:
    return clause[0].upper() + clause[1:]
