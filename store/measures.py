"""How it goes, over all changes: what moves, what is stuck, how soon people are answered, who takes part, the outcomes.

Figures are about changes and about teams of five or more, never about one employee. Only who is asked and late is
named, because that is who can be helped; and executives, whose own answers stand on the same page as those they wait
for (product.md, "lead by example").

The database counts; what comes here is the figures and the few changes that are listed, however many there are.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import median
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Row,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    select,
    union_all,
)

from changes.state import Outcome, Stage
from directory.model import Directory
from store import tables
from store.columns import SecondsBetween
from store.ledger import LABEL

AT_GATES = (
    "accepted_for_testing",
    "changes_asked",
    "declined",
    "endorsed",
    "endorsed_with_changes",
    "signed",
    "coverage_signed",
)
"""Answers of somebody who was asked at a gate."""
SMALLEST_GROUP = 5
"""Nothing is told about fewer people."""
ASKED_IN_TIME = timedelta(days=3)
"""Somebody should have asked why by then."""
LISTED = 30
"""Changes of each kind that are listed; the figures are about all."""
LATEST_ANSWERS = 2_000
"""Answers of executives that are looked at, the latest of all."""
DAY = timedelta(days=1) / timedelta(seconds=1)


@dataclass(frozen=True)
class About:
    """A change behind a figure."""

    ref: str
    title: str
    days: float
    """What the figure counts, such as how long it waited."""
    person: str = ""
    note: str = ""


@dataclass(frozen=True)
class Team:
    """A team of five or more, and how many of its people have taken part."""

    ref: str
    people: int
    took_part: int


@dataclass(frozen=True)
class Executive:
    """An executive's own answers."""

    person: str
    answered: int
    median_days: float | None
    waiting: int
    overdue: int


@dataclass(frozen=True)
class Measures:
    """Everything on the page, for one period."""

    since: datetime
    open_by_stage: Mapping[Stage, int]
    moved: int
    """Open changes that moved in the period's last fourteen days."""
    begun: tuple[tuple[date, int], ...]
    """Per week, by its Monday: how many changes were begun."""
    outcomes: Mapping[str, int]
    stuck: int
    """Answers that are overdue."""
    longest_stuck: tuple[About, ...]
    """What is overdue and with whom, the longest first."""
    answered: int
    """Proposals of the period that have their first answer."""
    median_first_answer: float | None
    """Days; half of the proposals were answered sooner."""
    longest_answers: tuple[About, ...]
    """How long proposals waited for their first answer, the longest first."""
    unanswered: int
    declines: int
    declines_with_reason: int
    concerns: int
    asked_why: int
    """Concerns about whose why somebody asked in time."""
    concerned: tuple[About, ...]
    """The latest concerns."""
    took_part: int
    people: int
    teams: tuple[Team, ...]
    executives: tuple[Executive, ...]


def measures(connection: Connection, directory: Directory, since: datetime, now: datetime) -> Measures:
    """The measures of the period from ``since`` to ``now``. Three queries."""
    executives = [person.ref for person in directory.with_role("executive")]
    counted = _Counted(connection.execute(_figures(since, now, executives)))
    listed: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(_lists(since, now, executives)):
        listed[row.what].append(row)
    teams = list(connection.execute(_breadth(since)))
    stages = counted.of("stage")
    middle = counted.of("median").get("", (None, 0))[0]
    answered, unanswered = counted.one("answered")
    stuck, _ = counted.one("stuck")
    declines, with_reason = counted.one("declines")
    concerns, asked_why = counted.one("concerns")
    return Measures(
        since=since,
        open_by_stage={stage: int(stages.get(stage, (0, 0))[0] or 0) for stage in Stage},
        moved=sum(moved for _, moved in stages.values()),
        begun=tuple((date.fromisoformat(week), int(begun or 0)) for week, (begun, _) in counted.of("week").items()),
        outcomes={outcome: int(count or 0) for outcome, (count, _) in counted.of("outcome").items()},
        stuck=stuck,
        longest_stuck=tuple(map(_about, listed["stuck"])),
        answered=answered,
        median_first_answer=None if middle is None else round(middle / DAY, 1),
        longest_answers=tuple(map(_about, listed["answer"])),
        unanswered=unanswered,
        declines=declines,
        declines_with_reason=with_reason,
        concerns=concerns,
        asked_why=asked_why,
        concerned=tuple(map(_concern, listed["concern"])),
        took_part=sum(row.took_part for row in teams),
        people=sum(row.people for row in teams),
        teams=tuple(_teams(teams)),
        executives=tuple(_executives(executives, listed["executive"], counted.of("waiting"))),
    )


class _Counted:
    """Figures as they come: what is counted, of which kind, how many, and how many of those are something more."""

    def __init__(self, rows: Iterable[Row[Any]]) -> None:
        self._rows = [(row.what, row.kind, row.number, int(row.more or 0)) for row in rows]

    def of(self, what: str) -> dict[str, tuple[float | None, int]]:
        return {kind: (number, more) for about, kind, number, more in self._rows if about == what}

    def one(self, what: str) -> tuple[int, int]:
        number, more = self.of(what)[""]
        return int(number or 0), more


