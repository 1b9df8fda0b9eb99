"""The newest head as this program remembers it, and the statement that adds one record if it is still the newest.

A program that adds to the log alone knows what the log ends with: it wrote it. On PostgreSQL reading that again is a
journey to the database and back, while the lock is held. So the next record is made from memory, and the function
``ledger_append`` (migration 0009) takes the lock and compares before it writes. What is remembered is never trusted
without that: another program may have written meanwhile, a transaction may have been rolled back, a backup restored,
a person erased, the log stopped. The function then writes nothing, and the head is read as on SQLite.

The root says it all about a head: it is over bodies that name their log, and no two logs of one size have the same.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Connection, Engine, String, Text, bindparam, false, func, select

from store import tables
from store.database import LOCK_PATIENCE
from store.prepared import Prepared

MOST_PEOPLE = 5_000
"""People whose numbers are remembered."""


@dataclass(frozen=True, slots=True)
class Head:
    """What an appender has to know about the log."""

    origin: str
    size: int
    root: bytes
    frontier: bytes
    """As ``ledger.merkle.CompactRange.to_bytes`` gives it."""
    last: datetime | None
    """When the log was last added to."""
    numbers: dict[str, str]
    """The number of each person who is needed, or was lately."""
    alone: bool
    """Whether it is worth trying with what is remembered: the database has the function, and nobody else had added to
    the log before this was written."""


_remembered: WeakKeyDictionary[Engine, Head] = WeakKeyDictionary()
_lock = threading.Lock()


def remembered_head(engine: Engine) -> Head | None:
    """The head after what this program added last, whether or not that was committed."""
    return _remembered.get(engine)


def remember(engine: Engine, head: Head) -> None:
    """Keep ``head`` for the next record."""
    with _lock:
        before = _remembered.get(engine)
        if before and before.numbers is not head.numbers and len(before.numbers) < MOST_PEOPLE:
            before.numbers.update(head.numbers)
            head = replace(head, numbers=before.numbers)
        _remembered[engine] = head


def doubt(engine: Engine) -> None:
    """Have the head be read before the next record."""
    with _lock:
        if before := _remembered.get(engine):
            _remembered[engine] = replace(before, alone=False)


def append_if_still_so(
    connection: Connection,
    before: Head,
    people: set[str],
    record: Mapping[str, Any],
    private: Sequence[Mapping[str, Any]],
    head: Mapping[str, Any],
) -> bool:
    """Add one record, its words and the new ``head``, if the log still ends with ``before`` and ``people`` still have
    the numbers that it says; whether that was so. Takes the ledger's lock in any case.

    Raises:
        sqlalchemy.exc.IntegrityError: the business key is on record.
    """
    (person, number), (other, other_number) = (*((one, before.numbers[one]) for one in people), *_NOBODY)[:2]
    values = {
        "patience": LOCK_PATIENCE,
        "believed_size": before.size,
        "believed_root": before.root,
        "actor_person": person,
        "actor_number": number,
        "other_person": other,
        "other_number": other_number,
    }
    for table, row in (("record", record), ("private", private[0] if private else _NO_WORDS), ("head", head)):
        values.update({f"{table}_{name}": value for name, value in row.items()})
    ((done,),) = _APPEND.read(connection, {name: values[name] for name in _PARAMETERS})
    return bool(done)


_NOBODY = ((None, None), (None, None))
_NO_WORDS = {"label": None, "subject_ref": None, "salt": None, "value": None}
_PARAMETERS: dict[str, Any] = {
    "patience": Text(),
    "believed_size": tables.ledger_head.c.size.type,
    "believed_root": tables.ledger_head.c.root.type,
    **dict.fromkeys(("actor_person", "actor_number", "other_person", "other_number"), String()),
    **{f"record_{column.name}": column.type for column in tables.ledger_record.columns},
    **{f"private_{column.name}": column.type for column in tables.ledger_private.columns if column.name != "seq"},
    **{f"head_{name}": tables.ledger_head.c[name].type for name in ("size", "root", "frontier")},
}
"""What the function takes, in its order."""
_APPEND = Prepared(select(func.ledger_append(*(bindparam(name, type_=kind) for name, kind in _PARAMETERS.items()))))
CAN_APPEND_IN_ONE: Mapping[str, ColumnElement[bool]] = {
    "sqlite": false(),
    "postgresql": func.has_function_privilege(func.to_regproc("ledger_append"), "EXECUTE"),
}
"""For each kind of database, whether it has the function, for a query."""
