from __future__ import annotations

import socket
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, func, insert, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from store import database, tables
from store.database import DatabaseUnavailable, adding, in_words, lock_ledger, open_database, reading, writing
from store.ledger import ORIGIN
from tests.support.databases import ON_POSTGRESQL
from tests.support.desk import MONDAY
from tests.support.processes import address_of, in_processes
from tests.support.writers import add_on, count_on, count_on_at

ONLY_SQLITE = pytest.mark.skipif(ON_POSTGRESQL, reason="about SQLite")
ONLY_POSTGRESQL = pytest.mark.skipif(not ON_POSTGRESQL, reason="about PostgreSQL")
SECRET = "correct-horse"


@contextmanager
def an_address_nobody_answers() -> Iterator[str]:
    """A PostgreSQL address at which something holds the port and never listens."""
    with closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        yield f"postgresql://gw:{SECRET}@127.0.0.1:{held.getsockname()[1]}/groundswell"


# -------------------------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize("address", ["", "groundswell.db", "sqlite", "://x", "postgresql://h:port/name"])
def test_what_is_no_address_is_answered_with_examples(address: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"sqlite:///path/to/file or postgresql://user:password@host/name"):
        open_database(address)


@pytest.mark.parametrize("address", ["mysql://u:p@h/n", "oracle://h/n", "mssql+pyodbc://h/n"])
def test_another_kind_of_database_is_named(address: str) -> None:
    kind = address.partition(":")[0].partition("+")[0]
    with pytest.raises(DatabaseUnavailable, match=f"names {kind}. Groundswell runs on sqlite and postgresql"):
        open_database(address)


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgresql+psycopg2", "postgres"])
def test_every_spelling_of_postgresql_is_driven_by_psycopg(scheme: str) -> None:
    engine = open_database(f"{scheme}://gw:{SECRET}@db.example:6543/groundswell")
    assert engine.url.drivername == "postgresql+psycopg"
    assert in_words(engine) == "The PostgreSQL database groundswell on db.example:6543"


def test_a_socket_is_named_where_there_is_no_host() -> None:
    engine = open_database("postgresql://postgres@/groundswell?host=/run/postgresql")
    assert in_words(engine) == "The PostgreSQL database groundswell on /run/postgresql:5432"


def test_the_folder_of_a_sqlite_database_is_made(tmp_path: Path) -> None:
    path = tmp_path / "not" / "there" / "yet.db"
    engine = open_database(f"sqlite:///{path}")
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE here (x INTEGER)"))
    engine.dispose()
    assert path.exists()


def test_a_folder_that_cannot_be_made_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("in the way")
    with pytest.raises(DatabaseUnavailable, match=r"a-file/groundswell.db cannot be used"):
        open_database(f"sqlite:///{tmp_path / 'a-file' / 'groundswell.db'}")


# ------------------------------------------------------------------------------------------------ unreachable


def test_a_database_that_is_away_is_named_without_its_password() -> None:
    with an_address_nobody_answers() as address:
        engine = open_database(address)
        for transaction in (reading, writing):
            with pytest.raises(DatabaseUnavailable) as caught, transaction(engine):
                pytest.fail("a transaction began without a database")
            message = str(caught.value)
            assert message.startswith("The PostgreSQL database groundswell on 127.0.0.1:")
            assert "cannot be used right now" in message
            assert "\n" not in message
            assert SECRET not in "".join(traceback.format_exception(caught.value))
        engine.dispose()


@pytest.mark.parametrize("address", [f"postgresql://gw:{SECRET}@h:{SECRET}/name", f"nosql://gw:{SECRET}@h/name"])
def test_a_wrong_address_does_not_show_its_password(address: str) -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        open_database(address)
    assert SECRET not in "".join(traceback.format_exception(caught.value)).replace(repr(address), "")


def test_a_password_is_not_shown_by_the_engine() -> None:
    engine = open_database(f"postgresql://gw:{SECRET}@db.example/groundswell")
    assert SECRET not in f"{engine!r} {engine.url} {in_words(engine)}"


def test_a_file_that_is_no_database_is_said_in_words(tmp_path: Path) -> None:
    path = tmp_path / "letters.db"
    path.write_text("Dear Mara, this is not a database, however long it gets. " * 100)
    engine = open_database(f"sqlite:///{path}")
    with pytest.raises(DatabaseUnavailable, match=r"letters.db cannot be used right now: file is not a database"):
        with reading(engine):
            pytest.fail("a letter was taken for a database")
    engine.dispose()


def test_mistakes_of_ours_are_not_blamed_on_the_database(engine: Engine) -> None:
    with pytest.raises(IntegrityError), writing(engine) as connection:
        for _ in range(2):
            connection.execute(insert(tables.deployment).values(name="same", value="x"))
    with pytest.raises(KeyError), writing(engine):
        raise KeyError("what the caller does goes through as it is")


