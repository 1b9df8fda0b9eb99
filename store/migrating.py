"""Bringing a database to the present schema, and saying whether it is there."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from store.database import DatabaseUnavailable, in_words, lock_ledger, reading, writing

FOLDER = Path(__file__).parent / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    return config


def migrate(engine: Engine, to: str = "head") -> None:
    """Upgrade to ``to``; a no-op when the database is there already. Of several at once, one does the work.

    Raises:
        DatabaseUnavailable: when the database is at a schema that this program does not know.
    """
    require_known(engine)
    config = _config()
    with writing(engine) as connection:
        lock_ledger(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, to)


def present_revision(engine: Engine) -> str | None:
    """The schema revision of the database, None for an empty one."""
    with reading(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def latest_revision() -> str:
    """The schema revision this program needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise RuntimeError("there is no migration")
    return head


def require_known(engine: Engine) -> None:
    """Refuse a database that a newer program has migrated.

    Raises:
        DatabaseUnavailable: saying so.
    """
    present = present_revision(engine)
    if present and present not in {
        script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()
    }:
        raise DatabaseUnavailable(
            f"{in_words(engine)} is at schema {present}, which this program does not know. "
            "It belongs to a newer Groundswell: start that one, or restore the backup made before it was installed."
        )
