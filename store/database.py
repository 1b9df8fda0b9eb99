"""Opening a database and its kinds of transaction: reading, writing one at a time, and adding to the ledger.

SQLite writes begin IMMEDIATE, because a deferred transaction that turns into a writer fails under concurrency
(reference/ledger.md 6.5); PostgreSQL writers take one advisory lock at READ COMMITTED.

What every decision begins and ends is begun and ended by our own words on a connection of SQLAlchemy's, because a
transaction of SQLAlchemy's costs more than what is written in it (docs/decisions/0038).
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary, ref

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from store.prepared import Prepared, as_sqlalchemy_raises, say

LEDGER_LOCK = 0x67_72_6F_75_6E_64
"""PostgreSQL's advisory lock of the ledger: "ground" as a number, unlikely to meet another application's."""
READ_ONLY = "25006"
"""What PostgreSQL says where nothing may be written, as on a replica that was not promoted yet."""
BUSY_SECONDS = 30
"""How long a SQLite writer waits for another before it gives up."""
LOCK_PATIENCE = "15s"
"""How long PostgreSQL waits for the ledger's lock before it gives up."""


class DatabaseUnavailable(Exception):
    """The database cannot be reached or used; the message says which and what to do."""


class NoTransaction(RuntimeError):
    """The ledger was to be added to statement by statement: a mistake of ours, never of the database."""


def open_database(address: str) -> Engine:
    """An engine for ``sqlite:///file``, ``postgresql://…`` or ``postgresql+psycopg://…``.

    With ``?pooler=transaction`` behind it, a PostgreSQL address leads through a pooler that gives each transaction
    another connection: statements are then not prepared there, because the next connection would not know them.

    Raises:
        DatabaseUnavailable: when the address names no database we support.
    """
    try:
        url = make_url(address)
    except Exception:
        raise DatabaseUnavailable(
            "DATABASE_URL is not an address. Write sqlite:///path/to/file or postgresql://user:password@host/name."
        ) from None  # the cause quotes parts of the address, such as a password with a slash in it
    match url.get_backend_name():
        case "sqlite":
            return _sqlite(url)
        case "postgresql" | "postgres":
            pooled = url.query.get("pooler") == "transaction"
            unprepared = {"prepare_threshold": None} if pooled else {}
            return _postgresql(
                url.set(drivername="postgresql+psycopg").difference_update_query(["pooler"]),
                connect_args={"connect_timeout": 5, **unprepared},
                hide_parameters=True,  # errors end up in logs and in Temporal; what people wrote must not
            )
        case other:
            raise DatabaseUnavailable(f"DATABASE_URL names {other}. Groundswell runs on sqlite and postgresql.")


def _postgresql(url: URL, **options: Any) -> Engine:
    engine = create_engine(url, pool_pre_ping=True, pool_size=10, isolation_level="READ COMMITTED", **options)
    statements = create_engine(url, pool_size=2, max_overflow=4, isolation_level="AUTOCOMMIT", **options)
    _statements[engine], _opened_for[statements] = statements, ref(engine)
    event.listen(engine, "engine_disposed", lambda _engine: statements.dispose())

    @event.listens_for(statements, "before_cursor_execute")
    def _say(connection: Connection, *told: Any) -> None:
        for listener in engine_of(connection).dispatch.before_cursor_execute:
            listener(connection, *told)

    return engine


_statements: WeakKeyDictionary[Engine, Engine] = WeakKeyDictionary()
"""For each engine on PostgreSQL, the one whose connections commit each statement. They are opened when needed."""
_opened_for: WeakKeyDictionary[Engine, ref[Engine]] = WeakKeyDictionary()
"""For each engine of :data:`_statements`, the one it belongs to."""


def engine_of(connection: Connection) -> Engine:
    """The engine that :func:`open_database` made, whichever kind of connection this is."""
    belongs_to = _opened_for.get(connection.engine)
    return (belongs_to() if belongs_to else None) or connection.engine


