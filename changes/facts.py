"""What was true of the world when a command was applied.

A look-up (see ``store.authority``) answers a :class:`Subject` with :class:`Facts`. The rules in this package read
facts and nothing else, so the same state, command, facts and time always give the same decision, on replay too.
Deadlines are facts as well: working time depends on zones and holiday tables that change under a running change.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date
from typing import Literal

from pydantic import Field

from changes.values import Moment, Number, Ref, Value

ANSWER_PROPOSAL = "answer_proposal"
ENDORSE_TESTS = "endorse_tests"
SIGN_TESTS = "sign_tests"
START_ROLLOUT = "start_rollout"
REVEAL = "reveal_proposer"
"""Where people agree to have the name behind a pseudonym shown; no gate of the road (see :mod:`changes.anonymity`)."""
GATES = (ANSWER_PROPOSAL, ENDORSE_TESTS, SIGN_TESTS, START_ROLLOUT)
"""The gates a change can meet, in the order of its road (lifecycle.md)."""

REVIEW = "review"
"""The review afterwards, as the policy's machinery for gates sees it; it is no gate on the road."""

SYSTEM = "system"
"""The actor of everything Groundswell does by itself: deadlines, guards, opened checks."""


class PolicyRef(Value):
    """The policy version that decides about a change, named on every event it decided."""

    name: Ref
    version: int = Field(ge=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class PersonFacts(Value):
    """A person as the directory knows them now."""

    ref: Ref
    name: str
    team: Ref | None = None
    manager: Ref | None = None
    roles: tuple[str, ...] = ()
    active: bool = True
    away: bool = False
    leads_people: bool = False
    open_to_invitations: bool = True


class TeamFacts(Value):
    """A team with its number of active members, sub-teams included."""

    ref: Ref
    name: str
    size: int


class ProcessFacts(Value):
    """A process and the person who owns it."""

    ref: Ref
    name: str
    owner: Ref


class Seat(Value):
    """One person who may answer a gate now, and why it is them."""

    person: Ref
    because: str
    group: str
    """The first of :attr:`groups`."""
    groups: tuple[str, ...] = ()
    """The groups they speak for: an entry of the policy's ``who``, or one affected team of it."""
    stands_in_for: Ref | None = None
    added: bool = False
    """Asked beside those the policy names, because no answer came in time."""


class PassedOver(Value):
    """Somebody a gate would have asked, had a rule not excluded them."""

    person: Ref
    because: str


class Quorum(Value):
    """How many of the people asked must say yes."""

    rule: Literal["any", "all", "count", "percent", "per_group"] = "any"
    count: int = Field(default=1, ge=1)
    percent: int = Field(default=100, ge=1, le=100)
    at_least: int = Field(default=1, ge=1)
    each: Quorum | None = None
    """With ``per_group``: what every group of those asked must reach by itself; see :mod:`changes.quorums`."""

    def needed(self, seats: int) -> int:
        """The number of yeses out of ``seats`` people; percentages round up, ``at_least`` is a floor.

        Per group, this is what all groups together must give at least.
        """
        match self.rule:
            case "any":
                return 1
            case "all":
                return max(seats, 1)
            case "count":
                return self.count
            case "percent":
                return max(math.ceil(seats * self.percent / 100), self.at_least)
            case "per_group":
                return self.at_least

    def in_words(self, seats: int) -> str:
        """The rule as a person would say it: "any one of 3", "2 of 3"."""
        if self.rule == "any":
            return "any one of them is enough" if seats > 1 else "their answer is enough"
        return f"{self.needed(seats)} of {seats} must say yes"


class GateFacts(Value):
    """A gate as it would be asked now. ``due`` and ``reminders`` count from the moment of the look-up."""

    name: str
    seats: tuple[Seat, ...]
    passed_over: tuple[PassedOver, ...] = ()
    quorum: Quorum = Quorum()
    due: Moment
    reminders: tuple[Moment, ...] = ()
    last_call: bool = False
    """Whether the policy has a last call made here before the gate closes."""

    def seat_of(self, person: str) -> Seat | None:
        """The seat of ``person``, if they have one."""
        return next((seat for seat in self.seats if seat.person == person), None)


class RouteFacts(Value):
    """The route the policy chose for a change, explained in sentences."""

    policy: PolicyRef
    route: str
    because: tuple[str, ...]


class Empowerment(Value):
    """Whether the proposer may decide alone, with the reasons, and until when their manager may object."""

    allowed: bool
    because: tuple[str, ...]
    objection_due: Moment


class Norms(Value):
    """The policy's numbers, with durations already turned into moments counted from now."""

    free_edit_until: Moment
    invitation_due: Moment
    invitation_reminder: Moment
    campaign_due: Moment
    expires: Moment
    effect_checks: tuple[Moment, ...]
    escalation_levels: int = Field(ge=0, le=5)
    people_per_champion: int = Field(ge=1)
    cover_every_unit: bool
    smallest_adoption: int = Field(ge=0, le=100)
    """Per cent of a wave that must have adopted before the wave may be completed, where the wave names none."""
    open_campaigns_per_person: int = Field(ge=1)
    open_rollouts_per_team: int = Field(ge=1)
    quiet_until: Moment | None = None
    """Until when nobody is nudged about something they were just nudged about."""
    last_call_until: Moment | None = None
    """When a last call made now would be over."""
    ask_why_by: Moment | None = None
    """By when somebody should have asked why about a concern raised now; a measure, not a deadline."""
    step_reminder: Moment | None = None
    """When authors who owe a step from now on are reminded of it."""
    anonymous_proposals: bool = True
    anonymous_concerns: bool = True
    co_proposers_asked: bool = False
    """Whether co-proposers are asked before they are named; look-ups of earlier releases do not say it."""


class Candidate(Value):
    """A policy that a change puts forward, held against the one in force now."""

    ref: PolicyRef
    in_force: PolicyRef
    taken: bool = False
    """Its name and version are published already, with other content."""
    errors: tuple[str, ...] = ()
    """Why changes would get stuck under it. Only looked for while it is put forward."""
    worth_knowing: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()


class Whereabouts(Value):
    """Where somebody is who holds something open on a change."""

    active: bool = True
    away_until: date | None = None
    """The last day of an absence that has begun; none while they are here."""
    team: Ref | None = None


class Recommended(Value):
    """One colleague the picker recommends as champion, with the numbers behind it (never names)."""

    person: Ref
    reasons: tuple[str, ...] = ()


class Recommendation(Value):
    """What the picker recommends, frozen as evidence: same ground, same answer (reference/champions.md 3.3)."""

    places: int
    picks: tuple[Recommended, ...] = ()
    unmet: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    ground_sha256: str = ""
    finding: str = ""
    """Why no more colleagues should be asked: about the change, never about a person (champions.md 3.4)."""
    offers: tuple[str, ...] = ()
    """What may be done about that."""


class UnitCoverage(Value):
    """How many accepted champions an affected team has, against its size."""

    team: Ref
    name: str
    members: int
    champions: int


class Picking(Value):
    """What the picker has to know beyond the directory."""

    places: int | None = Field(default=None, ge=1, le=10_000)
    """How many champions in all; none leaves it to the policy's ratio."""
    asked: tuple[Ref, ...] = ()
    """Colleagues whose invitation is out; each holds a place."""
    not_again: tuple[Ref, ...] = ()
    """Colleagues who declined, let an invitation pass or stepped down in this campaign."""
    volunteers: tuple[Ref, ...] = ()
    votes: dict[str, int] = Field(default_factory=dict)
    batches: int = Field(default=0, ge=0)
    """How often colleagues have been asked; 0 where nothing follows from the answers yet."""
    accepted: int = Field(default=0, ge=0)
    """How many ever said yes."""
    silent: int = Field(default=0, ge=0)
    """How many said no or nothing, which look the same."""
    only_if_lost: bool = False
    """Plan only where one of the champions has left, and without them."""
    introductions: tuple[tuple[Ref, Ref], ...] = ()
    """Pairs who were introduced to each other within this change."""


class Subject(Value):
    """What a look-up has to know about a change to say who is asked, as of now."""

    policy: PolicyRef | None = None
    """The version the change is bound to; none before submission, then the version in force answers."""
    proposer: Ref
    filer: Ref
    co_proposers: tuple[Ref, ...] = ()
    process: Ref
    affected_teams: tuple[Ref, ...]
    people_affected: int = Field(ge=1, le=1_000_000)
    cost: Number
    reversible: bool
    customer_facing: bool
    regulated: bool
    urgency: Literal["normal", "emergency"] = "normal"
    kind: Literal["process", "policy"] = "process"
    """What is to change: a way of working, or the policy itself."""
    candidate: Ref | None = None
    """The policy that the change puts forward, by its content hash."""
    deciders: tuple[Ref, ...] = ()
    """Those whose yes is on record at one of its gates; they do not review it afterwards."""
    endorsers: tuple[Ref, ...] = ()
    """Those whose endorsement of the current test plan counts."""
    testers: tuple[Ref, ...] = ()
    levels: dict[str, int] = Field(default_factory=dict)
    """How often each gate has been escalated: 1 asks the managers of those first asked, 2 theirs."""
    champions: tuple[Ref, ...] = ()
    """Colleagues who accepted a champion's place and still hold it."""
    recruits: bool = False
    """Champions are recruited or a rollout runs now, so coverage and load have to be counted."""
    named: tuple[Ref, ...] = ()
    """Everyone else the command or the change names."""
    named_teams: tuple[Ref, ...] = ()
    named_processes: tuple[Ref, ...] = ()
    named_changes: tuple[Ref, ...] = ()
    change: str = ""
    """The change's reference; delegations may be about single changes."""
    wrote_tests: Ref | None = None
    """Who wrote the tests as they are now; somebody else endorses them."""
    stepped_aside: tuple[Ref, ...] = ()
    """Those who said that they have a conflict of interest here."""
    open_gate: str = ""
    """The gate that is open, where :attr:`asked_since` is given."""
    asked_since: Moment | None = None
    """Since when the open gate has been asked, where its deadline is to be reckoned again."""
    duplicate: Ref | None = None
    """A change that may have been marked as a duplicate of this one, whose followers are asked for."""
    revealing: bool = False
    """Whether somebody speaks anonymously here, so that it has to be known who may reveal them."""
    named_policies: tuple[Ref, ...] = ()
    holders: tuple[Ref, ...] = ()
    """Those who hold something open here, where it has to be known whether they still are where they were."""
    picking: Picking | None = None
    """Filled when the command asks for a recommendation of champions."""


class Facts(Value):
    """The answer to a :class:`Subject` for one actor at one moment."""

    actor: PersonFacts
    route: RouteFacts
    gates: dict[str, GateFacts]
    empowerment: Empowerment
    norms: Norms
    process: ProcessFacts
    people: dict[str, PersonFacts]
    teams: dict[str, TeamFacts]
    campaigns: dict[str, int] = Field(default_factory=dict)
    """Open campaigns per person (places they hold on other changes)."""
    rollouts: dict[str, int] = Field(default_factory=dict)
    """Running rollouts per team, other than this change's."""
    coverage: tuple[UnitCoverage, ...] = ()
    recommendation: Recommendation | None = None
    reveal: GateFacts | None = None
    """Who may agree to reveal somebody, where somebody speaks anonymously."""
    asked_anew: GateFacts | None = None
    """The open gate with its deadline reckoned from when it was asked; see :attr:`Subject.asked_since`."""
    followers_of_duplicate: tuple[Ref, ...] = ()
    """Where a duplicate hands over its followers: them and its authors, if it was marked as one of this change."""
    newest: PolicyRef | None = None
    """The policy in force, which changes that began earlier do not follow."""
    candidate: Candidate | None = None
    review: GateFacts | None = None
    """Who would review the change afterwards, and by when, counted from now; none where its route asks for none."""
    told: tuple[Ref, ...] = ()
    """Who hears at once of a change on such a route."""
    whereabouts: dict[str, Whereabouts] = Field(default_factory=dict)
    """Of :attr:`Subject.holders`, where they are now. Look-ups of earlier releases do not bring it."""
    unknown: tuple[str, ...] = ()
    """References that the command names and nobody knows."""

    def seated(self, gate: str) -> tuple[str, ...]:
        """Who would be asked at a gate now."""
        return tuple(seat.person for seat in self.gates[gate].seats)

    def above_the_gates(self) -> tuple[str, ...]:
        """The managers of those asked at the gates, or the heads of their lines: who may overrule a concern."""
        asked = dict.fromkeys(person for gate in self.gates for person in self.seated(gate))
        return tuple(dict.fromkeys(self.people[ref].manager or ref for ref in asked if ref in self.people))

    def teams_of(self, people: Iterable[str]) -> dict[str, str]:
        """In which team each of ``people`` is now, where they are in one."""
        known = (self.people[ref] for ref in dict.fromkeys(people) if ref in self.people)
        return {person.ref: person.team for person in known if person.team}
