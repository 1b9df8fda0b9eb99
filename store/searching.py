"""The index of what people wrote: built beside the ledger, never authoritative, made anew after an erasure.

Nothing is written to it while a decision is recorded; sealing and searching bring it up to date. What a person types is
taken as words, never as the search language of a database (reference/ledger.md 6.11).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Select,
    and_,
    any_,
    column,
    false,
    func,
    literal_column,
    select,
    table,
    text,
)

from store import tables
from store.database import lock_ledger, reading, writing
from store.ledger import LABEL

ROUND = 2_000
"""Records that are indexed in one transaction."""
LOOKED_AT = 4_000
"""Records that are looked at to see whether a word is common, in two milliseconds."""
COMMON = 40
"""A word in more of these is looked for record by record, and not gathered."""
_search = table("ledger_search", column("seq"), column("text"), column("words"))


def index_new_words(engine: Engine, rounds: int = 1_000) -> int:
    """Index what is not indexed yet, in rounds; how many records that were."""
    done = 0
    for _ in range(rounds):
        with reading(engine) as connection:
            waiting = _unindexed(connection, 1)
        if not waiting:
            break
        with writing(engine) as connection:
            lock_ledger(connection)
            rows = _unindexed(connection, ROUND)
            _insert(connection, rows)
        done += len(rows)
    return done


def some_unindexed(connection: Connection) -> ColumnElement[bool]:
    """The condition that there are words which are not indexed yet."""
    private = tables.ledger_private.alias("newest")
    newest = select(private.c.seq).where(private.c.label == LABEL).order_by(private.c.seq.desc()).limit(1)
    indexed: Select[Any] = select(func.max(literal_column(_key(connection)))).select_from(_search)
    return func.coalesce(newest.scalar_subquery(), -1) > func.coalesce(indexed.scalar_subquery(), -1)


def rebuild(connection: Connection) -> None:
    """Throw the index away; the next sealing or search makes it anew from what is still there."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("DELETE FROM ledger_search"))
        return
    connection.execute(text("DROP TABLE ledger_search"))
    connection.execute(
        text("CREATE VIRTUAL TABLE ledger_search USING fts5(text, tokenize = 'unicode61 remove_diacritics 2')")
    )


def containing(
    connection: Connection, words: str, first: int, stop: int, latest: int | None = None
) -> ColumnElement[bool]:
    """The condition that a record holds every one of ``words``, typed by a person, and has a number from ``first`` up
    to but not including ``stop``. With ``latest``, it need not be met by more than the so many latest of these: a word
    that is everywhere is then not gathered from the whole ledger for one page.
    """
    if stop <= first:
        return false()
    if connection.dialect.name == "postgresql":
        return _containing_on_postgresql(connection, words, first, stop, latest)
    quoted = " ".join('"' + word.replace('"', '""') + '"' for word in _words(words))
    rowid = literal_column("rowid", Integer)
    found = select(rowid).select_from(_search).where(literal_column("ledger_search").op("MATCH")(quoted))
    found = found.where(rowid < stop, rowid >= first)
    if latest is not None:  # FTS5 walks its list of numbers from either end
        found = found.order_by(rowid.desc()).limit(latest)
    return tables.ledger_record.c.seq.in_(found)


def _containing_on_postgresql(
    connection: Connection, words: str, first: int, stop: int, latest: int | None
) -> ColumnElement[bool]:
    """PostgreSQL's index of words gives all matches or none, and its planner cannot know how rare a word is: it reads
    a million records backwards to find one. So the newest are looked at first, which says what kind of word it is."""
    records, seq = tables.ledger_record, _search.c.seq
    query = func.websearch_to_tsquery("simple", " ".join(f'"{word}"' for word in _words(words)))
    rows = select(_search).where(seq < stop, seq >= max(first, stop - LOOKED_AT)).cte("newest")
    rows = rows.prefix_with("MATERIALIZED")
    matching = select(rows.c.seq).where(rows.c.words.op("@@")(query)).order_by(rows.c.seq.desc())
    newest = connection.execute(matching.limit(latest or COMMON + 1)).scalars().all()
    holds = _search.c.words.op("@@", return_type=Boolean())(query)
    if len(newest) > COMMON:
        held = select(holds).where(seq == records.c.seq).correlate(records).scalar_subquery()
        return and_(held, records.c.seq >= newest[-1]) if len(newest) == latest else held
    gathered = select(seq).where(holds).scalar_subquery()  # without bounds, which would tempt it to read by number
    return records.c.seq == any_(func.array(gathered, type_=ARRAY(BigInteger)))


def _words(typed: str) -> list[str]:
    """The words in what was typed, without what a database could take for an operator."""
    letters = "".join(letter if letter.isalnum() else " " for letter in typed)
    return letters.split()[:12] or [""]


def _key(connection: Connection) -> str:
    """What the number of a record is called in the index."""
    return "seq" if connection.dialect.name == "postgresql" else "rowid"


def _unindexed(connection: Connection, limit: int) -> list[tuple[int, str]]:
    private = tables.ledger_private
    last = connection.execute(select(func.max(literal_column(_key(connection)))).select_from(_search)).scalar()
    query = select(private.c.seq, private.c.value).where(private.c.label == LABEL)
    if last is not None:
        query = query.where(and_(private.c.seq > last))
    return [(row.seq, row.value) for row in connection.execute(query.order_by(private.c.seq).limit(limit))]


def _insert(connection: Connection, rows: list[tuple[int, str]]) -> None:
    if not rows:
        return
    statement = text(f"INSERT INTO ledger_search ({_key(connection)}, text) VALUES (:seq, :text)")  # noqa: S608 - one of two names
    connection.execute(statement, [{"seq": seq, "text": searchable(value)} for seq, value in rows])


def searchable(content: str) -> str:
    """What of a record's content can be searched: every text in it that a person may have written."""
    try:
        value = json.loads(content)
    except ValueError:
        return content
    if isinstance(value, dict) and "asked" in value:  # what somebody searched for is not what somebody wrote
        return ""
    return " ".join(_texts(value))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, part in value.items():
            if name not in ("by", "at", "kind"):
                yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
