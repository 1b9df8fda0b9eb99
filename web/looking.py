"""What a person who looks at a change gets to see, and what they may do with it now. Pages and API read the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from changes.decision import HUMAN_COMMANDS, offers, subject_of
from changes.facts import SYSTEM, Facts
from changes.refusals import Refusal
from changes.rules import RULES
from changes.sight import HIDDEN_IN_WORDS, seen_by
from changes.state import Change
from changes.values import nobodys_name
from changes.waiting import Waiting, standing, waiting_for
from directory.model import Directory
from store.reading import change_for
from web.commanding import DECISIONS, OWN_ANONYMOUS_CHANGE, REFERENCE, UnknownChange
from web.services import Services


@dataclass(frozen=True)
class Look:
    """One change as one person sees it at one moment."""

    change: Change
    """Without what this person may not see."""
    standing: str
    who_sees: str
    waiting: tuple[Waiting, ...]
    """Who is waited for, as this person may know it."""
    you_may: tuple[str, ...]
    """The kinds of command this person may give now."""
    directory: Directory
    obstacles: Mapping[str, str]
    """For each other kind: the words of the rule that stands in its way."""
    pseudonym: str = ""
    """Under which name this person speaks anonymously here; nobody else is told."""
    may_anonymously: tuple[str, ...] = ()
    """What they may do under it."""

    def asked_of(self, person: str) -> tuple[Waiting, ...]:
        """What is asked of ``person`` now."""
        return tuple(task for task in self.waiting if task.person in {person, self.pseudonym})

    def why_not(self, kind: str) -> str:
        """Why this person may not give the command now; empty when they may."""
        return self.obstacles.get(kind, "")


def look_at(services: Services, connection: Connection, ref: str, viewer: str, now: datetime) -> Look:
    """The change ``ref`` as ``viewer`` sees it at ``now``.

    Raises:
        UnknownChange: there is no such change.
    """
    found = change_for(connection, ref, viewer) if REFERENCE.fullmatch(ref) else None
    if found is None:
        raise UnknownChange(ref)
    change, pseudonym = found
    seen = seen_by(change, viewer, now)
    facts = _facts(services, connection, change, viewer, now)
    may = offers(change, facts) if facts else ()
    obstacles = _obstacles(change, facts, may)
    if pseudonym:
        obstacles |= {kind: OWN_ANONYMOUS_CHANGE.detail for kind in may if kind in DECISIONS}
        may = tuple(kind for kind in may if kind not in DECISIONS)
    return Look(
        change=seen,
        standing=standing(seen),
        who_sees=HIDDEN_IN_WORDS,
        waiting=waiting_for(seen),
        you_may=may,
        directory=services.authority.directory(connection),
        obstacles=obstacles,
        pseudonym=pseudonym,
        may_anonymously=_anonymously(services, connection, change, pseudonym, now) if pseudonym else (),
    )


def _anonymously(
    services: Services, connection: Connection, change: Change, pseudonym: str, now: datetime
) -> tuple[str, ...]:
    facts = _facts(services, connection, change, pseudonym, now)
    return offers(change, facts) if facts else ()


def _facts(services: Services, connection: Connection, change: Change, viewer: str, now: datetime) -> Facts | None:
    subject = subject_of(change, None, viewer, now)
    try:
        return services.authority.look_up(connection, subject, viewer, now, change.ref).facts
    except LookupError:
        return None  # no policy is published, so nobody may do anything yet


def _obstacles(change: Change, facts: Facts | None, may: tuple[str, ...]) -> dict[str, str]:
    if facts is None:
        return dict.fromkeys(HUMAN_COMMANDS, "Nothing can be decided at the moment; please tell your administrator.")
    found = {}
    for kind, command in HUMAN_COMMANDS.items():
        if kind in may or command not in RULES:
            continue
        try:
            for condition in RULES[command].when:
                condition(change)
            RULES[command].who(change, facts)
        except Refusal as refusal:
            found[kind] = refusal.refused.detail
    return found


def names_within(document: Any, directory: Directory) -> dict[str, str]:
    """The name of every person, team and process whose reference stands somewhere in ``document``."""
    names = {SYSTEM: "Groundswell"}
    for text in set(_texts(document)):
        if nobody := nobodys_name(text):
            names[text] = nobody
        for things in (directory.processes, directory.teams, directory.people):
            if text in things:
                names[text] = things[text].name
    return names


def _texts(document: Any) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for key, value in document.items():
            yield key
            yield from _texts(value)
    elif isinstance(document, list | tuple):
        for value in document:
            yield from _texts(value)
