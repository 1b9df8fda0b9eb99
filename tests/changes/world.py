"""A small invented organisation that answers what the rules ask, as the real look-up does, and small builders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from changes.anonymity import pseudonym_facts
from changes.facts import (
    ANSWER_PROPOSAL,
    ENDORSE_TESTS,
    GATES,
    REVEAL,
    REVIEW,
    SIGN_TESTS,
    SYSTEM,
    Candidate,
    Empowerment,
    Facts,
    GateFacts,
    Norms,
    PassedOver,
    PersonFacts,
    PolicyRef,
    ProcessFacts,
    Quorum,
    Recommendation,
    Recommended,
    RouteFacts,
    Seat,
    Subject,
    TeamFacts,
    UnitCoverage,
    Whereabouts,
)
from changes.proposal import Submit
from changes.state import Guard, Operator, Test, Wave
from changes.values import is_pseudonym

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""When every story begins."""
BACK = date(2026, 12, 31)
"""The last day of everybody's absence."""
POLICY = PolicyRef(name="default", version=3, sha256="ab" * 32)

_PEOPLE = """
vera  Vera Lindt      -       -
mara  Mara Okoye      vera    billing
omar  Omar Haddad     vera    support
lena  Lena Vogt       vera    depot
paul  Paul Brandt     mara    billing
fina  Fina Aydin      mara    billing
bela  Bela Kis        mara    billing
sina  Sina Thoma      omar    support
tom   Tom Reyes       omar    support
uta   Uta Holm        omar    support
kai   Kai Berger      lena    depot
nora  Nora Sand       lena    depot
"""


def _people() -> dict[str, PersonFacts]:
    people: dict[str, PersonFacts] = {}
    for line in _PEOPLE.strip().splitlines():
        ref, first, last, manager, team = line.split()
        people[ref] = PersonFacts(
            ref=ref,
            name=f"{first} {last}",
            manager=None if manager == "-" else manager,
            team=None if team == "-" else team,
            leads_people=ref in {"vera", "mara", "omar", "lena"},
            roles=("steward",) if ref == "kai" else (),
        )
    return people


def _any_one() -> dict[str, Quorum]:
    return dict.fromkeys(GATES, Quorum())