def test_what_people_wrote_is_not_quoted_by_errors(engine: Engine) -> None:
    with pytest.raises(IntegrityError) as caught, writing(engine) as connection:
        connection.execute(insert(tables.deployment).values(name="same", value=SECRET))
        connection.execute(insert(tables.deployment), [{"name": "same", "value": SECRET}])
    assert SECRET not in str(caught.value)


# ------------------------------------------------------------------------------------------------------ times

MOMENTS = [
    MONDAY,
    MONDAY.replace(microsecond=123456),
    datetime(2026, 3, 29, 2, 30, tzinfo=timezone(timedelta(hours=2))),
    datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=14))),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 12, tzinfo=UTC),
]


def test_a_moment_comes_back_as_the_same_instant_in_utc(engine: Engine) -> None:
    table = tables.change_number
    for moment in MOMENTS:
        with writing(engine) as connection:
            connection.execute(insert(table).values(reserved_for=str(moment), reserved_at=moment))
            query = select(table.c.reserved_at).where(table.c.reserved_at == moment)
            stored = connection.execute(query).scalar_one()
        assert stored == moment
        assert stored.tzinfo is UTC


def test_the_session_time_zone_changes_nothing(engine: Engine) -> None:
    with writing(engine) as connection:
        if ON_POSTGRESQL:
            connection.execute(text("SET LOCAL TIME ZONE 'Asia/Kathmandu'"))
        connection.execute(insert(tables.change_number).values(reserved_for="a", reserved_at=MONDAY))
        stored = connection.execute(select(tables.change_number.c.reserved_at)).scalar_one()
    assert stored.isoformat() == MONDAY.isoformat()


def test_a_time_without_its_zone_is_refused(engine: Engine) -> None:
    naive = MONDAY.replace(tzinfo=None)
    with pytest.raises(StatementError, match="a time without its zone cannot be stored"), writing(engine) as connection:
        connection.execute(insert(tables.change_number).values(reserved_for="a", reserved_at=naive))
    with pytest.raises(StatementError, match="give an aware datetime"), reading(engine) as connection:
        connection.execute(select(tables.change_number).where(tables.change_number.c.reserved_at < naive))


def test_an_empty_moment_stays_empty(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(
            insert(tables.sign_in_link).values(token_hash="h", person="p", created_at=MONDAY, expires_at=MONDAY)
        )
    with reading(engine) as connection:
        assert connection.execute(select(tables.sign_in_link.c.used_at)).scalar_one() is None


# ----------------------------------------------------------------------------------------------- transactions


def test_a_transaction_that_fails_leaves_nothing(engine: Engine) -> None:
    with pytest.raises(RuntimeError), writing(engine) as connection:
        connection.execute(insert(tables.deployment).values(name="half", value="done"))
        raise RuntimeError("the power is gone")
    with reading(engine) as connection:
        assert connection.execute(select(tables.deployment.c.name)).scalars().all() == [ORIGIN]


def test_reading_sees_one_moment_whatever_is_committed_meanwhile(engine: Engine) -> None:
    def names(connection: Connection) -> list[str]:
        return [name for name in connection.execute(select(tables.deployment.c.name)).scalars() if name != ORIGIN]

    with reading(engine) as connection:
        assert names(connection) == []
        with writing(engine) as other:
            other.execute(insert(tables.deployment).values(name="meanwhile", value="x"))
        assert names(connection) == []
    with reading(engine) as connection:
        assert names(connection) == ["meanwhile"]


@ONLY_SQLITE
def test_sqlite_is_set_up_to_survive_a_power_cut(engine: Engine) -> None:
    with reading(engine) as connection:
        settings = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "foreign_keys": 1,
        "busy_timeout": database.BUSY_SECONDS * 1000,
    }


@ONLY_SQLITE
def test_writing_takes_the_lock_at_once_and_reading_never_does(engine: Engine) -> None:
    other = sqlite3.connect(engine.url.database or "", timeout=0, isolation_level=None)
    with closing(other):
        with reading(engine) as connection:
            connection.execute(select(tables.team)).all()
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
        with writing(engine), pytest.raises(sqlite3.OperationalError, match="database is locked"):
            other.execute("BEGIN IMMEDIATE")


