"""What a policy file may say: the typed model of lifecycle.md's governance policy.

Durations name their clock. ``d`` counts working days by ``time``; ``cd`` and ``w`` count calendar days and weeks and
end with the working day they reach; ``h``, ``m`` and ``s`` run by the clock on the wall. See :class:`Duration`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Discriminator, Field, StrictBool, StrictInt, Tag, model_validator
from pydantic_core import PydanticCustomError

from changes.facts import ANSWER_PROPOSAL, ENDORSE_TESTS, GATES, REVIEW, PolicyRef, Quorum
from changes.values import Line
from policies.conditions import When
from policies.relations import Kind, Who, parse
from policies.values import Amount, Day, Duration, HolidayCode, Hour, Name, Percent, Role, Section, Week, Zone

__all__ = ["Duration", "Policy"]

REVEAL = "reveal_proposer"
"""The gate at which the name behind an anonymous proposal or concern is asked for."""


class WorkingHours(Section):
    """The part of a working day in which deadlines run, by the clock of the zone."""

    start: Hour = Field("09:00", alias="from")
    end: Hour = Field("17:00", alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> WorkingHours:
        if self.start >= self.end:
            raise PydanticCustomError("working_hours", '"from" must be earlier than "to"')
        return self


class Freeze(Section):
    """A period in which deadlines do not run. Both days belong to it; the yearly kind may span the new year."""

    name: Line
    start: Day = Field(alias="from")
    end: Day = Field(alias="to")

    @model_validator(mode="after")
    def _same_kind(self) -> Freeze:
        if len(self.start) != len(self.end):
            raise PydanticCustomError("freeze", '"from" and "to" must both name a year, or neither')
        if not self.yearly and self.start > self.end:
            raise PydanticCustomError("freeze", '"from" must not be later than "to"')
        return self

    @property
    def yearly(self) -> bool:
        """Whether it returns every year."""
        return len(self.start) == len("12-31")


class Time(Section):
    """The organisation's own working time."""

    zone: Zone
    working_days: Week
    working_hours: WorkingHours = WorkingHours.model_construct(start="09:00", end="17:00")
    holidays: HolidayCode | None = None
    freezes: tuple[Freeze, ...] = ()


class Limits(Section):
    """How far somebody may decide alone. A number is the most, a truth value the furthest that is still allowed."""

    people_affected: Annotated[StrictInt, Field(ge=1)]
    cost: Annotated[Amount, Field(ge=0)]
    reversible: StrictBool
    """True: only what can be undone. False: also what cannot."""
    crosses_teams: StrictBool
    customer_facing: StrictBool
    regulated: StrictBool


class Grant(Section):
    """What one role may decide alone, and how long the proposer's manager may object."""

    role: Role
    limits: Limits
    objection_window: Duration


class CountQuorum(Section):
    """So many yeses."""

    count: Annotated[StrictInt, Field(ge=1, le=1000)]


class PercentQuorum(Section):
    """A share of the people asked, rounded up, and never fewer than ``at_least``."""

    percent: Annotated[Percent, Field(ge=1)]
    at_least: Annotated[StrictInt, Field(ge=1, le=1000)] = 1


def _kind_of_share(value: object) -> str:
    if isinstance(value, str):
        return "word"
    if isinstance(value, PercentQuorum) or (isinstance(value, dict) and "percent" in value):
        return "PercentQuorum"
    return "CountQuorum"


ShareRule: TypeAlias = Annotated[
    Annotated[Literal["any", "all"], Tag("word")]
    | Annotated[CountQuorum, Tag("CountQuorum")]
    | Annotated[PercentQuorum, Tag("PercentQuorum")],
    Discriminator(_kind_of_share),
]
"""``any``, ``all``, ``{count: 2}`` or ``{percent: 60, at_least: 2}``."""


class PerGroupQuorum(Section):
    """Every group must reach its own quorum: each entry under ``who``, and each affected team's managers.

    ``at_least`` people must say yes altogether, because one person may speak for several groups.
    """

    per_group: ShareRule
    at_least: Annotated[StrictInt, Field(ge=1, le=1000)] = 1


def _kind_of_quorum(value: object) -> str:
    per_group = isinstance(value, PerGroupQuorum) or (isinstance(value, dict) and "per_group" in value)
    return "PerGroupQuorum" if per_group else _kind_of_share(value)


QuorumRule: TypeAlias = Annotated[
    Annotated[Literal["any", "all"], Tag("word")]
    | Annotated[CountQuorum, Tag("CountQuorum")]
    | Annotated[PercentQuorum, Tag("PercentQuorum")]
    | Annotated[PerGroupQuorum, Tag("PerGroupQuorum")],
    Discriminator(_kind_of_quorum),
]
"""A :data:`ShareRule` about everybody asked, or ``{per_group: any, at_least: 2}``."""


