"""Appending to the ledger: dense numbers, canonical bytes, a Merkle head, full tiles, in the caller's transaction.

What people wrote stays out of the tree: the body holds a salted commitment, the words lie in ``ledger_private``, which
can be erased while the tree still verifies. People are named by a random number (``ledger_person``), not by their
reference (reference/ledger.md 6.9). Bodies are made as plain dictionaries, because a model for each would cost more
than all the hashing; the tests read each kind back through ``ledger.record.Body``.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib import metadata
from typing import Any, NamedTuple, Self
from weakref import WeakKeyDictionary

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Insert,
    Select,
    Table,
    bindparam,
    insert,
    select,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from changes.facts import SYSTEM, PolicyRef
from ledger.canonical import canonical_bytes
from ledger.commitments import commit, new_salt
from ledger.merkle import CompactRange, leaf_hash
from ledger.record import FORM, coarsened, commitments_of, lasting
from ledger.tiles import TILE_WIDTH, completed_tiles
from store import tables
from store.appending import CAN_APPEND_IN_ONE, Head, append_if_still_so, doubt, remember, remembered_head
from store.database import adding, engine_of, has_single_statements, one_statement
from store.prepared import Prepared, among, listed
from store.stopping import STOPPED, PutBack, Reached
from store.tiles import StoredTiles

LABEL = "content"
"""What a record's commitment is about: the event or refusal as JSON, with everything people wrote."""
ORIGIN = "ledger_origin"
"""The name under which the database keeps the log's own name."""
TYPES = "org.groundswell"
_Row = dict[str, Any]


class LedgerStopped(Exception):
    """Nothing may be appended, because the ledger does not fit what is known about it; the message says why."""


class KeyConflict(Exception):
    """A business key is on record with other content than what was to be recorded under it now."""


@dataclass(frozen=True)
class Source:
    """Where a record comes from: the workflow that decided it and the program that wrote it."""

    namespace: str = ""
    workflow_id: str = ""
    run_id: str = ""
    update_id: str = ""
    component: str = "worker"


class Standing(NamedTuple):
    """Where a change stands."""

    stage: str
    phase: str
    version: int

    def to_mapping(self) -> dict[str, Any]:
        """As it stands in a body."""
        return {"stage": self.stage, "phase": self.phase, "version": self.version}


@dataclass(frozen=True)
class Entry:
    """One thing to record: who did what, when, under which policy, with what outcome."""

    key: str
    """The business key: appended once, however often it is delivered."""
    change: str
    """The change it is about; empty for what concerns the ledger itself."""
    version: int
    action: str
    outcome: str
    actor: str
    """A person's reference, or the system's name."""
    via: str
    occurred_at: datetime
    stage: str
    phase: str
    content: str
    """Canonical JSON of the event or refusal; committed to, not contained. Empty: nothing is committed to."""
    policy: PolicyRef | None = None
    meaning: str = ""
    """What a signature says, for endorsements and gates."""
    command: str = ""
    source: Source = field(default_factory=Source)
    anonymous: bool = False
    """Nobody is named, no run and no update; the time is that of the full hour."""
    beside_anonymous: bool = False
    """It happened because somebody acted who stays anonymous: no run and update and no minute either."""
    on_behalf_of: str = ""
    """The person whose place ``actor`` takes."""
    sender: str = ""
    """The person who chose the key, if they have a name: where it begins with their reference, the body has their
    number."""
    reason: str = ""
    """A code for why: the rule that refused, the kind of concern. Never free text."""
    before: Standing | None = None
    """Where the change stood before the decision that this is part of."""
    area: str = "change"
    """What kind of thing happened: to a change, or to the ledger itself."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else there is to say without naming anybody: counts, sizes, digests."""
    erases: Sequence[tuple[int, str]] = ()
    """Record number and label of each private value that is erased with this record."""

    evidence: Sequence[Mapping[str, str]] = ()
    """What is kept elsewhere and recognised by its digest, each as ``ledger.record.Evidence``."""

    @property
    def hour_only(self) -> bool:
        """Whether a minute would tell who it was."""
        return self.anonymous or self.beside_anonymous

    @classmethod
    def about_the_ledger(
        cls,
        key: str,
        action: str,
        actor: str,
        at: datetime,
        *,
        via: str = "cli",
        outcome: str = "applied",
        content: Mapping[str, Any] | None = None,
        facts: Mapping[str, Any] | None = None,
        erases: Sequence[tuple[int, str]] = (),
    ) -> Self:
        """Something that happened to the ledger itself: verified, read, taken out, moved, restored, erased from.

        Args:
            content: what names people or quotes them, committed to and not contained.
            facts: what may stand in the record for ever: counts, sizes, digests.
        """
        return cls(
            key=key,
            change="",
            version=0,
            action=action,
            outcome=outcome,
            actor=actor,
            via=via,
            occurred_at=at,
            stage="",
            phase="",
            content=json.dumps(content, sort_keys=True, ensure_ascii=False) if content is not None else "",
            source=Source(component=via),
            area="ledger",
            facts=facts or {},
            erases=erases,
        )


