"""Which database an operator's command uses: the configured one, else the running demonstration's, else the default."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from settings import Settings
    from temporal.connection import Target


@dataclass(frozen=True)
class Chosen:
    """A database, why it is this one, and where its Groundswell answers."""

    settings: Settings
    url: str
    because: str
    address: str
    temporal: Target | None = None
    """The running demonstration's own Temporal server; none where the configured one, or this machine's, is used."""

    @property
    def exists(self) -> bool:
        """False for a SQLite file that nobody has made yet; looking must not make it."""
        return self.file is None or os.path.exists(self.file)

    @property
    def file(self) -> str | None:
        """The file of a SQLite database."""
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            url = make_url(self.url)
        except ArgumentError:
            return None  # opening it says what is wrong with it
        return url.database if url.get_backend_name() == "sqlite" else None


def choose(settings: Settings) -> Chosen:
    """Choose the database that commands look at."""
    from demo.place import Place

    if "DATABASE_URL" in os.environ:
        return Chosen(settings, settings.database_url, "named by DATABASE_URL", settings.public_url)
    place = Place()
    running = place.running() if settings.demonstration else None
    if running:
        # Its ledger too: started with another port or folder, it still keeps its key and checkpoints in its own place.
        own = {
            "ledger_key_file": settings.ledger_key_file or place.ledger_key_file,
            "ledger_checkpoints": settings.ledger_checkpoints or place.ledger_checkpoints,
        }
        chosen = settings.model_copy(update=own)
        return Chosen(
            chosen, running.database_url, "the running demonstration's", running.address, running.temporal_target()
        )
    because = "the default, because DATABASE_URL is not set and no demonstration is running"
    return Chosen(settings, settings.database_url, because, settings.public_url)


def have_changes_look(chosen: Chosen) -> bool:
    """Have running changes look at once at what is different; False where that has to wait for housekeeping."""
    from temporal.link import TemporalLink

    link = TemporalLink(chosen.settings.temporal_task_queue, to=chosen.temporal)
    return asyncio.run(link.ask_again())


@contextmanager
def opened() -> Iterator[tuple[Engine, Chosen]]:
    """The database of this command, at the schema it needs.

    Raises:
        SettingsWrong: the settings do not fit together.
        store.database.DatabaseUnavailable: it is not there, or not at the schema.
    """
    from settings import load_settings
    from store.database import DatabaseUnavailable, open_database
    from store.readiness import require_ready

    settings = load_settings()
    chosen = choose(settings)
    if not chosen.exists:
        raise DatabaseUnavailable(
            f"There is no database yet: {chosen.file} ({chosen.because}). "
            "Start the demonstration with `make demo`, or set DATABASE_URL and run: groundswell migrate"
        )
    engine = open_database(chosen.url)
    try:
        require_ready(engine, settings.demonstration)
        yield engine, chosen
    finally:
        engine.dispose()