@dataclass
class World:
    """What is true outside of a change. Tests alter it in the middle of a story: people leave, limits move."""

    people: dict[str, PersonFacts] = field(default_factory=_people)
    teams: dict[str, str] = field(
        default_factory=lambda: {"billing": "Billing", "support": "Support", "depot": "Depot"}
    )
    leaders: dict[str, str] = field(default_factory=lambda: {"billing": "mara", "support": "omar", "depot": "lena"})
    owners: dict[str, str] = field(default_factory=lambda: {"returns": "omar", "invoicing": "mara"})
    changes: set[str] = field(default_factory=lambda: {"CH-0001", "CH-0002"})
    quorums: dict[str, Quorum] = field(default_factory=_any_one)
    may_decide_alone: bool = False
    escalation_levels: int = 2
    cover_every_unit: bool = True
    campaigns: dict[str, int] = field(default_factory=dict)
    rollouts: dict[str, int] = field(default_factory=dict)
    delegates: dict[str, str] = field(default_factory=dict)
    """Who answers for whom, at every gate."""
    last_calls: set[str] = field(default_factory=set)
    """The gates at which the policy has a last call made."""
    days_to_answer: int = 5
    anonymous: bool = True
    """Whether the policy lets people speak without their name."""
    duplicates: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Duplicates of this change, with those who want to hear of them."""
    answers: tuple[str, tuple[str, ...]] = ("", ())
    """What the answers to the invitations say, with what may be done about it."""
    in_force: PolicyRef = POLICY
    """The newest policy; a change keeps the one it began under."""
    asks_co_proposers: bool = True
    """Whether co-proposers are asked before they are named, as every look-up says since 0.3."""
    short_road: bool = False
    """Every change takes a route that must be reviewed afterwards."""

    def alter(self, person: str, **facts: object) -> None:
        """Something about ``person`` is different from now on, for example ``active=False``."""
        self.people[person] = self.people[person].having(**facts)

    def facts(self, subject: Subject, actor: str, now: datetime) -> Facts:
        """The look-up's answer, as of ``now``."""
        gates = {name: self._gate(name, subject, now) for name in GATES}
        return Facts(
            actor=self._actor(actor),
            route=self._route(subject),
            gates=gates,
            empowerment=self._empowerment(now),
            norms=self._norms(now),
            process=ProcessFacts(
                ref=subject.process,
                name=subject.process.capitalize(),
                owner=self.owners.get(subject.process, SYSTEM),
            ),
            people={
                ref: pseudonym_facts(ref) if is_pseudonym(ref) else self.people[ref]
                for ref in self._mentioned(subject, actor, gates)
                if ref in self.people or is_pseudonym(ref)
            },
            teams={
                ref: TeamFacts(ref=ref, name=self.teams[ref], size=len(self._members(ref)))
                for ref in (*subject.affected_teams, *subject.named_teams)
                if ref in self.teams
            },
            campaigns=self.campaigns,
            rollouts=self.rollouts,
            coverage=self._coverage(subject),
            recommendation=self._recommendation(subject),
            reveal=self._reveal(now) if subject.revealing else None,
            asked_anew=self._asked_anew(gates[subject.open_gate], subject.asked_since) if subject.asked_since else None,
            followers_of_duplicate=self.duplicates.get(subject.duplicate or "", ()),
            newest=self.in_force,
            candidate=self._candidate(subject),
            review=self._review(subject, now) if self.short_road else None,
            told=("vera",) if self.short_road else (),
            whereabouts={ref: self._whereabouts(ref) for ref in subject.holders if ref in self.people},
            unknown=tuple(self._unknown(subject)),
        )

    def _whereabouts(self, ref: str) -> Whereabouts:
        person = self.people[ref]
        return Whereabouts(active=person.active, away_until=BACK if person.away else None, team=person.team)

    def _reveal(self, now: datetime) -> GateFacts:
        seats = tuple(
            Seat(person=ref, because=f"{self.people[ref].name} may reveal", group="reveal")
            for ref in ("vera", "lena")
            if self.people[ref].active
        )
        return GateFacts(name=REVEAL, seats=seats, quorum=Quorum(rule="count", count=2), due=now)

    def _asked_anew(self, gate: GateFacts, since: datetime) -> GateFacts:
        due = since + timedelta(days=self.days_to_answer)
        return gate.having(due=due, reminders=(since + timedelta(days=self.days_to_answer / 2),))

    def _route(self, subject: Subject) -> RouteFacts:
        name = "policy" if subject.kind == "policy" else "emergency" if self.short_road else "everyday"
        return RouteFacts(
            policy=subject.policy or self.in_force, route=name, because=(f"Route {name}: it fits always",)
        )

    def _candidate(self, subject: Subject) -> Candidate | None:
        if subject.candidate is None:
            return None
        ref = self.in_force.having(version=self.in_force.version + 1, sha256=subject.candidate)
        return Candidate(ref=ref, in_force=self.in_force, differences=("proposal.answer_in: 5d becomes 4d",))

    def _review(self, subject: Subject, now: datetime) -> GateFacts:
        """Lena reviews, else Nora, else Vera: the first who is free and decided nothing; all of them once overdue."""
        out = {subject.proposer, subject.filer, *subject.co_proposers, *subject.deciders}
        free = [ref for ref in ("lena", "nora", "vera") if self._free(ref, dict.fromkeys(out, ""))]
        seats = [Seat(person=ref, because=f"{self.people[ref].name} is an auditor", group=REVIEW) for ref in free]
        asked = tuple(seats[: 1 + subject.levels.get(REVIEW, 0)])
        due = now + timedelta(days=10)
        return GateFacts(name=REVIEW, seats=asked, due=due, reminders=(now + timedelta(days=5),))

    def _actor(self, actor: str) -> PersonFacts:
        if actor == SYSTEM:
            return PersonFacts(ref=SYSTEM, name="Groundswell")
        if is_pseudonym(actor):
            return pseudonym_facts(actor)
        return self.people.get(actor) or PersonFacts(ref=actor, name=actor, active=False)

    def _empowerment(self, now: datetime) -> Empowerment:
        reasons = (
            ("You may decide this yourself: it is within the limits of the role employee", "It touches 8 people")
            if self.may_decide_alone
            else ("Others decide with you: it is beyond the limits of the role employee", "It touches 8 people")
        )
        return Empowerment(allowed=self.may_decide_alone, because=reasons, objection_due=now + timedelta(days=2))

    def _norms(self, now: datetime) -> Norms:
        return Norms(
            free_edit_until=now + timedelta(hours=1),
            invitation_due=now + timedelta(days=3),
            invitation_reminder=now + timedelta(days=2),
            campaign_due=now + timedelta(weeks=6),
            expires=now + timedelta(days=30),
            effect_checks=(now + timedelta(days=30), now + timedelta(days=90)),
            escalation_levels=self.escalation_levels,
            people_per_champion=12,
            cover_every_unit=self.cover_every_unit,
            smallest_adoption=50,
            open_campaigns_per_person=1,
            open_rollouts_per_team=2,
            quiet_until=now + timedelta(hours=4),
            last_call_until=now + timedelta(days=7),
            ask_why_by=now + timedelta(days=3),
            step_reminder=now + timedelta(days=7),
            anonymous_proposals=self.anonymous,
            anonymous_concerns=self.anonymous,
            co_proposers_asked=self.asks_co_proposers,
        )

    def _mentioned(self, subject: Subject, actor: str, gates: dict[str, GateFacts]) -> Iterator[str]:
        """Only whom the look-up has a reason to bring: a rule that asks about others must fail here."""
        yield from (actor, subject.proposer, subject.filer, *subject.co_proposers)
        yield from (*subject.endorsers, *subject.testers, *subject.named)
        for gate in gates.values():
            for seat in gate.seats:
                yield from (seat.person, seat.stands_in_for or seat.person)
            yield from (passed.person for passed in gate.passed_over)
        if subject.holders:
            yield from (self.people[seat.person].manager or SYSTEM for gate in gates.values() for seat in gate.seats)
        manager = self.people[subject.proposer].manager if subject.proposer in self.people else None
        yield from (manager or SYSTEM, self.owners.get(subject.process, SYSTEM))

    # ------------------------------------------------------------------------------------------------- gates

    def _line_of(self, ref: str) -> tuple[str, ...]:
        line: list[str] = []
        above = self.people[ref].manager if ref in self.people else None
        while above is not None:
            line.append(above)
            above = self.people[above].manager
        return tuple(line)

    def _candidates(self, gate: str, subject: Subject) -> tuple[tuple[str, str], ...]:
        """``(person, why)`` for everyone the policy names at ``gate``."""
        manager = tuple((ref, "is the proposer's manager") for ref in self._line_of(subject.proposer)[:1])
        owner = tuple((ref, "owns the process") for ref in [self.owners.get(subject.process)] if ref)
        leaders = tuple(
            (self.leaders[t], "leads an affected team") for t in subject.affected_teams if t in self.leaders
        )
        if gate == ANSWER_PROPOSAL:
            return (*manager, *owner)
        if gate == ENDORSE_TESTS:
            return (*owner, *leaders)
        if gate == SIGN_TESTS:
            return tuple((ref, "endorsed the tests") for ref in subject.endorsers) or (*owner, *leaders)
        return owner

    def _gate(self, name: str, subject: Subject, now: datetime) -> GateFacts:
        barred = dict.fromkeys((subject.proposer, subject.filer, *subject.co_proposers), "is an author of this change")
        if name == SIGN_TESTS:
            barred |= {ref: "ran a test of this change" for ref in subject.testers if ref not in barred}
        if name == ENDORSE_TESTS and subject.wrote_tests:
            barred.setdefault(subject.wrote_tests, "wrote these tests")
        barred |= {ref: "has a conflict of interest" for ref in subject.stepped_aside if ref not in barred}
        seats: dict[str, Seat] = {}
        for ref, why in self._candidates(name, subject):
            self._seat(seats, ref, why, barred)
        quorum = self.quorums[name]
        first = tuple(seats)
        for level in range(1, subject.levels.get(name, 0) + 1):
            for ref in first:
                above = next((up for up in self._line_of(ref)[level - 1 :] if self._free(up, barred)), None)
                if above and above not in seats:
                    seats[above] = Seat(person=above, because="no answer came in time", group=name)
        if len(seats) > len(first) and quorum.rule in {"all", "percent"}:
            quorum = Quorum(rule="count", count=quorum.needed(len(first)))
        due = now + timedelta(days=self.days_to_answer)
        return GateFacts(
            name=name,
            seats=tuple(seats.values()),
            passed_over=tuple(
                PassedOver(person=ref, because=f"{self.people[ref].name} {barred[ref]}")
                for ref, _ in dict(self._candidates(name, subject)).items()
                if ref in barred and ref in self.people
            ),
            quorum=quorum,
            due=due,
            reminders=(now + timedelta(days=2, hours=12), now + timedelta(days=4)),
            last_call=name in self.last_calls,
        )

    def _free(self, ref: str, barred: dict[str, str]) -> bool:
        person = self.people[ref]
        return person.active and not person.away and ref not in barred

    def _seat(self, seats: dict[str, Seat], ref: str, why: str, barred: dict[str, str]) -> None:
        delegate = self.delegates.get(ref)
        if delegate and ref not in barred and self.people[ref].active and self._free(delegate, barred):
            because = f"{self.people[delegate].name} answers for {self.people[ref].name}, who {why}"
            seats.setdefault(delegate, Seat(person=delegate, because=because, group=why, stands_in_for=ref))
            return
        if ref in self.people and self._free(ref, barred):
            seats[ref] = Seat(person=ref, because=f"{self.people[ref].name} {why}", group=why)
            return
        above = next((up for up in self._line_of(ref) if self._free(up, barred)), None)
        if above:
            because = f"{self.people[above].name} stands in for {self.people[ref].name}, who {why}"
            seats.setdefault(above, Seat(person=above, because=because, group=why, stands_in_for=ref))

    # --------------------------------------------------------------------------------------------- champions

    def _members(self, team: str) -> list[str]:
        return [ref for ref, person in self.people.items() if person.team == team and person.active]

    def _coverage(self, subject: Subject) -> tuple[UnitCoverage, ...]:
        return tuple(
            UnitCoverage(
                team=team,
                name=self.teams[team],
                members=len(self._members(team)),
                champions=sum(ref in subject.champions for ref in self._members(team)),
            )
            for team in subject.affected_teams
            if team in self.teams
        )

    def _recommendation(self, subject: Subject) -> Recommendation | None:
        picking = subject.picking
        if picking is None:
            return None
        here = tuple(ref for ref in subject.champions if self.people[ref].active)
        if picking.only_if_lost and here == subject.champions:
            return None
        taken = {subject.proposer, subject.filer, *subject.co_proposers, *subject.testers, *subject.endorsers}
        taken |= {*picking.asked, *picking.not_again, *subject.champions}
        eligible = [
            ref
            for team in subject.affected_teams
            for ref in self._members(team)
            if ref not in taken and not self.people[ref].leads_people
        ]
        places = picking.places or 2
        ranked = sorted(eligible, key=lambda ref: (-picking.votes.get(ref, 0), ref))
        return Recommendation(
            places=places,
            picks=tuple(Recommended(person=ref, reasons=("3 colleagues go to you",)) for ref in ranked[:places]),
            ground_sha256="cd" * 32,
            finding=self.answers[0] if picking.batches else "",
            offers=self.answers[1] if picking.batches else (),
        )

    def _unknown(self, subject: Subject) -> Iterator[str]:
        known: tuple[tuple[tuple[str, ...], set[str]], ...] = (
            (tuple(ref for ref in subject.named if not is_pseudonym(ref)), set(self.people)),
            ((*subject.affected_teams, *subject.named_teams), set(self.teams)),
            ((subject.process, *subject.named_processes), set(self.owners)),
            (subject.named_changes, self.changes),
        )
        for named, existing in known:
            yield from (ref for ref in named if ref not in existing)