@ONLY_SQLITE
def test_a_sqlite_lock_that_is_never_released_is_said_in_words(
    database_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    engine = open_database(database_address)
    with closing(sqlite3.connect(engine.url.database or "", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable, match="cannot be used right now: database is locked"):
            with writing(engine):
                pytest.fail("two wrote at once")
        with reading(engine) as connection:
            assert connection.execute(select(func.count()).select_from(tables.team)).scalar_one() > 0
    engine.dispose()


@ONLY_POSTGRESQL
def test_the_ledger_lock_is_exclusive_and_waiting_for_it_ends(engine: Engine) -> None:
    with writing(engine) as holder:
        lock_ledger(holder)
        lock_ledger(holder)  # its own lock does not shut it out
        assert holder.execute(text("SHOW lock_timeout")).scalar_one() == "15s"
        assert holder.execute(text("SHOW transaction_isolation")).scalar_one() == "read committed"
        with pytest.raises(DatabaseUnavailable, match="lock timeout"), writing(engine) as waiting:
            waiting.execute(text("SET LOCAL lock_timeout = '50ms'"))
            waiting.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": database.LEDGER_LOCK})
    with writing(engine) as connection:
        assert connection.execute(text("SHOW lock_timeout")).scalar_one() == "0"
        lock_ledger(connection)  # the lock went with its transaction


@ONLY_POSTGRESQL
def test_the_limit_holds_for_the_wait_in_the_same_statement(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with writing(engine) as holder:
        lock_ledger(holder)
        monkeypatch.setattr(database, "LOCK_PATIENCE", "50ms")
        with pytest.raises(DatabaseUnavailable, match="lock timeout"), writing(engine) as waiting:
            lock_ledger(waiting)


def end_connection(address: str, process: int) -> None:
    """What a PostgreSQL server does to all connections when it restarts."""
    engine = open_database(address)
    with reading(engine) as connection:
        connection.execute(text("SELECT pg_terminate_backend(:process, 5000)"), {"process": process})
    engine.dispose()


@ONLY_POSTGRESQL
@pytest.mark.parametrize("transaction", [reading, writing, adding])
def test_a_connection_that_the_server_ended_is_replaced(
    engine: Engine, database_address: str, transaction: Callable[[Engine], AbstractContextManager[Connection]]
) -> None:
    with transaction(engine) as connection:
        before = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    end_connection(database_address, before)
    with transaction(engine) as connection:
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() != before


@ONLY_POSTGRESQL
def test_a_connection_that_ends_in_the_middle_is_said_in_words(engine: Engine, database_address: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="cannot be used right now"), writing(engine) as connection:
        connection.execute(insert(tables.deployment).values(name="half", value="done"))
        end_connection(database_address, connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
        connection.execute(insert(tables.deployment).values(name="other half", value="done"))
    with reading(engine) as connection:
        assert connection.execute(select(tables.deployment.c.name)).scalars().all() == [ORIGIN]


def test_a_pool_without_a_free_connection_is_said_in_words(database_address: str) -> None:
    engine = create_engine(open_database(database_address).url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    with reading(engine), pytest.raises(DatabaseUnavailable, match="all connections are busy"), reading(engine):
        pytest.fail("there was a second connection")
    engine.dispose()


# ---------------------------------------------------------------------------------------------- what is added


def test_what_is_added_is_committed_and_what_fails_is_not(engine: Engine) -> None:
    for name in ("first", "second"):
        with adding(engine) as connection:
            lock_ledger(connection)  # it holds the lock already, and asking for it again is no mistake
            connection.execute(insert(tables.deployment).values(name=name, value="here"))
        with pytest.raises(ZeroDivisionError), adding(engine) as connection:
            connection.execute(insert(tables.deployment).values(name=f"not the {name}", value="here"))
            raise ZeroDivisionError
    with reading(engine) as connection:
        assert set(connection.execute(select(tables.deployment.c.name)).scalars()) == {ORIGIN, "first", "second"}


@ONLY_POSTGRESQL
def test_adding_has_its_own_limit_and_sees_what_others_commit(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with adding(engine) as connection:
        assert connection.execute(text("SHOW lock_timeout")).scalar_one() == "15s"
        assert connection.execute(text("SHOW transaction_isolation")).scalar_one() == "read committed"
        monkeypatch.setattr(database, "LOCK_PATIENCE", "50ms")
        with pytest.raises(DatabaseUnavailable, match="lock timeout"), adding(engine):
            pytest.fail("two added at once")
    with adding(engine):
        pass  # the lock went with its transaction


# ------------------------------------------------------------------------------------------------ concurrency


def counted(engine: Engine) -> int:
    with reading(engine) as connection:
        table = tables.deployment
        return int(connection.execute(select(table.c.value).where(table.c.name == "count")).scalar_one())


@pytest.fixture
def counting(engine: Engine) -> Engine:
    with writing(engine) as connection:
        connection.execute(insert(tables.deployment).values(name="count", value="0"))
    return engine


def test_writers_in_threads_wait_for_each_other(counting: Engine) -> None:
    with ThreadPoolExecutor(8) as threads:
        for writer in [threads.submit(count_on, counting) for _ in range(8)]:
            writer.result()
    assert counted(counting) == 80


def test_whoever_adds_waits_for_those_who_write(counting: Engine) -> None:
    with ThreadPoolExecutor(8) as threads:
        for one in [threads.submit(act, counting) for act in (add_on, count_on) * 4]:
            one.result()
    assert counted(counting) == 80


@pytest.mark.slow
def test_writers_in_four_processes_wait_for_each_other(counting: Engine) -> None:
    in_processes(4, count_on_at, address_of(counting))
    assert counted(counting) == 40
