"""The demonstration's clock: how far ahead of the real time it is, so that months can be shown in minutes.

It exists where the deployment is marked as a demonstration, and nowhere else: everything here answers "not at all" or
refuses where it is not, whatever somebody wrote into the table. See docs/decisions/0015.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, delete, insert, select, update

from store import tables
from store.database import reading
from store.readiness import is_demonstration

AHEAD = "clock_ahead_seconds"
FARTHEST = timedelta(days=10 * 366)
"""How far ahead it may be put in all."""
REMEMBERED = 1.0
"""Seconds for which a process remembers how far ahead it is."""


class NoDemonstration(Exception):
    """Time cannot be moved here."""


def ahead_of(connection: Connection) -> timedelta:
    """How far the clock is ahead; nothing where this is no demonstration."""
    table = tables.deployment.c
    stored = connection.execute(select(table.value).where(table.name == AHEAD)).scalar()
    return timedelta(seconds=float(stored)) if stored and is_demonstration(connection) else timedelta()


def put_forward(connection: Connection, by: timedelta) -> timedelta:
    """Put the clock forward, and whatever signs people in with it, so that nobody is signed out by it.

    Raises:
        NoDemonstration: this is none.
        ValueError: time does not go backward, nor for ever.
    """
    if not is_demonstration(connection):
        raise NoDemonstration("Time can be moved in the demonstration only.")
    whole = ahead_of(connection) + by
    if by <= timedelta() or whole > FARTHEST:
        raise ValueError("Time moves forward, and at most ten years in all.")
    table = tables.deployment
    connection.execute(delete(table).where(table.c.name == AHEAD))
    connection.execute(insert(table).values(name=AHEAD, value=str(whole.total_seconds())))
    for signing_in, moments in (
        (tables.session, ("seen_at", "expires_at")),
        (tables.api_token, ("expires_at",)),
        (tables.sign_in_link, ("expires_at",)),
    ):
        key = next(iter(signing_in.primary_key.columns))
        for row in connection.execute(select(key, *(signing_in.c[name] for name in moments))).all():
            moved = {name: moment + by for name, moment in zip(moments, row[1:], strict=True) if moment}
            connection.execute(update(signing_in).where(key == row[0]).values(**moved))
    return whole


class DemonstrationClock:
    """The present moment as the demonstration has it. Asks the database at most once a second."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._asked = float("-inf")
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC) + self.ahead()

    def ahead(self) -> timedelta:
        """How far it is ahead."""
        with self._lock:
            if time.monotonic() - self._asked > REMEMBERED:
                with reading(self._engine) as connection:
                    self._ahead = ahead_of(connection)
                self._asked = time.monotonic()
            return self._ahead

    @property
    def known_ahead(self) -> timedelta:
        """How far ahead it was when it was last asked. Asks nothing, so it can be shown while the database is away."""
        return self._ahead

    def forget(self) -> None:
        """Ask the database again at the next look."""
        with self._lock:
            self._asked = float("-inf")
