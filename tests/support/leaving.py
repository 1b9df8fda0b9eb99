"""People leave, or come to stand above their own manager: the directory is loaded again, and is another one."""

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


def leads_their_manager(engine: Engine, ref: str) -> None:
    """The manager of ``ref`` reports to them: no import lets that in, a repaired or restored database may hold it."""
    with reading(engine) as connection:
        known = load_directory(connection)
    above = known.person(known.person(ref).manager or "")
    people = {**known.people, above.ref: above.model_copy(update={"manager": ref})}
    with writing(engine) as connection:
        directory = Directory(people.values(), known.teams.values(), known.processes.values())
        save_directory(connection, directory, datetime.now(UTC))
