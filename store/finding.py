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
    case,
    false,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    true,
)

from changes.sight import NAMING_THE_ASKED, quiet_kinds
from store import tables
from store.columns import UtcDateTime
from store.prepared import Prepared
from store.searching import Others, Way, held_by_newest, holding, some_unindexed, walked
from store.trail import LINE, with_words

EXACT = ("change", "action", "stage", "outcome")
"""The columns that are asked for as they are."""
ONE_WAY = frozenset(map(frozenset, ((), ("change",), ("actor",), ("action",), ("actor", "stage"), ("action", "stage"))))
"""What is asked for so that one index finds it in order and no other would do, whichever values are meant. With more,
or with one of few stages alone, it depends on how rare the values are, and a plan that was made once does not know."""


class Shape(NamedTuple):
    """Which parts of a filter are filled in."""

    exact: tuple[str, ...] = ()
    """Which of :data:`EXACT`."""
    not_applied: bool = False
    """An outcome is asked for that few records have."""
    people: int = 0
    """Under how many references the person may be recorded who is asked for: ``person0``, ``person1``."""
    sees_all: bool = False
    """Nothing has to be left out: the reader sees all, or what is asked for tells nothing of what is found."""
    words: Way | None = None

    def others(self, records: FromClause) -> list[ColumnElement[bool]]:
        """The conditions on ``records`` beside the range of numbers and the words."""
        parts = [records.c[name] == bindparam(f"is_{name}", type_=String) for name in self.exact]
        if self.not_applied:
            parts.append(records.c.outcome != _named("applied"))  # what the index of the others says of itself
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

    def walk(self, below: str, limit: int, *, oldest: bool = False) -> Select[Any]:
        """The numbers of those that :attr:`Way.WALKED` finds. The index knows all conditions but who may see what."""
        meeting: Others | None = None if self.sees_all else self.others
        return walked(below, limit, meeting, oldest=oldest)

    def _open_to_reader(self, records: FromClause) -> ColumnElement[bool]:
        """Leave out what the reader may not know of, but for what they did: to find it by a person, a kind, a stage, an
        outcome or by words would say what it is."""
        events, commands = quiet_kinds()
        if self.words:
            events |= NAMING_THE_ASKED
        hidden = or_(
            and_(records.c.outcome == _named("applied"), records.c.action.in_(list(map(_named, sorted(events))))),
            and_(records.c.outcome == _named("refused"), records.c.action.in_(list(map(_named, sorted(commands))))),
        )
        people, reader = tables.ledger_person.c, bindparam("reader", type_=String)
        number = select(people.id).where(people.person == reader).scalar_subquery()
        return or_(~hidden, records.c.actor == number, records.c.actor == reader)


def _named(word: str) -> ColumnElement[str]:
    """One of our own words as a part of the statement: what is bound has to be sent and looked at each time."""
    return literal_column(f"'{word}'", String)


class Queries(NamedTuple):
    """What is executed for a page."""

    page: Prepared
    """The latest lines below number ``below``, each with how many records fit, where that is counted."""
    counting: Prepared | None
    """How many records fit. None where words are looked for: it would take longer than the page."""


@lru_cache(maxsize=1_000)
def queries(shape: Shape, dialect: str, limit: int, most: int) -> Queries:
    """The queries of a shape on one kind of database, for at most ``limit`` lines, counting up to ``most`` records.

    Both are part of the statement: PostgreSQL takes a number it does not know for a tenth of all records.
    """
    seq = tables.ledger_record.c.seq
    counting, columns = None, LINE
    if not shape.words:
        counted = select(seq).where(shape.fitting(dialect)).limit(_number(most))
        if shape.people < 2:  # in the order of the page, so that both are found in the same way
            counted = counted.order_by(seq.desc())
        counting = select(func.count()).select_from(counted.subquery())
        columns = (*LINE, counting.scalar_subquery().label("matching"))
    page = with_words(select(*columns)).where(shape.fitting(dialect, "below"))
    if shape.words is Way.WALKED:
        page = page.where(seq.in_(shape.walk("below", limit)))
    page = page.order_by(seq.desc()).limit(_number(limit))
    return Queries(Prepared(page), Prepared(counting) if counting is not None else None)


def _number(of: int) -> ColumnElement[int]:
    return literal_column(str(of), Integer)


@lru_cache(maxsize=1_000)
def in_pieces(shape: Shape, dialect: str, limit: int) -> Prepared:
    """The query of the oldest ``limit`` lines from number ``first`` on."""
    records = tables.ledger_record
    lines = with_words(select(*LINE)).where(shape.fitting(dialect)).order_by(records.c.seq)
    if shape.words is Way.WALKED:
        lines = lines.where(records.c.seq.in_(shape.walk("stop", limit, oldest=True)))
    return Prepared(lines.limit(_number(limit)))


class Bounding(NamedTuple):
    """Which parts of a filter have to be looked up before the database can use its indexes well."""

    since: bool
    until: bool
    person: bool
    words: bool
    planned_once: bool = False
    """The queries that follow in this transaction are planned for any values, on PostgreSQL."""
    unindexed: bool = False
    """Whether there are words that are not indexed yet is asked as well."""

    def columns(self, dialect: str) -> tuple[ColumnElement[Any], ...]:
        """The first number, the one to stop at, a person's number, one of their records from before people had numbers,
        how many of the newest records hold the words, how what follows is planned (both on PostgreSQL), and whether
        there are words that are not indexed.
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
            *(self._planning(named) if dialect == "postgresql" else ()),
            (some_unindexed(dialect) if self.unindexed else false()).label("unindexed"),
        )

    def _planning(self, named: ColumnElement[int]) -> list[ColumnElement[str]]:
        """Say for this transaction how its queries are planned: planning takes longer than reading a page does. A plan
        for any values takes it that few fit and would sort them; of a common kind that is every sixth record."""
        chosen: list[ColumnElement[str]] = []
        for setting, once, usual in PLANNING:
            how: ColumnElement[str] = _named(once if self.planned_once else usual)
            if self.planned_once and self.person:  # under two references the order is not that of the index
                how = case((named.is_(None), how), else_=_named(usual))
            chosen.append(func.set_config(_named(setting), how, true()))
        return chosen


PLANNING = (("plan_cache_mode", "force_generic_plan", "auto"), ("enable_sort", "off", "on"))
"""Settings of PostgreSQL, for what is planned once and for everything else."""
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
