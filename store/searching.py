"""The index of what people wrote: built beside the ledger, never authoritative, made anew after an erasure.

Nothing is written to it while a decision is recorded; sealing and searching bring it up to date. What a person types is
taken as words, never as the search language of a database (reference/ledger.md 6.11).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from hashlib import blake2b
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Integer,
    Select,
    Text,
    any_,
    bindparam,
    column,
    exists,
    false,
    func,
    literal,
    literal_column,
    select,
    table,
    text,
)

from store import tables
from store.database import adding, reading
from store.ledger import LABEL
from store.prepared import Values

ROUND = 2_000
"""Records that are indexed in one transaction."""
LOOKED_AT = 400
"""Records that are looked at on PostgreSQL to see how common words are, in half a millisecond."""
COMMON = 100
"""One in so many holds words that are looked for record by record, on PostgreSQL."""
COMMON_OF_SOME = 20
"""The same where a kind, a stage or an outcome is asked for as well: perhaps none of theirs holds the words, and then
all of them are looked at."""
FACTS = ("change", "action", "stage", "outcome", "actor")
"""What of a record is in SQLite's index beside its words, so that a common word of one person is found at once. It is
what the record's columns say, and narrows only: whether a reader may see a record is asked of the record."""
_search = table("ledger_search", column("seq"), column("words"))
_ROWID = literal_column("ledger_search.rowid", Integer)
_WORDS = bindparam("words", type_=Text)
_QUERY = func.websearch_to_tsquery("simple", _WORDS)
_ONCE = select(_QUERY).scalar_subquery()
"""What is looked for, put together once and not for each record."""
_HOLDS: dict[str, ColumnElement[bool]] = {
    "sqlite": literal_column("ledger_search").op("MATCH", return_type=Boolean())(_WORDS),
    "postgresql": _search.c.words.op("@@", return_type=Boolean())(_QUERY),
}
"""Whether an entry of the index holds what is bound as ``words``."""


def held_by_newest(stop: ColumnElement[int]) -> ColumnElement[int]:
    """How many of the ``looked_at`` newest records below number ``stop`` hold the ``words``, for PostgreSQL.
    It is asked together with whatever else is asked first, for :func:`best_way`."""
    newest = stop - bindparam("looked_at", type_=BigInteger)
    rows = select(_search.c.words).where(_search.c.seq < stop, _search.c.seq >= newest).cte("newest")
    rows = rows.prefix_with("MATERIALIZED")
    holds = rows.c.words.op("@@", return_type=Boolean())(_ONCE)
    return select(func.count()).select_from(rows).where(holds).scalar_subquery()


def index_new_words(engine: Engine, rounds: int = 1_000) -> int:
    """Index what is not indexed yet, in rounds; how many records that were."""
    done = 0
    for _ in range(rounds):
        with reading(engine) as connection:
            waiting = _unindexed(connection, 1)
        if not waiting:
            break
        with adding(engine) as connection:
            rows = _unindexed(connection, ROUND)
            _insert(connection, rows)
        done += len(rows)
    return done


def some_unindexed(dialect: str) -> ColumnElement[bool]:
    """The condition that there are words which are not indexed yet."""
    private = tables.ledger_private.alias("newest")
    newest = select(private.c.seq).where(private.c.label == LABEL).order_by(private.c.seq.desc()).limit(1)
    indexed: Select[Any] = select(func.max(literal_column(_key(dialect)))).select_from(_search)
    return func.coalesce(newest.scalar_subquery(), -1) > func.coalesce(indexed.scalar_subquery(), -1)


def rebuild(connection: Connection) -> None:
    """Throw the index away; the next sealing or search makes it anew from what is still there."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("DELETE FROM ledger_search"))
        return
    connection.execute(text("DROP TABLE ledger_search"))
    connection.execute(text(SQLITE_INDEX))


SQLITE_INDEX = (
    "CREATE VIRTUAL TABLE ledger_search USING fts5("
    "text, facts, content = '', tokenize = 'unicode61 remove_diacritics 2')"
)
"""Without what was written itself, which stands in ``ledger_private``."""


class Way(StrEnum):
    """How the records that hold some words are found."""

    NONE = "none"
    """There is nothing to look through."""
    WALKED = "walked"
    """Along the index from the newest or the oldest, until there are enough. SQLite's way."""
    GATHERED = "gathered"
    """All of them from the index of words: they are few. On PostgreSQL."""
    ASKED = "asked"
    """The other conditions find records, and the index is asked about each: the words are common. On PostgreSQL."""


Others = Callable[[FromClause], list[ColumnElement[bool]]]
"""The conditions beside the words, on the records under any alias."""