def _figure(what: str, kind: Any, number: Any, more: Any = None) -> Select[Any]:
    """A row of figures. Their types are said, because the parts of a union have to have the same."""
    return select(
        literal(what).label("what"),
        cast(kind, String).label("kind"),
        cast(number, Float).label("number"),
        cast(literal(0) if more is None else more, Float).label("more"),
    )


def _if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """How many rows fulfil ``condition``."""
    return func.sum(case((condition, 1), else_=0))


def _figures(since: datetime, now: datetime, executives: Sequence[str]) -> Any:
    about, waiting, concern = tables.change.c, tables.waiting.c, tables.concern.c
    lately = about.updated_at >= now - timedelta(days=14)
    waits = and_(about.first_answer_at.is_(None), about.outcome == "", about.stage == Stage.PROPOSAL)
    why = SecondsBetween(concern.raised_at, concern.asked_at) <= int(ASKED_IN_TIME.total_seconds())
    return union_all(
        _figure("stage", about.stage, func.count(), _if(lately)).where(about.outcome == "").group_by(about.stage),
        _figure("outcome", about.outcome, func.count())
        .where(about.outcome.in_(list(Outcome)), about.updated_at >= since)
        .group_by(about.outcome),
        *(
            _figure("week", literal(week.date().isoformat()), func.count()).where(
                about.opened_at >= max(week, since), about.opened_at < week + timedelta(weeks=1)
            )
            for week in _weeks(since, now)
        ),
        _figure("answered", literal(""), func.count(about.first_answer_at), _if(waits)).where(about.opened_at >= since),
        _median(since),
        _figure("stuck", literal(""), func.count()).where(waiting.due < now),
        _declines(since),
        _figure("concerns", literal(""), func.count(), _if(why)).where(concern.raised_at >= since),
        _figure("waiting", waiting.person, func.count(), _if(waiting.due < now))
        .where(waiting.person.in_(executives), waiting.due.is_not(None))
        .group_by(waiting.person),
    )


def _weeks(since: datetime, now: datetime) -> Iterator[datetime]:
    """The beginning of each week of the period, at most the last thirteen."""

    def monday(moment: datetime) -> datetime:
        return datetime.combine(moment.date() - timedelta(days=moment.weekday()), time(), moment.tzinfo)

    week = max(monday(since), monday(now) - timedelta(weeks=12))
    while week <= now:
        yield week
        week += timedelta(weeks=1)


