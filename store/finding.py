"""The queries that find records of the trail, each written once for every way in which a filter can be filled in.

What is asked for stands in a :class:`Shape`, whose queries are compiled once, and in the values that are bound to them.
A time becomes a range of numbers, because the time of recording never goes back (reference/ledger.md 6.11).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    false,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
)

from changes.events import EVENTS
from store import tables
from store.columns import UtcDateTime
from store.prepared import Prepared
from store.searching import Others, Way, held_by_newest, holding, some_unindexed, walked
from store.trail import DISCREET_COMMANDS, LINE, SECRET_COMMANDS, with_words

EXACT = ("change", "action", "stage", "outcome")
"""The columns that are asked for as they are."""


class Shape(NamedTuple):
    """Which parts of a filter are filled in."""

    exact: tuple[str, ...] = ()
    """Which of :data:`EXACT`."""
    not_applied: bool = False
    """An outcome is asked for that few records have."""
    people: int = 0
    """Under how many references the person may be recorded who is asked for: ``person0``, ``person1``."""
    sees_all: bool = False
    discreetly: bool = False
    """A person or words are searched for: to find what is discreet would say who it was."""
    words: Way | None = None

    def others(self, records: FromClause) -> list[ColumnElement[bool]]:
        """The conditions on ``records`` beside the range of numbers and the words."""
        parts = [records.c[name] == bindparam(f"is_{name}", type_=String) for name in self.exact]
        if self.not_applied:
            parts.append(
                records.c.outcome != literal_column("'applied'")
            )  # what the index of the others says of itself
        actors = [bindparam(f"person{number}", type_=String) for number in range(self.people)]
        if actors:  # one value lets the index serve the order, two do not
            parts.append(records.c.actor.in_(actors) if len(actors) > 1 else records.c.actor == actors[0])
        if not self.sees_all:
            parts.append(self._open_to_reader(records))
        return parts

    def fitting(self, dialect: str, below: str = "stop") -> ColumnElement[bool]:
        """The condition, with one lower and one upper bound of numbers: SQLite uses the first it finds of each.

        Bound are, besides the parts that are filled in, ``first``, ``below``, the ``reader`` and the ``words``.
        """
        records = tables.ledger_record
        stop = bindparam(below, type_=BigInteger)
        parts = [records.c.seq < stop, records.c.seq >= bindparam("first", type_=BigInteger), *self.others(records)]
        if self.words and self.words is not Way.WALKED:
            parts.append(holding(dialect, self.words))
        return and_(*parts)

    def walk(self, below: str, limit: str, *, oldest: bool = False) -> Select[Any]:
        """The numbers of those that :attr:`Way.WALKED` finds. The index knows all conditions but who may see what."""
        meeting: Others | None = None if self.sees_all else self.others
        return walked(below, limit, meeting, oldest=oldest)

    def _open_to_reader(self, records: FromClause) -> ColumnElement[bool]:
        """Leave out what is secret, and what is discreet where that is asked for, but for what the reader did."""
        secret = {kind for kind, event in EVENTS.items() if event.secret or (self.discreetly and event.discreet)}
        refused = SECRET_COMMANDS | DISCREET_COMMANDS if self.discreetly else SECRET_COMMANDS
        hidden = or_(
            and_(records.c.outcome == "applied", records.c.action.in_(list(map(literal, sorted(secret))))),
            and_(records.c.outcome == "refused", records.c.action.in_(list(map(literal, sorted(refused))))),
        )
        people, reader = tables.ledger_person.c, bindparam("reader", type_=String)
        number = select(people.id).where(people.person == reader).scalar_subquery()
        return or_(~hidden, records.c.actor == number, records.c.actor == reader)


class Queries(NamedTuple):
    """What is executed for a page."""

    page: Prepared
    """The latest ``limit`` lines below number ``below``, each with how many records fit up to ``most``, where that is
    counted."""
    counting: Prepared | None
    """How many records fit up to ``most``. None where words are looked for: it would take longer than the page."""


@lru_cache(maxsize=1_000)
def queries(shape: Shape, dialect: str) -> Queries:
    """The queries of a shape on one kind of database."""
    seq = tables.ledger_record.c.seq
    counting, columns = None, LINE
    if not shape.words:
        counted = select(seq).where(shape.fitting(dialect)).limit(bindparam("most", type_=Integer))
        counting = select(func.count()).select_from(counted.subquery())
        columns = (*LINE, counting.scalar_subquery().label("matching"))
    page = with_words(select(*columns)).where(shape.fitting(dialect, "below"))
    if shape.words is Way.WALKED:
        page = page.where(seq.in_(shape.walk("below", "limit")))
    page = page.order_by(seq.desc()).limit(bindparam("limit", type_=Integer))
    return Queries(Prepared(page), Prepared(counting) if counting is not None else None)


@lru_cache(maxsize=1_000)
def in_pieces(shape: Shape, dialect: str) -> Prepared:
    """The query of the oldest ``limit`` lines from number ``first`` on."""
    records = tables.ledger_record
    lines = with_words(select(*LINE)).where(shape.fitting(dialect)).order_by(records.c.seq)
    if shape.words is Way.WALKED:
        lines = lines.where(records.c.seq.in_(shape.walk("stop", "limit", oldest=True)))
    return Prepared(lines.limit(bindparam("limit", type_=Integer)))


class Bounding(NamedTuple):
    """Which parts of a filter have to be looked up before the database can use its indexes well."""

    since: bool
    until: bool
    person: bool
    words: bool
    unindexed: bool = False
    """Whether there are words that are not indexed yet is asked as well."""

    def columns(self, dialect: str) -> tuple[ColumnElement[Any], ...]:
        """The first number, the one to stop at, a person's number, one of their records from before people had numbers,
        how many of the newest records hold the words (on PostgreSQL), and whether there are words that are not indexed.
        """
        people, records = tables.ledger_person.c, tables.ledger_record.c
        person = bindparam("person", type_=String)
        number = select(people.id).where(people.person == person).scalar_subquery()
        named = select(func.min(records.seq)).where(records.actor == person).scalar_subquery()
        stop = _first_at("until") if self.until else null()
        asked = self.words and dialect == "postgresql"
        held = held_by_newest(func.coalesce(stop, SIZE) if self.until else SIZE) if asked else null()
        return (
            (_first_at("since") if self.since else literal(0)).label("first"),
            stop.label("stop"),
            (number if self.person else null()).label("number"),
            (named if self.person else null()).label("named"),
            held.label("held"),
            (some_unindexed(dialect) if self.unindexed else false()).label("unindexed"),
        )


SIZE = select(func.max(tables.ledger_head.c.size)).scalar_subquery()
"""How many records the log has."""


@lru_cache(maxsize=100)
def bounds(bounding: Bounding, dialect: str) -> Prepared:
    """The query of the size of the log and the columns of ``bounding``."""
    return Prepared(select(SIZE.label("size"), *bounding.columns(dialect)))


def _first_at(moment: str) -> ColumnElement[Any]:
    """The number of the first record that was made at ``moment`` or later."""
    records = tables.ledger_record.c
    later = select(records.seq).where(records.recorded_at >= bindparam(moment, type_=UtcDateTime))
    return later.order_by(records.recorded_at, records.seq).limit(1).scalar_subquery()
