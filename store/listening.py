"""How people listen: whether somebody asked why in time, and which reasons return. Counts only, never who.

Sources: product.md ("against resistance, ask why"; "know who tends to resist"), reference/champions.md 3.7.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, case, func, select, true

from changes.values import Value
from store import tables

SMALLEST_GROUP = 5
"""People behind a figure before it is shown; below it, a pattern would point at somebody."""


class Asking(Value):
    """How often somebody asked why about a concern within the time the policy sets."""

    due: int
    """Concerns whose time is over, or about which somebody has asked."""
    in_time: int
    late: int
    never: int

    @property
    def percent(self) -> int | None:
        """Per cent asked in time, rounded down; none where nothing was due."""
        return self.in_time * 100 // self.due if self.due else None


class Pattern(Value):
    """A reason that returns around one process."""

    process: str
    code: str
    people: int
    """How many people had it on a change each; a person is counted once per change and reason."""
    blocking: int
    overruled: int


class Raised(NamedTuple):
    """When things happened to a concern."""

    raised_at: datetime
    ask_by: datetime | None
    asked_at: datetime | None
    answered_at: datetime | None


def raised_since(connection: Connection, since: datetime | None = None) -> Sequence[Raised]:
    """The concerns raised from ``since`` on, which the measures below are about. One query for all of them."""
    table = tables.concern.c
    query = select(table.raised_at, table.ask_by, table.asked_at, table.answered_at)
    rows = connection.execute(query.where(table.raised_at >= since) if since else query)
    return [Raised(*row) for row in rows]


def asked_in_time(concerns: Iterable[Raised], now: datetime) -> Asking:
    """The measure, as of ``now``."""
    asked = Counter(
        "never" if one.asked_at is None else "in_time" if one.asked_at <= one.ask_by else "late"
        for one in concerns
        if one.ask_by is not None and (one.asked_at is not None or one.ask_by < now)
    )
    return Asking(due=asked.total(), in_time=asked["in_time"], late=asked["late"], never=asked["never"])


class Span(Value):
    """How many took so long."""

    words: str
    count: int


class HowSoon(Value):
    """How long concerns waited until somebody asked why, and how long such a question waited for its answer."""

    asked: tuple[Span, ...]
    answered: tuple[Span, ...]


SPANS = (("the same day", 1), ("up to 3 days", 3), ("up to a week", 7), ("up to a month", 31), ("longer", None))
"""By calendar days, each up to but not including its number."""


def how_soon(concerns: Iterable[Raised]) -> HowSoon:
    """How long they waited for a question and it for its answer."""
    asked = [(one, one.asked_at) for one in concerns if one.asked_at]
    return HowSoon(
        asked=_spans((at - one.raised_at).total_seconds() for one, at in asked),
        answered=_spans((one.answered_at - at).total_seconds() for one, at in asked if one.answered_at),
    )


def _spans(seconds: Iterable[float]) -> tuple[Span, ...]:
    days = [each / 86_400 for each in seconds]
    found, low = [], 0.0
    for words, high in SPANS:
        end = float("inf") if high is None else float(high)
        found.append(Span(words=words, count=sum(low <= day < end for day in days)))
        low = end
    return tuple(found)


class Askers(Value):
    """Who asked why, by the part they have in the change; never by name."""

    part: str
    questions: int


AUTHORS, DECIDERS, OTHERS, NO_PART = (
    "its authors",
    "who is asked at its gates",
    "others with a part",
    "nobody with a part",
)
_BY_PART = (
    (AUTHORS, {"proposer", "filer", "co-proposer"}),
    (DECIDERS, {"asked", "endorser", "signer", "reviewer"}),
)


def who_asked(connection: Connection, since: datetime) -> tuple[Askers, ...]:
    """How many questions came from those with each kind of part, as their parts are now."""
    record, person, part = tables.ledger_record.c, tables.ledger_person.c, tables.part.c
    query = (
        select(part.parts, func.count().label("questions"))
        .select_from(tables.ledger_record)
        .join(tables.ledger_person, person.id == record.actor)
        .outerjoin(tables.part, (part.change == record.change) & (part.person == person.person))
        .where(record.action == "why_asked", record.outcome == "applied", record.occurred_at >= since)
        .group_by(part.change, part.person)
    )
    found: dict[str, int] = dict.fromkeys((AUTHORS, DECIDERS, OTHERS, NO_PART), 0)
    for parts, questions in connection.execute(query):
        found[_kind_of(parts or ())] += questions
    return tuple(Askers(part=kind, questions=count) for kind, count in found.items())


def _kind_of(parts: Sequence[str]) -> str:
    for kind, names in _BY_PART:
        if names & set(parts):
            return kind
    return OTHERS if parts else NO_PART


def patterns(connection: Connection, *, since: datetime | None = None) -> Sequence[Pattern]:
    """Reasons by process, the most frequent first; only those that five or more people had."""
    table = tables.concern.c
    people = func.sum(case((table.first_of_its_kind, 1), else_=0))
    query = (
        select(
            table.process,
            table.code,
            people.label("people"),
            func.sum(case((table.blocking, 1), else_=0)).label("blocking"),
            func.sum(case((table.status == "overruled", 1), else_=0)).label("overruled"),
        )
        .where(table.raised_at >= since if since else true())
        .group_by(table.process, table.code)
        .having(people >= SMALLEST_GROUP)
        .order_by(people.desc(), table.process, table.code)
    )
    return [Pattern.model_validate(dict(row)) for row in connection.execute(query).mappings()]