def quorum_of(rule: QuorumRule) -> Quorum:
    """The rule as the facts of a gate state it."""
    match rule:
        case CountQuorum():
            return Quorum(rule="count", count=rule.count)
        case PercentQuorum():
            return Quorum(rule="percent", percent=rule.percent, at_least=rule.at_least)
        case PerGroupQuorum():
            return Quorum(rule="per_group", each=quorum_of(rule.per_group), at_least=rule.at_least)
        case _:
            return Quorum(rule=rule)


People: TypeAlias = Annotated[tuple[Who, ...], Field(min_length=1)]
"""Who is asked: relations, roles and named people."""


class GateRule(Section):
    """A gate as a route, or ``gates`` for all routes, describes it. What a route leaves out it inherits."""

    who: People | None = None
    quorum: QuorumRule | None = None
    answer_in: Duration | None = None
    last_call: StrictBool | None = None
    """Whether a last call is made before the gate closes (``proposal.last_call`` says for how long)."""


class Gates(Section):
    """The four gates of a change's road (lifecycle.md)."""

    answer_proposal: GateRule = GateRule()
    endorse_tests: GateRule = GateRule()
    sign_tests: GateRule = GateRule()
    start_rollout: GateRule = GateRule()

    def rule(self, gate: str) -> GateRule:
        """What is said here about one of :data:`changes.facts.GATES`."""
        found: GateRule = getattr(self, gate)
        return found


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate with everything inherited filled in."""

    who: tuple[str, ...]
    quorum: Quorum
    answer_in: Duration
    last_call: bool = False
    only_these: bool = False
    """Whether nobody but those named may answer: no stand-ins, no fallback, no escalation."""


class Route(Section):
    """A road for the changes that fulfil ``when``. The first route that fits is taken."""

    name: Name
    when: When
    decide_alone: Literal["never", "within_limits", "always"] = "within_limits"
    """Whether a proposer may decide alone: ``always`` is the pre-authorised, standard change."""
    review_within: Duration | None = None
    """By when a change that took this route must be reviewed, counted from its first wave; none asks for no review."""
    gates: Gates = Gates()


class Review(Section):
    """The review afterwards that a route with ``review_within`` asks for, and who hears of such a change at once."""

    by: People = ("role:auditor", "role:executive", "role:steward")
    """Who reviews: the first of these who decided nothing about the change."""
    tell: People = ("role:executive",)


class Proposal(Section):
    """The numbers of the proposal stage."""

    answer_in: Duration
    """How long anybody asked has to answer, at every gate that names no time of its own."""
    free_edit: Duration
    last_call: Duration


class Concerns(Section):
    """The numbers about concerns."""

    ask_why_within: Duration
    """By when somebody should have asked a new concern why; a measure, not a deadline."""


class Ratio(Section):
    """How many affected people one champion looks after, by how hard the change is (reference/champions.md)."""

    easy: Annotated[StrictInt, Field(ge=1, le=1000)]
    pilot: Annotated[StrictInt, Field(ge=1, le=1000)]
    hard: Annotated[StrictInt, Field(ge=1, le=1000)]


class Champions(Section):
    """The recruitment of champions."""

    ratio: Ratio
    assume: Literal["easy", "pilot", "hard"]
    """Which ratio holds for a change about which nothing else is said."""
    cover_every_unit: StrictBool
    open_campaigns_per_person: Annotated[StrictInt, Field(ge=1, le=100)]
    campaign: Duration
    invitation: Duration
    """How long somebody invited has to answer."""


def _rising(waves: tuple[int, ...]) -> tuple[int, ...]:
    if list(waves) != sorted(set(waves)) or waves[-1] != 100 or waves[0] < 1:
        raise PydanticCustomError("waves", "must rise from wave to wave and end with 100%")
    return waves


class Load(Section):
    """How much change people have to take at a time."""

    open_rollouts_per_team: Annotated[StrictInt, Field(ge=1, le=100)]


class Rollout(Section):
    """The waves proposed for a rollout, and what it takes to complete one."""

    waves: Annotated[tuple[Percent, ...], Field(min_length=1, max_length=20), AfterValidator(_rising)]
    smallest_adoption: Percent
    load: Load


class Learning(Section):
    """When the effect of a change is checked, and when a kind of change is proven."""

    effect_checks: Annotated[tuple[Duration, ...], Field(min_length=1, max_length=10)]
    """Counted from its completion."""
    proven_after: Annotated[StrictInt, Field(ge=1, le=1000)] = 3
    """How many effective changes of a process, before it is suggested as authorised beforehand."""


class Escalation(Section):
    """What silence leads to: never to a yes."""

    levels: Annotated[StrictInt, Field(ge=0, le=5)]
    expire_after: Duration
    nudge_at_most_every: Duration


class Reveal(Section):
    """Who must agree before the name behind an anonymous proposal or concern is shown.

    Nobody stands in for them, so that a promise of anonymity is worth what it says.
    """

    who: People
    quorum: QuorumRule


class Anonymity(Section):
    """Whether people may speak without their name, and how it may come out."""

    proposals: Literal["allowed", "refused"]
    concerns: Literal["allowed", "refused"]
    reveal: Reveal


class Policy(Section):
    """A governance policy: everything about a change that is a number or a name."""

    name: Name = Field(alias="policy")
    version: Annotated[StrictInt, Field(ge=1, le=1_000_000)]
    time: Time
    empowerment: tuple[Grant, ...]
    gates: Gates = Gates()
    fallback: People
    """Asked when nobody in a line of managers is left, the first who may answer."""
    routes: Annotated[tuple[Route, ...], Field(min_length=1)]
    review: Review = Review()
    proposal: Proposal
    concerns: Concerns
    champions: Champions
    rollout: Rollout
    learning: Learning
    escalation: Escalation
    anonymity: Anonymity

    @model_validator(mode="after")
    def _whole(self) -> Policy:
        problems = [*self._repeated_names(), *self._open_ends(), *self._unfinished_gates(), *self._too_early()]
        if problems:
            raise PydanticCustomError(
                "not_whole", "{text}", {"text": "; ".join(text for _, text in problems), "problems": problems}
            )
        return self

    def _repeated_names(self) -> Iterator[Problem]:
        seen: set[str] = set()
        for number, route in enumerate(self.routes):
            if route.name in seen:
                yield ("routes", number, "name"), f'another route is already named "{route.name}"; names are unique'
            seen.add(route.name)

    def _open_ends(self) -> Iterator[Problem]:
        last = len(self.routes) - 1
        if self.routes[last].when != "always":
            yield ("routes", last, "when"), 'the last route must be for "always", so that every change has a road'

    def _unfinished_gates(self) -> Iterator[Problem]:
        for number, route in enumerate(self.routes):
            for gate in GATES:
                for part in ("who", "quorum"):
                    if getattr(route.gates.rule(gate), part) is None and getattr(self.gates.rule(gate), part) is None:
                        yield (
                            ("routes", number),
                            f'route "{route.name}" says nothing about "{part}" of {gate}, and "gates" has no default',
                        )

    def _too_early(self) -> Iterator[Problem]:
        """Find ``endorsers`` where nobody can have endorsed yet: the question would answer itself in a circle."""
        for gate in (ANSWER_PROPOSAL, ENDORSE_TESTS):
            yield from _endorsers_in(("gates", gate, "who"), self.gates.rule(gate).who)
            for number, route in enumerate(self.routes):
                yield from _endorsers_in(("routes", number, "gates", gate, "who"), route.gates.rule(gate).who)
        yield from _endorsers_in(("fallback",), self.fallback)
        yield from _endorsers_in(("review", "by"), self.review.by)
        yield from _endorsers_in(("review", "tell"), self.review.tell)
        yield from _endorsers_in(("anonymity", "reveal", "who"), self.anonymity.reveal.who)

    @cached_property
    def canonical(self) -> str:
        """The policy as canonical JSON: sorted keys, no spaces, what has its default value left out.

        So comments, formatting and spelled-out defaults make no difference, and a key that a later Groundswell adds
        does not change the hash of a policy written before.
        """
        content = self.model_dump(mode="json", exclude_defaults=True)
        return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of :attr:`canonical`, in hex."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()

    @cached_property
    def ref(self) -> PolicyRef:
        """What every event decided under this policy names."""
        return PolicyRef(name=self.name, version=self.version, sha256=self.sha256)

    def route(self, name: str) -> Route:
        """The route of this name.

        Raises:
            LookupError: the policy has no such route.
        """
        for route in self.routes:
            if route.name == name:
                return route
        raise LookupError(f'the policy "{self.name}" has no route "{name}"')

    def gate(self, route: Route, name: str) -> Gate:
        """A gate as it stands on one of this policy's routes: its own words, else the defaults.

        Raises:
            LookupError: ``name`` is none of :data:`changes.facts.GATES`, and neither
                :data:`changes.facts.REVIEW` nor :data:`REVEAL`.
        """
        if name == REVIEW:
            return Gate(self.review.by, Quorum(), route.review_within or self.proposal.answer_in)
        if name == REVEAL:
            reveal = self.anonymity.reveal
            return Gate(reveal.who, quorum_of(reveal.quorum), self.proposal.answer_in, only_these=True)
        if name not in GATES:
            raise LookupError(f'there is no gate "{name}"')
        own, default = route.gates.rule(name), self.gates.rule(name)
        who, quorum = own.who or default.who, own.quorum or default.quorum
        if who is None or quorum is None:
            raise LookupError(f'the route "{route.name}" is not one of the policy "{self.name}"')
        last_call = default.last_call if own.last_call is None else own.last_call
        answer_in = own.answer_in or default.answer_in or self.proposal.answer_in
        return Gate(who, quorum_of(quorum), answer_in, last_call=bool(last_call))


Problem: TypeAlias = tuple[tuple[str | int, ...], str]
"""Where something is wrong, and what."""


def _endorsers_in(path: tuple[str | int, ...], who: tuple[str, ...] | None) -> Iterator[Problem]:
    for number, entry in enumerate(who or ()):
        if parse(entry).kind is Kind.ENDORSERS:
            yield (*path, number), '"endorsers" cannot be asked here, because nobody has endorsed anything yet'
