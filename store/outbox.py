"""Notices on their way out: what waits, what left, what could not be delivered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select, update

from changes.values import Moment, Value
from notifications.notices import Notice
from store import tables
from store.prepared import Prepared

PATIENCE = timedelta(days=5)
"""A notice that is older and still could not leave is given up, with its error on record (RFC 5321, 4.5.4.1)."""
BATCH = 50
"""Notices that are read, sent and ticked off together; a program that dies repeats no more than these."""


class Outgoing(Value):
    """A notice that waits to leave."""

    number: int
    notice: Notice
    attempts: int
    created_at: Moment


def waiting_to_leave(
    connection: Connection, change: str | None = None, after: int = 0, limit: int = BATCH
) -> Sequence[Outgoing]:
    """Notices not yet delivered, oldest first, from after number ``after``; of one change, or of all."""
    query = _OF_ONE if change else _OF_ALL
    rows = query.read(connection, {"of": change, "after": after, "most": limit})
    return [
        Outgoing(number=number, notice=Notice.model_validate_json(notice), attempts=attempts, created_at=created_at)
        for number, notice, attempts, created_at in rows
    ]


def mark_delivered(connection: Connection, numbers: Sequence[int], now: datetime) -> None:
    """These have left."""
    _TICK_OFF.write(connection, *({"one": number, "finished_at": now, "last_error": None} for number in numbers))


def mark_failed(connection: Connection, outgoing: Outgoing, error: str, final: bool, now: datetime) -> None:
    """This one could not be delivered; ``final`` when trying again makes no sense.

    How often it was tried does not matter: a mail server that is away for a night uses up no patience.
    """
    given_up = final or now - outgoing.created_at >= PATIENCE
    connection.execute(
        update(tables.outbox)
        .where(tables.outbox.c.number == outgoing.number)
        .values(attempts=outgoing.attempts + 1, last_error=_kept(error), finished_at=now if given_up else None)
    )


def _kept(error: str) -> str:
    """What a mail server said, as far as a database can keep it."""
    return error.replace("\0", "")[:500]


def count_waiting(connection: Connection) -> int:
    """How many notices wait to leave."""
    table = tables.outbox
    return connection.execute(select(func.count()).where(table.c.finished_at.is_(None))).scalar_one()


def _waiting() -> Select[Any]:
    table = tables.outbox
    query = select(table.c.number, table.c.notice, table.c.attempts, table.c.created_at)
    query = query.where(table.c.finished_at.is_(None), table.c.number > bindparam("after"))
    return query.order_by(table.c.number).limit(bindparam("most"))


_OF_ALL = Prepared(_waiting())
_OF_ONE = Prepared(_waiting().where(tables.outbox.c.change == bindparam("of")))
_TICK_OFF = Prepared(
    update(tables.outbox).where(tables.outbox.c.number == bindparam("one")), ("finished_at", "last_error")
)
