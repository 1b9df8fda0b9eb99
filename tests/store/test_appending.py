"""What is remembered of the log, and the one statement that adds to it if that is still true."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, event, select, text

from store import appending, tables
from store.appending import Head, remember, remembered_head
from store.committing import GroupCommitter, Outcome
from store.database import DatabaseUnavailable, lock_ledger, open_database, reading, writing
from store.ledger import Entry, KeyConflict, LedgerStopped, add_once, append_many
from store.migrating import migrate
from store.rights import lacks_the_function
from store.stopping import go_on, stop
from tests.support.databases import ON_POSTGRESQL, downgrade
from tests.support.desk import MONDAY
from tests.support.ledgers import actors, check_the_whole_ledger, heads, records
from tests.support.processes import address_of, in_processes
from tests.support.thoroughness import examples
from tests.support.writers import add_sixteen_at, entry

ONLY_POSTGRESQL = pytest.mark.skipif(not ON_POSTGRESQL, reason="about PostgreSQL")


def append(engine: Engine, *entries: Entry) -> int:
    with writing(engine) as connection:
        lock_ledger(connection)
        return append_many(connection, entries, MONDAY)


def remembered(engine: Engine) -> Head:
    found = remembered_head(engine)
    assert found is not None
    return found


def size_of(engine: Engine) -> int:
    with reading(engine) as connection:
        return check_the_whole_ledger(connection)


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    asked: list[str] = []

    def note(*told: object) -> None:
        asked.append(str(told[2]))

    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)


@contextmanager
def another_program(engine: Engine) -> Iterator[Engine]:
    """The same database, opened by somebody who remembers nothing of what the first did."""
    other = open_database(address_of(engine))
    yield other
    other.dispose()


@ONLY_POSTGRESQL
def test_a_record_of_its_own_is_one_statement(engine: Engine) -> None:
    append(engine, entry("a"))
    with statements(engine) as asked:
        assert [add_once(engine, entry(key), MONDAY) for key in "bc"] == [1, 2]
    assert [statement.partition("(")[0] for statement in asked] == ["SELECT ledger_append"] * 2
    assert size_of(engine) == 3


@ONLY_POSTGRESQL
def test_what_is_added_behind_a_decision_needs_no_look_at_the_head(engine: Engine) -> None:
    append(engine, entry("a"))
    with statements(engine) as asked:
        append(engine, entry("b", content=""))
    assert [statement.partition("(")[0] for statement in asked] == ["SELECT set_config", "SELECT ledger_append"]
    with reading(engine) as connection:
        assert connection.execute(select(tables.ledger_private.c.seq)).scalars().all() == [0]
    assert size_of(engine) == 2


def test_another_program_that_writes_meanwhile_is_noticed(engine: Engine) -> None:
    with another_program(engine) as other:
        for number in range(6):
            add_once(engine, entry(f"ours/{number}"), MONDAY)
            add_once(other, entry(f"theirs/{number}"), MONDAY)
            assert append(engine, entry(f"ours-too/{number}"), entry(f"and/{number}")) == number * 4 + 4
    assert size_of(engine) == 24


@ONLY_POSTGRESQL
def test_while_others_write_nothing_is_tried_in_vain_and_afterwards_it_is_again(engine: Engine) -> None:
    append(engine, entry("a"))
    with another_program(engine) as other:
        append(other, entry("b"))
    tried = []
    for key in "cdef":
        tried.append(remembered(engine).alone)
        add_once(engine, entry(key), MONDAY)
    assert tried == [True, False, True, True]
    assert size_of(engine) == 6


def test_what_was_rolled_back_is_not_believed(engine: Engine) -> None:
    append(engine, entry("a"))
    for size, key in enumerate(("once", "twice"), start=1):
        with pytest.raises(ZeroDivisionError), writing(engine) as connection:
            lock_ledger(connection)
            append_many(connection, [entry(key, actor="met for the first time")], MONDAY)
            raise ZeroDivisionError
        assert remembered(engine).size == size + 1
        add_once(engine, entry(f"after-{key}", actor="met for the first time"), MONDAY)
        assert size_of(engine) == size + 1
    with reading(engine) as connection:
        assert list(actors(connection)) == ["mara.lind", *["met for the first time"] * 2]


def test_a_stopped_ledger_is_not_added_to_by_whoever_remembers_it_running(engine: Engine) -> None:
    append(engine, entry("a"))
    stop(engine, "it does not fit")
    with pytest.raises(LedgerStopped, match="it does not fit"):
        add_once(engine, entry("b"), MONDAY)
    with pytest.raises(LedgerStopped, match="it does not fit"):
        append(engine, entry("b"))
    with writing(engine) as connection:
        go_on(connection)
    assert add_once(engine, entry("b"), MONDAY) == 1
    assert size_of(engine) == 2


@pytest.mark.parametrize("whose", ["actor", "on_behalf_of"])
def test_the_number_of_a_person_who_was_erased_is_not_used_again(engine: Engine, whose: str) -> None:
    for key in "ab":
        add_once(engine, entry(key, **{whose: "jonas.okafor"}), MONDAY)
    person = tables.ledger_person
    number = select(person.c.id).where(person.c.person == "jonas.okafor")
    with writing(engine) as connection:
        before = connection.execute(number).scalar_one()
        connection.execute(delete(person).where(person.c.person == "jonas.okafor"))
    add_once(engine, entry("c", **{whose: "jonas.okafor"}), MONDAY)
    with reading(engine) as connection:
        after = connection.execute(number).scalar_one()
        bodies = [str(row["body"]) for row in records(connection)]
    assert after != before
    assert [(before in body, after in body) for body in bodies] == [(True, False), (True, False), (False, True)]


def test_a_key_that_is_on_record_is_answered_or_refused(engine: Engine) -> None:
    assert [add_once(engine, entry(key), MONDAY) for key in ("a", "b", "a", "b", "c")] == [0, 1, 0, 1, 2]
    with pytest.raises(KeyConflict, match="is on record as number 1 with other content"):
        add_once(engine, entry("b", stage="rollout"), MONDAY)
    assert size_of(engine) == 3


def test_every_tile_is_there_when_records_come_one_by_one(engine: Engine) -> None:
    append(engine, *(entry(f"first/{number}") for number in range(253)))
    for number in range(5):
        add_once(engine, entry(str(number)), MONDAY)
    with reading(engine) as connection:
        assert connection.execute(select(tables.ledger_tile.c.level, tables.ledger_tile.c.index)).all() == [(0, 0)]
    assert size_of(engine) == 258


def test_the_time_of_recording_never_goes_back(engine: Engine) -> None:
    for minutes in (0, 10, -30, 20):
        add_once(engine, entry(str(minutes)), MONDAY + timedelta(minutes=minutes))
    with reading(engine) as connection:
        recorded = [(row["recorded_at"] - MONDAY).total_seconds() / 60 for row in records(connection)]
    assert recorded == [0, 10, 10, 20]


WAYS = st.lists(
    st.tuples(st.sampled_from(["add", "batch", "commit", "roll back", "doubt"]), st.booleans(), st.integers(1, 4)),
    min_size=1,
    max_size=12,
)


@settings(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ways=WAYS)
def test_the_root_does_not_depend_on_how_records_come_or_who_brings_them(
    engine: Engine, ways: list[tuple[str, bool, int]]
) -> None:
    with another_program(engine) as other:
        size = size_of(engine)
        for way, ours, count in ways:
            one = engine if ours else other
            some = [entry(str(uuid.uuid4()), actor=f"person-{count}") for _ in range(count)]
            if way == "add":
                assert add_once(one, some[0], MONDAY) == size
                size += 1
            elif way == "batch":
                assert append(one, *some) == size + count
                size += count
            elif way == "commit":
                GroupCommitter(one).commit(lambda _connection, some=some: Outcome(some, MONDAY, None))  # type: ignore[misc]
                size += count
            elif way == "roll back":
                with pytest.raises(ZeroDivisionError), writing(one) as connection:
                    lock_ledger(connection)
                    append_many(connection, some, MONDAY)
                    raise ZeroDivisionError
            else:
                appending.doubt(one)
        assert size_of(engine) == size


# ------------------------------------------------------------------------------------------------ concurrency


@ONLY_POSTGRESQL
@pytest.mark.parametrize("believes", ["what is committed while it waits", "what was there before"])
def test_the_head_is_read_after_the_lock_is_granted_and_not_before(engine: Engine, believes: str) -> None:
    """The statement begins while another holds the lock with an uncommitted head. At its own snapshot that head is not
    there yet: only a look after the wait tells the one belief from the other."""
    append(engine, entry("first"))
    old, answers = remembered(engine), list[int]()
    with writing(engine) as holder:
        lock_ledger(holder)
        append_many(holder, [entry("holder's")], MONDAY)
        if believes == "what was there before":
            remember(engine, old)
        with statements(engine) as asked:
            waiting = threading.Thread(target=lambda: answers.append(add_once(engine, entry("waiting"), MONDAY)))
            waiting.start()
            _wait_for_a_lock(engine)
            holder.commit()
            waiting.join(20)
    assert answers == [2]
    assert size_of(engine) == 3
    ours = [statement for statement in asked if "pg_locks" not in statement]
    assert "ledger_append" in ours[0]
    assert (len(ours) > 1) == (believes == "what was there before"), "the other one looks again, behind the lock"


def _wait_for_a_lock(engine: Engine) -> None:
    waits = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    deadline = time.monotonic() + 10
    with engine.connect() as connection:
        while not connection.execute(waits).scalar_one():
            assert time.monotonic() < deadline, "nobody waits"
            time.sleep(0.005)


@pytest.mark.slow
def test_eight_processes_that_all_believe_what_they_remember_never_fork(engine: Engine) -> None:
    in_processes(8, add_sixteen_at, address_of(engine))
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 8 * 8 + 8
        assert len(heads(connection)) == 8 * 8 + 8
        met = connection.execute(select(tables.ledger_person.c.person)).scalars().all()
    assert len(met) == len(set(met)) == 8


# ------------------------------------------------------------------------------------------------- what may break


@ONLY_POSTGRESQL
@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_a_server_of_another_isolation_is_added_to_in_a_transaction_of_ours(engine: Engine, isolation: str) -> None:
    options = {"options": f"-c default_transaction_isolation={isolation.replace(' ', chr(92) + ' ')}"}
    strict = open_database(engine.url.update_query_dict(options).render_as_string(hide_password=False))
    append(strict, entry("a"))
    with another_program(engine) as other:
        add_once(other, entry("b"), MONDAY)
    with statements(strict) as asked:
        assert add_once(strict, entry("c"), MONDAY) == 2
    assert len(asked) > 1
    strict.dispose()
    assert size_of(engine) == 3


@ONLY_POSTGRESQL
def test_a_connection_that_was_lost_is_not_the_callers_trouble(engine: Engine) -> None:
    for key in "ab":
        add_once(engine, entry(key), MONDAY)
    ours = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    with engine.connect() as connection:
        where = "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        assert any(connection.execute(text(ours + where)).scalars())
    assert [add_once(engine, entry(key), MONDAY) for key in "bcd"] == [1, 2, 3]
    assert size_of(engine) == 4


@ONLY_POSTGRESQL
def test_a_statement_that_was_committed_and_not_answered_is_found_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(engine, entry("a"))
    assert remembered(engine).alone
    whole = appending.append_if_still_so

    def unanswered(*arguments: object) -> bool:
        monkeypatch.undo()
        assert whole(*arguments)  # type: ignore[arg-type]
        arguments[0].execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))  # type: ignore[attr-defined]
        raise AssertionError("the connection is gone before this")

    monkeypatch.setattr("store.ledger.append_if_still_so", unanswered)
    assert add_once(engine, entry("b"), MONDAY) == 1
    assert size_of(engine) == 2


@ONLY_POSTGRESQL
def test_a_lock_that_is_held_for_too_long_is_an_outage(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    append(engine, entry("a"))
    monkeypatch.setattr(appending, "LOCK_PATIENCE", "50ms")
    monkeypatch.setattr("store.database.LOCK_PATIENCE", "50ms")
    with writing(engine) as holder:
        lock_ledger(holder)
        with pytest.raises(DatabaseUnavailable, match="lock timeout"):
            add_once(engine, entry("b"), MONDAY)
    assert add_once(engine, entry("b"), MONDAY) == 1
    with engine.connect() as connection:
        assert connection.execute(text("SHOW lock_timeout")).scalar_one() == "0"


@ONLY_POSTGRESQL
def test_without_the_function_the_ledger_works_in_more_statements(engine: Engine) -> None:
    append(engine, entry("a"))
    with writing(engine) as connection:
        connection.execute(text("DROP FUNCTION ledger_append"))
        assert lacks_the_function(connection)
    assert add_once(engine, entry("b"), MONDAY) == 1
    assert not remembered(engine).alone
    remember(engine, replace(remembered(engine), alone=True))
    with pytest.raises(Exception, match="ledger_append"):
        append(engine, entry("c"))
    assert append(engine, entry("c")) == 3, "the next try knows"
    downgrade(engine, "0008")
    migrate(engine)
    append(engine, entry("d"))
    with statements(engine) as asked:
        assert add_once(engine, entry("e"), MONDAY) == 4
    assert len(asked) == 1
    assert size_of(engine) == 5
