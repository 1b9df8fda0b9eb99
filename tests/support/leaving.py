"""People leave: the directory of the next import does not have them any more."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Engine

from directory.model import Directory
from store.database import reading, writing
from store.directory import load_directory, save_directory


def leaves(engine: Engine, *people: str) -> None:
    """Load the directory again, without ``people``: they stay known, and do not work here any more."""
    with reading(engine) as connection:
        known = load_directory(connection)
    staying = [person for ref, person in known.people.items() if ref not in people]
    with writing(engine) as connection:
        directory = Directory(staying, known.teams.values(), known.processes.values())
        save_directory(connection, directory, datetime.now(UTC))
