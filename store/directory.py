"""The directory in the database: saved whole, read whole, and kept in memory while its version stays the same."""

from __future__ import annotations

import threading
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, insert, select

from directory.model import Directory, Person, Process, Team
from store import tables


def save_directory(connection: Connection, directory: Directory, now: datetime) -> None:
    """Replace the directory. People who are gone from it stay known as inactive: decisions name them for ever."""
    kept = {row.ref: row for row in connection.execute(select(tables.person))}
    for table in (tables.person, tables.team, tables.process):
        connection.execute(delete(table))
    people = [person.model_dump(mode="python") for person in directory.people.values()]
    gone = [dict(row._mapping) | {"active": False} for ref, row in kept.items() if ref not in directory.people]
    taken = {person["email"] for person in people}
    for row in gone:
        if row["email"] in taken:
            row["email"] = f"{row['ref']}@left.invalid"  # the address belongs to somebody else now
    _insert(connection, tables.person, [*people, *gone])
    _insert(connection, tables.team, [team.model_dump() for team in directory.teams.values()])
    _insert(connection, tables.process, [process.model_dump() for process in directory.processes.values()])
    connection.execute(
        insert(tables.directory_import).values(
            version=directory.version, loaded_at=now, people=len(directory.people)
        )
    )


def _insert(connection: Connection, table: object, rows: list[dict[str, object]]) -> None:
    if rows:
        connection.execute(insert(table), rows)  # type: ignore[arg-type]


def load_directory(connection: Connection) -> Directory:
    """The directory as it is stored now."""
    people = [Person.model_validate(dict(row._mapping)) for row in connection.execute(select(tables.person))]
    teams = [Team.model_validate(dict(row._mapping)) for row in connection.execute(select(tables.team))]
    processes = [Process.model_validate(dict(row._mapping)) for row in connection.execute(select(tables.process))]
    return Directory(people, teams, processes)


class DirectoryCache:
    """The directory in memory, read again when an import has changed it. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._import = -1
        self._directory = Directory((), (), ())

    def current(self, connection: Connection) -> Directory:
        """The directory as of the latest import that ``connection`` can see. Costs one small query."""
        latest = connection.execute(
            select(tables.directory_import.c.number).order_by(tables.directory_import.c.number.desc()).limit(1)
        ).scalar()
        with self._lock:
            if latest is not None and latest != self._import:
                self._directory = load_directory(connection)
                self._import = latest
            return self._directory
