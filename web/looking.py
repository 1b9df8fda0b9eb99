"""What a person who looks at a change gets to see, and what they may do with it now. Pages and API read the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from changes.decision import offers, subject_of
from changes.facts import SYSTEM
from changes.sight import HIDDEN_IN_WORDS, seen_by
from changes.state import Change
from changes.waiting import Waiting, standing, waiting_for
from directory.model import Directory
from store.reading import change_state
from web.commanding import UnknownChange
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

    def asked_of(self, person: str) -> tuple[Waiting, ...]:
        """What is asked of ``person`` now."""
        return tuple(task for task in self.waiting if task.person == person)


def look_at(services: Services, connection: Connection, ref: str, viewer: str, now: datetime) -> Look:
    """The change ``ref`` as ``viewer`` sees it at ``now``.

    Raises:
        UnknownChange: there is no such change.
    """
    change = change_state(connection, ref)
    if change is None:
        raise UnknownChange(ref)
    seen = seen_by(change, viewer, now)
    return Look(
        change=seen,
        standing=standing(seen),
        who_sees=HIDDEN_IN_WORDS,
        waiting=waiting_for(seen),
        you_may=_offers(services, connection, change, viewer, now),
        directory=services.authority.directory(connection),
    )


def _offers(services: Services, connection: Connection, change: Change, viewer: str, now: datetime) -> tuple[str, ...]:
    subject = subject_of(change, None, viewer, now)
    try:
        found = services.authority.look_up(connection, subject, viewer, now, change.ref)
    except LookupError:
        return ()  # no policy is published, so nobody may do anything yet
    return offers(change, found.facts) if found.facts else ()


def names_within(document: Any, directory: Directory) -> dict[str, str]:
    """The name of every person, team and process whose reference stands somewhere in ``document``."""
    names = {SYSTEM: "Groundswell"}
    for text in set(_texts(document)):
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
