"""Pages of the trail, newest first. They keep to the size of the log on the first page, so that they do not shift."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import lru_cache

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from changes.values import Value
from store.audit.entries import AuditEntry, entry_of
from store.audit.questions import (
    COUNTED,
    Filter,
    Question,
    Reader,
    bounding_of_page,
    looked_up,
    question_about,
    question_in,
)
from store.audit.standing import LedgerState, Standing, state_in, state_query
from store.checkpoints import RecordsAltered
from store.finding import Bounding
from store.prepared import Prepared
from store.reading import CursorInvalid
from store.trail import Line

PAGE = 50


class WordsNotIndexed(Exception):
    """Index the new words (:mod:`store.searching`) and search again."""


class AuditPage(Value):
    """Some records, newest first."""

    entries: tuple[AuditEntry, ...]
    size: int
    """How many records the log had on the first page; those after it belong to the next search."""
    count: int
    """How many records fit: all of them up to :data:`COUNTED`, those of one page where words are looked for."""
    more: bool
    """More fit than were counted."""
    following: str | None

    @property
    def counted(self) -> str:
        """How many records fit, as it is said to people."""
        if self.more:
            return f"More than {self.count} records fit"
        return "1 record fits" if self.count == 1 else f"{self.count} records fit"


def search(
    connection: Connection,
    asked: Filter,
    reader: Reader,
    names: Mapping[str, str],
    cursor: str | None = None,
    limit: int = PAGE,
) -> AuditPage:
    """A page of records, newest first.

    Raises:
        CursorInvalid: ``cursor`` is not one of ours.
        RecordsAltered: one of them cannot be shown.
    """
    return _page(
        connection, question_about(connection, asked, reader, bounding_of_page(asked)), reader, names, cursor, limit
    )


def search_and_state(
    connection: Connection,
    asked: Filter,
    reader: Reader,
    names: Mapping[str, str],
    cursor: str | None = None,
    *,
    anyway: bool = False,
) -> tuple[AuditPage, LedgerState]:
    """A page of records as :func:`search` gives it, and how the ledger stands, in two queries.

    Raises:
        CursorInvalid: ``cursor`` is not one of ours.
        RecordsAltered: one of the records cannot be shown.
        WordsNotIndexed: words are looked for, and the latest records could not be found by theirs; not with ``anyway``.
    """
    bounding = bounding_of_page(asked)._replace(unindexed=bool(asked.text) and not anyway)
    dialect = connection.dialect.name
    bound = looked_up(asked, dialect)
    (row,) = _state_and_bounds(bounding, dialect).read(connection, bound)
    state, found = Standing._make(row[: len(Standing._fields)]), row[len(Standing._fields) :]
    *_, unindexed = found
    if unindexed:
        raise WordsNotIndexed
    question = question_in((state.size, *found), asked, reader, bound, dialect)
    return _page(connection, question, reader, names, cursor, PAGE), state_in(state)


@lru_cache(maxsize=100)
def _state_and_bounds(bounding: Bounding, dialect: str) -> Prepared:
    return Prepared(state_query().add_columns(*bounding.columns(dialect)))


def _page(
    connection: Connection,
    question: Question,
    reader: Reader,
    names: Mapping[str, str],
    cursor: str | None,
    limit: int,
) -> AuditPage:
    size, before = _read_cursor(cursor) if cursor else (question.size, None)
    limit = max(1, min(limit, 200))
    stop = min(question.values["stop"], size)
    below = stop if before is None else min(stop, before)
    values = {**question.values, "stop": stop, "below": below}
    asking = question.queries(connection, values, limit + 1)
    try:
        rows = asking.page.read(connection, values)
        entries = tuple(entry_of(Line.of(row[: len(Line._fields)]), reader, names) for row in rows[:limit])
    except (ValueError, TypeError, OperationalError) as error:  # SQLite holds anything in any column
        raise RecordsAltered(
            "Among these records is one that was altered so that it cannot be shown. The page of a single record says "
            "more, and so does: groundswell audit verify"
        ) from error
    following = cursor_at(size, entries[-1].seq) if len(rows) > limit else None
    if asking.counting is None:  # whoever comes from another page has seen that more than one fits
        count, more = (len(entries), following is not None) if before is None else (limit, True)
    else:
        fitting = rows[0][-1] if rows else 0
        if not rows and before is not None:  # behind the last page
            ((fitting,),) = asking.counting.read(connection, values)
        count, more = min(fitting, COUNTED), fitting > COUNTED
    return AuditPage(entries=entries, size=size, count=count, more=more, following=following)


def cursor_at(size: int, before: int) -> str:
    """Where a page begins: below number ``before``, of a log that had ``size`` records on the first page."""
    return base64.urlsafe_b64encode(json.dumps([size, before]).encode()).decode()


def _read_cursor(cursor: str) -> tuple[int, int]:
    try:
        size, before = json.loads(base64.urlsafe_b64decode(cursor))
    except (ValueError, TypeError, RecursionError) as error:
        raise CursorInvalid("This page address is damaged. Start again from the first page.") from error
    if not all(isinstance(part, int) and 0 <= part < 2**53 for part in (size, before)):
        raise CursorInvalid("This page address is damaged. Start again from the first page.")
    return size, before
