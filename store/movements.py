"""That something moved, for pages that are looked at: which change and which record, and nothing of what it was."""

from __future__ import annotations

from sqlalchemy import Connection, and_, select

from changes.events import EVENTS
from changes.sight import is_secret
from store import tables

SECRET = tuple(kind for kind in EVENTS if is_secret(kind, "applied"))
"""What nobody else may know of must not be noticed by a page that moves, either."""
MOST = 1_000


def movements_after(connection: Connection, seq: int) -> tuple[tuple[int, str], ...]:
    """Number and change of the records after number ``seq``, oldest first."""
    records = tables.ledger_record.c
    rows = connection.execute(
        select(records.seq, records.change).where(_OPEN, records.seq > seq).order_by(records.seq).limit(MOST)
    )
    return tuple((row.seq, row.change) for row in rows)


def latest_movement(connection: Connection, change: str | None) -> int:
    """The number of the latest record of ``change``, or of all; -1 where there is none."""
    records = tables.ledger_record.c
    query = select(records.seq).where(_OPEN).order_by(records.seq.desc()).limit(1)
    if change is not None:
        query = query.where(records.change == change)
    found = connection.execute(query).scalar()
    return -1 if found is None else found


_OPEN = and_(tables.ledger_record.c.outcome == "applied", tables.ledger_record.c.action.not_in(SECRET))