def _sqlite(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        try:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseUnavailable(
                f"The SQLite database {url.database} cannot be used: {error.strerror}."
            ) from error
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"), connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say, see below
        cursor = connection.cursor()
        _use_write_ahead_log(cursor)
        cursor.execute("PRAGMA synchronous=FULL")  # a decision that was acknowledged survives a power cut
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()
        # SQLite's own knows A to Z only, so that “ÄRGER” would not find “Ärger”.
        connection.create_function("lower", 1, _lower, deterministic=True)
        record.info[_FILE] = _file_at(url.database)  # it is there now, if it was not before

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("writing", False)
        if not _raw(connection).in_transaction:  # or it was begun by our own words
            _begin_on_sqlite(connection, writing=writing)

    return engine


def _begin_on_sqlite(connection: Connection, *, writing: bool) -> None:
    engine = connection.engine
    if writing and connection.info[_FILE] != _file_at(engine.url.database):
        # SQLite would go on in a file that has no name any more, and what was acknowledged would go with it.
        engine.dispose()
        raise DatabaseUnavailable(
            f"{in_words(engine)} is not the file any more that this program opened: it was moved, deleted or "
            "replaced. Nothing was written"
        )
    (_BEGIN_IMMEDIATE if writing else _BEGIN).write(connection, {})


_BEGIN, _BEGIN_IMMEDIATE = Prepared(text("BEGIN")), Prepared(text("BEGIN IMMEDIATE"))
_FILE = "file"


def _file_at(path: str | None) -> tuple[int, int] | None:
    """Which file is called ``path`` now; None where there is none, as for a database in memory."""
    try:
        found = os.stat(path or ":memory:")
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _use_write_ahead_log(cursor: Any) -> None:
    """Switch to WAL. On a new file SQLite answers "locked" at once where another does the same, without waiting."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _lower(text: Any) -> Any:
    return text.lower() if isinstance(text, str) else text


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, and sees the database as it was at one moment, whatever is committed meanwhile.

    Raises:
        DatabaseUnavailable: when the database cannot be reached.
    """
    with _named_failure(engine), engine.connect() as connection:
        if engine.dialect.name == "sqlite":  # its transactions are like that anyway
            _begin_on_sqlite(connection, writing=False)
            yield connection  # and what only read needs no end but that of the connection
            return
        # At READ COMMITTED each statement would see a moment of its own.
        connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes, committed at the end.

    Raises:
        DatabaseUnavailable: when the database cannot be reached or stays locked.
    """
    with _named_failure(engine):
        with engine.connect().execution_options(writing=True) as connection, connection.begin():
            yield connection


@contextmanager
def adding(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes and holds the ledger's lock from its beginning, committed at the end.

    Raises:
        DatabaseUnavailable: when the database cannot be reached or stays locked.
    """
    # What is not committed is rolled back where the connection goes back to where it came from.
    with _named_failure(engine), _begun(engine) as connection:
        yield connection
        for listener in engine.dispatch.commit:
            listener(connection)
        try:
            _raw(connection).commit()
        except connection.dialect.loaded_dbapi.Error as error:
            raise as_sqlalchemy_raises(connection, "COMMIT", error) from error


def _begun(engine: Engine, *, again: bool = True) -> Connection:
    """A connection whose transaction holds the ledger's lock. Whether it was lost while nobody used it is not asked
    before: nothing is lost with it, and another does as well."""
    here = _statements.get(engine, engine)
    connection = here.connect()
    try:
        _begin_and_lock(connection)
    except BaseException as error:
        connection.close()
        if not (again and isinstance(error, DBAPIError) and error.connection_invalidated):
            raise
    else:
        return connection
    here.dispose()  # its neighbours were lost as well
    return _begun(engine, again=False)


def _begin_and_lock(connection: Connection) -> None:
    """On PostgreSQL in one journey, where a ping, BEGIN and the lock would be three."""
    if connection.dialect.name == "sqlite":
        _begin_on_sqlite(connection, writing=True)
        return
    words = (
        f"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '{LOCK_PATIENCE}'; "
        f"SELECT pg_advisory_xact_lock({LEDGER_LOCK})"
    )
    say(connection, words)
    try:
        _raw(connection).execute(words, prepare=False)  # several statements cannot be prepared
    except connection.dialect.loaded_dbapi.Error as error:
        raise as_sqlalchemy_raises(connection, words, error) from error


def _raw(connection: Connection) -> Any:
    """The driver's own connection."""
    return connection.connection.dbapi_connection


@contextmanager
def one_statement(engine: Engine) -> Iterator[Connection]:
    """A connection to PostgreSQL on which each statement is a transaction of its own. It may have been lost meanwhile:
    whether it is still there is not asked before, so whoever uses it can do their work in another way.

    Raises:
        DatabaseUnavailable: when the database cannot be reached or stays locked. The statement may have been committed
            if the connection was lost.
    """
    with _named_failure(engine), _statements[engine].connect() as connection:
        yield connection


def has_single_statements(engine: Engine) -> bool:
    """Whether there is :func:`one_statement` for it: for what :func:`open_database` opened on PostgreSQL."""
    return engine in _statements


# Evaluated from left to right: the limit holds for the wait beside it.
_LOCK = Prepared(text("SELECT set_config('lock_timeout', :patience, true), pg_advisory_xact_lock(:key)"))


def lock_ledger(connection: Connection) -> None:
    """Wait until this transaction is the only one that appends. SQLite's BEGIN IMMEDIATE has done that already.

    Raises:
        NoTransaction: each statement would be committed by itself, and the lock with the first.
    """
    raw = _raw(connection)
    if connection.dialect.name == "postgresql":
        alone = raw.autocommit and raw.info.transaction_status == raw.info.transaction_status.IDLE
    else:
        alone = not raw.in_transaction
    if alone:
        raise NoTransaction("The ledger is only added to in a transaction; this connection commits each statement.")
    if connection.dialect.name == "postgresql":
        _LOCK.read(connection, {"patience": LOCK_PATIENCE, "key": LEDGER_LOCK})


@contextmanager
def _named_failure(engine: Engine) -> Iterator[None]:
    try:
        yield
    except PoolExhausted as error:
        raise DatabaseUnavailable(f"{in_words(engine)} cannot be used right now: all connections are busy") from error
    except DBAPIError as error:
        if not _is_outage(error):
            raise
        raise DatabaseUnavailable(f"{in_words(engine)} cannot be used right now: {_first_line(error)}") from error


def _is_outage(error: DBAPIError) -> bool:
    """Whether the database is to blame, and not what we asked of it. A damaged file is a plain DatabaseError."""
    only_read = getattr(error.orig, "sqlstate", None) == READ_ONLY
    return (
        isinstance(error, OperationalError) or error.connection_invalidated or type(error) is DatabaseError or only_read
    )


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0] if error.orig else "no answer"


def in_words(engine: Engine) -> str:
    """The database without its password, for messages."""
    url = engine.url
    if url.get_backend_name() == "sqlite":
        return f"The SQLite database {url.database or 'in memory'}"
    host = url.host or url.query.get("host", "this machine")
    return f"The PostgreSQL database {url.database} on {host}:{url.port or 5432}"
