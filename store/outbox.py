"""Notices on their way out: what waits, what left, what could not be delivered."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, String, bindparam, func, select, update

from changes.values import Moment, Value
from notifications.notices import Notice
from store import claims, tables
from store.columns import UtcDateTime
from store.prepared import Prepared

PATIENCE = timedelta(days=5)
"""A notice that is older and still could not leave is given up, with its error on record (RFC 5321, 4.5.4.1)."""
BATCH = 50
"""Notices that are read, claimed, sent and ticked off together; a program that dies repeats no more than these."""


class Outgoing(Value):
    """A notice that waits to leave."""

    number: int
    notice: Notice
    attempts: int
    created_at: Moment
    claimed_until: Moment | None = None
    """Until when a round has it in hand, or had."""

    def in_hand(self, now: datetime) -> bool:
        """Whether a round is about to send it."""
        return self.claimed_until is not None and self.claimed_until > now


def waiting_to_leave(
    connection: Connection, change: str | None = None, after: int = 0, limit: int = BATCH
) -> Sequence[Outgoing]:
    """Notices not yet delivered, oldest first, from after number ``after``; of one change, or of all."""
    query = _OF_ONE if change else _OF_ALL
    rows = query.read(connection, {"of": change, "after": after, "most": limit})
    return [
        Outgoing(
            number=number,
            notice=Notice.model_validate_json(notice),
            attempts=attempts,
            created_at=created_at,
            claimed_until=claimed_until,
        )
        for number, notice, attempts, created_at, claimed_until in rows
    ]


def claim_letters(connection: Connection, numbers: Collection[int], claimant: str, now: datetime) -> set[int]:
    """Claim those of ``numbers`` that wait and are in nobody's hands; which they are."""
    table = tables.outbox
    rows = claims.claim(connection, table, table.c.number.in_(numbers), claimant, now, [table.c.number])
    return {number for (number,) in rows}


def holds_letter(connection: Connection, number: int, claimant: str, now: datetime) -> bool:
    """Whether the letter waits still, and in these hands: its claim may have lapsed, its recipient been erased."""
    return bool(_HOLDS.read(connection, {"one": number, "claimant": claimant, "now": now}))


def let_letters_go(connection: Connection, numbers: Collection[int], claimant: str) -> None:
    """Give back what was claimed and has not left."""
    claims.let_go(connection, tables.outbox, tables.outbox.c.number.in_(numbers), claimant)


def mark_delivered(connection: Connection, numbers: Sequence[int], now: datetime) -> None:
    """These have left. Whoever may have claimed one meanwhile finds it gone."""
    _TICK_OFF.write(connection, *({"one": number, "finished_at": now, "last_error": None} for number in numbers))


def mark_failed(
    connection: Connection, outgoing: Outgoing, claimant: str, error: str, final: bool, now: datetime
) -> None:
    """This one could not be delivered, and is in nobody's hands; ``final`` when trying again makes no sense. Where
    another has claimed it meanwhile, it is for them to say.

    How often it was tried does not matter: a mail server that is away for a night uses up no patience.
    """
    table = tables.outbox
    given_up = final or now - outgoing.created_at >= PATIENCE
    connection.execute(
        update(table)
        .where(table.c.number == outgoing.number, table.c.claimed_by == claimant, table.c.finished_at.is_(None))
        .values(
            attempts=outgoing.attempts + 1,
            last_error=_kept(error),
            finished_at=now if given_up else None,
            claimed_by=None,
            claimed_until=None,
        )
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
    query = select(table.c.number, table.c.notice, table.c.attempts, table.c.created_at, table.c.claimed_until)
    query = query.where(table.c.finished_at.is_(None), table.c.number > bindparam("after"))
    return query.order_by(table.c.number).limit(bindparam("most"))


_OF_ALL = Prepared(_waiting())
_OF_ONE = Prepared(_waiting().where(tables.outbox.c.change == bindparam("of")))
_HOLDS = Prepared(
    select(tables.outbox.c.number).where(
        tables.outbox.c.number == bindparam("one"),
        claims.held(tables.outbox, bindparam("claimant", type_=String), bindparam("now", type_=UtcDateTime)),
    )
)
_TICK_OFF = Prepared(
    update(tables.outbox).where(tables.outbox.c.number == bindparam("one")), ("finished_at", "last_error")
)