def append_many(connection: Connection, entries: Sequence[Entry], now: datetime) -> int:
    """Append ``entries`` in order and return the size of the log; none leave it as it is. The caller holds the
    ledger's lock.

    Raises:
        ledger.canonical.NotCanonical: when an entry cannot be written in the canonical form, such as one too large.
        LedgerStopped: when the ledger must not be added to.
    """
    people = _people_in(entries)
    remembered = remembered_head(engine_of(connection))
    if remembered and _may_be_believed(remembered, entries, people):
        made = _make(remembered, entries, now)
        try:
            done = append_if_still_so(connection, remembered, people, made.records[0], made.private, made.head)
        except ProgrammingError:  # the function was taken away
            doubt(engine_of(connection))
            raise
        if done:
            remember(engine_of(connection), made.after)
            return made.after.size
    head = _head(connection, people)
    if not entries:
        return head.size
    head.numbers.update(_new_numbers(connection, people - head.numbers.keys()))
    made = _make(head, entries, now)
    leaves = [row["leaf_hash"] for row in made.records]
    if head.size % TILE_WIDTH + len(leaves) >= TILE_WIDTH:
        _write_tiles(connection, head.size, leaves)
    _insert(connection, made.records, made.private, made.head)
    remember(engine_of(connection), made.after)
    return made.after.size


def add_once(engine: Engine, entry: Entry, now: datetime) -> int:
    """Append ``entry`` in a transaction of its own unless its key is on record, and return its number either way. On
    PostgreSQL that is one statement, as long as nobody else adds to the log.

    Raises:
        KeyConflict: the key is on record with other content.
        LedgerStopped: when the ledger must not be added to.
        store.database.DatabaseUnavailable: try again with the same key; nothing is written twice.
    """
    people, reached = _people_in([entry]), _reached.setdefault(engine, Reached())
    remembered = remembered_head(engine)
    if remembered and has_single_statements(engine) and _may_be_believed(remembered, [entry], people):
        made = _make(remembered, [entry], now)
        with one_statement(engine) as connection:
            try:
                done = append_if_still_so(connection, remembered, people, made.records[0], made.private, made.head)
            except DBAPIError as error:
                if not (isinstance(error, IntegrityError | ProgrammingError) or error.connection_invalidated):
                    raise
                done = False  # the key is on record, perhaps by this very statement, or the function was taken away
        if done:
            remember(engine, made.after)
            reached.note(made.after.size, now)
            return remembered.size
        doubt(engine)
    try:
        return _add_behind(engine, entry, now, reached)
    except PutBack as seen:
        if reason := reached.stopped_over(engine, seen):
            raise LedgerStopped(reason) from None
        return _add_behind(engine, entry, now, reached)
    except IntegrityError:
        with adding(engine) as connection:
            return append_once(connection, entry, now)


_reached: WeakKeyDictionary[Engine, Reached] = WeakKeyDictionary()
"""Where :func:`add_once` left the log."""


def _add_behind(engine: Engine, entry: Entry, now: datetime, reached: Reached) -> int:
    before = reached.size
    with adding(engine) as connection:
        size = append_many(connection, [entry], now)
        if size - 1 < before:
            raise PutBack(size - 1)
    reached.note(size, now)
    return size - 1


class _Made(NamedTuple):
    """What there is to write for some entries, and the head after that."""

    records: list[_Row]
    private: list[_Row]
    head: _Row
    after: Head


def _make(before: Head, entries: Sequence[Entry], now: datetime) -> _Made:
    """The rows for ``entries`` behind ``before``, which knows the numbers of everybody in them."""
    at = before.last
    records: list[_Row] = []
    private: list[_Row] = []
    for entry in entries:
        salt = new_salt()
        commitment = commit(LABEL, entry.content, salt).hex() if entry.content else ""
        seq = before.size + len(records)
        place = {"log": before.origin, "seq": seq, "record_id": identity_at(seq)}
        at = _moment_of_recording(entry, now, at)
        row = _row(entry, body_of(entry, before.numbers, commitment), place, at)
        records.append(row)
        if commitment:
            subject = row["actor"] if row["actor"] not in ("", SYSTEM) else None
            private.append(
                {"seq": row["seq"], "label": LABEL, "subject_ref": subject, "salt": salt, "value": entry.content}
            )
    tree = CompactRange.from_bytes(before.size, before.frontier)
    tree.extend([row["leaf_hash"] for row in records])
    after = replace(before, size=tree.size, root=tree.root(), frontier=tree.to_bytes(), last=at)
    head = {"size": after.size, "root": after.root, "frontier": after.frontier}
    return _Made(records, private, {**head, "recorded_at": at, "first_seq": before.size}, after)


