"""How people listen: whether somebody asked why in time, and which reasons return. Counts only, never who.

Sources: product.md ("against resistance, ask why"; "know who tends to resist"), reference/champions.md 3.7.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, case, func, select, true

from changes.values import Value
from store import tables

SMALLEST_GROUP = 5
"""People behind a figure before it is shown; below it, a pattern would point at somebody."""


class Asking(Value):
    """How often somebody asked why about a concern within the time the policy sets."""

    due: int
    """Concerns whose time is over, or about which somebody has asked."""
    in_time: int
    late: int
    never: int

    @property
    def percent(self) -> int | None:
        """Per cent asked in time, rounded down; none where nothing was due."""
        return self.in_time * 100 // self.due if self.due else None


class Pattern(Value):
    """A reason that returns around one process."""

    process: str
    code: str
    people: int
    """How many people had it on a change each; a person is counted once per change and reason."""
    blocking: int
    overruled: int


def asked_in_time(connection: Connection, now: datetime, since: datetime | None = None) -> Asking:
    """The measure, over all concerns raised from ``since`` on."""
    table = tables.concern.c
    in_time = table.asked_at.is_not(None) & (table.asked_at <= table.ask_by)
    late = table.asked_at.is_not(None) & (table.asked_at > table.ask_by)
    never = table.asked_at.is_(None) & (table.ask_by < now)
    query = select(*(func.coalesce(func.sum(case((each, 1), else_=0)), 0) for each in (in_time, late, never)))
    query = query.where(table.ask_by.is_not(None))
    if since is not None:
        query = query.where(table.raised_at >= since)
    counts = [int(count) for count in connection.execute(query).one()]
    return Asking(due=sum(counts), in_time=counts[0], late=counts[1], never=counts[2])


def patterns(connection: Connection, *, since: datetime | None = None) -> Sequence[Pattern]:
    """Reasons by process, the most frequent first; only those that five or more people had."""
    table = tables.concern.c
    people = func.sum(case((table.first_of_its_kind, 1), else_=0))
    query = (
        select(
            table.process,
            table.code,
            people.label("people"),
            func.sum(case((table.blocking, 1), else_=0)).label("blocking"),
            func.sum(case((table.status == "overruled", 1), else_=0)).label("overruled"),
        )
        .where(table.raised_at >= since if since else true())
        .group_by(table.process, table.code)
        .having(people >= SMALLEST_GROUP)
        .order_by(people.desc(), table.process, table.code)
    )
    return [Pattern.model_validate(dict(row)) for row in connection.execute(query).mappings()]