def best_way(dialect: str, values: Values, held: int, exact: Sequence[str] = ()) -> Way:
    """How to find the records from ``first`` up to but not including ``stop`` that hold what is looked for
    (:func:`looked_for`), where the columns ``exact`` are asked for as well.

    SQLite's index is in the order of the records and holds all that a filter can ask for. PostgreSQL's gives all
    matches or none, it cannot say how rare a word is, and its planner reads a million records backwards to find one:
    the newest records say what kind of words they are, of which ``held`` hold them (:func:`held_by_newest`).
    """
    if values["stop"] <= values["first"]:
        return Way.NONE
    if dialect == "sqlite":
        return Way.WALKED
    if "change" in exact:  # which has some hundreds of records at most
        return Way.ASKED
    return Way.ASKED if held * (COMMON_OF_SOME if exact else COMMON) > LOOKED_AT else Way.GATHERED


def holding(dialect: str, way: Way) -> ColumnElement[bool]:
    """The condition that a record holds what is looked for, for every :func:`best_way` but walking."""
    records = tables.ledger_record
    if way is Way.NONE:
        return false()
    holds = _HOLDS[dialect]
    if way is Way.ASKED:
        holds = _search.c.words.op("@@", return_type=Boolean())(_ONCE)
        return select(holds).where(_search.c.seq == records.c.seq).correlate(records).scalar_subquery()
    gathered = select(_search.c.seq).where(holds).scalar_subquery()  # bounds would tempt it to read by number
    return records.c.seq == any_(func.array(gathered, type_=ARRAY(BigInteger)))


def walked(below: str, limit: int, meeting: Others | None, *, oldest: bool = False) -> Select[Any]:
    """The numbers of the newest, or ``oldest``, records from ``first`` up to but not including ``below`` that hold what
    is looked for, as many as ``limit``, on SQLite; ``meeting`` are conditions that the index cannot know."""
    stop, first = (bindparam(name, type_=BigInteger) for name in (below, "first"))
    found = select(_ROWID.label("seq")).select_from(_search).where(_HOLDS["sqlite"], _ROWID < stop, _ROWID >= first)
    if meeting:
        records = tables.ledger_record.alias("walked")
        found = found.where(exists(select(literal(1)).where(records.c.seq == _ROWID, *meeting(records))))
    return found.order_by(_ROWID if oldest else _ROWID.desc()).limit(literal_column(str(limit), Integer))


def looked_for(dialect: str, typed: str, facts: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What is bound to find the words in what somebody typed among records with these ``facts``, each of which has one
    of several values."""
    words = query_of(typed)
    if dialect == "postgresql":
        return {"words": words, "looked_at": LOOKED_AT}
    parts = [f"text : ({words})"]
    for name, values in facts.items():
        if values:
            parts.append("facts : (" + " OR ".join(f'"{fact(name, value)}"' for value in values) + ")")
    return {"words": " AND ".join(parts)}


def fact(name: str, value: str) -> str:
    """A column's value as a word of the index: the same for no two values, whatever letters are in them. People are
    told apart by their number, as in the records."""
    return blake2b(f"{name}\0{value}".encode(), digest_size=8).hexdigest()


def query_of(typed: str) -> str:
    """The words in what somebody typed, all of which have to be there; the search languages of both databases say that
    in the same way."""
    return " ".join(f'"{word}"' for word in _words(typed))


def _words(typed: str) -> list[str]:
    """The words in what was typed, without what a database could take for an operator."""
    letters = "".join(letter if letter.isalnum() else " " for letter in typed)
    return letters.split()[:12] or [""]


def _key(dialect: str) -> str:
    """What the number of a record is called in the index."""
    return "seq" if dialect == "postgresql" else "rowid"


def _unindexed(connection: Connection, limit: int) -> list[Any]:
    private, records = tables.ledger_private, tables.ledger_record
    last = connection.execute(
        select(func.max(literal_column(_key(connection.dialect.name)))).select_from(_search)
    ).scalar()
    query = select(private.c.seq, private.c.value, *(records.c[name] for name in FACTS))
    query = query.join(records, records.c.seq == private.c.seq).where(private.c.label == LABEL)
    if last is not None:
        query = query.where(private.c.seq > last)
    return list(connection.execute(query.order_by(private.c.seq).limit(limit)))


def _insert(connection: Connection, rows: list[Any]) -> None:
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        into, each = "(seq, text) VALUES (:seq, :text)", [_words_in(row) for row in rows]
    else:
        into = "(rowid, text, facts) VALUES (:seq, :text, :facts)"
        each = [{**_words_in(row), "facts": " ".join(fact(name, getattr(row, name)) for name in FACTS)} for row in rows]
    connection.execute(text(f"INSERT INTO ledger_search {into}"), each)


def _words_in(row: Any) -> dict[str, Any]:
    return {"seq": row.seq, "text": searchable(row.value)}


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
