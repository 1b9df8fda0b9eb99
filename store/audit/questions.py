"""What is asked of the trail, by whom, and the queries that find it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from store.finding import EXACT, ONE_WAY, Bounding, Queries, Shape, bounds, in_pieces, queries
from store.prepared import Prepared
from store.searching import Way, best_way, looked_for

COUNTED = 200
"""Counts are exact up to here, four pages: to count on is what takes longest where few of many records fit."""
CHUNK = 500
"""Records read at a time for an export."""


@dataclass(frozen=True)
class Filter:
    """Which records are asked for; empty parts leave nothing out."""

    change: str = ""
    person: str = ""
    """A person's reference."""
    kind: str = ""
    """What happened: the kind of an event, or a refused command."""
    stage: str = ""
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None
    """Recorded before this moment."""
    text: str = ""

    def to_mapping(self) -> dict[str, str]:
        """The parts that are filled in, as text."""
        parts = {
            "change": self.change,
            "person": self.person,
            "kind": self.kind,
            "stage": self.stage,
            "outcome": self.outcome,
            "since": self.since.isoformat() if self.since else "",
            "until": self.until.isoformat() if self.until else "",
            "text": self.text,
        }
        return {name: part for name, part in parts.items() if part}


@dataclass(frozen=True)
class Reader:
    """Who reads."""

    ref: str
    sees_all: bool = False
    """An auditor."""


@dataclass(frozen=True)
class Question:
    """What a filter means for the records: the shape of its queries, and what is bound to them."""

    size: int
    shape: Shape
    values: dict[str, Any]
    held: int
    """How many of the newest records hold the words that are looked for, on PostgreSQL."""

    def queries(self, connection: Connection, values: Mapping[str, Any], limit: int) -> Queries:
        """The queries of a page of ``limit`` lines with ``values``."""
        dialect = connection.dialect.name
        return queries(self._searched(dialect, values), dialect, limit, COUNTED + 1)

    def oldest(self, connection: Connection, values: Mapping[str, Any]) -> Prepared:
        """The query of the lines from number ``first`` on."""
        dialect = connection.dialect.name
        return in_pieces(self._searched(dialect, values), dialect, CHUNK)

    def _searched(self, dialect: str, values: Mapping[str, Any]) -> Shape:
        if self.shape.words is None:
            return self.shape
        return self.shape._replace(words=best_way(dialect, values, self.held, self.shape.exact))


def question_about(connection: Connection, asked: Filter, reader: Reader, bounding: Bounding) -> Question:
    """Look up, in one query, what the database has to know before it can use its indexes well."""
    dialect = connection.dialect.name
    bound = looked_up(asked, dialect)
    (row,) = bounds(bounding, dialect).read(connection, bound)
    return question_in(row, asked, reader, bound, dialect)


def bounding_of(asked: Filter) -> Bounding:
    """What has to be looked up before the records are."""
    return Bounding(asked.since is not None, asked.until is not None, bool(asked.person), bool(asked.text))


def bounding_of_page(asked: Filter) -> Bounding:
    """The same for a page, whose plan may be the same for all values."""
    parts = {"change": asked.change, "actor": asked.person, "action": asked.kind, "stage": asked.stage}
    parts["outcome"] = asked.outcome
    return bounding_of(asked)._replace(planned_once=frozenset(name for name, part in parts.items() if part) in ONE_WAY)


def looked_up(asked: Filter, dialect: str) -> dict[str, Any]:
    """What is bound to look it up."""
    parts = {"since": asked.since, "until": asked.until, "person": asked.person}
    if asked.text and dialect == "postgresql":
        parts |= looked_for(dialect, asked.text, {})
    return {name: part for name, part in parts.items() if part}


def question_in(
    row: tuple[Any, ...], asked: Filter, reader: Reader, bound: Mapping[str, Any], dialect: str
) -> Question:
    """What ``row`` says, which is the answer to ``bound``."""
    size, first, stop, number, named, held, *_ = row
    size = size or 0
    values = {"reader": reader.ref, "first": size if first is None else first, "stop": size if stop is None else stop}
    exact = dict(zip(EXACT, (asked.change, asked.kind, asked.stage, asked.outcome), strict=True))
    values |= {f"is_{name}": value for name, value in exact.items() if value}
    people: list[str] = []
    if asked.person:
        # The foundation's records hold the reference itself.
        people = [number] if number else []
        people += [asked.person] if named is not None or not number else []
        values |= {f"person{place}": ref for place, ref in enumerate(people)}
    if "words" in bound:
        values["words"] = bound["words"]
    elif asked.text:
        facts = {name: [value] for name, value in exact.items() if value}
        values |= looked_for(dialect, asked.text, {**facts, "actor": people})
    shape = Shape(
        exact=tuple(name for name, value in exact.items() if value),
        not_applied=asked.outcome not in ("", "applied"),
        people=len(people),
        sees_all=reader.sees_all or not _tells(asked),
        words=Way.NONE if asked.text else None,
    )
    return Question(size, shape, values, held or 0)


def _tells(asked: Filter) -> bool:
    """Whether what fits says something about itself by fitting, besides when and on which change it was recorded."""
    return bool(asked.person or asked.kind or asked.stage or asked.outcome or asked.text)
