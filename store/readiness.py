"""Whether a database is fit to work with: reachable, at the right schema, and without demonstration data where there
must be none."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, insert, select

from store import tables
from store.database import DatabaseUnavailable, in_words, reading
from store.migrating import latest_revision, present_revision, require_known

DEMONSTRATION = "demonstration"


def mark_demonstration(connection: Connection) -> None:
    """Write down that this database holds the demonstration's accounts, so that production never starts on it."""
    table = tables.deployment
    if connection.execute(select(table.c.name).where(table.c.name == DEMONSTRATION)).first() is None:
        connection.execute(insert(table).values(name=DEMONSTRATION, value="accounts and sign-in links for everybody"))


def is_demonstration(connection: Connection) -> bool:
    """Whether this database holds the demonstration's accounts."""
    table = tables.deployment
    return connection.execute(select(table.c.name).where(table.c.name == DEMONSTRATION)).first() is not None


def require_ready(engine: Engine, demonstration_allowed: bool) -> None:
    """Refuse to start on a database that is not fit.

    Raises:
        DatabaseUnavailable: saying what is wrong and what to do.
    """
    require_known(engine)
    present = present_revision(engine)
    if present != latest_revision():
        state = f"is at schema {present}" if present else "has no tables yet"
        raise DatabaseUnavailable(
            f"{in_words(engine)} {state}; this program needs {latest_revision()}. Run: groundswell migrate"
        )
    with reading(engine) as connection:
        if not demonstration_allowed and is_demonstration(connection):
            raise DatabaseUnavailable(
                f"{in_words(engine)} holds the demonstration's accounts, and production mode does not start on it. "
                "Use a database of its own."
            )
