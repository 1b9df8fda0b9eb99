"""What stands around every page: how much waits for the reader, and how they like to read. One query."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, delete, func, insert, select

from changes.values import Value
from store import freshness, tables
from store.sign_in import session_counts

Theme = Literal["auto", "light", "dark"]


class Frame(Value):
    """The counts in the navigation and the reader's preferences."""

    waiting: int = 0
    overdue: int = 0
    theme: Theme = "auto"
    zone: str = ""
    """An IANA name; empty for the organisation's own clock."""


def frame_of(connection: Connection, token: str, now: datetime) -> tuple[str, Frame] | None:
    """Whose session this is, and the frame of their pages; None where the session does not count.

    Says at the same time whether what is kept in memory is still true.
    """
    waiting, preference = tables.waiting.c, tables.reading_preference.c
    person = tables.session.c.person
    mine = select(func.count()).where(waiting.person == person)
    preferred = preference.person == person
    row = connection.execute(
        select(
            person,
            mine.scalar_subquery().label("waiting"),
            mine.where(waiting.due < now).scalar_subquery().label("overdue"),
            select(preference.theme).where(preferred).scalar_subquery().label("theme"),
            select(preference.zone).where(preferred).scalar_subquery().label("zone"),
            *freshness.LATEST,
        ).where(session_counts(token, now))
    ).first()
    if row is None:
        return None
    freshness.remember(freshness.Latest(row.directory_import, row.act, row.policy))
    return row.person, Frame(waiting=row.waiting, overdue=row.overdue, theme=row.theme or "auto", zone=row.zone or "")


def keep_preference(connection: Connection, person: str, theme: Theme, zone: str) -> None:
    """From now on ``person`` reads like this."""
    table = tables.reading_preference
    connection.execute(delete(table).where(table.c.person == person))
    connection.execute(insert(table).values(person=person, theme=theme, zone=zone))
