"""Writes each person's weekly digest, once; and what of it has left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, insert, select, true, tuple_, update

from changes.permissions import EXECUTIVE, Actor, Operation, may
from changes.values import Moment, Value, is_pseudonym
from directory.model import Directory
from notifications.choices import DIGEST, how_sent
from notifications.digest import MOST_LINES, Area, Line, WeeklyDigest
from notifications.kinds import KINDS
from notifications.notices import Notice
from store import claims, tables
from store.mail_choices import choices_of

WEEK = timedelta(days=7)
PATIENCE = timedelta(days=3)
"""A digest that could not leave for so long is given up: the next is near."""
BATCH = 10
"""Digests that are claimed together: few enough to be begun while the claim is young, with a slow mail server too."""


class DigestKey(NamedTuple):
    """Which digest."""

    person: str
    week: str


class WrittenDigest(Value):
    """A digest that waits to leave."""

    person: str
    digest: WeeklyDigest
    written_at: Moment
    attempts: int


def week_of(moment: datetime) -> str:
    """The week of ``moment`` as ISO 8601 names it."""
    year, week, _ = moment.isocalendar()
    return f"{year}-W{week:02}"


def write_digests(connection: Connection, directory: Directory, now: datetime) -> int:
    """Write the digest of everybody for whom there is something new; done before this week, nothing happens."""
    week = week_of(now)
    table = tables.digest
    known = set(connection.execute(select(table.c.person).where(table.c.week == week)).scalars())
    people = [ref for ref, person in directory.people.items() if person.active and ref not in known]
    choices = choices_of(connection, people)
    wanting = [ref for ref in people if how_sent(DIGEST, choices.get(ref, {})) != "off"]
    material = _Material(connection, directory, now)
    rows = []
    for ref in wanting:
        digest = material.of(ref, week)
        if not digest.nothing_new:
            rows.append(
                {
                    "person": ref,
                    "week": week,
                    "content": digest.model_dump_json(),
                    "written_at": now,
                    "attempts": 0,
                }
            )
    if rows:
        connection.execute(insert(table), rows)
    return len(rows)


class _Material:
    """Everything that digests are made of, read once for all of them."""

    def __init__(self, connection: Connection, directory: Directory, now: datetime) -> None:
        self._directory = directory
        self._now = now
        self._changes = self._read_changes(connection)
        self._parts = _by_person(connection, select(tables.part.c.person, tables.part.c.change))
        waiting = tables.waiting
        self._waiting: dict[str, list[RowMapping]] = defaultdict(list)
        for row in connection.execute(select(waiting).order_by(waiting.c.due)).mappings():
            self._waiting[row["person"]].append(row)
        self._news = self._read_news(connection)

    def of(self, person: str, week: str) -> WeeklyDigest:
        """What ``person`` is told about ``week``."""
        moved = [self._changes[ref] for ref in self._parts.get(person, ()) if ref in self._changes]
        recent = [row for row in moved if row["updated_at"] > self._now - WEEK]
        return WeeklyDigest(
            week=week,
            waiting=tuple(self._task(row) for row in self._waiting.get(person, ())),
            news=tuple(self._news.get(person, ())),
            moved=tuple(_standing(row) for row in sorted(recent, key=lambda row: row["updated_at"], reverse=True)),
            area=self._area(person),
        )

    def _task(self, row: RowMapping) -> Line:
        change = self._changes.get(row["change"])
        return Line(change=row["change"], title=change["title"] if change else "", words=row["task"], due=row["due"])

    def _area(self, person: str) -> Area | None:
        """The whole organisation for an executive, their people for whoever leads some."""
        roles = self._directory.roles_of(person)
        if not may(Actor(person, roles), Operation.READ_OVERVIEW).allowed:
            return None
        if EXECUTIVE in roles:
            return self._summary("The organisation", None)
        if not self._directory.leads_people(person):
            return None
        return self._summary("Your people", {ref for ref in self._directory.people if self._above(ref, person)})

    def _above(self, ref: str, person: str) -> bool:
        return any(superior.ref == person for superior in self._directory.line_of(ref))

    def _summary(self, name: str, people: set[str] | None) -> Area:
        mine = [row for row in self._changes.values() if people is None or row["proposer"] in people]
        late = [
            (row["due"], self._changes[row["change"]], row["person"])
            for person, rows in self._waiting.items()
            if people is None or person in people
            for row in rows
            if row["due"] and row["due"] < self._now and row["change"] in self._changes
        ]
        late.sort(key=lambda found: found[0])
        return Area(
            name=name,
            opened=sum(row["opened_at"] > self._now - WEEK for row in mine),
            closed=sum(bool(row["outcome"]) and row["updated_at"] > self._now - WEEK for row in mine),
            adopted=sum(row["outcome"] == "adopted" and row["updated_at"] > self._now - WEEK for row in mine),
            overdue=len(late),
            stuck=tuple(
                Line(change=row["ref"], title=row["title"], words=f"waits for {self._name(person)}", due=due)
                for due, row, person in late[:MOST_LINES]
            ),
        )

    def _name(self, ref: str) -> str:
        if is_pseudonym(ref) or ref not in self._directory.people:
            return "somebody"
        return self._directory.people[ref].name

    def _read_changes(self, connection: Connection) -> Mapping[str, RowMapping]:
        table = tables.change
        columns = (table.c.ref, table.c.title, table.c.proposer, table.c.outcome, table.c.standing)
        query = select(*columns, table.c.opened_at, table.c.updated_at)
        query = query.where((table.c.outcome == "") | (table.c.updated_at > self._now - WEEK))
        return {row["ref"]: row for row in connection.execute(query).mappings()}

    def _read_news(self, connection: Connection) -> Mapping[str, Sequence[Line]]:
        """What people chose to hear of weekly, since a week ago."""
        table = tables.outbox
        found: dict[str, list[Line]] = defaultdict(list)
        rows = connection.execute(
            select(table.c.recipient, table.c.notice)
            .where(table.c.channel == "digest", table.c.created_at > self._now - WEEK)
            .order_by(table.c.number)
        )
        for row in rows:
            notice = Notice.model_validate_json(row.notice)
            words = KINDS.get(notice.kind, notice.kind)
            found[row.recipient].append(
                Line(change=notice.change, title=notice.data.get("title", ""), words=words[:1].lower() + words[1:])
            )
        return found


def _by_person(connection: Connection, query: object) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for person, change in connection.execute(query):  # type: ignore[call-overload]
        found[person].append(change)
    return found


def _standing(row: RowMapping) -> Line:
    return Line(change=row["ref"], title=row["title"], words=row["standing"])


def waiting_digests(connection: Connection) -> Sequence[DigestKey]:
    """The digests that wait to leave, those first that were tried least."""
    table = tables.digest
    query = select(table.c.person, table.c.week).where(table.c.finished_at.is_(None))
    return [
        DigestKey(row.person, row.week)
        for row in connection.execute(query.order_by(table.c.attempts, table.c.person, table.c.week))
    ]


def claim_digests(
    connection: Connection, keys: Sequence[DigestKey], claimant: str, now: datetime
) -> Sequence[WrittenDigest]:
    """Claim those of ``keys`` that wait and are in nobody's hands, and read them."""
    table = tables.digest
    these = tuple_(table.c.person, table.c.week).in_(keys)
    rows = claims.claim(connection, table, these, claimant, now, list(table.c))
    return [
        WrittenDigest(
            person=row.person,
            digest=WeeklyDigest.model_validate_json(row.content),
            written_at=row.written_at,
            attempts=row.attempts,
        )
        for row in sorted(rows, key=lambda row: (row.attempts, row.person, row.week))
    ]


