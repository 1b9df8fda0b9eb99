"""What pages, API and command line read: changes, lists, the trail. Plain SQL on the read model, never the workflow."""

from __future__ import annotations

import base64
import json
import unicodedata
from collections.abc import Mapping, Sequence, Set
from datetime import UTC, datetime, tzinfo
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, case, func, literal, or_, select

from changes.commands import names_in
from changes.events import EVENTS, Event, event_from
from changes.facts import SYSTEM
from changes.refusals import Refused
from changes.state import Change
from changes.values import Moment, Ref, Value
from ledger.record import policy_of
from store import tables
from store.ledger import LABEL

PAGE = 50
"""Rows on a page unless asked otherwise; never more than 100."""


class CursorInvalid(ValueError):
    """A page cursor that was not made by us."""


class Listed(Value):
    """A change in a list."""

    ref: str
    title: str
    process: str
    proposer: str
    stage: str
    phase: str
    outcome: str
    standing: str
    version: int
    opened_at: Moment
    updated_at: Moment


class ChangesPage(Value):
    """Some changes, newest movement first, and where the next page begins."""

    changes: tuple[Listed, ...]
    following: str | None


class WaitingItem(Value):
    """Something a person is asked to do, with the change it is about."""

    change: str
    title: str
    person: str
    task: str
    commands: tuple[str, ...]
    since: Moment
    due: Moment | None


class TrailEntry(Value):
    """One line of a change's trail."""

    seq: int
    occurred_at: Moment
    recorded_at: Moment
    actor: str
    """The person's reference; empty where saying who would break a promise (declined invitations, votes)."""
    via: str
    action: str
    outcome: str
    stage: str
    sentence: str
    policy: str
    leaf_hash: str


def change_state(connection: Connection, ref: str) -> Change | None:
    """The whole state of a change, or None when there is no such change."""
    document = connection.execute(select(tables.change.c.document).where(tables.change.c.ref == ref)).scalar()
    return Change.model_validate_json(document) if document else None


def change_for(connection: Connection, ref: str, reader: str) -> tuple[Change, str] | None:
    """The state of a change with the name under which ``reader`` speaks anonymously on it, empty where they do not."""
    table, names = tables.change, tables.pseudonym
    own = and_(names.c.change == table.c.ref, names.c.person == reader)
    row = connection.execute(
        select(table.c.document, names.c.ref.label("own")).join(names, own, isouter=True).where(table.c.ref == ref)
    ).first()
    return (Change.model_validate_json(row.document), row.own or "") if row else None


def change_version(connection: Connection, ref: str) -> int:
    """How many events the change has; 0 when there is no such change."""
    return connection.execute(select(tables.change.c.version).where(tables.change.c.ref == ref)).scalar() or 0


def list_changes(
    connection: Connection,
    *,
    person: str | None = None,
    own: bool = False,
    stage: str | None = None,
    text: str | None = None,
    ended: bool | None = None,
    outcome: str | None = None,
    cursor: str | None = None,
    limit: int = PAGE,
) -> ChangesPage:
    """Changes by latest movement; ``person`` keeps those they have a part in.

    Raises:
        CursorInvalid: when ``cursor`` is not one of ours.
    """
    table = tables.change
    columns = [table.c[name] for name in Listed.model_fields]
    query: Select[tuple[object, ...]] = select(*columns).order_by(table.c.updated_at.desc(), table.c.ref.desc())
    if person:
        mine = select(tables.part.c.change).where(_is(tables.part.c.person, person, own))
        query = query.where(table.c.ref.in_(mine))
    if stage:
        query = query.where(table.c.stage == stage)
    if text:
        query = query.where(func.lower(table.c.title).like(func.lower(_anywhere(text)), escape="\\"))
    if ended is not None:
        query = query.where(table.c.outcome != "" if ended else table.c.outcome == "")
    if outcome:
        query = query.where(table.c.outcome == outcome)
    if cursor:
        moment, ref = _read_cursor(cursor)
        query = query.where(or_(table.c.updated_at < moment, and_(table.c.updated_at == moment, table.c.ref < ref)))
    limit = max(1, min(limit, 100))
    query = query.limit(limit + 1)
    if text and not (person or stage or outcome) and ended is None:
        # Titles are read from an index that holds them; the rows are ten times larger.
        found = query.with_only_columns(table.c.ref).subquery()
        query = select(*columns).join(found, found.c.ref == table.c.ref)
        query = query.order_by(table.c.updated_at.desc(), table.c.ref.desc())
    rows = connection.execute(query).mappings().all()
    changes = tuple(Listed.model_validate(dict(row)) for row in rows[:limit])
    following = _make_cursor(changes[-1]) if len(rows) > limit else None
    return ChangesPage(changes=changes, following=following)


def _anywhere(text: str) -> str:
    """A pattern for titles that hold ``text`` as it stands. Titles are stored in NFC and without U+0000."""
    plain = unicodedata.normalize("NFC", text.replace("\0", ""))
    literal = plain.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{literal}%"