# ---------------------------------------------------------------------------------------------------- builders


def proposal(
    *,
    title: str = "Answer returns within a day",
    process: str = "returns",
    affected_teams: tuple[str, ...] = ("billing", "support"),
    proposer: str | None = None,
    co_proposers: tuple[str, ...] = (),
    people_affected: int = 8,
    policy: str | None = None,
) -> Submit:
    """What Paul files: a change in a process of Omar's that touches Mara's and Omar's teams."""
    return Submit(
        title=title,
        process=process,
        problem="Customers wait four days for a yes or no.",
        suggestion="Decide small returns at the desk.",
        affected_teams=affected_teams,
        people_affected=people_affected,
        policy=policy,
        proposer=proposer,
        co_proposers=co_proposers,
    )


def a_test(
    ref: str = "T1",
    testers: tuple[str, ...] = ("tom",),
    at_most: str = "24",
    starts: date = date(2026, 3, 3),
    ends: date = date(2027, 12, 31),
) -> Test:
    """One test; it passes when the waiting time is ``at_most`` so many hours."""
    return Test(
        ref=ref,
        hypothesis="People at the desk can decide small returns.",
        measure="Waiting time",
        unit="hours",
        baseline=Decimal(96),
        operator=Operator.AT_MOST,
        pass_line=Decimal(at_most),
        where="Desk 2",
        testers=testers,
        starts=starts,
        ends=ends,
    )


def a_guard(metric: str = "Complaints", threshold: str = "5", readings: int = 1) -> Guard:
    """Healthy while there are at most ``threshold`` a day."""
    return Guard(
        metric=metric, unit="a day", operator=Operator.AT_MOST, threshold=Decimal(threshold), readings=readings
    )


def a_wave(
    name: str = "Pilot",
    teams: tuple[str, ...] = ("billing", "support"),
    guards: tuple[Guard, ...] = (),
    smallest_adoption: int | None = None,
    by_person: bool = False,
) -> Wave:
    """One wave with one guard, unless ``guards`` says otherwise."""
    return Wave(
        name=name,
        teams=teams,
        guards=guards or (a_guard(),),
        smallest_adoption=smallest_adoption,
        gate="person" if by_person else "automatic",
    )