def holds_digest(connection: Connection, written: WrittenDigest, claimant: str, now: datetime) -> bool:
    """Whether the digest waits still, and in these hands for long enough to be sent."""
    table = tables.digest
    query = select(table.c.person).where(_this(written), claims.held(table, claimant, now + claims.BEGIN_WITHIN))
    return connection.execute(query).first() is not None


def let_digests_go(connection: Connection, claimant: str) -> None:
    """Give back what was claimed and has not left."""
    claims.let_go(connection, tables.digest, true(), claimant)


def tick_digest(
    connection: Connection, written: WrittenDigest, claimant: str, error: str, final: bool, now: datetime
) -> None:
    """Write down that a digest has left, or why not. Where it has not and another has claimed it meanwhile, it is for
    them to say."""
    table = tables.digest
    finished = final or not error or now - written.written_at > PATIENCE
    mine = and_(table.c.claimed_by == claimant, table.c.finished_at.is_(None)) if error else true()
    connection.execute(
        update(table)
        .where(_this(written), mine)
        .values(
            attempts=written.attempts + 1,
            last_error=error.replace("\0", "")[:500] or None,
            finished_at=now if finished else None,
            claimed_by=None,
            claimed_until=None,
        )
    )


def _this(written: WrittenDigest) -> ColumnElement[bool]:
    return and_(tables.digest.c.person == written.person, tables.digest.c.week == written.digest.week)
