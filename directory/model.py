"""People, teams and processes, and the questions an organisation answers about them."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError, PydanticKnownError

from changes.facts import PersonFacts, ProcessFacts, TeamFacts
from changes.values import LINE_LENGTH, Line, OptionalText, Ref, Value, nobodys_name

ROLES = ("executive", "auditor", "steward", "administrator", "ombuds")
"""The roles a directory can give. Everybody active is an employee, and whoever leads people is a manager."""
EMPLOYEE = "employee"
"""The role everybody active has; never listed."""
MANAGER = "manager"
"""The role of everybody active with an active direct report; never listed."""

_WORD = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS = re.compile(rf"{_WORD}(?:\.{_WORD})*@(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])")


def _address(text: str) -> str:
    """Lower-case an address of RFC 5321's unquoted, ASCII form: the one every mail server takes.

    The package email-validator is not used, because it refuses the domains of intranets (.local, .test).
    """
    text = text.strip().lower()
    local_part = text.partition("@")[0]
    if len(local_part) > 64 or not _ADDRESS.fullmatch(text):
        raise PydanticCustomError("email", "is not an e-mail address; write it like name@company.example")
    return text


def _short(text: Any) -> Any:
    if isinstance(text, str) and len(text) > LINE_LENGTH:
        raise PydanticKnownError("string_too_long", {"max_length": LINE_LENGTH})
    return text


def _single(text: str) -> str:
    if "\n" in text or "\t" in text:
        raise PydanticCustomError("line_break", "must be one line")
    return text


def _known_role(role: str) -> str:
    if role not in ROLES:
        raise PydanticCustomError("role", "is not a role; choose from {roles}", {"roles": ", ".join(ROLES)})
    return role


def _as_set(items: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(items)))


Email = Annotated[str, Field(max_length=LINE_LENGTH), AfterValidator(_address)]
"""An e-mail address in lower case, at most 200 characters."""
OptionalLine = Annotated[OptionalText, BeforeValidator(_short), AfterValidator(_single)]
"""One line of text that may be empty, at most 200 characters."""
Refs = Annotated[tuple[Ref, ...], AfterValidator(_as_set)]
"""A set of references, kept sorted so that equal sets are equal values."""
Roles = Annotated[tuple[Annotated[str, AfterValidator(_known_role)], ...], AfterValidator(_as_set)]
"""A set of :data:`ROLES`, kept sorted."""


def _somebodys(ref: str) -> str:
    if nobodys_name(ref):
        known = 'must not begin with "anon-" or "erased-", which stand for people without a name'
        raise PydanticCustomError("nobody", known)
    return ref


class Person(Value):
    """Somebody who works here, or did: people who left stay, inactive, because the ledger names them."""

    ref: Annotated[Ref, AfterValidator(_somebodys)]
    name: Line
    email: Email
    manager: Ref | None = None
    """Whom they report to; none for the head of an organisation."""
    team: Ref
    """Their home team, the one they are counted in."""
    other_teams: Refs = ()
    """Teams they also work in, their home left out. They are not counted there, so that nobody is counted twice
    (reference/champions.md 5)."""
    title: OptionalLine = ""
    roles: Roles = ()
    site: OptionalLine = ""
    active: bool = True
    away_until: date | None = None
    """The last day of an absence, in the organisation's own calendar."""
    open_to_invitations: bool = True
    """Whether they may be invited as a champion."""

    @field_validator("other_teams")
    @classmethod
    def _without_home(cls, other_teams: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return tuple(team for team in other_teams if team != info.data.get("team"))


class Team(Value):
    """A team, or a department that holds teams."""

    ref: Ref
    name: Line
    parent: Ref | None = None


class Process(Value):
    """A way of working that changes can be proposed to."""

    ref: Ref
    name: Line
    owner: Ref
    depends_on: Refs = ()
    """Processes whose results this one needs."""


class UnknownReference(LookupError):
    """The directory holds nothing of this kind under this reference."""

    def __init__(self, kind: str, ref: str) -> None:
        super().__init__(kind, ref)
        self.kind = kind
        self.ref = ref

    def __str__(self) -> str:
        return f"the directory has no {self.kind} '{self.ref}'"


class Directory:
    """An organisation at one moment. It never changes after construction; a new import makes a new one.

    References are exact, as the import spelled them. What refers to nothing (a manager nobody knows) or runs in a
    circle is refused by :mod:`directory.importing`; questions to a directory built otherwise still end: a line stops
    at a reference it does not know or has already met.
    """

    def __init__(self, people: Iterable[Person], teams: Iterable[Team], processes: Iterable[Process]) -> None:
        """Build the indexes once, so that each question afterwards costs no more than its answer.

        Raises:
            ValueError: two people, two teams or two processes have the same reference.
        """
        self.people: Mapping[str, Person] = _by_ref("person", people)
        self.teams: Mapping[str, Team] = _by_ref("team", teams)
        self.processes: Mapping[str, Process] = _by_ref("process", processes)
        self.version = _version(self.people.values(), self.teams.values(), self.processes.values())
        reports: dict[str, list[Person]] = defaultdict(list)
        members: dict[str, list[Person]] = defaultdict(list)
        roles: dict[str, list[Person]] = defaultdict(list)
        for person in self.people.values():
            if not person.active:
                continue
            if person.manager is not None and person.manager != person.ref:
                reports[person.manager].append(person)
            for team in self._team_and_above(person.team):
                members[team].append(person)
            for role in person.roles:
                roles[role].append(person)
        self._reports = {ref: tuple(found) for ref, found in reports.items()}
        self._members = {ref: tuple(found) for ref, found in members.items()}
        self._answering: dict[str, tuple[Person, ...]] = {}  # filled as it is asked for: whole lines are walked
        roles[EMPLOYEE] = [person for person in self.people.values() if person.active]
        roles[MANAGER] = [person for person in roles[EMPLOYEE] if self.leads_people(person.ref)]
        self._roles = {role: tuple(found) for role, found in roles.items()}

    def __repr__(self) -> str:
        return (
            f"<Directory of {len(self.people)} people, {len(self.teams)} teams, {len(self.processes)} processes, "
            f"version {self.version[:12]}>"
        )

    def __eq__(self, other: object) -> bool:
        return self.version == other.version if isinstance(other, Directory) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.version)

    def person(self, ref: str) -> Person:
        """The person, active or not.

        Raises:
            UnknownReference: nobody has this reference.
        """
        return _found("person", self.people, ref)

    def team(self, ref: str) -> Team:
        """The team.

        Raises:
            UnknownReference: no team has this reference.
        """
        return _found("team", self.teams, ref)

    def process(self, ref: str) -> Process:
        """The process.

        Raises:
            UnknownReference: no process has this reference.
        """
        return _found("process", self.processes, ref)

    def line_of(self, ref: str) -> tuple[Person, ...]:
        """Their managers upward, nearest first, active or not; never themselves, and nobody twice.

        Raises:
            UnknownReference: nobody has this reference.
        """
        line: dict[str, Person] = {}
        above = self.person(ref).manager
        while above is not None and above != ref and above not in line and above in self.people:
            line[above] = self.people[above]
            above = line[above].manager
        return tuple(line.values())

    def reports_of(self, ref: str) -> tuple[Person, ...]:
        """Their active direct reports, sorted by reference.

        Raises:
            UnknownReference: nobody has this reference.
        """
        return self._reports.get(self.person(ref).ref, ())

    def leads_people(self, ref: str) -> bool:
        """Whether they have an active direct report.

        Raises:
            UnknownReference: nobody has this reference.
        """
        return bool(self.reports_of(ref))

    def members_of(self, team: str) -> tuple[Person, ...]:
        """The active people whose home team is this one or stands below it, sorted by reference.

        People who only work there too (``other_teams``) are not among them, so that the sizes of separate teams add up.

        Raises:
            UnknownReference: no team has this reference.
        """
        return self._members.get(self.team(team).ref, ())

    def managers_of_team(self, team: str) -> tuple[Person, ...]:
        """Those who answer for the members of a team, sorted by reference; for a normal team that is its lead.

        A member's superior is the nearest active person on their line. Each member (:meth:`members_of`) whose superior
        is a member too is answered for from inside. Of the others, with nobody inside above them:

        * one who is the superior of a member leads the team, and answers for it;
        * one without a superior answers for themselves, if they lead people anywhere (the head of the organisation);
        * for anybody else their superior, who stands outside the team, answers.

        So a department is answered for by its head and not by the leads of its teams; a team led by somebody whose home
        is elsewhere by that person; and a member who reports past the team's lead, such as an auditor, brings in the
        person they report to. Empty only if the team has no active members, or none with a superior.

        Raises:
            UnknownReference: no team has this reference.
        """
        if team not in self._answering:
            self._answering[team] = self._answering_for(team)
        return self._answering[team]

    def _answering_for(self, team: str) -> tuple[Person, ...]:
        members = {person.ref: person for person in self.members_of(team)}
        superiors = {ref: self._superior_of(ref) for ref in members}
        leading = {superior.ref for superior in superiors.values() if superior is not None}
        answering: dict[str, Person] = {}
        for ref, superior in superiors.items():
            if superior is not None and superior.ref in members:
                continue
            if ref in leading or (superior is None and self.leads_people(ref)):
                answering[ref] = members[ref]
            elif superior is not None:
                answering[superior.ref] = superior
        return tuple(answering[ref] for ref in sorted(answering))

    def with_role(self, role: str) -> tuple[Person, ...]:
        """The active people with one of :data:`ROLES`, or with the implied :data:`EMPLOYEE` or :data:`MANAGER`.

        Raises:
            UnknownReference: there is no such role.
        """
        if role not in (*ROLES, EMPLOYEE, MANAGER):
            raise UnknownReference("role", role)
        return self._roles.get(role, ())

    def roles_of(self, ref: str) -> frozenset[str]:
        """The roles somebody has, the implied :data:`EMPLOYEE` and :data:`MANAGER` included; none once they left.

        Raises:
            UnknownReference: nobody has this reference.
        """
        person = self.person(ref)
        if not person.active:
            return frozenset()
        return frozenset({*person.roles, EMPLOYEE, *([MANAGER] if self.leads_people(ref) else [])})

    def owner_of(self, process: str) -> Person:
        """The person who owns a process.

        Raises:
            UnknownReference: no process has this reference, or nobody has that of its owner.
        """
        return self.person(self.process(process).owner)

    def active(self, ref: str) -> bool:
        """Whether they work here now.

        Raises:
            UnknownReference: nobody has this reference.
        """
        return self.person(ref).active

    def away(self, ref: str, on: date) -> bool:
        """Whether they are away on a day, the last day of their absence included.

        Raises:
            UnknownReference: nobody has this reference.
        """
        until = self.person(ref).away_until
        return until is not None and on <= until

    def as_person_facts(self, ref: str, today: date) -> PersonFacts:
        """The person as the rules of a change see them on a day.

        Raises:
            UnknownReference: nobody has this reference.
        """
        person = self.person(ref)
        return PersonFacts(
            ref=person.ref,
            name=person.name,
            team=person.team,
            manager=person.manager,
            roles=person.roles,
            active=person.active,
            away=self.away(ref, today),
            leads_people=self.leads_people(ref),
            open_to_invitations=person.open_to_invitations,
        )

    def team_facts(self, ref: str) -> TeamFacts:
        """The team with the number of its members, see :meth:`members_of`.

        Raises:
            UnknownReference: no team has this reference.
        """
        team = self.team(ref)
        return TeamFacts(ref=team.ref, name=team.name, size=len(self.members_of(ref)))

    def process_facts(self, ref: str) -> ProcessFacts:
        """The process and its owner.

        Raises:
            UnknownReference: no process has this reference.
        """
        process = self.process(ref)
        return ProcessFacts(ref=process.ref, name=process.name, owner=process.owner)

    def _superior_of(self, ref: str) -> Person | None:
        return next((person for person in self.line_of(ref) if person.active), None)

    def _team_and_above(self, ref: str) -> Iterator[str]:
        seen: set[str] = set()
        above: str | None = ref
        while above is not None and above not in seen and above in self.teams:
            seen.add(above)
            yield above
            above = self.teams[above].parent


Item = TypeVar("Item", Person, Team, Process)


def _by_ref(kind: str, items: Iterable[Item]) -> Mapping[str, Item]:
    """The items under their references, sorted by them: every answer taken from here is in that order."""
    found: dict[str, Item] = {}
    for item in sorted(items, key=lambda item: item.ref):
        if item.ref in found:
            raise ValueError(f"two entries for the {kind} '{item.ref}'; a reference stands for one")
        found[item.ref] = item
    return MappingProxyType(found)


def _found(kind: str, items: Mapping[str, Item], ref: str) -> Item:
    try:
        return items[ref]
    except KeyError:
        raise UnknownReference(kind, ref) from None


def _version(people: Iterable[Person], teams: Iterable[Team], processes: Iterable[Process]) -> str:
    """SHA-256, in hex, over the content in one canonical form; the items come sorted by reference."""
    content = {
        "people": [person.model_dump(mode="json") for person in people],
        "teams": [team.model_dump(mode="json") for team in teams],
        "processes": [process.model_dump(mode="json") for process in processes],
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
