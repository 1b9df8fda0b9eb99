"""Who sits at a gate: from the words of a policy to people who may answer now, each with the reason why.

Lifecycle.md's rules that always hold: nobody decides about their own change; who left, is away or has a conflict is
replaced from their line; silence escalates to the managers of those asked, and never approves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

from changes.facts import ENDORSE_TESTS, REVIEW, SIGN_TESTS, GateFacts, PassedOver, Quorum, Seat, Subject
from changes.quorums import EVERYBODY, Share, can_be_reached, shares
from changes.values import is_pseudonym
from directory.model import Directory, Person
from directory.standing_in import NOBODY_STANDS_IN, StandIns
from policies.case import Case
from policies.relations import Candidate, Kind, candidates, groups_named, parse, team_of
from policies.schema import Gate
from policies.wording import counted, day_in_words
from policies.working_time import working_time

HIGHEST_LEVEL = 5
"""Levels of escalation looked at, whatever a subject claims; a policy may allow as many at most."""


def gate_with(case: Case, name: str, asked: Asked, now: datetime) -> GateFacts:
    """One gate of a change as it would be asked now, where it is known who is asked. Without anybody it has no seats.

    Raises:
        LookupError: no such gate.
    """
    gate = case.policy.gate(case.route, name)
    due, reminders = working_time(case.policy.time).window(now, gate.answer_in)
    return GateFacts(
        name=name,
        seats=asked.seats,
        passed_over=asked.passed_over,
        quorum=asked.quorum,
        due=due,
        reminders=reminders,
        last_call=gate.last_call,
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked at a gate, whom a rule excluded, and how many must say yes."""

    seats: tuple[Seat, ...]
    passed_over: tuple[PassedOver, ...]
    quorum: Quorum
    from_fallback: tuple[str, ...] = ()
    """Those asked whom nothing but the policy's ``fallback`` brings here."""

    @property
    def can_be_reached(self) -> bool:
        """Whether enough people are asked for the quorum."""
        return can_be_reached(self.quorum, self.seats)


def people_at(case: Case, name: str, today: date) -> Asked:
    """Who would be asked at one gate of a change on a day.

    Raises:
        LookupError: no such gate.
    """
    table = _Table(case.directory, today, excluded(case.subject, name), case.stand_ins, name, case.subject.change)
    gate = case.policy.gate(case.route, name)
    quorum = _Seating(case, table).fill(gate, case.subject.levels.get(name, 0))
    through_fallback = tuple(ref for ref, place in table.places.items() if place.fallback and not place.own)
    return Asked(table.seats(), tuple(table.passed_over.values()), quorum, through_fallback)


def excluded(subject: Subject, gate: str) -> dict[str, str]:
    """Who may not answer at a gate, and the reason.

    Those whose change it is; whoever wrote the tests, where they are endorsed; whoever ran them, where they are signed;
    whoever decided, where it is reviewed; and those with a conflict of interest. A gate moves on from them by itself.
    """
    reasons = {subject.proposer: "proposed this change"}
    reasons |= {ref: "proposed this change with others" for ref in subject.co_proposers if ref not in reasons}
    reasons.setdefault(subject.filer, "filed this change")
    if gate == ENDORSE_TESTS and subject.wrote_tests:
        reasons.setdefault(subject.wrote_tests, "wrote these tests")
    if gate == REVIEW:
        reasons |= {ref: "decided about this change" for ref in subject.deciders if ref not in reasons}
    if gate == SIGN_TESTS:
        reasons |= {ref: "ran a test of this change" for ref in subject.testers if ref not in reasons}
    return reasons | {ref: "has a conflict of interest" for ref in subject.stepped_aside if ref not in reasons}


@dataclass(slots=True)
class _Place:
    """A seat while more reasons for it may be found."""

    person: Person
    groups: list[str]
    own: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    stands_in_for: str | None = None
    added: bool = False
    fallback: bool = False
    """Whether the policy's ``fallback`` was needed to find them, or one of the groups they speak for."""

    def seat(self) -> Seat:
        return Seat(
            person=self.person.ref,
            because=f"{self.person.name} {'; also '.join([*self.own, *self.others])}",
            group=self.groups[0],
            groups=tuple(self.groups),
            stands_in_for=None if self.own else self.stands_in_for,
            added=self.added,
        )


