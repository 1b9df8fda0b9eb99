"""What people want of each kind of mail, where it is not the usual."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import Connection, delete, insert, select, update

from notifications.choices import Choice, how_sent
from store import tables
from store.outbox import Outgoing
from store.prepared import Prepared, among, listed


def choices_of(connection: Connection, people: Iterable[str]) -> dict[str, dict[str, Choice]]:
    """The choices of each of ``people`` who made any."""
    found: dict[str, dict[str, Choice]] = {}
    for person, kind, choice in _CHOICES.read(connection, {"people": listed(connection, people)}):
        found.setdefault(person, {})[kind] = cast(Choice, choice)
    return found


def choose(connection: Connection, person: str, kind: str, choice: Choice) -> None:
    """From now on ``person`` gets mail of ``kind`` like this."""
    table = tables.mail_choice
    connection.execute(delete(table).where(table.c.person == person, table.c.kind == kind))
    if choice != "mail":
        connection.execute(insert(table).values(person=person, kind=kind, choice=choice))


def set_aside(connection: Connection, outgoing: Sequence[Outgoing]) -> tuple[Sequence[Outgoing], dict[str, list[int]]]:
    """What is to be sent at once, and the numbers of what is kept for the digest or not wanted."""
    choices = choices_of(connection, (item.notice.recipient for item in outgoing))
    at_once, aside = [], dict[str, list[int]]()
    for item in outgoing:
        how = how_sent(item.notice.kind, choices.get(item.notice.recipient, {}))
        if how == "mail":
            at_once.append(item)
        else:
            aside.setdefault(how, []).append(item.number)
    return at_once, aside


def keep_aside(connection: Connection, aside: Mapping[str, Sequence[int]], now: datetime) -> None:
    """Tick off what is not sent at once, and why."""
    for channel, numbers in aside.items():
        connection.execute(
            update(tables.outbox).where(tables.outbox.c.number.in_(numbers)).values(channel=channel, finished_at=now)
        )


_table = tables.mail_choice
_CHOICES = Prepared(
    {
        dialect: select(_table.c.person, _table.c.kind, _table.c.choice).where(theirs)
        for dialect, theirs in among(_table.c.person, "people").items()
    }
)
