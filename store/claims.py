"""What a round of sending has claimed, so that no other sends it too: letters of the outbox, and digests.

A claim is given back when the round ends, and lapses where the round's worker died before. A round looks once more
before each letter whether its claim still stands (docs/decisions/0046).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, Column, ColumnElement, Connection, Row, Table, and_, or_, select, tuple_, update

CLAIM = timedelta(minutes=5)
"""How long a claim lasts: shorter than the ten minutes for which Temporal repeats a change's round, so that the letters
of a worker that died leave in one of these."""
BEGIN_WITHIN = CLAIM / 2
"""No letter is begun later after it was claimed. The other half is for the letter itself, with a server that answers
each command just before we would hang up."""


def new_claimant() -> str:
    """A name for a round, unlike that of any other."""
    return secrets.token_hex(16)


def claim(
    connection: Connection,
    table: Table,
    which: ColumnElement[bool],
    claimant: str,
    now: datetime,
    columns: Sequence[Column[Any]],
) -> Sequence[Row[Any]]:
    """Claim those of ``which`` that wait and are in nobody's hands, and give their ``columns``, in no order. Of two
    that claim at once, one gets each, and neither waits for the other."""
    keys = list(table.primary_key)
    nobodys = or_(table.c.claimed_until.is_(None), table.c.claimed_until <= now)
    free = select(*keys).where(which, table.c.finished_at.is_(None), nobodys).with_for_update(skip_locked=True)
    statement = update(table).where(tuple_(*keys).in_(free)).values(claimed_by=claimant, claimed_until=now + CLAIM)
    return connection.execute(statement.returning(*columns)).all()


def held(
    table: Table, claimant: str | BindParameter[str], now: datetime | BindParameter[datetime]
) -> ColumnElement[bool]:
    """Whether a row waits, in the hands of ``claimant``."""
    return and_(table.c.claimed_by == claimant, table.c.claimed_until > now, table.c.finished_at.is_(None))


def let_go(connection: Connection, table: Table, which: ColumnElement[bool], claimant: str) -> None:
    """Give back what has not left of ``which``: another round may take it at once."""
    mine = and_(which, table.c.claimed_by == claimant, table.c.finished_at.is_(None))
    connection.execute(update(table).where(mine).values(claimed_by=None, claimed_until=None))
