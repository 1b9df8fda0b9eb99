"""How it goes, over all changes: what moves, what is stuck, how soon people are answered, who takes part, the outcomes.

Figures are about changes and about teams of five or more, never about one employee. Only who is asked and late is
named, because that is who can be helped; and executives, whose own answers stand on the same page as those they wait
for (product.md, "lead by example").
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, select

from changes.state import Stage
from directory.model import Directory
from store import tables
from store.reading import TRAIL_COLUMNS, with_words

ANSWERS = ("accepted_for_testing", "changes_asked", "declined", "marked_duplicate", "said_back")
"""Whatever counts as a first answer to a proposal."""
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
MOST = 5_000
"""Changes and records that are looked at; the latest count."""


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
    stuck: tuple[About, ...]
    """What is overdue and with whom, the longest first."""
    first_answers: tuple[About, ...]
    """How long each proposal waited for its first answer, the longest first."""
    unanswered: int
    declines: int
    declines_with_reason: int
    concerns: int
    asked_why: int
    """Concerns about whose why somebody asked in time."""
    concerned: tuple[About, ...]
    took_part: int
    people: int
    teams: tuple[Team, ...]
    executives: tuple[Executive, ...]

    @property
    def median_first_answer(self) -> float | None:
        """Days, half of the proposals were answered sooner."""
        return median(about.days for about in self.first_answers) if self.first_answers else None


def measures(connection: Connection, directory: Directory, since: datetime, now: datetime) -> Measures:
    """The measures of the period from ``since`` to ``now``. Five queries."""
    about = tables.change.c
    changes = list(
        connection.execute(
            select(about.ref, about.title, about.stage, about.outcome, about.opened_at, about.updated_at)
            .where((about.outcome == "") | (about.updated_at >= since))
            .order_by(about.updated_at.desc())
            .limit(MOST)
        ).mappings()
    )
    titles = {row["ref"]: row["title"] for row in changes}
    waiting = list(
        connection.execute(
            select(tables.waiting.c.change, tables.waiting.c.person, tables.waiting.c.task, tables.waiting.c.due)
            .where(tables.waiting.c.due.is_not(None))
            .order_by(tables.waiting.c.due)
            .limit(MOST)
        ).mappings()
    )
    records = _records(connection, since)
    took_part = _took_part(connection, since, directory)
    open_changes = [row for row in changes if row["outcome"] == ""]
    first_answers, unanswered = _first_answers(changes, records, since)
    concerned, asked_why, concerns = _asked_why(records, titles)
    declines = [row for row in records if row["action"] == "declined"]
    return Measures(
        since=since,
        open_by_stage={stage: sum(row["stage"] == stage for row in open_changes) for stage in Stage},
        moved=sum(row["updated_at"] >= now - timedelta(days=14) for row in open_changes),
        begun=_begun(changes, since, now),
        outcomes=Counter(row["outcome"] for row in changes if row["outcome"]),
        stuck=_stuck(waiting, titles, now),
        first_answers=first_answers,
        unanswered=unanswered,
        declines=len(declines),
        declines_with_reason=sum(bool(_words(row).get("reason", "").strip()) for row in declines),
        concerns=concerns,
        asked_why=asked_why,
        concerned=concerned,
        took_part=len(took_part),
        people=sum(person.active for person in directory.people.values()),
        teams=_teams(took_part, directory),
        executives=_executives(directory, records, waiting, now),
    )


def _records(connection: Connection, since: datetime) -> Sequence[RowMapping]:
    """The records from which answers and concerns are counted, oldest first."""
    records = tables.ledger_record.c
    wanted = {"submitted", "gate_opened", "concern_raised", "why_asked", *ANSWERS, *AT_GATES}
    rows = connection.execute(
        with_words(select(*TRAIL_COLUMNS))
        .where(records.occurred_at >= since, records.outcome == "applied", records.action.in_(sorted(wanted)))
        .order_by(records.seq.desc())
        .limit(MOST * 4)
    ).mappings()
    return list(reversed(list(rows)))


def _took_part(connection: Connection, since: datetime, directory: Directory) -> frozenset[str]:
    part, about = tables.part.c, tables.change.c
    rows = connection.execute(
        select(part.person)
        .distinct()
        .join_from(tables.part, tables.change, and_(about.ref == part.change, about.updated_at >= since))
    ).scalars()
    return frozenset(person for person in rows if person in directory.people and directory.active(person))


def _words(row: RowMapping) -> dict[str, Any]:
    return dict(json.loads(row["value"])) if row["value"] else {}


def _days(earlier: datetime, later: datetime) -> float:
    return round((later - earlier) / timedelta(days=1), 1)


def _begun(changes: Iterable[RowMapping], since: datetime, now: datetime) -> tuple[tuple[date, int], ...]:
    def monday(moment: datetime) -> date:
        return moment.date() - timedelta(days=moment.weekday())

    counted = Counter(monday(row["opened_at"]) for row in changes if row["opened_at"] >= since)
    weeks = []
    week = max(monday(since), monday(now) - timedelta(weeks=12))
    while week <= monday(now):
        weeks.append((week, counted[week]))
        week += timedelta(weeks=1)
    return tuple(weeks)


def _stuck(waiting: Iterable[RowMapping], titles: Mapping[str, str], now: datetime) -> tuple[About, ...]:
    return tuple(
        About(
            ref=row["change"],
            title=titles.get(row["change"], row["change"]),
            days=_days(row["due"], now),
            person=row["person"],
            note=row["task"],
        )
        for row in waiting
        if row["due"] < now
    )


def _first_answers(
    changes: Iterable[RowMapping], records: Iterable[RowMapping], since: datetime
) -> tuple[tuple[About, ...], int]:
    submitted: dict[str, datetime] = {}
    answered: dict[str, datetime] = {}
    for row in records:
        if row["action"] == "submitted":
            submitted.setdefault(row["change"], row["occurred_at"])
        elif row["action"] in ANSWERS:
            answered.setdefault(row["change"], row["occurred_at"])
    titles = {row["ref"]: row["title"] for row in changes}
    known = [
        About(ref, titles.get(ref, ref), _days(at, answered[ref])) for ref, at in submitted.items() if ref in answered
    ]
    waiting = {row["ref"] for row in changes if row["outcome"] == "" and row["stage"] == Stage.PROPOSAL}
    return (
        tuple(sorted(known, key=lambda about: -about.days)),
        sum(ref in waiting for ref in submitted if ref not in answered),
    )


def _asked_why(records: Iterable[RowMapping], titles: Mapping[str, str]) -> tuple[tuple[About, ...], int, int]:
    raised: dict[tuple[str, str], tuple[datetime, str]] = {}
    asked: dict[tuple[str, str], datetime] = {}
    for row in records:
        if row["action"] not in {"concern_raised", "why_asked"}:
            continue
        words = _words(row)
        place = (row["change"], str(words.get("concern", "")))
        if row["action"] == "concern_raised":
            raised[place] = (row["occurred_at"], str(words.get("title", "")))
        else:
            asked.setdefault(place, row["occurred_at"])
    in_time = sum(place in asked and asked[place] - at <= ASKED_IN_TIME for place, (at, _) in raised.items())
    listed = tuple(
        About(
            change,
            titles.get(change, change),
            _days(at, asked[change, concern]) if (change, concern) in asked else -1,
            note=title,
        )
        for (change, concern), (at, title) in raised.items()
    )
    return listed, in_time, len(raised)


def _teams(took_part: frozenset[str], directory: Directory) -> tuple[Team, ...]:
    members: dict[str, list[str]] = defaultdict(list)
    for person in directory.people.values():
        if person.active:
            members[person.team].append(person.ref)
    teams = (
        Team(ref, len(people), sum(person in took_part for person in people))
        for ref, people in members.items()
        if len(people) >= SMALLEST_GROUP
    )
    return tuple(sorted(teams, key=lambda team: (-team.took_part / team.people, team.ref)))


def _executives(
    directory: Directory, records: Iterable[RowMapping], waiting: Sequence[RowMapping], now: datetime
) -> tuple[Executive, ...]:
    took: dict[str, list[float]] = defaultdict(list)
    asked_at: dict[str, datetime] = {}
    for row in records:
        if row["action"] == "gate_opened":
            asked_at[row["change"]] = row["occurred_at"]
        elif row["action"] in AT_GATES and row["change"] in asked_at:
            took[row["person"]].append(_days(asked_at[row["change"]], row["occurred_at"]))
    found = []
    for person in directory.with_role("executive"):
        mine = [row for row in waiting if row["person"] == person.ref]
        times = took[person.ref]
        found.append(
            Executive(
                person=person.ref,
                answered=len(times),
                median_days=median(times) if times else None,
                waiting=len(mine),
                overdue=sum(row["due"] < now for row in mine),
            )
        )
    return tuple(sorted(found, key=lambda executive: executive.person))
