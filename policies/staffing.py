"""Whether somebody can be found for every gate and every review, whoever proposes the change.

Only a few people decide that: those a gate can ever reach, see :func:`_reach`. Where these are more than the quorum
needs and a change can exclude, every proposer is fine; only the rest is tried out, proposer by proposer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from changes.facts import ENDORSE_TESTS, GATES, REVIEW, SIGN_TESTS, Quorum, Subject
from changes.permissions import STEWARD
from changes.values import enumerated
from directory.model import Directory
from policies.case import Case
from policies.gates import people_at
from policies.relations import Kind, candidates, parse
from policies.schema import REVEAL, Policy, Route
from policies.wording import counted

MOST_EXCLUDED = 3
"""People one change usually excludes: who proposed it, who filed it, who ran its test."""
PATIENCE = 100_000
"""Gates filled in one check, at about 20 microseconds each."""
NOBODY = "nobody"
"""Stands for a proposer whom no rule names."""


@dataclass(frozen=True, slots=True)
class Shortage:
    """A gate for which people may be lacking. ``certain`` if one proposer alone is enough for that.

    ``spare`` counts the people beyond those the quorum needs.
    """

    route: str
    gate: str
    message: str
    certain: bool
    spare: int = 0


@dataclass(slots=True)
class Staffing:
    """One check of a policy against a directory, as people are on ``today``."""

    policy: Policy
    directory: Directory
    today: date
    left: int = field(default_factory=lambda: PATIENCE)
    """Gates that may still be filled before the check gives up."""
    _seen: set[tuple[str, ...]] = field(default_factory=set)

    @property
    def finished(self) -> bool:
        """Whether everything was tried."""
        return self.left > 0

    def shortages(self) -> Iterator[Shortage]:
        """Every gate once that somebody's change could not pass; of those in doubt the one with the fewest people."""
        found = [self._gate(route, name) for route in self.policy.routes for name in GATES]
        doubts = [shortage for shortage in found if shortage is not None and not shortage.certain]
        yield from (shortage for shortage in found if shortage is not None and shortage.certain)
        yield from self._reveal(self.policy.routes[-1])
        reviews = (self._review(route) for route in self.policy.routes if route.review_within)
        yield from (shortage for shortage in reviews if shortage is not None)
        if doubts:
            yield min(doubts, key=lambda shortage: shortage.spare)

    def through_fallback(self, roads: Iterable[Route]) -> Iterator[Shortage]:
        """Every gate of a change of the policy at which somebody decides whom only the fallback brings there.

        Args:
            roads: the routes that a change of the policy can take.
        """
        for route in roads:
            for name in (ENDORSE_TESTS, SIGN_TESTS):
                if (found := self._fallback_at(route, name)) is not None:
                    yield found

    def _fallback_at(self, route: Route, name: str) -> Shortage | None:
        for subject in self._subjects(self._who(route, name), by_reach=False):
            case = self._case(route, subject.having(kind="policy"))
            for proposer in self.directory.with_role(STEWARD):
                if self.left <= 0:
                    return None
                self.left -= 1
                asked = people_at(case.proposed_by(proposer.ref), name, self.today)
                if asked.from_fallback and asked.can_be_reached:
                    names = enumerated(self.directory.person(ref).name for ref in asked.from_fallback)
                    message = (
                        f"if {proposer.name} puts a policy forward, {names} would be asked through the fallback, "
                        "because too few of those named here can answer"
                    )
                    return Shortage(route.name, name, message, certain=False)
        return None

    def _gate(self, route: Route, name: str) -> Shortage | None:
        who = self._who(route, name)
        quorum = self.policy.gate(route, name).quorum
        key = (*sorted(who), quorum.model_dump_json())
        if key in self._seen:
            return None
        self._seen.add(key)
        least = _least(quorum)
        doubt: Shortage | None = None
        for subject in self._subjects(who):
            reach = self._reach(who, subject)
            spare = len(reach) - least
            if spare <= 0 and (failure := self._failure(route, name, subject)) is not None:
                return failure
            if spare < MOST_EXCLUDED and (doubt is None or spare < doubt.spare):
                doubt = self._doubt(route, name, subject, reach, spare)
        return doubt

    def _reveal(self, route: Route) -> Iterator[Shortage]:
        asked = people_at(self._case(route, self._subject(NOBODY, ())), REVEAL, self.today)
        if not asked.can_be_reached:
            needed, there = asked.quorum.needed(len(asked.seats)), counted(len(asked.seats), "person", "people")
            yield Shortage("", REVEAL, f"needs {needed} yeses, but {there} can be asked", certain=True)

    def _review(self, route: Route) -> Shortage | None:
        """The first proposer whose change nobody could review, because everybody who could has a part in it."""
        who = self._who(route, REVIEW)
        for subject in self._subjects(who, by_reach=False):
            case = self._case(route, subject)
            free = self._reach(who, subject) - self._must_decide(case)
            if len(free) > MOST_EXCLUDED + 1:  # the manager of a proposer may have to decide as well
                continue
            for proposer in self.directory.people.values():
                if proposer.active and self.left > 0 and not self._can_be_reviewed(case.proposed_by(proposer.ref)):
                    message = (
                        f"if {proposer.name} proposes a change{self._about(subject)}, nobody can be found for the "
                        f"review that the route {route.name} asks for, so it could never be closed"
                    )
                    return Shortage(route.name, REVIEW, message, certain=True)
        return None

    def _can_be_reviewed(self, case: Case) -> bool:
        deciders = tuple(sorted(self._must_decide(case)))
        self.left -= 1
        decided = replace(case, subject=case.subject.having(deciders=deciders))
        return bool(people_at(decided, REVIEW, self.today).seats)

    def _must_decide(self, case: Case) -> frozenset[str]:
        """Those without whose yes a gate does not pass, so that they can never review the change."""
        self.left -= len(GATES)
        found: set[str] = set()
        for name in GATES:
            asked = people_at(case, name, self.today)
            people = {seat.person for seat in asked.seats}
            if asked.quorum.needed(len(people)) == len(people):  # with fewer people it is the gate that is short
                found |= people
        return frozenset(found)

    def _who(self, route: Route, name: str) -> tuple[str, ...]:
        """The relations a gate asks in the end, ``endorsers`` replaced by those who can be asked to endorse."""
        who = self.policy.gate(route, name).who
        if any(parse(entry).kind is Kind.ENDORSERS for entry in who):
            who = (*who, *self.policy.gate(route, ENDORSE_TESTS).who)
        return who

    def _subjects(self, who: tuple[str, ...], *, by_reach: bool = True) -> Iterator[Subject]:
        """One change for everything that makes a difference to who is asked: per owner, and per team affected.

        Args:
            by_reach: leave out owners of whose changes enough people can be asked whatever teams are affected.
        """
        kinds = {parse(entry).kind for entry in (*who, *self.policy.fallback)}
        by_owner = {process.owner: ref for ref, process in self.directory.processes.items()}
        processes = sorted(by_owner.values()) if Kind.OWNER_OF_PROCESS in kinds else sorted(by_owner.values())[:1]
        teams = (
            tuple(self.directory.teams) if Kind.MANAGERS_OF_AFFECTED_TEAMS in kinds else tuple(self.directory.teams)[:1]
        )
        enough = MOST_EXCLUDED + max(
            _least(self.policy.gate(route, name).quorum) for route in self.policy.routes for name in GATES
        )
        for process in processes or [NOBODY]:
            if by_reach and len(self._reach(who, self._subject(process, ()))) >= enough:
                continue
            for team in teams or (NOBODY,):
                if self.left <= 0:
                    return
                self.left -= 1
                yield self._subject(process, (team,))

    def _case(self, route: Route, subject: Subject) -> Case:
        return Case(self.policy, self.directory, subject, route)

    def _subject(self, process: str, teams: tuple[str, ...]) -> Subject:
        return Subject(
            proposer=NOBODY,
            filer=NOBODY,
            process=process,
            affected_teams=teams,
            people_affected=1,
            cost=Decimal(0),
            reversible=True,
            customer_facing=False,
            regulated=False,
        )

    def _reach(self, who: tuple[str, ...], subject: Subject) -> frozenset[str]:
        """Everybody a gate can come to ask about this change, whoever proposes it."""
        found: set[str] = set()
        for entry in (*who, *self.policy.fallback):
            for candidate in candidates(entry, self.directory, subject):
                for person in (candidate.person, *self.directory.line_of(candidate.person.ref)):
                    if person.active and not self.directory.away(person.ref, self.today):
                        found.add(person.ref)
        return frozenset(found)

    def _failure(self, route: Route, name: str, subject: Subject) -> Shortage | None:
        """The first proposer for whose change too few people can be asked."""
        case = self._case(route, subject)
        for proposer in self.directory.people.values():
            if not proposer.active or self.left <= 0:
                continue
            self.left -= 1
            asked = people_at(case.proposed_by(proposer.ref), name, self.today)
            if not asked.seats or not asked.can_be_reached:
                needed = asked.quorum.needed(len(asked.seats))
                there = counted(len(asked.seats), "person", "people") if asked.seats else "nobody"
                about = self._about(subject)
                message = (
                    f"if {proposer.name} proposes a change{about}, {there} can be asked, but {needed} must say yes"
                )
                return Shortage(route.name, name, message, certain=True)
        return None

    def _doubt(self, route: Route, name: str, subject: Subject, reach: frozenset[str], spare: int) -> Shortage:
        names = enumerated(sorted(self.directory.person(ref).name for ref in reach))
        message = (
            f"only {names} can be asked about a change{self._about(subject)}; "
            "if several of them have a part in it, too few are left"
        )
        return Shortage(route.name, name, message, certain=False, spare=spare)

    def _about(self, subject: Subject) -> str:
        process = self.directory.processes.get(subject.process)
        teams = enumerated(
            self.directory.team(ref).name for ref in subject.affected_teams if ref in self.directory.teams
        )
        return (f" to {process.name}" if process is not None else "") + (f" that affects {teams}" if teams else "")


def _least(quorum: Quorum) -> int:
    """The fewest people with whom the quorum can be reached."""
    return next(seats for seats in range(1, 10_000) if quorum.needed(seats) <= seats)