def _may_be_believed(remembered: Head, entries: Sequence[Entry], people: set[str]) -> bool:
    """Whether a remembered head will do to make the rows of: for one record that fills no tile, by known people."""
    return (
        remembered.alone
        and len(entries) == 1
        and (remembered.size + 1) % TILE_WIDTH != 0
        and people <= remembered.numbers.keys()
    )


def append_once(connection: Connection, entry: Entry, now: datetime) -> int:
    """Append ``entry`` unless its key is on record, and return its number either way. The caller holds the lock.

    Raises:
        KeyConflict: the key is on record with other content.
    """
    table, kept = tables.ledger_record, tables.ledger_private
    stored = connection.execute(select(table.c.seq, table.c.body).where(table.c.idem_key == entry.key)).first()
    if stored is None:
        return append_many(connection, [entry], now) - 1
    body = json.loads(stored.body)
    salt = connection.execute(select(kept.c.salt).where(kept.c.seq == stored.seq, kept.c.label == LABEL)).scalar()
    commitment = commitments_of(body).get(LABEL, "")
    if salt is not None and entry.content:
        commitment = commit(LABEL, entry.content, salt).hex()
    again = body_of(entry, _numbers(connection, _people_in([entry])), commitment)
    place = {name: body[name] for name in ("log", "seq", "record_id", "recorded_at")}
    if lasting({**again, **place}) != lasting(body):
        raise KeyConflict(
            f"The key {entry.key} is on record as number {stored.seq} with other content. Nothing was recorded now."
        )
    return int(stored.seq)


def origin_of(connection: Connection) -> str:
    """The log's name."""
    table = tables.deployment
    return str(connection.execute(select(table.c.value).where(table.c.name == ORIGIN)).scalar_one())


def number_of(connection: Connection, person: str) -> str:
    """The number under which the ledger knows ``person``; their reference, where it never met them."""
    table = tables.ledger_person
    return connection.execute(select(table.c.id).where(table.c.person == person)).scalar() or person


def identity_at(seq: int) -> str:
    """A new id for the record number ``seq``: a UUID of version 8 (RFC 9562) that begins with the number and is random
    behind it. The ids of neighbours lie side by side in their index, where random ones lie all over it; a time, as in
    version 7, would tell when somebody anonymous acted."""
    place, chance = f"{seq:012x}", os.urandom(9).hex()
    return f"{place[:8]}-{place[8:]}-8{chance[:3]}-8{chance[3:6]}-{chance[6:]}"


def body_of(entry: Entry, numbers: Mapping[str, str], commitment: str) -> dict[str, Any]:
    """The body of ``entry`` without its place in the log, in the form of ``ledger.record.Body``."""
    hidden = entry.anonymous
    actor = {} if hidden else {"ref": numbers.get(entry.actor, entry.actor)}
    if entry.on_behalf_of and not hidden:
        actor["on_behalf_of"] = numbers.get(entry.on_behalf_of, entry.on_behalf_of)
    body: dict[str, Any] = {
        "v": FORM,
        "idem_key": f"hidden/{sha256(entry.key.encode()).hexdigest()}" if hidden else _key(entry, numbers),
        "type": f"{TYPES}.{entry.area}.{entry.action}",
        "occurred_at": _stamp(_moment_of(entry)),
        "action": entry.action,
        "outcome": entry.outcome,
        "actor": {"kind": _kind(entry), **actor, "via": entry.via},
        "subject": _subject(entry),
        "source": {"component": entry.source.component, "version": _version()},
    }
    committed = {"commit": {LABEL: commitment}} if commitment else {}
    after = {"stage": entry.stage, "phase": entry.phase, "version": entry.version} if entry.stage else {}
    if entry.before:
        body["before"] = entry.before.to_mapping()
    if entry.outcome == "refused":
        body["reason"] = {**({"code": entry.reason} if entry.reason else {}), **committed}
    else:
        if entry.reason:
            body["reason"] = {"code": entry.reason}
        if after or committed or entry.facts:
            body["after"] = {**after, **entry.facts, **committed}
    if entry.command:
        body["command"] = entry.command
    if entry.meaning and not hidden:
        body["signature"] = _signature(entry, actor["ref"], body["subject"], body["occurred_at"])
    if workflow := _workflow(entry, numbers):
        body["workflow"] = workflow
    if entry.erases or entry.evidence:
        erases = [{"seq": seq, "labels": [label]} for seq, label in entry.erases]
        body["links"] = {"erases": erases, "evidence": [dict(one) for one in entry.evidence]}
    return body