@dataclass(slots=True)
class _Table:
    """The people found so far for one gate, one place each."""

    directory: Directory
    today: date
    barred: dict[str, str]
    stand_ins: StandIns = NOBODY_STANDS_IN
    gate: str = ""
    change: str = ""
    places: dict[str, _Place] = field(default_factory=dict)
    passed_over: dict[str, PassedOver] = field(default_factory=dict)

    def seats(self) -> tuple[Seat, ...]:
        return tuple(place.seat() for place in self.places.values())

    def hindrance(self, person: Person) -> str | None:
        """Why a person cannot answer now, to follow "who"; none if they can. Conflicts are noted as passed over."""
        if person.ref in self.barred:
            self.passed_over[person.ref] = PassedOver(
                person=person.ref, because=f"{person.name} {self.barred[person.ref]}"
            )
            return "may not answer about this change"
        if not person.active:
            return "has left"
        until = person.away_until if self.directory.away(person.ref, self.today) else None
        until = max(filter(None, (until, self.stand_ins.away_until(person.ref, self.today))), default=None)
        return f"is away until {day_in_words(until)}" if until else None

    def delegate_of(self, person: Person) -> Person | None:
        """Who answers here for somebody who could answer themselves, or is away.

        Nobody answers for those whose own change it is, or who have left; and what was delegated is never passed on.
        """
        if person.ref in self.barred or not person.active:
            return None
        for delegation in self.stand_ins.delegates_of(person.ref, self.gate, self.change, self.today):
            receiver = self.directory.people.get(delegation.receiver)
            if receiver is not None and receiver != person and self.hindrance(receiver) is None:
                return receiver
        return None

    def first_free(self, people: Iterable[Person]) -> Person | None:
        """The first of these who can answer now."""
        return next((person for person in people if self.hindrance(person) is None), None)

    def place(self, person: Person, *groups: str) -> _Place:
        place = self.places.setdefault(person.ref, _Place(person, []))
        place.groups += [group for group in groups if group not in place.groups]
        return place

    def in_group(self, group: str) -> list[_Place]:
        """The places of a group; of everybody where it is :data:`changes.quorums.EVERYBODY`."""
        return [place for place in self.places.values() if group in (EVERYBODY, *place.groups)]


