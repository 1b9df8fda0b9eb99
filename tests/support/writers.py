"""What tests do in several threads and processes at once. No test framework here: a process has to start quickly."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, select

from ledger.keys import key_from_text
from store import tables
from store.appending import remember, remembered_head
from store.checkpoints import Sealer
from store.database import adding, lock_ledger, open_database, reading, writing
from store.ledger import Entry, add_once, append_many, append_once, origin_of
from store.migrating import migrate
from store.recording import Decision, record
from store.sinks import FolderSink
from tests.support.desk import MONDAY, SOURCE


def count_on(engine: Engine) -> None:
    """Ten times: read a number and write the next one, the way that loses updates when two do it at once."""
    for _ in range(10):
        with writing(engine) as connection:
            lock_ledger(connection)
            count_one(connection)


def add_on(engine: Engine) -> None:
    """The same the way in which decisions are added."""
    for _ in range(10):
        with adding(engine) as connection:
            count_one(connection)


def count_one(connection: Connection) -> None:
    """Read a number and write the next one."""
    table = tables.deployment
    count = int(connection.execute(select(table.c.value).where(table.c.name == "count")).scalar_one())
    connection.execute(table.update().where(table.c.name == "count").values(value=str(count + 1)))


def count_on_at(address: str, _number: int) -> None:
    """:func:`count_on` in a process of its own."""
    count_on(open_database(address))


def entry(key: str, **updates: Any) -> Entry:
    """Something for the ledger."""
    fields: dict[str, Any] = {
        "key": key,
        "change": "CH-1",
        "version": 1,
        "action": "commented",
        "outcome": "applied",
        "actor": "mara.lind",
        "via": "page",
        "occurred_at": MONDAY - timedelta(seconds=1),
        "stage": "proposal",
        "phase": "awaiting_answer",
        "content": '{"kind":"commented"}',
    }
    return Entry(**{**fields, **updates})


def append_ten(engine: Engine, writer: int) -> None:
    """Ten times, append two entries."""
    for number in range(10):
        with writing(engine) as connection:
            lock_ledger(connection)
            append_many(connection, [entry(f"{writer}/{number}/a"), entry(f"{writer}/{number}/b")], MONDAY)


def add_sixteen_at(address: str, writer: int) -> None:
    """Sixteen times, add one entry without holding the lock before, however often others have come in between: every
    second of them has the same key in all processes, so that one of them writes it and the others find it."""
    engine = open_database(address)
    for number in range(16):
        remembered = remembered_head(engine)
        if remembered and engine.dialect.name == "postgresql":
            remember(engine, replace(remembered, alone=True))  # try even though others write
        key = f"{writer}/{number}" if number % 2 else f"shared/{number}"
        add_once(engine, entry(key, actor=f"person-{number % 7}" if number % 2 else "mara.lind"), MONDAY)
    engine.dispose()


def append_ten_at(address: str, writer: int) -> None:
    """:func:`append_ten` in a process of its own."""
    append_ten(open_database(address), writer)


def record_and_die(address: str, decision: str, when: str, _number: int) -> None:
    """Record a decision given as JSON, and be killed ``before`` or ``after`` the commit; nobody gets an answer."""
    engine = open_database(address)
    if when == "before":
        event.listen(engine, "commit", lambda _connection: os.kill(os.getpid(), signal.SIGKILL))
    record(engine, Decision.model_validate_json(decision), SOURCE, MONDAY)
    os.kill(os.getpid(), signal.SIGKILL)


def seal_and_die(address: str, key: str, folder: str, when: str, _number: int) -> None:
    """Seal, and be killed ``before-storing``, ``before-keeping``, with the copy outside ``half-written``, or once it is
    there, ``before-noting`` that it is."""
    engine = open_database(address)
    with reading(engine) as connection:
        origin = origin_of(connection)
    sink = FolderSink(Path(folder))
    sealer = Sealer(engine, lambda _origin: [key_from_text(origin, key)], [sink])

    def die(*_: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    place: dict[str, tuple[Any, str]] = {
        "before-storing": (Sealer, "_store"),
        "before-keeping": (FolderSink, "keep"),
        "half-written": (os, "fsync"),
        "before-noting": (Sealer, "_write_down"),
    }
    setattr(*place[when], die)
    sealer.seal()


def record_at(address: str, decisions: tuple[str, ...], number: int) -> None:
    """Record the ``number``-th of some decisions given as JSON."""
    record(open_database(address), Decision.model_validate_json(decisions[number]), SOURCE, MONDAY)


def migrate_at(address: str, _number: int) -> None:
    """Bring a database to the present schema."""
    migrate(open_database(address))


def deliver_and_die(address: str, keys: int, step: int | str, writer: int) -> None:
    """:func:`deliver_all`, killed before its ``step``-th statement, or at its third "commit", or "after" it."""
    engine = open_database(address)
    counted = {"statements": 0, "commits": 0}

    def count(what: str, deadly: int) -> None:
        counted[what] += 1
        if counted[what] == deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    if isinstance(step, int):
        event.listen(engine, "before_cursor_execute", lambda *_: count("statements", step))
    elif step == "commit":
        event.listen(engine, "commit", lambda _connection: count("commits", 3))
    deliver(engine, keys, writer, after_each=(lambda: count("commits", 3)) if step == "after" else None)


def deliver_all(address: str, keys: int, writer: int) -> None:
    """Record every key once, in an order of one's own, whether or not others have recorded it: deliveries repeat."""
    deliver(open_database(address), keys, writer)


def deliver(engine: Engine, keys: int, writer: int, after_each: Callable[[], None] | None = None) -> None:
    """:func:`deliver_all` on an engine."""
    order = list(range(keys))
    random.Random(writer).shuffle(order)  # noqa: S311
    for key in order:
        with writing(engine) as connection:
            lock_ledger(connection)
            append_once(connection, entry(f"key/{key}"), MONDAY)
        if after_each:
            after_each()
