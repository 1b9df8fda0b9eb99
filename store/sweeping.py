"""Having a database let go of what was deleted from it: its file keeps the words until their pages are written anew."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from store.database import BUSY_SECONDS, in_words

PATIENCE = 60.0
"""Seconds for which sweeping waits for others who use the database."""
PAUSE = 0.2
AGAIN = "Run the same command again then; it finishes what is left."


def sweep(engine: Engine, patience: float = PATIENCE) -> tuple[str, ...]:
    """Write the pages anew that held what was deleted, and try for ``patience`` seconds while others are in the way.

    It never raises for the database's sake, because what was deleted is deleted: what stays where, until when and what
    ends it is what comes back, in sentences. Nothing where nothing stays.
    """
    try:
        if engine.dialect.name == "postgresql":
            return _sweep_postgresql(engine, patience)
        return _sweep_sqlite(engine, patience)
    except (DBAPIError, sqlite3.Error) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        return (
            f"{in_words(engine)} could not be swept: {reason}. Its files hold what was erased until it is. {AGAIN}",
        )


def _sweep_sqlite(engine: Engine, patience: float) -> tuple[str, ...]:
    raw = engine.raw_connection()
    cursor = raw.cursor()
    try:
        cursor.execute("PRAGMA busy_timeout = 1000")  # what is in the way is said in the end, and not waited for here
        if not _before(time.monotonic() + patience, lambda: _vacuumed(cursor)):
            return (
                f"{in_words(engine)} still holds what was erased in pages that nothing uses, because another program "
                f"was writing all the time: until it has ended. {AGAIN}",
            )
        if not _before(time.monotonic() + patience, lambda: _emptied(cursor)):
            return (
                f"{in_words(engine)} still holds what was erased in its file and the one ending in -wal, because "
                "another program was reading all the time: until every reader, such as an export, has ended. "
                f"{AGAIN}",
            )
        return ()
    finally:
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        raw.close()


def _before(deadline: float, done: Callable[[], bool]) -> bool:
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE)
    return True


def _vacuumed(cursor: Any) -> bool:
    try:
        cursor.execute("VACUUM")
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        return False
    return True


def _emptied(cursor: Any) -> bool:
    busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _sweep_postgresql(engine: Engine, patience: float) -> tuple[str, ...]:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        began = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        older = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND xact_start < :began"
        )
        deadline = time.monotonic() + patience
        gone = _before(deadline, lambda: not connection.execute(older, {"began": began}).scalar_one())
        connection.execute(text("VACUUM"))  # all of it: rows went from most tables
    if gone:
        return ()
    return (
        f"{in_words(engine)} still holds what was erased, because a transaction from before is open: until it has "
        f"ended. {AGAIN}",
    )