@dataclass(frozen=True, slots=True)
class _Seating:
    """The rules by which a table is filled."""

    case: Case
    table: _Table

    def fill(self, gate: Gate, level: int) -> Quorum:
        """Seat everybody; returns the quorum, which escalation never raises."""
        for candidate in self._named(gate.who):
            self._seat(candidate, alone=gate.only_these)
        if gate.only_these:
            return gate.quorum
        if gate.quorum.each is not None:
            self._seat_empty_groups(gate.who)
        if not self.table.places:
            self._seat_fallback("nobody else can be")
        self._complete(gate.quorum)
        first = [place.person for place in self.table.places.values()]
        if is_pseudonym(self.case.subject.proposer) and len(first) == 1:
            # The one person asked may be the author, whom nobody may know: so there is always somebody else to answer.
            self._ask_above(first, 1, "nobody is asked alone about an anonymous proposal")
        for step in range(1, min(level, HIGHEST_LEVEL) + 1):
            self._escalate(first, step)
        if len(self.table.places) == len(first) or gate.quorum.rule in ("any", "count", "per_group"):
            return gate.quorum
        return Quorum(rule="count", count=gate.quorum.needed(len(first)))

    def _named(self, who: tuple[str, ...]) -> Iterator[Candidate]:
        for entry in who:
            found = candidates(entry, self.case.directory, self.case.subject)
            if not found and parse(entry).kind is Kind.ENDORSERS:
                yield from self._future_endorsers()
            yield from found

    def _future_endorsers(self) -> Iterator[Candidate]:
        """Those who will be asked to endorse: as long as nobody has, they are whom a proposer should expect.

        They are those whom the policy names there, and whoever its quorum adds to them.
        """
        named = [found.person for found in self._named(self.case.policy.gate(self.case.route, ENDORSE_TESTS).who)]
        seated = people_at(self.case, ENDORSE_TESTS, self.table.today).seats
        more = [self.case.directory.person(seat.person) for seat in seated if not (seat.added or seat.stands_in_for)]
        for person in dict.fromkeys([*named, *more]):
            yield Candidate(person, "is asked to endorse the tests", Kind.ENDORSERS)

    def _seat(self, candidate: Candidate, *, alone: bool) -> None:
        """Seat a candidate, or whoever stands in for them unless only they may answer."""
        person, table = candidate.person, self.table
        delegate = None if alone else table.delegate_of(person)
        if delegate is not None:
            return self._seat_instead(delegate, candidate, f"answers for {person.name}, who {candidate.reason}")
        hindrance = table.hindrance(person)
        if hindrance is None:
            place = table.place(person, candidate.group)
            if candidate.reason not in place.own:
                place.own.append(candidate.reason)
        if hindrance is None or alone:
            return None
        reason = f"stands in for {person.name}, who {candidate.reason} and {hindrance}"
        substitute = table.first_free(self.case.directory.line_of(person.ref))
        if substitute is not None:
            return self._seat_instead(substitute, candidate, reason)
        substitute = next(self._fallback(), None)
        if substitute is not None:
            reason += f"; nobody above {person.name} can, so the policy's fallback is asked"
            self._seat_instead(substitute, candidate, reason)
            table.places[substitute.ref].fallback = True
        return None

    def _seat_instead(self, substitute: Person, candidate: Candidate, reason: str) -> None:
        place = self.table.place(substitute, candidate.group)
        if reason not in place.others:
            place.others.append(reason)
        place.stands_in_for = place.stands_in_for or candidate.person.ref

    def _fallback(self) -> Iterator[Person]:
        """Those of the policy's ``fallback`` who can answer now, in its order, then those above them."""
        named = [
            found.person
            for who in self.case.policy.fallback
            for found in candidates(who, self.case.directory, self.case.subject)
        ]
        for person in named:
            if self.table.hindrance(person) is None:
                yield person
        for person in named:
            above = self.table.first_free(self.case.directory.line_of(person.ref))
            if above is not None:
                yield above

    def _seat_fallback(self, why: str, group: str = EVERYBODY) -> bool:
        """Seat the first of the fallback who does not speak for the group yet; false if there is none."""
        there = {place.person.ref for place in self.table.in_group(group)}
        for person in self._fallback():
            if person.ref not in there:
                place = self.table.place(person, group or "fallback")
                place.others.append(f"is asked through the policy's fallback, because {why}")
                place.fallback = True
                return True
        return False

    def _seat_empty_groups(self, who: tuple[str, ...]) -> None:
        """Find somebody for each group that would otherwise be passed over in silence."""
        for group in (group for entry in who for group in groups_named(entry, self.case.subject)):
            if not self.table.in_group(group):
                team = team_of(group)
                known = self.case.directory.teams.get(team) if team else None
                self._seat_fallback(f"nobody else can be for {known.name if known else group}", group)

    def _complete(self, quorum: Quorum) -> None:
        """Ask as many people as the quorum needs: next in line above those asked, then the fallback."""
        given_up: set[str] = set()
        while short := self._shortage(quorum, given_up):
            wanted = counted(short.needed, "person is", "people are")
            if not self._seat_next_in_line(short.group, wanted) and not self._seat_fallback(
                f"{wanted} needed", short.group
            ):
                given_up.add(short.group)

    def _shortage(self, quorum: Quorum, given_up: set[str]) -> Share | None:
        """The first share that too few people are asked for, of those for which somebody may still be found."""
        found = shares(quorum, self.table.seats())
        return next(
            (share for share in found if share.needed > len(share.places) and share.group not in given_up), None
        )

    def _seat_next_in_line(self, group: str, wanted: str) -> bool:
        for place in self.table.in_group(group):
            above = self._next_above(place.person, group)
            if above is not None:
                reason = f"is next in line above {place.person.name}; {wanted} needed"
                self.table.place(above, *(place.groups if group == EVERYBODY else [group])).others.append(reason)
                return True
        return False

    def _next_above(self, person: Person, group: str = EVERYBODY) -> Person | None:
        """The next in their line who does not speak for the group yet."""
        there = {place.person.ref for place in self.table.in_group(group)}
        return self.table.first_free(
            above for above in self.case.directory.line_of(person.ref) if above.ref not in there
        )

    def _escalate(self, first: list[Person], step: int) -> None:
        """Add the managers ``step`` levels above those first asked; if all of them are asked already, somebody else."""
        self._ask_above(first, step, "no answer came in time")

    def _ask_above(self, first: list[Person], step: int, why: str) -> None:
        before = len(self.table.places)
        for person in first:
            above = self.table.first_free(self.case.directory.line_of(person.ref)[step - 1 :])
            if above is not None and above.ref not in self.table.places:
                self._add_above(person, above, why)
        if len(self.table.places) > before:
            return
        for person in first:
            above = self._next_above(person)
            if above is not None:
                self._add_above(person, above, why)
                return
        if self._seat_fallback(why):
            next(reversed(self.table.places.values())).added = True

    def _add_above(self, person: Person, above: Person, why: str) -> None:
        place = self.table.place(above, *self.table.places[person.ref].groups)
        place.others.append(f"is in line above {person.name}, and {why}")
        place.added = True