def _median(since: datetime) -> Select[Any]:
    """The one or two waits in the middle; PostgreSQL has a function for it, SQLite has none."""
    about = tables.change.c
    wait = SecondsBetween(about.opened_at, about.first_answer_at)
    waits = (
        select(
            wait.label("wait"),
            func.row_number().over(order_by=wait).label("place"),
            func.count().over().label("of"),
        )
        .where(about.opened_at >= since, about.first_answer_at.is_not(None))
        .subquery()
    )
    middle = waits.c.place.in_([(waits.c.of + 1) // 2, (waits.c.of + 2) // 2])
    return _figure("median", literal(""), func.avg(waits.c.wait)).where(middle)


def _declines(since: datetime) -> Select[Any]:
    """Declines, and how many of them have their reason: each was given one, and only an erasure takes it away."""
    records, private = tables.ledger_record, tables.ledger_private
    words = and_(private.c.seq == records.c.seq, private.c.label == LABEL)
    return (
        _figure("declines", literal(""), func.count(), func.count(private.c.seq))
        .select_from(records.outerjoin(private, words))
        .where(records.c.action == "declined", _recorded(since))  # what is refused has the name of the command
    )


def _recorded(since: datetime) -> ColumnElement[bool]:
    """Recorded in the period, as a range of numbers: an index on what happened then serves it too."""
    records = tables.ledger_record.alias("begin").c
    first = select(records.seq).where(records.recorded_at >= since).order_by(records.recorded_at, records.seq).limit(1)
    return tables.ledger_record.c.seq >= first.scalar_subquery()


def _line(
    what: str, ref: Any, title: Any, seconds: Any, person: Any = None, note: Any = None, more: Any = None
) -> Select[Any]:
    """A row of the lists."""
    return select(
        literal(what).label("what"),
        ref.label("ref"),
        title.label("title"),
        cast(seconds, Float).label("seconds"),
        cast(literal("") if person is None else person, String).label("person"),
        cast(literal("") if note is None else note, String).label("note"),
        cast(literal("") if more is None else more, String).label("more"),
    )


def _lists(since: datetime, now: datetime, executives: Sequence[str]) -> Any:
    about, waiting, concern = tables.change, tables.waiting, tables.concern
    late = SecondsBetween(waiting.c.due, literal(now, waiting.c.due.type))
    wait = SecondsBetween(about.c.opened_at, about.c.first_answer_at)
    longest = (  # found in an index that has all of this; only the titles are elsewhere
        select(about.c.ref, wait.label("wait"))
        .where(about.c.opened_at >= since, about.c.first_answer_at.is_not(None))
        .order_by(wait.desc(), about.c.ref)
        .limit(LISTED)
        .subquery()
    )
    asked = SecondsBetween(concern.c.raised_at, concern.c.asked_at)
    parts = (
        _line("stuck", waiting.c.change, about.c.title, late, waiting.c.person, waiting.c.task)
        .join_from(waiting, about, about.c.ref == waiting.c.change)
        .where(waiting.c.due < now)
        .order_by(waiting.c.due, waiting.c.change, waiting.c.person)
        .limit(LISTED),
        _line("answer", about.c.ref, about.c.title, longest.c.wait).join_from(
            longest, about, about.c.ref == longest.c.ref
        ),
        _line("concern", concern.c.change, about.c.title, asked, None, _raised(), concern.c.ref)
        .join_from(concern, about, about.c.ref == concern.c.change)
        .where(concern.c.raised_at >= since)
        .order_by(concern.c.raised_at.desc(), concern.c.change, concern.c.ref)
        .limit(LISTED),
        _at_gates(since, executives),
    )
    return union_all(*(select(part.subquery()) for part in parts))


def _raised() -> Any:
    """What was recorded when a concern was raised, as text; its title is in there."""
    records, private, concern = tables.ledger_record.c, tables.ledger_private.c, tables.concern.c
    return (
        select(private.value)
        .join_from(tables.ledger_record, tables.ledger_private, private.seq == records.seq)
        .where(records.change == concern.change, records.action == "concern_raised", records.outcome == "applied")
        # Within a text its quotation marks would be escaped: nobody can write words that fit here.
        .where(private.label == LABEL, private.value.contains(literal('"concern":"') + concern.ref + literal('",')))
        .limit(1)
        .correlate(tables.concern)
        .scalar_subquery()
    )


def _at_gates(since: datetime, executives: Sequence[str]) -> Select[Any]:
    """How long each answer of an executive took, from the gate's opening."""
    records, people, opened = tables.ledger_record, tables.ledger_person, tables.ledger_record.alias("opened")
    gate = (
        select(opened.c.occurred_at)
        .where(opened.c.change == records.c.change, opened.c.seq < records.c.seq, opened.c.action == "gate_opened")
        .order_by(opened.c.seq.desc())
        .limit(1)
        .correlate(records)
        .scalar_subquery()
    )
    return (
        _line("executive", records.c.change, null(), SecondsBetween(gate, records.c.occurred_at), people.c.person)
        .join_from(people, records, records.c.actor == people.c.id)
        .where(people.c.person.in_(executives), records.c.action.in_(AT_GATES), records.c.outcome == "applied")
        .where(_recorded(since))
        .order_by(records.c.seq.desc())
        .limit(LATEST_ANSWERS)
    )


def _breadth(since: datetime) -> Select[Any]:
    """Of each team its active people, and how many of them have a part in a change that moved in the period."""
    part, about, person = tables.part.c, tables.change.c, tables.person.c
    took = (
        select(part.person)
        .distinct()
        .join_from(tables.part, tables.change, and_(about.ref == part.change, about.updated_at >= since))
        .subquery()
    )
    return (
        select(person.team, func.count().label("people"), func.count(took.c.person).label("took_part"))
        .select_from(tables.person)
        .outerjoin(took, took.c.person == person.ref)
        .where(person.active)
        .group_by(person.team)
    )


def _about(row: Row[Any]) -> About:
    return About(ref=row.ref, title=row.title, days=_days(row.seconds), person=row.person, note=row.note)


def _concern(row: Row[Any]) -> About:
    title = json.loads(row.note).get("title", "") if row.note else ""
    return About(ref=row.ref, title=row.title, days=-1 if row.seconds is None else _days(row.seconds), note=title)


def _days(seconds: float) -> float:
    return round(seconds / DAY, 1)


def _teams(rows: Iterable[Row[Any]]) -> Sequence[Team]:
    teams = (Team(row.team, row.people, row.took_part) for row in rows if row.people >= SMALLEST_GROUP)
    return sorted(teams, key=lambda team: (-team.took_part / team.people, team.ref))


def _executives(
    executives: Iterable[str], answers: Iterable[Row[Any]], waiting: Mapping[str, tuple[float | None, int]]
) -> Iterator[Executive]:
    took: dict[str, list[float]] = defaultdict(list)
    for row in answers:
        if row.seconds is not None:
            took[row.person].append(row.seconds)
    for person in sorted(executives):
        count, overdue = waiting.get(person, (0, 0))
        yield Executive(
            person=person,
            answered=len(took[person]),
            median_days=_days(median(took[person])) if took[person] else None,
            waiting=int(count or 0),
            overdue=overdue,
        )
