"""The index of what people wrote: built beside the ledger, never authoritative, made anew after an erasure.

Nothing is written to it while a decision is recorded; sealing and searching bring it up to date. What a person types is
taken as words, never as the search language of a database (reference/ledger.md 6.11).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from enum import StrEnum
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
    and_,
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
from store.database import lock_ledger, reading, writing
from store.ledger import LABEL
from store.prepared import Values

ROUND = 2_000
"""Records that are indexed in one transaction."""
LOOKED_AT = 400
"""Records that are looked at to see how common words are, in half a millisecond."""
COMMON = 20
"""One in so many holds words that are looked for record by record, on PostgreSQL."""
FEW = 2_000
"""Records that are counted to see how many meet the conditions beside the words."""
CHEAP = 2_000.0
"""Microseconds below which nothing is worth finding out first."""
GATHERING, WALKING, ASKING = 0.5, 3.0, 30.0
"""What it costs SQLite, in microseconds: to gather a record that holds the words, to look one up that does, to ask the
index of words about a record. Only how they stand to each other matters."""
_search = table("ledger_search", column("seq"), column("text"), column("words"))
_ROWID = literal_column("ledger_search.rowid", Integer)
_WORDS = bindparam("words", type_=Text)
_HOLDS: dict[str, ColumnElement[bool]] = {
    "sqlite": literal_column("ledger_search").op("MATCH", return_type=Boolean())(_WORDS),
    "postgresql": _search.c.words.op("@@", return_type=Boolean())(func.websearch_to_tsquery("simple", _WORDS)),
}
"""Whether an entry of the index holds what is bound as ``words``."""


def held_by_newest(dialect: str, stop: ColumnElement[int]) -> ColumnElement[int]:
    """How many of the ``looked_at`` newest records below number ``stop`` hold what is bound as ``words``. It is asked
    together with whatever else is asked first, for :func:`best_way`."""
    newest = stop - bindparam("looked_at", type_=BigInteger)
    if dialect == "sqlite":
        found = select(func.count()).select_from(_search).where(_HOLDS[dialect], _ROWID < stop, _ROWID >= newest)
        return found.scalar_subquery()
    rows = select(_search.c.words).where(_search.c.seq < stop, _search.c.seq >= newest).cte("newest")
    rows = rows.prefix_with("MATERIALIZED")
    query = func.websearch_to_tsquery("simple", _WORDS)
    holding = rows.c.words.op("@@", return_type=Boolean())(query)
    return select(func.count()).select_from(rows).where(holding).scalar_subquery()


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
    connection.execute(
        text("CREATE VIRTUAL TABLE ledger_search USING fts5(text, tokenize = 'unicode61 remove_diacritics 2')")
    )


class Way(StrEnum):
    """How the records that hold some words are found; which is cheapest depends on how common the words are."""

    NONE = "none"
    """There is nothing to look through."""
    GATHERED = "gathered"
    """All of them from the index of words: the words are rare."""
    WALKED = "walked"
    """From the newest backwards, each held against the other conditions, until there are enough. SQLite only."""
    ASKED = "asked"
    """The other conditions find records, and the index is asked about each."""


Others = Callable[[FromClause], list[ColumnElement[bool]]]
"""The conditions beside the words, on the records under any alias."""


def best_way(connection: Connection, values: Values, wanted: int, others: Others, held: int) -> Way:
    """How to find the ``wanted`` newest records from ``first`` up to but not including ``stop`` that hold the ``words``
    (:func:`query_of`) and meet the ``others``; ``values`` are all that is bound.

    No database can say how rare a word is. PostgreSQL's index gives all matches or none, and its planner reads a
    million records backwards to find one; SQLite's gathers a million for one page. The newest records say what kind of
    words they are: ``held`` is how many of them hold these (:func:`held_by_newest`).
    """
    spanned = values["stop"] - values["first"]
    if spanned <= 0:
        return Way.NONE
    common = held / values["looked_at"]
    if connection.dialect.name == "postgresql":
        return Way.ASKED if common * COMMON > 1 else Way.GATHERED
    matching = common * spanned
    if GATHERING * matching < CHEAP:
        return Way.GATHERED
    fitting = _fitting(connection, values, others) if others(tables.ledger_record) else spanned
    costs = {
        Way.GATHERED: GATHERING * matching,
        Way.WALKED: WALKING * min(matching, wanted * spanned / max(fitting, 1)),
        Way.ASKED: ASKING * min(fitting, wanted * spanned / matching),
    }
    return min(costs, key=lambda way: costs[way])


def _fitting(connection: Connection, values: Values, others: Others) -> float:
    """About how many records meet ``others``: few are counted, many judged by the newest."""
    records = tables.ledger_record
    stop, looked_at = (bindparam(name, type_=BigInteger) for name in ("stop", "looked_at"))
    meeting = select(records.c.seq).where(*others(records), records.c.seq < stop)
    few = meeting.where(records.c.seq >= bindparam("first", type_=BigInteger)).limit(FEW + 1).subquery()
    found = int(connection.execute(select(func.count()).select_from(few), dict(values)).scalar_one())
    if found <= FEW:
        return found
    near = meeting.where(records.c.seq >= stop - looked_at).subquery()
    found = int(connection.execute(select(func.count()).select_from(near), dict(values)).scalar_one())
    every: float = (values["stop"] - values["first"]) / values["looked_at"]
    return max(float(FEW), found * every)


def holding(dialect: str, way: Way, stop: ColumnElement[int], others: Others) -> ColumnElement[bool]:
    """The condition that a record holds what is bound as ``words``, for :func:`best_way`; ``first`` and ``stop`` are
    those of the other conditions. Where they are walked, no more than the newest ``most`` that meet the ``others`` do.
    """
    records = tables.ledger_record
    if way is Way.NONE:
        return false()
    if dialect == "postgresql":
        holds = _HOLDS[dialect]
        if way is Way.ASKED:
            return select(holds).where(_search.c.seq == records.c.seq).correlate(records).scalar_subquery()
        gathered = select(_search.c.seq).where(holds).scalar_subquery()  # bounds would tempt it to read by number
        return records.c.seq == any_(func.array(gathered, type_=ARRAY(BigInteger)))
    holds = _HOLDS["sqlite"]
    if way is Way.ASKED:
        return exists(select(literal(1)).select_from(_search).where(holds, _ROWID == records.c.seq).correlate(records))
    found = select(_ROWID).select_from(_search).where(holds, _ROWID < stop)
    found = found.where(_ROWID >= bindparam("first", type_=BigInteger))
    if way is Way.WALKED:  # FTS5 walks its list of numbers from either end
        walked = records.alias("walked")
        if meeting := others(walked):
            found = found.where(exists(select(literal(1)).where(walked.c.seq == _ROWID, *meeting)))
        found = found.order_by(_ROWID.desc()).limit(bindparam("most", type_=Integer))
    return records.c.seq.in_(found)


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


def _unindexed(connection: Connection, limit: int) -> list[tuple[int, str]]:
    private = tables.ledger_private
    last = connection.execute(
        select(func.max(literal_column(_key(connection.dialect.name)))).select_from(_search)
    ).scalar()
    query = select(private.c.seq, private.c.value).where(private.c.label == LABEL)
    if last is not None:
        query = query.where(and_(private.c.seq > last))
    return [(row.seq, row.value) for row in connection.execute(query.order_by(private.c.seq).limit(limit))]


def _insert(connection: Connection, rows: list[tuple[int, str]]) -> None:
    if not rows:
        return
    statement = text(f"INSERT INTO ledger_search ({_key(connection.dialect.name)}, text) VALUES (:seq, :text)")  # noqa: S608 - one of two names
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