def _make_cursor(last: Listed) -> str:
    return base64.urlsafe_b64encode(json.dumps([last.updated_at.isoformat(), last.ref]).encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        return _POSITION.validate_json(base64.urlsafe_b64decode(cursor))
    except (ValueError, RecursionError) as error:
        raise CursorInvalid("This page address is damaged. Start again from the first page.") from error


_POSITION: TypeAdapter[tuple[datetime, str]] = TypeAdapter(tuple[Moment, Ref])
"""Where a page ended: when its last change moved, and which that was."""


def _is(column: ColumnElement[str], person: str, own: bool) -> ColumnElement[bool]:
    """Whether a column names ``person``; for their ``own`` eyes, under their pseudonyms too."""
    if not own:
        return column == person
    mine = select(tables.pseudonym.c.ref).where(tables.pseudonym.c.person == person)
    # One list of names: an index serves that, and would not serve "this or one of those".
    return column.in_(select(literal(person)).union_all(mine))


def waiting_of(connection: Connection, person: str, *, own: bool = False) -> tuple[WaitingItem, ...]:
    """What waits for a person, the soonest due first.

    Args:
        own: the person themselves looks, so what they said anonymously is among it.
    """
    table, about = tables.waiting, tables.change
    rows = connection.execute(
        select(table, about.c.title)
        .join(about, about.c.ref == table.c.change)
        .where(_is(table.c.person, person, own))
        .order_by(table.c.due.is_(None), table.c.due, table.c.since, table.c.change, table.c.task)
    ).mappings()
    return tuple(WaitingItem.model_validate(dict(row)) for row in rows)


def trail(
    connection: Connection,
    ref: str,
    reader: str,
    after: int = -1,
    limit: int = 1_000,
    names: Mapping[str, str] | None = None,
    zone: tzinfo = UTC,
) -> Sequence[TrailEntry]:
    """A change's records as ``reader`` may see them, oldest first, from after record number ``after``.

    Args:
        names: the names of people and teams by reference, where the caller has them; looked up otherwise.
        zone: the clock on which times in the sentences are told.
    """
    records = tables.ledger_record
    rows = connection.execute(
        with_words(select(*TRAIL_COLUMNS))
        .where(records.c.change == ref, records.c.seq > after)
        .order_by(records.c.seq)
        .limit(limit)
    ).mappings()
    read = [(row, event_in(row)) for row in rows if not _is_secret(row, reader)]
    if names is None:
        names = _names(connection, {ref for _, event in read if event for _, _, ref in names_in(event)})
    return [trail_entry(row, event, names, reader, zone=zone) for row, event in read]


_PERSON = case(
    (tables.ledger_person.c.person.is_not(None), tables.ledger_person.c.person),
    (tables.ledger_record.c.actor.like("p-________________________________"), ""),
    else_=tables.ledger_record.c.actor,
).label("person")
"""Who it was: the person behind the ledger's number, nobody where that was erased or was never said."""
TRAIL_COLUMNS = (*tables.ledger_record.c, tables.ledger_private.c.value, _PERSON)


def with_words(query: Select[Any]) -> Select[Any]:
    """``query`` over records, with what people wrote, where it is still there, and who it was."""
    records, private, people = tables.ledger_record, tables.ledger_private, tables.ledger_person
    words = and_(private.c.seq == records.c.seq, private.c.label == LABEL)
    return query.select_from(
        records.join(private, words, isouter=True).join(people, people.c.id == records.c.actor, isouter=True)
    )


def _is_secret(row: RowMapping, reader: str) -> bool:
    """Whether ``reader`` must not even see that this happened: somebody else's no, or an attempt that tells of one."""
    if row["person"] == reader:
        return False
    if row["outcome"] == "refused":
        return row["action"] in SECRET_COMMANDS
    return row["action"] in EVENTS and EVENTS[row["action"]].secret


def event_in(row: RowMapping) -> Event | None:
    """The event of a record; none in a refusal, and none where the words were erased."""
    if row["value"] is None or row["outcome"] == "refused" or row["action"] not in EVENTS:
        return None
    try:
        event: Event = event_from(json.loads(row["value"]))
    except ValueError:  # somebody altered it; the page must still show the trail
        return None
    return event


def _names(connection: Connection, refs: Set[str]) -> dict[str, str]:
    """The names of people and teams, as they are now."""
    if not refs:
        return {}
    people, teams = (select(t.c.ref, t.c.name).where(t.c.ref.in_(sorted(refs))) for t in (tables.person, tables.team))
    return {ref: name for ref, name in connection.execute(teams.union_all(people))}


UNREADABLE = "The words of this record are not as they were recorded."


def _refusal_sentence(row: RowMapping) -> str:
    try:
        refused = Refused.model_validate_json(row["value"])
    except ValueError:
        return UNREADABLE
    return f"was refused “{row['action'].replace('_', ' ')}”: {refused.detail}"


def trail_entry(
    row: RowMapping,
    event: Event | None,
    names: Mapping[str, str],
    reader: str,
    sees_all: bool = False,
    zone: tzinfo = UTC,
) -> TrailEntry:
    """A row of :data:`TRAIL_COLUMNS` as ``reader`` may see it; an auditor ``sees_all`` but who is anonymous."""
    body = json.loads(row["body"])
    policy = policy_of(body)
    hidden = False
    if row["value"] is None:
        sentence = "The words of this record were erased."
    elif row["action"] not in EVENTS and row["outcome"] != "refused":
        sentence = LEDGERS_OWN.get(row["action"], row["action"].replace("_", " "))
    elif row["outcome"] == "refused":
        sentence = _refusal_sentence(row)
    else:
        sentence = event.sentence(names, zone).strip() if event else UNREADABLE
    if row["action"] in EVENTS:
        hidden = EVENTS[row["action"]].discreet and row["person"] not in {reader, SYSTEM}
    if row["outcome"] == "refused" and row["person"] != reader:
        hidden = row["action"] in DISCREET_COMMANDS
    return TrailEntry(
        seq=row["seq"],
        occurred_at=row["occurred_at"],
        recorded_at=row["recorded_at"],
        actor="" if hidden and not sees_all else row["person"],
        via=body["actor"].get("via", ""),
        action=row["action"],
        outcome=row["outcome"],
        stage=row["stage"],
        sentence=sentence,
        policy=f"{policy[0]} {policy[1]}" if policy else "",
        leaf_hash=row["leaf_hash"].hex(),
    )


LEDGERS_OWN = {
    "trail_read": "read the audit trail",
    "trail_exported": "took a copy of the audit trail",
    "bundle_made": "made a bundle of evidence",
    "erased": "had a person's words erased",
    "restored": "confirmed that a backup was restored",
    "moved": "moved the ledger to another database",
    "ledger_verified": "verified the whole ledger",
    "key_rotated": "replaced the ledger's signing key",
}
"""What the ledger records about itself, in words."""
DISCREET_COMMANDS = {"nominate", "declare_interest"}
"""A refused attempt must not give away either who voted or who is interested."""
SECRET_COMMANDS = {"accept_invitation", "decline_invitation"}
"""Refused, these tell that somebody has said no before."""


class Mine(Listed):
    """A change in which somebody has a part, and which part."""

    parts: tuple[str, ...]


def mine_of(connection: Connection, person: str, limit: int = PAGE) -> tuple[Mine, ...]:
    """Open changes in which ``person`` has a part or which they follow, the latest movement first."""
    table, part = tables.change, tables.part
    rows = connection.execute(
        select(*(table.c[name] for name in Listed.model_fields), part.c.parts)
        .join(part, and_(part.c.change == table.c.ref, part.c.person == person))
        .where(table.c.outcome == "")
        .order_by(table.c.updated_at.desc(), table.c.ref.desc())
        .limit(limit)
    ).mappings()
    return tuple(Mine.model_validate(dict(row)) for row in rows)


class Happened(Value):
    """Something that happened lately, with the change it happened to."""

    change: str
    title: str
    entry: TrailEntry


def lately(
    connection: Connection, reader: str, names: Mapping[str, str], zone: tzinfo = UTC, limit: int = 12
) -> tuple[Happened, ...]:
    """The latest records of all changes, the newest first, as ``reader`` may see them; refusals are left out.

    Args:
        names: the names of people and teams by reference.
        zone: the clock on which times in the sentences are told.
    """
    records, private, about = tables.ledger_record, tables.ledger_private, tables.change
    rows = connection.execute(
        with_words(select(*TRAIL_COLUMNS, about.c.title))
        .join(about, about.c.ref == records.c.change)
        .where(private.c.value.is_not(None))
        .where(records.c.outcome == "applied", records.c.action.not_in(_QUIET))
        .order_by(records.c.seq.desc())
        .limit(limit * 2)
    ).mappings()
    seen = [row for row in rows if not _is_secret(row, reader)][:limit]
    return tuple(
        Happened(
            change=row["change"],
            title=row["title"],
            entry=trail_entry(row, event_in(row), names, reader, zone=zone),
        )
        for row in seen
    )


_QUIET = ("gate_opened", "followed", "unfollowed", "reminded")
"""What follows from something else, or means something to one person only; it stays in the change's own trail."""


class Lesson(Value):
    """What was learned from a change that has ended."""

    change: str
    title: str
    text: str


def lessons_of(connection: Connection, refs: Sequence[str]) -> tuple[Lesson, ...]:
    """What was learned from ``refs``, in their order: the retrospective, or why it was declined and what else helps."""
    if not refs:
        return ()
    table = tables.change.c
    documents = connection.execute(select(table.ref, table.document).where(table.ref.in_(list(refs))))
    changes = {ref: Change.model_validate_json(document) for ref, document in documents}
    lessons = []
    for ref in refs:
        change = changes.get(ref)
        if change is None:
            continue
        if text := _lesson(change):
            lessons.append(Lesson(change=ref, title=change.title, text=text))
    return tuple(lessons)


def _lesson(change: Change) -> str:
    told = change.learning.retrospective
    if told:
        return f"{told.surprises} {told.because}".strip()
    return change.closing.way_forward if change.closing else ""
