"""Taking a person out of every table beside the ledger's own, as :mod:`store.personal_data` says of each column."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, delete, insert, or_, select, true, update

from changes.acts import ActAnswer
from changes.instruction import Applied
from changes.values import is_pseudonym
from store import tables
from store.audit.access import READERS
from store.columns import Document
from store.directory import load_directory
from store.personal_data import How, columns_that
from store.redacting import Whom, as_json, redacted_text

AT_ONCE = 200
"""Changes that are asked about in one query."""
_OTHER_REFERENCES = (tables.team, tables.process, tables.change)


def naming(column: ColumnElement[Any], whom: Whom) -> list[ColumnElement[bool]]:
    """Conditions, one for each name, on a column with JSON in which it may stand."""
    return [column.contains(as_json(one), autoescape=True) for one in whom.named]


def is_sought(connection: Connection, whom: Whom) -> bool:
    """Whether the reference may be looked for everywhere. Where nothing knows it any more as a person's, it must not be
    one of our own words by mistake: they would be taken out of everybody's records."""
    if whom.called or is_pseudonym(whom.ref) or whom.number != whom.ref or is_known(connection, whom.ref, How.THEIRS):
        return True
    others = (connection.execute(select(table.c.ref).where(table.c.ref == whom.ref)) for table in _OTHER_REFERENCES)
    return bool(re.search(r"[A-Za-z].*[.:]|[.:].*[A-Za-z]", whom.ref)) and not any(rows.first() for rows in others)


def is_known(connection: Connection, ref: str, *hows: How) -> bool:
    """Whether such a column names them. Whether somebody stands behind a pseudonym does not count: no answer must
    depend on it."""
    columns = [(table, column) for how in hows for table, column in columns_that(how)]
    return any(
        connection.execute(select(column).where(column == ref).limit(1)).first() is not None
        for table, column in columns
        if table is not tables.pseudonym
    )


def forget_mentions(connection: Connection, whom: Whom, changes: Sequence[str]) -> bool:
    """Take them out of what others may read about them; whether there was anything."""
    _forget_letters(connection, whom, changes)
    mentions = [_take_out(connection, whom, changes, *where) for where in columns_that(How.MENTIONED)]
    return any(mentions)


def forget(connection: Connection, whom: Whom, now: datetime) -> bool:
    """Take what is theirs out of every other table, as :mod:`store.personal_data` says, and their reference out of what
    is not; whether there was anything of that."""
    touched = 0
    for table, column in columns_that(How.BEGINS):
        touched += _forget_keys(connection, whom, table, column)
    for table, column in columns_that(How.NAMED):
        same = column == whom.ref
        touched += connection.execute(update(table).where(same).values({column.name: whom.pseudonym})).rowcount
    for table, column in columns_that(How.THEIRS):
        connection.execute(delete(table).where(column == whom.ref))
    connection.execute(delete(tables.pseudonym).where(tables.pseudonym.c.ref == whom.ref))
    connection.execute(delete(tables.deployment).where(tables.deployment.c.name == READERS))
    directory = load_directory(connection)  # what is in the memory of programs is read anew
    connection.execute(
        insert(tables.directory_import).values(version=directory.version, loaded_at=now, people=len(directory.people))
    )
    return bool(touched)


def _forget_letters(connection: Connection, whom: Whom, changes: Sequence[str]) -> None:
    outbox = tables.outbox
    telling = naming(outbox.c.notice, whom)
    done = and_(outbox.c.change.in_(changes), outbox.c.finished_at.is_not(None))
    connection.execute(delete(outbox).where(or_(outbox.c.recipient == whom.ref, *telling, done)))
    _take_out(connection, whom, changes, outbox, outbox.c.notice)


def _forget_keys(connection: Connection, whom: Whom, table: Table, column: Column[Any]) -> int:
    """Give what they asked for a random key, and leave nothing of what they were answered."""
    own = column.startswith(f"{whom.ref}/", autoescape=True)
    if table is tables.act:
        own = or_(own, table.c.actor == whom.ref)
    rows = connection.execute(select(*table.primary_key).where(own)).all()
    for row in rows:
        digest = secrets.token_hex(32)
        values = {column.name: f"erased/{digest[:32]}"}
        if table is tables.act:
            values |= {"fingerprint": digest, "answer": ActAnswer(fingerprint=digest).model_dump_json()}
        if table is tables.applied_command:
            values |= {"applied": Applied(fingerprint=digest).model_dump_json()}
        connection.execute(update(table).where(_same(table, row)).values(values))
    return len(rows)


def _take_out(connection: Connection, whom: Whom, changes: Sequence[str], table: Table, column: Column[Any]) -> int:
    """Take them out of a column with words or JSON; in how many rows they were."""
    changed = 0
    for condition in _likely(whom, changes, table, column):
        query = select(*table.primary_key, column.label("content_of")).where(condition)
        for row in connection.execute(query).all():
            left = redacted_text(row.content_of, whom)
            if left != row.content_of:
                connection.execute(update(table).where(_same(table, row)).values({column.name: left}))
                changed += 1
    return changed


def _likely(whom: Whom, changes: Sequence[str], table: Table, column: Column[Any]) -> Iterator[ColumnElement[bool]]:
    """Conditions on the rows of a table that may name or quote them, so that not everything is read."""
    if column.type is Document:  # which the databases store in letters of their own; there are few
        yield true()
        return
    yield or_(*naming(column, whom))
    for first in range(0, len(changes), AT_ONCE):
        some = changes[first : first + AT_ONCE]
        if "change" in table.columns:
            yield table.c.change.in_(some)
        elif table is tables.digest:
            yield or_(*(column.contains(json.dumps(change)) for change in some))


def _same(table: Table, row: Any) -> Any:
    return and_(*(part == row._mapping[part.name] for part in table.primary_key))
