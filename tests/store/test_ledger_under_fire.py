"""Many writers, killed and delivering again; clocks; disks that are full or read-only (reference/ledger.md 8)."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sqlite3
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event, func, select, text
from sqlalchemy.exc import DBAPIError

from store import tables
from store.committing import GroupCommitter, Outcome
from store.database import DatabaseUnavailable, NoTransaction, lock_ledger, open_database, reading, writing
from store.ledger import append_many, append_once
from tests.support.databases import ON_POSTGRESQL
from tests.support.desk import MONDAY
from tests.support.ledgers import check_the_whole_ledger, records
from tests.support.processes import address_of, in_processes
from tests.support.writers import deliver_all, deliver_and_die, entry

KEYS, WRITERS = 240, 8


@pytest.mark.slow
def test_eight_writers_killed_at_random_record_each_key_once(engine: Engine) -> None:
    context = multiprocessing.get_context("forkserver")
    chance, kills = random.Random(7), 0  # noqa: S311

    def begin(number: int) -> multiprocessing.process.BaseProcess:
        process = context.Process(target=deliver_all, args=(address_of(engine), KEYS, number))
        process.start()
        return process

    running = {number: begin(number) for number in range(WRITERS)}
    deadline = time.monotonic() + 100
    while running and time.monotonic() < deadline:
        time.sleep(0.15)
        for number, process in list(running.items()):
            if process.exitcode == 0:
                del running[number]
            elif process.exitcode is not None:
                running[number] = begin(number)
        if running and kills < 30:
            victim = running[chance.choice(sorted(running))]
            if victim.pid and victim.exitcode is None:
                os.kill(victim.pid, signal.SIGKILL)
                victim.join()
                kills += 1
    assert not running, "some writers never finished"
    assert kills >= 10
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == KEYS
        assert {row["idem_key"] for row in records(connection)} == {f"key/{number}" for number in range(KEYS)}


@pytest.mark.slow
def test_eight_writers_killed_at_every_step_record_each_key_once(engine: Engine) -> None:
    """Before each statement of an append and of a repetition, at a commit, and between commit and answer."""
    killed = -signal.SIGKILL
    for step in (*range(1, 15), "commit", "after"):
        in_processes(WRITERS, deliver_and_die, address_of(engine), KEYS, step, ends_with=killed)
        with reading(engine) as connection:
            check_the_whole_ledger(connection)
    in_processes(WRITERS, deliver_all, address_of(engine), KEYS)
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == KEYS
        assert {row["idem_key"] for row in records(connection)} == {f"key/{number}" for number in range(KEYS)}


def test_clocks_do_not_order_the_log(engine: Engine) -> None:
    for hours in (0, -1, 24 * 3650, 0):
        with writing(engine) as connection:
            lock_ledger(connection)
            at = MONDAY + timedelta(hours=hours)
            append_many(connection, [entry(f"at/{hours}/{time.monotonic_ns()}", occurred_at=at)], at)
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 4
        assert [row["recorded_at"] for row in records(connection)][-1] == MONDAY + timedelta(hours=24 * 3650)
        assert records(connection)[1]["occurred_at"] == MONDAY - timedelta(hours=1)


@pytest.mark.skipif(ON_POSTGRESQL, reason="about SQLite")
def test_a_full_disk_loses_nothing_and_is_said(engine: Engine) -> None:
    committer = GroupCommitter(engine)

    def add(key: str) -> None:
        committer.commit(lambda _connection: Outcome([entry(key, content="x" * 50_000)], MONDAY, None))

    add("fits")
    with engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
    engine.dispose()
    with pytest.raises((DatabaseUnavailable, DBAPIError), match="full"):
        with writing(engine) as connection:
            connection.execute(text(f"PRAGMA max_page_count = {pages}"))
            lock_ledger(connection)
            append_many(connection, [entry("does-not-fit", content="x" * 500_000)], MONDAY)
    engine.dispose()
    add("fits-again")
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 2


@pytest.mark.skipif(ON_POSTGRESQL, reason="about SQLite")
def test_a_disk_that_is_full_in_the_middle_of_a_record_leaves_nothing_of_its_batch(engine: Engine) -> None:
    """One page more each time: the space ends in a row, in each of its indexes, in the words, in the head."""
    with writing(engine) as connection:
        lock_ledger(connection)
        append_many(connection, [entry(f"before/{number}") for number in range(20)], MONDAY)
    with engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
    batch = [entry(f"new/{number}", change=f"CH-{number}", actor=f"person-{number}") for number in range(60)]
    said: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *told: said.append(told[2]))
    stopped_at: set[str] = set()
    for more in range(1_000):
        engine.dispose()
        try:
            with writing(engine) as connection:
                connection.execute(text(f"PRAGMA max_page_count = {pages + more}"))
                lock_ledger(connection)
                append_many(connection, batch, MONDAY)
            break
        except DatabaseUnavailable as error:
            assert "full" in str(error)
            stopped_at.add(said[-1].partition(" (")[0].split()[-1])
        engine.dispose()
        with reading(engine) as connection:
            assert check_the_whole_ledger(connection) == 20
            assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
            assert connection.execute(select(func.count()).select_from(tables.ledger_person)).scalar_one() == 1
    assert more >= 10
    assert {"ledger_record", "ledger_private"} <= stopped_at
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 80


@pytest.mark.skipif(ON_POSTGRESQL, reason="about SQLite")
def test_nothing_is_recorded_behind_a_disk_that_was_full(engine: Engine) -> None:
    """SQLite takes back the whole transaction; whoever went on would commit statement by statement."""
    with pytest.raises(NoTransaction), writing(engine) as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
        lock_ledger(connection)
        with pytest.raises(DBAPIError, match="full"):
            append_many(connection, [entry(f"new/{number}") for number in range(200)], MONDAY)
        lock_ledger(connection)
    engine.dispose()
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 0


@pytest.mark.skipif(ON_POSTGRESQL, reason="about SQLite")
def test_a_database_that_may_only_be_read_is_said(engine: Engine) -> None:
    assert engine.url.database
    with writing(engine) as connection:
        lock_ledger(connection)
        append_many(connection, [entry("a")], MONDAY)
    only_read = create_engine(f"sqlite:///file:{Path(engine.url.database)}?mode=ro&uri=true")
    with pytest.raises(DatabaseUnavailable, match="readonly"), writing(only_read) as connection:
        append_many(connection, [entry("b")], MONDAY)
    only_read.dispose()
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 1


@pytest.mark.skipif(not ON_POSTGRESQL, reason="about PostgreSQL")
def test_a_server_on_which_may_only_be_read_is_said(engine: Engine) -> None:
    options = {"options": "-c default_transaction_read_only=on"}
    replica = open_database(engine.url.update_query_dict(options).render_as_string(hide_password=False))
    with pytest.raises(DatabaseUnavailable, match="read-only transaction"), writing(replica) as connection:
        lock_ledger(connection)
        append_many(connection, [entry("b")], MONDAY)
    replica.dispose()
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 0


@pytest.mark.skipif(ON_POSTGRESQL, reason="about SQLite")
def test_a_second_program_with_ordinary_transactions_waits_or_fails_and_never_forks(engine: Engine) -> None:
    assert engine.url.database
    with writing(engine) as connection:
        lock_ledger(connection)
        other = sqlite3.connect(engine.url.database, timeout=0.05)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("DELETE FROM waiting")
        other.close()
        append_many(connection, [entry("a")], MONDAY)
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 1


@pytest.mark.skipif(not ON_POSTGRESQL, reason="about PostgreSQL")
def test_a_connection_that_is_ended_in_the_middle_leaves_nothing(engine: Engine) -> None:
    with pytest.raises(DatabaseUnavailable), writing(engine) as connection:
        lock_ledger(connection)
        append_many(connection, [entry("a")], MONDAY)
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        connection.execute(text("SELECT 1"))
    with writing(engine) as connection:
        lock_ledger(connection)
        append_once(connection, entry("a"), MONDAY)
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 1


@pytest.mark.skipif(not ON_POSTGRESQL, reason="about PostgreSQL")
def test_a_lock_that_is_held_for_too_long_is_an_error_that_can_be_tried_again(engine: Engine) -> None:
    with writing(engine) as connection:
        lock_ledger(connection)
        with pytest.raises(DatabaseUnavailable, match="lock timeout"), writing(engine) as other:
            other.execute(text("SET LOCAL lock_timeout = '100ms'"))
            other.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": 0x67_72_6F_75_6E_64})


def test_hostile_texts_are_recorded_as_they_are_or_refused_with_a_reason(engine: Engine) -> None:
    odd = ["\u202e\u2028\ufeff\x7f", "e\u0301 and \u00e9 are two", "🫣" * 1_000, "'; DROP TABLE ledger_record; --"]
    with writing(engine) as connection:
        lock_ledger(connection)
        append_many(connection, [entry(f"odd/{number}", content=text_) for number, text_ in enumerate(odd)], MONDAY)
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == len(odd)
        kept = connection.execute(select(tables.ledger_private.c.value).order_by(tables.ledger_private.c.seq)).scalars()
        assert kept.all() == odd
    for name, value in (("command", "\ud800"), ("stage", "x" * 70_000), ("phase", "deep" * 20_000)):
        with pytest.raises(Exception, match=r"surrogate|long"), writing(engine) as connection:
            lock_ledger(connection)
            append_many(connection, [entry(f"bad/{name}", **{name: value})], MONDAY)
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == len(odd)


def test_an_engine_of_another_isolation_still_appends(engine: Engine) -> None:
    if not ON_POSTGRESQL:
        pytest.skip("about PostgreSQL")
    strict = open_database(address_of(engine)).execution_options(isolation_level="REPEATABLE READ")
    for key in "ab":
        with writing(strict) as connection:
            lock_ledger(connection)
            append_many(connection, [entry(key)], MONDAY)
    strict.dispose()
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 2
