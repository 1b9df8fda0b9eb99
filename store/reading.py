"""What pages, API and command line read: changes and lists. Plain SQL on the read model, never the workflow; the trail
is read by :mod:`store.trail`."""

from __future__ import annotations

import base64
import json
import unicodedata
from collections.abc import Sequence
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, literal, or_, select

from changes.state import Change
from changes.values import Moment, Ref, Value
from store import tables
from store.prepared import Prepared

PAGE = 50
"""Rows on a page unless asked otherwise; never more than 100."""


class CursorInvalid(ValueError):
    """A page cursor that was not made by us."""


class Listed(Value):
    """A change in a list."""

    ref: str
    title: str
    process: str
    proposer: str
    stage: str
    phase: str
    outcome: str
    standing: str
    version: int
    opened_at: Moment
    updated_at: Moment


class ChangesPage(Value):
    """Some changes, newest movement first, and where the next page begins."""

    changes: tuple[Listed, ...]
    following: str | None


class WaitingItem(Value):
    """Something a person is asked to do, with the change it is about."""

    change: str
    title: str
    person: str
    task: str
    commands: tuple[str, ...]
    since: Moment
    due: Moment | None


def change_state(connection: Connection, ref: str) -> Change | None:
    """The whole state of a change, or None when there is no such change."""
    document = connection.execute(select(tables.change.c.document).where(tables.change.c.ref == ref)).scalar()
    return Change.model_validate_json(document) if document else None


def change_for(connection: Connection, ref: str, reader: str) -> tuple[Change, str] | None:
    """The state of a change with the name under which ``reader`` speaks anonymously on it, empty where they do not."""
    table, names = tables.change, tables.pseudonym
    own = and_(names.c.change == table.c.ref, names.c.person == reader)
    row = connection.execute(
        select(table.c.document, names.c.ref.label("own")).join(names, own, isouter=True).where(table.c.ref == ref)
    ).first()
    return (Change.model_validate_json(row.document), row.own or "") if row else None


def change_version(connection: Connection, ref: str) -> int:
    """How many events the change has; 0 when there is no such change."""
    rows = _VERSION.read(connection, {"of": ref})
    return int(rows[0][0]) if rows else 0


def list_changes(
    connection: Connection,
    *,
    person: str | None = None,
    own: bool = False,
    stage: str | None = None,
    text: str | None = None,
    ended: bool | None = None,
    outcome: str | None = None,
    cursor: str | None = None,
    limit: int = PAGE,
) -> ChangesPage:
    """Changes by latest movement; ``person`` keeps those they have a part in.

    Raises:
        CursorInvalid: when ``cursor`` is not one of ours.
    """
    table = tables.change
    columns = [table.c[name] for name in Listed.model_fields]
    query: Select[tuple[object, ...]] = select(*columns).order_by(table.c.updated_at.desc(), table.c.ref.desc())
    if person:
        mine = select(tables.part.c.change).where(_is(tables.part.c.person, person, own))
        query = query.where(table.c.ref.in_(mine))
    if stage:
        query = query.where(table.c.stage == stage)
    if text:
        query = query.where(func.lower(table.c.title).like(func.lower(_anywhere(text)), escape="\\"))
    if ended is not None:
        query = query.where(table.c.outcome != "" if ended else table.c.outcome == "")
    if outcome:
        query = query.where(table.c.outcome == outcome)
    if cursor:
        moment, ref = _read_cursor(cursor)
        query = query.where(or_(table.c.updated_at < moment, and_(table.c.updated_at == moment, table.c.ref < ref)))
    limit = max(1, min(limit, 100))
    query = query.limit(limit + 1)
    if text and not (person or stage or outcome) and ended is None:
        # Titles are read from an index that holds them; the rows are ten times larger.
        found = query.with_only_columns(table.c.ref).subquery()
        query = select(*columns).join(found, found.c.ref == table.c.ref)
        query = query.order_by(table.c.updated_at.desc(), table.c.ref.desc())
    rows = connection.execute(query).mappings().all()
    changes = tuple(Listed.model_validate(dict(row)) for row in rows[:limit])
    following = _make_cursor(changes[-1]) if len(rows) > limit else None
    return ChangesPage(changes=changes, following=following)


