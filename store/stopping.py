"""Stopping the ledger for every program, letting it go on, and noticing a database that was put back under a program
that runs (docs/decisions/0011)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import Connection, Engine, delete, insert, select

from store import tables
from store.database import adding, reading

STOPPED = "ledger_stopped"
"""The name under which the database keeps why nothing may be appended."""
OUTSIDE = "ledger_outside"
"""The name under which the database keeps what is wrong with the places and witnesses outside, one sentence a line."""
RESTORED = "restored"
"""The record of two people accepting the ledger as it is; see ``store.restoring``."""

log = structlog.get_logger()


def stop(engine: Engine, reason: str) -> None:
    """Have nothing be appended any more, by any process."""
    table = tables.deployment
    with adding(engine) as connection:
        connection.execute(delete(table).where(table.c.name == STOPPED))
        connection.execute(insert(table).values(name=STOPPED, value=reason))
    log.error("the ledger is stopped", reason=reason)


def stopped_because(connection: Connection) -> str | None:
    """Why nothing is appended, if so."""
    table = tables.deployment
    return connection.execute(select(table.c.value).where(table.c.name == STOPPED)).scalar()


def go_on(connection: Connection) -> None:
    """Append again. The caller has looked, and records that."""
    table = tables.deployment
    connection.execute(delete(table).where(table.c.name == STOPPED))


def let_stand(engine: Engine, problems: Sequence[str]) -> None:
    """Have the audit page and ``groundswell doctor`` say what is wrong with what is outside, until the next sealing."""
    table, words = tables.deployment, "\n".join(problems)
    with reading(engine) as connection:
        if words == (connection.execute(select(table.c.value).where(table.c.name == OUTSIDE)).scalar() or ""):
            return
    with adding(engine) as connection:
        connection.execute(delete(table).where(table.c.name == OUTSIDE))
        if words:
            connection.execute(insert(table).values(name=OUTSIDE, value=words))


class PutBack(Exception):
    """The log has fewer records, ``size``, than after a program's own last commit. What was to be added is not."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class Reached:
    """How many records the log had after the last commit of this program, or of a part of it: it never has fewer."""

    def __init__(self) -> None:
        self._size = 0
        self._at: datetime | None = None

    @property
    def size(self) -> int:
        """The records; 0 while nothing was committed."""
        return self._size

    def note(self, size: int, now: datetime) -> None:
        """It was committed that there are so many."""
        if size > self._size:
            self._size, self._at = size, now

    def stopped_over(self, engine: Engine, seen: PutBack) -> str:
        """Have every program stop, and say why: what others add would bring the log back to its size unseen. Nothing,
        where two people have accepted the database as it is since the last commit; what was reached is forgotten then.
        """
        if self._at and _accepted_since(engine, self._at):
            self._size = 0
            return ""
        reason = (
            f"The ledger has {seen.size:,} records and had {self._size:,} when this program last added to it: an older "
            "copy was put in its place. Nothing is added to it. See: groundswell audit restore-status"
        )
        stop(engine, reason)
        return reason


def _accepted_since(engine: Engine, moment: datetime) -> bool:
    table = tables.ledger_record
    query = select(table.c.recorded_at).where(table.c.action == RESTORED).order_by(table.c.seq.desc()).limit(1)
    with reading(engine) as connection:
        at = connection.execute(query).scalar()
    return at is not None and at > moment
