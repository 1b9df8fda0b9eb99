"""Who is meant by the words under ``who``: people named by their relation to a change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Annotated
from weakref import WeakKeyDictionary

from pydantic import AfterValidator, StrictStr
from pydantic_core import PydanticCustomError

from changes.facts import Subject
from directory.model import ROLES, Directory, Person, UnknownReference
from policies.wording import nearest


class Kind(StrEnum):
    """The relations a policy may name, as it spells them."""

    MANAGER_OF_PROPOSER = "manager_of_proposer"
    LINE_OF_PROPOSER = "line_of_proposer"
    OWNER_OF_PROCESS = "owner_of_process"
    MANAGERS_OF_AFFECTED_TEAMS = "managers_of_affected_teams"
    ENDORSERS = "endorsers"
    ROLE = "role"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Relation:
    """One entry under ``who``; ``argument`` is the role or the person's reference where the kind has one."""

    kind: Kind
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody a relation names. ``reason`` follows their name or "who": "owns Billing"."""

    person: Person
    reason: str
    group: str


_WITHOUT_ARGUMENT = {kind.value: kind for kind in Kind if kind not in (Kind.ROLE, Kind.PERSON)}
_WITH_ARGUMENT = re.compile(r"(role|person):([A-Za-z0-9][A-Za-z0-9._:-]{0,63})")
_SPELLINGS = (*_WITHOUT_ARGUMENT, "role:NAME", "person:REFERENCE")


@lru_cache(maxsize=1024)
def parse(text: str) -> Relation:
    """Read one entry under ``who``.

    Raises:
        PydanticCustomError: no such relation or role. ``role:employee`` and ``role:manager`` are refused, because a
            gate would then ask everybody.
    """
    found = _WITH_ARGUMENT.fullmatch(text)
    if found is None:
        if text in _WITHOUT_ARGUMENT:
            return Relation(_WITHOUT_ARGUMENT[text])
        raise PydanticCustomError(
            "relation", '"{text}" names nobody{hint}', {"text": text, "hint": nearest(text, _SPELLINGS)}
        )
    kind, argument = Kind(found[1]), found[2]
    if kind is Kind.ROLE and argument not in ROLES:
        raise PydanticCustomError(
            "role",
            '"{text}" asks for a role that the directory does not give{hint}',
            {"text": text, "hint": nearest(argument, ROLES)},
        )
    return Relation(kind, argument)


def _checked(text: str) -> str:
    parse(text)
    return text


Who = Annotated[StrictStr, AfterValidator(_checked)]
"""One entry under ``who``, as the policy spells it; :func:`parse` reads it."""


def groups_named(who: str, subject: Subject) -> tuple[str, ...]:
    """The groups one entry makes for a change: one for each affected team where it asks for their managers."""
    if parse(who).kind is Kind.MANAGERS_OF_AFFECTED_TEAMS:
        return tuple(_group_of_team(who, team) for team in dict.fromkeys(subject.affected_teams))
    return (who,)


def team_of(group: str) -> str | None:
    """The affected team whose managers a group is; none for any other group."""
    prefix = _group_of_team(Kind.MANAGERS_OF_AFFECTED_TEAMS, "")
    return group.removeprefix(prefix) if group.startswith(prefix) else None


def _group_of_team(who: str, team: str) -> str:
    return f"{who}:{team}"


def candidates(who: str, directory: Directory, subject: Subject) -> tuple[Candidate, ...]:
    """The people one entry names for a change, whether or not they may answer, in a stable order.

    What the directory does not know names nobody: a process without an owner, a person who was never imported.
    The proposer is never named in a reason, because a proposal may be anonymous.
    """
    relation = parse(who)
    try:
        if relation.kind is Kind.MANAGERS_OF_AFFECTED_TEAMS:
            return tuple(_managers(who, directory, subject.affected_teams))
        return tuple(Candidate(person, reason, who) for person, reason in _named(relation, directory, subject))
    except UnknownReference:
        return ()


def _named(relation: Relation, directory: Directory, subject: Subject) -> Iterator[tuple[Person, str]]:
    match relation.kind:
        case Kind.MANAGER_OF_PROPOSER:
            for person in directory.line_of(subject.proposer)[:1]:
                yield person, "is the proposer's manager"
        case Kind.LINE_OF_PROPOSER:
            for person in directory.line_of(subject.proposer):
                yield person, "is in the proposer's line of managers"
        case Kind.OWNER_OF_PROCESS:
            yield directory.owner_of(subject.process), f"owns {directory.process(subject.process).name}"
        case Kind.ENDORSERS:
            for ref in subject.endorsers:
                if ref in directory.people:
                    yield directory.person(ref), "endorsed the tests"
        case Kind.ROLE:
            for person in directory.with_role(relation.argument):
                yield person, f"has the role {relation.argument}"
        case Kind.PERSON:
            yield directory.person(relation.argument), "is named in the policy"


def _managers_of_team(directory: Directory, team: str) -> tuple[Person, ...]:
    """Worked out once for each directory and team: it goes through all members, which may be everybody."""
    known = _KNOWN_MANAGERS.setdefault(directory, {})
    if team not in known:
        known[team] = directory.managers_of_team(team)
    return known[team]


_KNOWN_MANAGERS: WeakKeyDictionary[Directory, dict[str, tuple[Person, ...]]] = WeakKeyDictionary()


def _managers(who: str, directory: Directory, teams: tuple[str, ...]) -> Iterator[Candidate]:
    for team in teams:
        if team in directory.teams:
            for person in _managers_of_team(directory, team):
                reason = f"leads {directory.team(team).name}, which is affected"
                yield Candidate(person, reason, _group_of_team(who, team))
