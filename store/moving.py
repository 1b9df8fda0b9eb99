"""Copying an installation to another database, such as from SQLite to PostgreSQL: what was hashed stays as it is.

The rows are copied in pieces under the ledger's lock of the old database, so that nothing is decided meanwhile; then
the copy's tree is computed from its bytes and compared.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine, delete, func, insert, select, text

from changes.facts import SYSTEM
from store import tables
from store.checkpoints import head_of
from store.database import in_words, lock_ledger, reading, writing
from store.ledger import Entry, append_many, origin_of
from store.migrating import migrate
from store.searching import index_new_words
from store.verifying import verify_stored

CHUNK = 1_000
"""Rows that are copied at a time."""


class NotMoved(Exception):
    """The copy was not made, or is not what it was made from; the message says why. The old database is untouched."""


def move_everything(engine: Engine, target: Engine, now: datetime) -> int:
    """Copy all tables from ``engine`` to ``target``, and record there that it was moved; the size of the ledger.

    Raises:
        NotMoved: the target is not empty, or the copy differs.
    """
    migrate(target)
    with writing(engine) as source:
        lock_ledger(source)
        with writing(target) as connection:
            lock_ledger(connection)
            _require_empty(connection, target)
            for table in tables.metadata.sorted_tables:
                _copy(source, connection, table.name)
            _count_on(connection)
            old, new = head_of(source), head_of(connection)
            report = verify_stored(connection, origin_of(connection), [])
            if old != new or report.findings or (report.size, report.root) != (old.size, old.root):
                raise NotMoved(f"The copy in {in_words(target)} differs: {' '.join(report.in_words())}")
            append_many(connection, [_moved(new.size, new.root, now)], now)
    index_new_words(target)
    with reading(target) as connection:
        return head_of(connection).size


def _require_empty(connection: Connection, target: Engine) -> None:
    for table in (tables.ledger_record, tables.person, tables.change):
        if connection.execute(select(func.count()).select_from(table)).scalar_one():
            raise NotMoved(f"{in_words(target)} is not empty: {table.name} has rows. Give an empty database.")
    connection.execute(delete(tables.deployment))


def _copy(source: Connection, target: Connection, name: str) -> None:
    table = tables.metadata.tables[name]
    rows = source.execution_options(yield_per=CHUNK).execute(select(table).order_by(*table.primary_key.columns))
    for part in rows.mappings().partitions(CHUNK):
        target.execute(insert(table), [dict(row) for row in part])


def _count_on(connection: Connection) -> None:
    """Have numbers that PostgreSQL gives out go on behind those that were copied."""
    if connection.dialect.name != "postgresql":
        return
    for table in tables.metadata.sorted_tables:
        column = table.autoincrement_column
        if column is not None:
            connection.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), "  # noqa: S608 - our names
                    f"COALESCE(MAX({column.name}), 0) + 1, false) FROM {table.name}"
                )
            )


def _moved(size: int, root: bytes, now: datetime) -> Entry:
    key = f"moved/{size}/{now:%Y%m%dT%H%M%S%f}"
    return Entry.about_the_ledger(key, "moved", SYSTEM, now, facts={"size": size, "root": root.hex()})