def _anywhere(text: str) -> str:
    """A pattern for titles that hold ``text`` as it stands. Titles are stored in NFC and without U+0000."""
    plain = unicodedata.normalize("NFC", text.replace("\0", ""))
    literal = plain.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{literal}%"


def _make_cursor(last: Listed) -> str:
    return base64.urlsafe_b64encode(json.dumps([last.updated_at.isoformat(), last.ref]).encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        return _POSITION.validate_json(base64.urlsafe_b64decode(cursor))
    except (ValueError, RecursionError) as error:
        raise CursorInvalid("This page address is damaged. Start again from the first page.") from error


_POSITION: TypeAdapter[tuple[datetime, str]] = TypeAdapter(tuple[Moment, Ref])
"""Where a page ended: when its last change moved, and which that was."""


def _is(column: ColumnElement[str], person: str, own: bool) -> ColumnElement[bool]:
    """Whether a column names ``person``; for their ``own`` eyes, under their pseudonyms too."""
    if not own:
        return column == person
    mine = select(tables.pseudonym.c.ref).where(tables.pseudonym.c.person == person)
    # One list of names: an index serves that, and would not serve "this or one of those".
    return column.in_(select(literal(person)).union_all(mine))


def waiting_of(connection: Connection, person: str, *, own: bool = False) -> tuple[WaitingItem, ...]:
    """What waits for a person, the soonest due first.

    Args:
        own: the person themselves looks, so what they said anonymously is among it.
    """
    table, about = tables.waiting, tables.change
    rows = connection.execute(
        select(table, about.c.title)
        .join(about, about.c.ref == table.c.change)
        .where(_is(table.c.person, person, own))
        .order_by(table.c.due.is_(None), table.c.due, table.c.since, table.c.change, table.c.task)
    ).mappings()
    return tuple(WaitingItem.model_validate(dict(row)) for row in rows)


class Mine(Listed):
    """A change in which somebody has a part, and which part."""

    parts: tuple[str, ...]


def mine_of(connection: Connection, person: str, limit: int = PAGE) -> tuple[Mine, ...]:
    """Open changes in which ``person`` has a part or which they follow, the latest movement first."""
    table, part = tables.change, tables.part
    rows = connection.execute(
        select(*(table.c[name] for name in Listed.model_fields), part.c.parts)
        .join(part, and_(part.c.change == table.c.ref, part.c.person == person))
        .where(table.c.outcome == "")
        .order_by(table.c.updated_at.desc(), table.c.ref.desc())
        .limit(limit)
    ).mappings()
    return tuple(Mine.model_validate(dict(row)) for row in rows)


class Lesson(Value):
    """What was learned from a change that has ended."""

    change: str
    title: str
    text: str


def lessons_of(connection: Connection, refs: Sequence[str]) -> tuple[Lesson, ...]:
    """What was learned from ``refs``, in their order: the retrospective, or why it was declined and what else helps."""
    if not refs:
        return ()
    table = tables.change.c
    documents = connection.execute(select(table.ref, table.document).where(table.ref.in_(list(refs))))
    changes = {ref: Change.model_validate_json(document) for ref, document in documents}
    lessons = []
    for ref in refs:
        change = changes.get(ref)
        if change is None:
            continue
        if text := _lesson(change):
            lessons.append(Lesson(change=ref, title=change.title, text=text))
    return tuple(lessons)


def _lesson(change: Change) -> str:
    told = change.learning.retrospective
    if told:
        return f"{told.surprises} {told.because}".strip()
    return change.closing.way_forward if change.closing else ""


_VERSION = Prepared(select(tables.change.c.version).where(tables.change.c.ref == bindparam("of")))