def _moment_of(entry: Entry) -> datetime:
    return coarsened(entry.occurred_at) if entry.hour_only else entry.occurred_at


def _moment_of_recording(entry: Entry, now: datetime, last: datetime | None) -> datetime:
    """Never before the record that precedes it, which is all that an anonymous record says beside its hour."""
    moment = coarsened(now) if entry.hour_only else now
    return max(moment, last) if last else moment


def _kind(entry: Entry) -> str:
    if entry.anonymous:
        return "anonymous"
    return "system" if entry.actor == SYSTEM else "user"


def _subject(entry: Entry) -> dict[str, Any]:
    subject: dict[str, Any] = {}
    if entry.change:
        subject = {"change_id": entry.change, "revision": entry.version}
    if entry.stage:
        subject["stage"] = entry.stage
    if entry.policy:
        policy = entry.policy
        subject |= {"policy_id": policy.name, "policy_version": policy.version, "policy_sha256": policy.sha256}
    return subject


def _signature(entry: Entry, signer: str, subject: Mapping[str, Any], signed_at: str) -> dict[str, Any]:
    statement = canonical_bytes({"meaning": entry.meaning, "subject": subject})
    return {
        "signer_ref": signer,
        "meaning": entry.meaning,
        "method": "signed-in-session",
        "signed_at": signed_at,
        "statement_sha256": sha256(statement).hexdigest(),
    }


def _key(entry: Entry, numbers: Mapping[str, str]) -> str:
    """The business key; that of a refusal ends with the key its sender chose."""
    refused = f"{entry.change}/refused/"
    if not entry.sender or not entry.key.startswith(refused):
        return entry.key
    return refused + _numbered(entry, entry.key.removeprefix(refused), numbers)


def _numbered(entry: Entry, chosen: str, numbers: Mapping[str, str]) -> str:
    """The key somebody chose, without their reference before it: from a body it could never be erased."""
    own = f"{entry.sender}/"
    return f"{numbers[entry.sender]}/{chosen[len(own) :]}" if entry.sender and chosen.startswith(own) else chosen


def _workflow(entry: Entry, numbers: Mapping[str, str]) -> dict[str, Any]:
    source = entry.source
    if not source.workflow_id:
        return {}
    found = {"namespace": source.namespace, "workflow_id": source.workflow_id}
    if not entry.hour_only:  # the id of an update is the sender's key, which they may know again
        found |= {"run_id": source.run_id, "update_id": _numbered(entry, source.update_id, numbers)}
    return {name: value for name, value in found.items() if value}


def _row(entry: Entry, body: dict[str, Any], place: Mapping[str, Any], recorded_at: datetime) -> _Row:
    raw = canonical_bytes({**body, **place, "recorded_at": _stamp(recorded_at)})
    return {
        "seq": place["seq"],
        "record_id": place["record_id"],
        "idem_key": body["idem_key"],
        "recorded_at": recorded_at,
        "occurred_at": _moment_of(entry),
        "action": entry.action,
        "outcome": entry.outcome,
        "change": entry.change,
        "stage": entry.stage,
        "actor": body["actor"].get("ref", ""),
        "body": raw,
        "leaf_hash": leaf_hash(raw),
    }


def _head(connection: Connection, people: set[str]) -> Head:
    """What an appender has to know, read in one query because each statement costs more than a record's hashing."""
    rows = _LAST_HEAD.read(connection, {"people": listed(connection, people)})
    origin, stopped, in_one, size, root, frontier, recorded_at, *_ = rows[0]
    if stopped is not None:
        raise LedgerStopped(stopped)
    numbers = {person: number for *_, person, number in rows if person is not None}
    if size is None:
        return Head(origin, 0, CompactRange().root(), b"", None, numbers, alone=bool(in_one))
    before = remembered_head(engine_of(connection))
    ours = before is None or (before.size, before.root) == (size, bytes(root))
    return Head(origin, size, bytes(root), bytes(frontier), recorded_at, numbers, alone=bool(in_one and ours))


