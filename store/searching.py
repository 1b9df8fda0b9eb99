"""The index of what people wrote: built beside the ledger, never authoritative, made anew after an erasure.

Nothing is written to it while a decision is recorded; sealing and searching bring it up to date. What a person types is
taken as words, never as the search language of a database (reference/ledger.md 6.11).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
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
FEW = 2_000
"""Records that can be looked up and put in order at once."""
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
    connection: Connection, words: str, first: int, stop: int, latest: int | None = None, rare: bool = False
) -> ColumnElement[bool]:
    """The condition that a record holds every one of ``words``, typed by a person, and has a number from ``first`` up
    to but not including ``stop``; with ``latest``, that it is one of the so many latest of these.

    The bounds and the number stand in the index's own query, so that a word that is everywhere is not gathered from
    the whole ledger for one page. For words that are ``rare`` (:func:`are_rare`) that is the wrong way: PostgreSQL
    guesses how many records hold a word it does not know, and reads backwards until it has found enough, which is all
    of them where none does. Those are looked up first, all of them.
    """
    if connection.dialect.name == "postgresql":
        number: ColumnElement[Any] = _search.c.seq
        matching = _matching(words)
    else:
        number = literal_column("rowid")
        quoted = " ".join('"' + word.replace('"', '""') + '"' for word in _words(words))
        matching = literal_column("ledger_search").op("MATCH")(quoted)
    found = select(number).select_from(_search).where(matching, number < stop, number >= first)
    if rare:
        found = found.offset(0)  # a fence: what stands in here is done first
    elif latest is not None:
        found = found.order_by(number.desc()).limit(latest)
    return tables.ledger_record.c.seq.in_(found)


def are_rare(connection: Connection, words: str) -> ColumnElement[bool]:
    """Whether so few records hold all of ``words`` that they are best looked up first; SQLite does so anyway."""
    if connection.dialect.name != "postgresql":
        return false()
    some = select(_search.c.seq).where(_matching(words)).limit(FEW + 1).subquery()
    return select(func.count() <= FEW).select_from(some).scalar_subquery()


def _matching(words: str) -> ColumnElement[bool]:
    """PostgreSQL's condition on its index."""
    query = func.websearch_to_tsquery("simple", " ".join(f'"{word}"' for word in _words(words)))
    return _search.c.words.op("@@")(query)


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
