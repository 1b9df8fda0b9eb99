"""Notices on their way out: what waits, what left, what could not be delivered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from changes.values import Value
from notifications.notices import Notice
from store import tables

MOST_ATTEMPTS = 8
"""After so many failures a notice is given up, with its error on record; the change itself is never held up by mail."""


class Outgoing(Value):
    """A notice that waits to leave."""

    number: int
    notice: Notice
    attempts: int


def waiting_to_leave(connection: Connection, change: str | None = None, limit: int = 200) -> Sequence[Outgoing]:
    """Notices not yet delivered, oldest first; of one change, or of all."""
    table = tables.outbox
    query = select(table.c.number, table.c.notice, table.c.attempts).where(table.c.finished_at.is_(None))
    if change:
        query = query.where(table.c.change == change)
    return [
        Outgoing(number=row.number, notice=Notice.model_validate_json(row.notice), attempts=row.attempts)
        for row in connection.execute(query.order_by(table.c.number).limit(limit))
    ]


def mark_delivered(connection: Connection, numbers: Sequence[int], now: datetime) -> None:
    """These have left."""
    if numbers:
        connection.execute(
            update(tables.outbox).where(tables.outbox.c.number.in_(numbers)).values(finished_at=now, last_error=None)
        )


def mark_failed(connection: Connection, outgoing: Outgoing, error: str, final: bool, now: datetime) -> None:
    """This one could not be delivered; ``final`` when trying again makes no sense."""
    given_up = final or outgoing.attempts + 1 >= MOST_ATTEMPTS
    connection.execute(
        update(tables.outbox)
        .where(tables.outbox.c.number == outgoing.number)
        .values(attempts=outgoing.attempts + 1, last_error=error[:500], finished_at=now if given_up else None)
    )


def count_waiting(connection: Connection) -> int:
    """How many notices wait to leave."""
    table = tables.outbox
    return connection.execute(select(func.count()).where(table.c.finished_at.is_(None))).scalar_one()