def _people_in(entries: Sequence[Entry]) -> set[str]:
    named = {entry.actor for entry in entries if not entry.anonymous}
    named |= {entry.on_behalf_of for entry in entries if entry.on_behalf_of and not entry.anonymous}
    named |= {entry.sender for entry in entries if entry.sender}
    return named - {SYSTEM}


def _numbers(connection: Connection, people: set[str]) -> dict[str, str]:
    """The number of each person, a new one for those the ledger meets for the first time."""
    if not people:
        return {}
    known = dict(_NUMBERS.read(connection, {"people": listed(connection, people)}))
    return known | _new_numbers(connection, people - known.keys())


def _new_numbers(connection: Connection, people: set[str]) -> dict[str, str]:
    fresh = {person: f"p-{uuid.uuid4().hex}" for person in sorted(people)}
    _INSERT_PERSON.write(connection, *({"id": number, "person": person} for person, number in fresh.items()))
    return fresh


def _insert(connection: Connection, records: Sequence[_Row], private: Sequence[_Row], head: Mapping[str, Any]) -> None:
    """Insert what was made of the entries. One alone takes one statement where the database can do that: each waits
    for an answer, and the ledger's lock is held meanwhile."""
    if len(records) == len(private) == 1 and connection.dialect.name == "postgresql":
        parts = {"head": head, "record": records[0], "private": private[0]}
        one = {f"{table}_{name}": value for table, row in parts.items() for name, value in row.items()}
        _INSERT_ONE.write(connection, one)
        return
    _INSERT_RECORD.write(connection, *records)
    _INSERT_PRIVATE.write(connection, *private)
    _INSERT_HEAD.write(connection, head)


def _write_tiles(connection: Connection, size: int, leaves: Sequence[bytes]) -> None:
    made = completed_tiles(StoredTiles(connection), size, leaves)
    rows = [{"level": tile.level, "index": tile.index, "data": tile.data, "root": tile.root} for tile in made]
    _INSERT_TILE.write(connection, *rows)


def _stamp(moment: datetime) -> str:
    """Fixed-width UTC with six digits: sorts as text, equal on both databases."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


@cache
def _version() -> str:
    return metadata.version("groundswell")


def _adding_to(table: Table) -> Insert:
    """A row for ``table``, which SQLite need not be able to take back by itself: it is refused before anything is
    written, and whoever is refused rolls their transaction back (migration 0011, docs/decisions/0040)."""
    return insert(table).prefix_with("OR FAIL", dialect="sqlite")


def _into(table: Table, prefix: str) -> Insert:
    """A row of ``table`` whose values are named with ``prefix``."""
    return insert(table).values({column: bindparam(f"{prefix}_{column.name}") for column in table.columns})


def _last_head(theirs: ColumnElement[bool], in_one: ColumnElement[bool]) -> Select[Any]:
    head, stop, people = tables.ledger_head, tables.deployment.alias("stop"), tables.ledger_person
    columns = (head.c.size, head.c.root, head.c.frontier, head.c.recorded_at)
    newest = select(*columns).order_by(head.c.size.desc()).limit(1).subquery()
    log = tables.deployment.outerjoin(newest, tables.deployment.c.name == ORIGIN).outerjoin(people, theirs)
    return (
        select(
            tables.deployment.c.value,
            select(stop.c.value).where(stop.c.name == STOPPED).scalar_subquery(),
            in_one,
            newest,
            people.c.person,
            people.c.id,
        )
        .select_from(log)
        .where(tables.deployment.c.name == ORIGIN)
    )


_INSERT_RECORD = Prepared(_adding_to(tables.ledger_record))
_INSERT_PRIVATE = Prepared(insert(tables.ledger_private))
_INSERT_HEAD = Prepared(_adding_to(tables.ledger_head))
_INSERT_ONE = Prepared(
    _into(tables.ledger_head, "head").add_cte(
        _into(tables.ledger_record, "record").cte("record"), _into(tables.ledger_private, "private").cte("private")
    )
)
_INSERT_TILE = Prepared(insert(tables.ledger_tile))
_INSERT_PERSON = Prepared(insert(tables.ledger_person))
_PERSON = select(tables.ledger_person.c.person, tables.ledger_person.c.id)
_AMONG = among(tables.ledger_person.c.person, "people")
_NUMBERS = Prepared({dialect: _PERSON.where(theirs) for dialect, theirs in _AMONG.items()})
_LAST_HEAD = Prepared({dialect: _last_head(theirs, CAN_APPEND_IN_ONE[dialect]) for dialect, theirs in _AMONG.items()})
