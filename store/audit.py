"""The trail of all changes: searched, paged and taken out. Whoever reads it or takes it out leaves a record themselves.

Pages are in the order of record numbers, newest first, and keep to the size of the log on the first page, so that they
do not shift. A time becomes a range of numbers, because the time of recording never goes back (reference/ledger.md
6.11). Auditors see everything but who stands behind an anonymous record; for others what is secret or discreet about a
change stays so.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    RowMapping,
    Select,
    and_,
    false,
    func,
    literal,
    literal_column,
    not_,
    null,
    or_,
    select,
    true,
)

from changes.events import EVENTS
from changes.facts import SYSTEM
from changes.values import Moment, Value
from ledger.checkpoint import read_checkpoint
from ledger.commitments import verify as verify_commitment
from ledger.exports import ExportedRecord
from ledger.merkle import leaf_hash
from ledger.note import NoteError
from ledger.proofs import ProofInvalid, verify_inclusion
from ledger.record import commitments_of, policy_of
from ledger.tiles import NoSuchTile
from store import tables
from store.checkpoints import latest_checkpoint
from store.database import lock_ledger, writing
from store.ledger import LABEL, ORIGIN, STOPPED, Entry, append_once
from store.reading import (
    DISCREET_COMMANDS,
    SECRET_COMMANDS,
    TRAIL_COLUMNS,
    CursorInvalid,
    TrailEntry,
    event_in,
    trail_entry,
    with_words,
)
from store.searching import containing, some_unindexed
from store.tiles import stored_inclusion

PAGE = 50
COUNTED = 1_000
"""Counts are exact up to here."""
VERIFIED = "ledger_verified"
"""The action under which a whole verification is recorded."""
CHUNK = 500
"""Records read at a time for an export."""


class WordsNotIndexed(Exception):
    """Index the new words (:mod:`store.searching`) and search again."""


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


class AuditEntry(TrailEntry):
    """A line of the trail with the change it is about."""

    change: str
    record_id: str


class AuditPage(Value):
    """Some records, newest first."""

    entries: tuple[AuditEntry, ...]
    size: int
    """How many records the log had on the first page; those after it belong to the next search."""
    count: int
    """How many records fit, exactly up to 1,000; one more means "more than that"."""
    following: str | None


class LedgerState(Value):
    """How the ledger stands: what is signed, who vouched outside and when."""

    size: int
    signed_size: int = 0
    signed_at: Moment | None = None
    vouched_size: int = 0
    vouched_by: str = ""
    vouched_at: Moment | None = None
    verified_size: int = 0
    verified_at: Moment | None = None
    """When everything was last verified, with `groundswell audit verify`, and how much that was."""
    verified_well: bool = False
    stopped: str = ""
    """Why nothing is recorded any more, if so."""


def ledger_state(connection: Connection) -> LedgerState:
    """How the ledger stands now."""
    return _state_in(connection.execute(_STATE).one())


def _state_in(row: Row[Any]) -> LedgerState:
    verified: Any = json.loads(row.verified) if row.verified else None
    return LedgerState(
        verified_size=verified["after"]["size"] if verified else 0,
        verified_at=verified["recorded_at"] if verified else None,
        verified_well=bool(verified) and verified["outcome"] == "applied",
        size=row.size or 0,
        signed_size=row.signed_size or 0,
        signed_at=row.signed_at,
        vouched_size=row.vouched_size or 0,
        vouched_by=row.vouched_by or "",
        vouched_at=row.vouched_at,
        stopped=row.stopped or "",
    )


def _state_query() -> Select[Any]:
    """Everything about how the ledger stands, which are the newest rows of several tables, in one query."""
    record, checkpoint, witness = tables.ledger_record, tables.ledger_checkpoint, tables.ledger_witness
    log, stop = tables.deployment, tables.deployment.alias("stop")
    signed = select(checkpoint.c.size.label("signed_size"), checkpoint.c.made_at.label("signed_at"))
    signed = signed.order_by(checkpoint.c.size.desc()).limit(1)
    vouched = select(
        witness.c.size.label("vouched_size"),
        witness.c.witness.label("vouched_by"),
        witness.c.received_at.label("vouched_at"),
    )
    vouched = vouched.order_by(witness.c.size.desc(), witness.c.received_at).limit(1)
    verified = select(record.c.body).where(record.c.action == VERIFIED).order_by(record.c.seq.desc()).limit(1)
    newest = (signed.subquery(), vouched.subquery())
    return (
        select(
            select(func.max(tables.ledger_head.c.size)).scalar_subquery().label("size"),
            verified.scalar_subquery().label("verified"),
            select(stop.c.value).where(stop.c.name == STOPPED).scalar_subquery().label("stopped"),
            *newest,
        )
        .select_from(log.outerjoin(newest[0], true()).outerjoin(newest[1], true()))
        .where(log.c.name == ORIGIN)
    )


_STATE = _state_query()


def record_verification(engine: Engine, size: int, root: bytes, wrong: str, now: datetime) -> None:
    """Put on record that everything up to ``size`` was verified, and what was found wrong first, if anything."""
    entry = Entry.about_the_ledger(
        f"verified/{size}/{now:%Y%m%dT%H%M%S%f}",
        VERIFIED,
        SYSTEM,
        now,
        outcome="failed" if wrong else "applied",
        facts={"size": size, "root": root.hex(), **({"wrong": wrong} if wrong else {})},
    )
    with writing(engine) as connection:
        lock_ledger(connection)
        append_once(connection, entry, now)


class Evidence(Value):
    """One record with everything behind it."""

    entry: AuditEntry
    body: str
    """The stored bytes, which the hash covers."""
    proven_in: int
    """The size of the checkpoint whose tree holds the record; 0 where none does yet."""
    wrong: str
    """What does not fit, in a sentence; empty where everything does."""


def evidence(connection: Connection, seq: int, reader: Reader, names: Mapping[str, str]) -> Evidence | None:
    """Record ``seq``, verified now against the latest checkpoint; None where there is none ``reader`` may see."""
    records, private = tables.ledger_record, tables.ledger_private
    fitting = _fitting(connection, Filter(), reader, _Bounds(seq + 1, 0, seq + 1, ()))
    query = with_words(select(*TRAIL_COLUMNS, private.c.salt)).where(records.c.seq == seq, fitting)
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    kept, wrong, proven = latest_checkpoint(connection), "", 0
    leaf = leaf_hash(bytes(row["body"]))
    if row["value"] is not None:
        commitment = commitments_of(json.loads(row["body"])).get(LABEL, "")
        if not verify_commitment(LABEL, row["value"], bytes(row["salt"]), bytes.fromhex(commitment)):
            wrong = "The words are not those that were recorded."
    if kept and seq < kept.size:
        try:
            stated, _ = read_checkpoint(kept.note)
            proof = stored_inclusion(connection, seq, kept.size)
            verify_inclusion(leaf, seq, kept.size, proof, stated.root)
            proven = kept.size
        except (ProofInvalid, NoSuchTile, NoteError) as error:
            wrong = f"The record cannot be proven to be in the ledger: {error}."
    return Evidence(entry=_entry(row, reader, names), body=bytes(row["body"]).decode(), proven_in=proven, wrong=wrong)


def search(
    connection: Connection,
    asked: Filter,
    reader: Reader,
    names: Mapping[str, str],
    cursor: str | None = None,
    limit: int = PAGE,
) -> AuditPage:
    """A page of records, newest first.

    Raises:
        CursorInvalid: ``cursor`` is not one of ours.
    """
    return _page(connection, asked, _bounds(connection, asked), reader, names, cursor, limit)


def search_and_state(
    connection: Connection,
    asked: Filter,
    reader: Reader,
    names: Mapping[str, str],
    cursor: str | None = None,
    *,
    anyway: bool = False,
) -> tuple[AuditPage, LedgerState]:
    """A page of records as :func:`search` gives it, and how the ledger stands, in two queries.

    Raises:
        CursorInvalid: ``cursor`` is not one of ours.
        WordsNotIndexed: words are looked for, and the latest records could not be found by theirs; not with ``anyway``.
    """
    unindexed = some_unindexed(connection) if asked.text and not anyway else false()
    row = connection.execute(_STATE.add_columns(*_bounding(asked), unindexed.label("unindexed"))).one()
    if row.unindexed:
        raise WordsNotIndexed
    return _page(connection, asked, _bounds_in(row, asked), reader, names, cursor, PAGE), _state_in(row)


def _page(
    connection: Connection,
    asked: Filter,
    bounds: _Bounds,
    reader: Reader,
    names: Mapping[str, str],
    cursor: str | None,
    limit: int,
) -> AuditPage:
    records = tables.ledger_record
    size, before = _read_cursor(cursor) if cursor else (bounds.size, None)
    bounds = bounds._replace(size=size, stop=min(bounds.stop, size))
    most = COUNTED + 1  # more than a page
    fitting = _fitting(connection, asked, reader, bounds, latest=most)
    counted = select(records.c.seq).where(fitting).limit(most).subquery()
    counting = select(func.count()).select_from(counted)
    query = with_words(select(*TRAIL_COLUMNS, counting.scalar_subquery().label("matching")))
    query = query.where(fitting if before is None else _fitting(connection, asked, reader, bounds, before, most))
    limit = max(1, min(limit, 200))
    rows = connection.execute(query.order_by(records.c.seq.desc()).limit(limit + 1)).mappings().all()
    if rows or before is None:
        count = rows[0]["matching"] if rows else 0
    else:  # behind the last page
        count = connection.execute(counting).scalar_one()
    entries = tuple(_entry(row, reader, names) for row in rows[:limit])
    following = cursor_at(size, entries[-1].seq) if len(rows) > limit else None
    return AuditPage(entries=entries, size=size, count=count, following=following)


def _entry(row: RowMapping, reader: Reader, names: Mapping[str, str]) -> AuditEntry:
    entry = trail_entry(row, event_in(row), names, reader.ref, reader.sees_all)
    # Its parts were validated a moment ago; once more for each of fifty records is a third of a page's time.
    return AuditEntry.model_construct(**dict(entry), change=row["change"], record_id=row["record_id"])


def exported(
    connection: Connection, asked: Filter, reader: Reader, names: Mapping[str, str]
) -> Iterator[ExportedRecord]:
    """The records that fit, oldest first, in pieces: memory stays the same however many they are."""
    records, private = tables.ledger_record, tables.ledger_private
    fitting = _fitting(connection, asked, reader, _bounds(connection, asked))
    query = with_words(select(*TRAIL_COLUMNS, private.c.salt)).where(fitting).order_by(records.c.seq).limit(CHUNK)
    last = -1
    while rows := connection.execute(query.where(records.c.seq > last)).mappings().all():
        for row in rows:
            yield _exported(row, reader, names)
        last = rows[-1]["seq"]


def _exported(row: RowMapping, reader: Reader, names: Mapping[str, str]) -> ExportedRecord:
    entry = _entry(row, reader, names)
    body = json.loads(row["body"])
    policy, signature = policy_of(body), body.get("signature", {})
    # Who may not see who acted gets no words either: the words of an event name its author.
    open_to_reader = row["value"] is not None and (reader.sees_all or entry.actor == row["person"])
    values = []
    if open_to_reader:
        values = [{"label": LABEL, "salt": base64.b64encode(row["salt"]).decode(), "value": row["value"]}]
    who = names.get(entry.actor, entry.actor)
    shown = {
        "number": str(entry.seq),
        "recorded": entry.recorded_at.isoformat(),
        "happened": entry.occurred_at.isoformat(),
        "change": entry.change,
        "stage": entry.stage,
        "what": entry.action,
        "outcome": entry.outcome,
        "who": who,
        "by way of": entry.via,
        "signed as": who if signature else "",
        "signature means": signature.get("meaning", ""),
        "words": entry.sentence,
        "policy": f"{policy[0]} {policy[1]}" if policy else "",
        "hash of the record": entry.leaf_hash,
    }
    return ExportedRecord(entry.seq, bytes(row["body"]), shown, values)


def record_access(
    engine: Engine, reader: str, action: str, asked: Mapping[str, str], now: datetime, via: str, **facts: Any
) -> int:
    """Put on record that somebody read or took out the trail: once an hour for the same person and question.

    What was asked for is committed to and not contained, because it names people.
    """
    question = {"asked": dict(asked), "action": action}
    hour = now.replace(minute=0, second=0, microsecond=0)
    digest = hashlib.sha256(
        f"{reader}\n{json.dumps(question, sort_keys=True, ensure_ascii=False)}".encode()
    ).hexdigest()
    key = f"access/{action}/{hour:%Y%m%dT%H}/{digest}"
    entry = Entry.about_the_ledger(key, action, reader, hour, via=via, content=question, facts=facts)
    table = tables.ledger_record
    with engine.connect() as connection:
        known = connection.execute(select(table.c.seq).where(table.c.idem_key == entry.key)).scalar()
    if known is not None:
        return int(known)
    with writing(engine) as connection:
        lock_ledger(connection)
        return append_once(connection, entry, now)


class _Bounds(NamedTuple):
    """What a filter means for the records: a range of numbers, and under what the person is known."""

    size: int
    first: int
    stop: int
    people: tuple[str, ...]


def _bounds(connection: Connection, asked: Filter) -> _Bounds:
    """Look up, in one query, what the database has to know before it can use its indexes well."""
    size = select(func.max(tables.ledger_head.c.size)).scalar_subquery().label("size")
    return _bounds_in(connection.execute(select(size, *_bounding(asked))).one(), asked)


def _bounding(asked: Filter) -> tuple[ColumnElement[Any], ...]:
    people, records = tables.ledger_person, tables.ledger_record
    return (
        _first_since(asked.since).label("first") if asked.since else literal(0).label("first"),
        _first_since(asked.until).label("stop") if asked.until else null().label("stop"),
        select(people.c.id).where(people.c.person == asked.person).scalar_subquery().label("number"),
        select(func.min(records.c.seq)).where(records.c.actor == asked.person).scalar_subquery().label("named"),
    )


def _bounds_in(row: Row[Any], asked: Filter) -> _Bounds:
    size = row.size or 0
    # The foundation's records hold the reference itself. One value lets the index serve the order, two do not.
    known = [row.number] if row.number else []
    people_found = [*known, asked.person] if row.named is not None or not known else known
    first = row.first if row.first is not None else size
    return _Bounds(size, first, size if row.stop is None else row.stop, tuple(people_found))


def _fitting(
    connection: Connection,
    asked: Filter,
    reader: Reader,
    bounds: _Bounds,
    before: int | None = None,
    latest: int | None = None,
) -> ColumnElement[bool]:
    """The condition. It has one lower and one upper bound of numbers: SQLite uses the first it finds of each. Where no
    more than the ``latest`` records are looked at, no more need be found."""
    records = tables.ledger_record
    stop = min(bounds.stop, bounds.size if before is None else before)
    parts: list[ColumnElement[bool]] = [records.c.seq < stop]
    if bounds.first:
        parts.append(records.c.seq >= bounds.first)
    exact = {"change": asked.change, "action": asked.kind, "stage": asked.stage, "outcome": asked.outcome}
    parts += [records.c[name] == value for name, value in exact.items() if value]
    if asked.outcome and asked.outcome != "applied":
        parts.append(records.c.outcome != literal_column("'applied'"))  # what the index of the others says of itself
    if asked.person:
        one, *more = bounds.people
        parts.append(records.c.actor.in_((one, *more)) if more else records.c.actor == one)
    if asked.text:
        # Where nothing else sorts records out, as many of the latest as are counted or shown are enough.
        alone = reader.sees_all and not (asked.person or any(exact.values()))
        parts.append(containing(connection, asked.text, bounds.first, stop, latest if alone else None))
    if not reader.sees_all:
        parts.append(_open_to(reader, asked))
    return and_(*parts)


def _first_since(moment: datetime) -> Any:
    records = tables.ledger_record
    query: Select[Any] = select(records.c.seq).where(records.c.recorded_at >= moment)
    return query.order_by(records.c.recorded_at, records.c.seq).limit(1).scalar_subquery()


def _open_to(reader: Reader, asked: Filter) -> ColumnElement[bool]:
    """Leave out what is secret; and where a person or words are searched for, what is discreet too, because finding it
    would say who it was."""
    records = tables.ledger_record
    secret = {kind for kind, event in EVENTS.items() if event.secret}
    refused = set(SECRET_COMMANDS)
    if asked.person or asked.text:
        secret |= {kind for kind, event in EVENTS.items() if event.discreet}
        refused |= DISCREET_COMMANDS
    hidden = or_(
        and_(records.c.outcome == "applied", records.c.action.in_(sorted(secret))) if secret else not_(true()),
        and_(records.c.outcome == "refused", records.c.action.in_(sorted(refused))),
    )
    people = tables.ledger_person.c
    number = select(people.id).where(people.person == reader.ref).scalar_subquery()
    return or_(not_(hidden), records.c.actor == number, records.c.actor == reader.ref)


def cursor_at(size: int, before: int) -> str:
    """Where a page begins: below number ``before``, of a log that had ``size`` records on the first page."""
    return base64.urlsafe_b64encode(json.dumps([size, before]).encode()).decode()


def _read_cursor(cursor: str) -> tuple[int, int]:
    try:
        size, before = json.loads(base64.urlsafe_b64decode(cursor))
    except (ValueError, TypeError, RecursionError) as error:
        raise CursorInvalid("This page address is damaged. Start again from the first page.") from error
    if not all(isinstance(part, int) and 0 <= part < 2**53 for part in (size, before)):
        raise CursorInvalid("This page address is damaged. Start again from the first page.")
    return size, before
