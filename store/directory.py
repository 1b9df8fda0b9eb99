"""The directory in the database: saved whole, read whole, and kept in memory while its version stays the same."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Connection, RowMapping, Table, delete, insert, select

from directory.model import Directory, Person, Process, Team
from directory.standing_in import Absence, Delegation, StandIns
from store import freshness, tables
from store.tokens import end_access_of


def save_directory(connection: Connection, directory: Directory, now: datetime) -> None:
    """Replace the directory.

    What is gone from it stays known, because decisions name it for ever: people as inactive, teams without members,
    processes with the owner they had. Whoever has left is signed out everywhere, and their tokens end.
    """
    people = _with_gone(connection, tables.person, directory.people)
    left = [person.ref for person in directory.people.values() if not person.active]
    taken = {row["email"] for row in people if row["ref"] in directory.people}
    for row in people:
        if row["ref"] not in directory.people:
            row["active"] = False
            left.append(str(row["ref"]))
            if row["email"] in taken:
                row["email"] = _address_of_nobody(row["ref"])  # theirs belongs to somebody else now
    teams = _with_gone(connection, tables.team, directory.teams)
    processes = _with_gone(connection, tables.process, directory.processes)
    for table, rows in ((tables.person, people), (tables.team, teams), (tables.process, processes)):
        connection.execute(delete(table))
        if rows:
            connection.execute(insert(table), rows)
    end_access_of(connection, left, now)
    connection.execute(
        insert(tables.directory_import).values(version=directory.version, loaded_at=now, people=len(directory.people))
    )


def _with_gone(connection: Connection, table: Table, items: Mapping[str, BaseModel]) -> list[dict[str, Any]]:
    """The rows of ``items``, and after them those of the table that ``items`` does not have any more."""
    kept = [dict(row._mapping) for row in connection.execute(select(table)) if row.ref not in items]
    return [*(item.model_dump(mode="python") for item in items.values()), *kept]


def _address_of_nobody(ref: str) -> str:
    """An address of their own that takes no mail; hashed, because a reference may hold what an address must not."""
    return f"{hashlib.sha256(ref.encode()).hexdigest()[:32]}@left.invalid"


def load_directory(connection: Connection) -> Directory:
    """The directory as it is stored now."""
    granted = granted_roles(connection)
    people = [_person(dict(row._mapping), granted) for row in connection.execute(select(tables.person))]
    teams = [Team.model_validate(dict(row._mapping)) for row in connection.execute(select(tables.team))]
    processes = [Process.model_validate(dict(row._mapping)) for row in connection.execute(select(tables.process))]
    return Directory(people, teams, processes)


def stand_ins(connection: Connection) -> StandIns:
    """Every delegation and absence that holds or will hold; what is over by its days costs nothing to keep."""
    delegation, absence = tables.delegation, tables.absence
    given = connection.execute(select(delegation).where(delegation.c.revoked_at.is_(None))).mappings()
    away = connection.execute(select(absence).where(absence.c.ended_at.is_(None))).mappings()
    return StandIns([as_delegation(row) for row in given], [as_absence(row) for row in away])


def as_delegation(row: RowMapping) -> Delegation:
    """The delegation in a row of its table."""
    return Delegation.model_validate({name: row[name] for name in Delegation.model_fields})


def as_absence(row: RowMapping) -> Absence:
    """The absence in a row of its table."""
    return Absence.model_validate({name: row[name] for name in Absence.model_fields})


def _person(row: dict[str, Any], granted: Mapping[str, list[str]]) -> Person:
    return Person.model_validate({**row, "roles": [*row["roles"], *granted.get(row["ref"], ())]})


def granted_roles(connection: Connection) -> dict[str, list[str]]:
    """Roles that people have from the groups of the identity provider, beside those of the directory."""
    table = tables.granted_role
    return {row.person: list(row.roles) for row in connection.execute(select(table.c.person, table.c.roles))}


def grant_roles(connection: Connection, person: str, roles: Iterable[str], now: datetime) -> None:
    """Give ``person`` these roles from now on, in place of what was granted before. The directory is read again."""
    wanted = sorted(set(roles))
    table = tables.granted_role
    if granted_roles(connection).get(person, []) == wanted:
        return
    connection.execute(delete(table).where(table.c.person == person))
    if wanted:
        connection.execute(insert(table).values(person=person, roles=wanted, granted_at=now))
    directory = load_directory(connection)
    connection.execute(
        insert(tables.directory_import).values(version=directory.version, loaded_at=now, people=len(directory.people))
    )


class DirectoryCache:
    """The directory in memory, read again when an import has changed it. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._import = -1
        self._directory = Directory((), (), ())
        self._act = -1
        self._stand_ins = StandIns()

    def current(self, connection: Connection) -> Directory:
        """The directory as of the latest import that ``connection`` can see. Costs one small query."""
        return self.with_stand_ins(connection)[0]

    def with_stand_ins(self, connection: Connection) -> tuple[Directory, StandIns]:
        """The same, with everybody who answers for somebody else or announced an absence. Costs one small query."""
        latest = freshness.latest(connection)
        with self._lock:
            act = self._act
            if latest.directory_import is not None and latest.directory_import != self._import:
                self._directory = load_directory(connection)
                self._import = latest.directory_import
                act = -1  # an erasure is no act, and takes delegations away
            if latest.act is not None and latest.act != act:
                self._stand_ins = stand_ins(connection)
                self._act = latest.act
            return self._directory, self._stand_ins
