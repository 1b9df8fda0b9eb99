"""The trail of all changes: searched, paged and taken out. Whoever reads it or takes it out leaves a record themselves.

Pages are in the order of record numbers, newest first, and keep to the size of the log on the first page, so that they
do not shift. Auditors see everything but who stands behind an anonymous record; for others what is secret or discreet
about a change stays so.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from pydantic_core import from_json
from sqlalchemy import Connection, Engine, Select, insert, select, true
from sqlalchemy.exc import IntegrityError, OperationalError

from changes.anonymity import full_hour
from changes.facts import SYSTEM
from changes.sight import NAMING_THE_ASKED, QUIET_COMMANDS, UNTOLD, WITHHELD, is_quiet
from changes.values import Moment, Value
from ledger.canonical import NotCanonical, parse_canonical
from ledger.checkpoint import read_checkpoint
from ledger.exports import ExportedRecord
from ledger.findings import Findings
from ledger.merkle import leaf_hash
from ledger.note import NoteError
from ledger.proofs import ProofInvalid, verify_inclusion
from ledger.record import columns_of, commitments_of, instant_text, policy_of
from ledger.tiles import NoSuchTile, TileReader
from store import tables
from store.checkpoints import RecordsAltered, head_of, latest_checkpoint
from store.database import writing
from store.finding import EXACT, ONE_WAY, SIZE, Bounding, Queries, Shape, bounds, in_pieces, queries
from store.ledger import LABEL, ORIGIN, Entry, add_once, origin_of
from store.prepared import Prepared
from store.reading import CursorInvalid
from store.searching import Way, best_way, looked_for
from store.stopping import OUTSIDE, STOPPED
from store.tiles import passing_reader, stored_inclusion
from store.trail import LINE, Line, TrailEntry, is_as_recorded, told, with_words
from store.verifying import check_row, record_at
from store.verifying_change import check_size

PAGE = 50
COUNTED = 200
"""Counts are exact up to here, four pages: to count on is what takes longest where few of many records fit."""
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
    withheld: str = ""
    """Why nothing but the number, the hash and the hour is told of it, where that is so."""


class AuditPage(Value):
    """Some records, newest first."""

    entries: tuple[AuditEntry, ...]
    size: int
    """How many records the log had on the first page; those after it belong to the next search."""
    count: int
    """How many records fit: all of them up to :data:`COUNTED`, those of one page where words are looked for."""
    more: bool
    """More fit than were counted."""
    following: str | None

    @property
    def counted(self) -> str:
        """How many records fit, as it is said to people."""
        if self.more:
            return f"More than {self.count} records fit"
        return "1 record fits" if self.count == 1 else f"{self.count} records fit"


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
    outside: tuple[str, ...] = ()
    """What is wrong with the places and witnesses outside, in sentences, as of the latest sealing."""


def ledger_state(connection: Connection) -> LedgerState:
    """How the ledger stands now."""
    return _state_in(_Standing._make(_STATE.read(connection, {})[0]))


class _Standing(NamedTuple):
    """The columns of :func:`_state_query`."""

    size: int | None
    verified: bytes | None
    stopped: str | None
    outside: str | None
    signed_size: int | None
    signed_at: datetime | None
    vouched_size: int | None
    vouched_by: str | None
    vouched_at: datetime | None


def _state_in(row: _Standing) -> LedgerState:
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
        outside=tuple((row.outside or "").splitlines()),
    )


def _state_query() -> Select[Any]:
    """Everything about how the ledger stands, which are the newest rows of several tables, in one query."""
    record, checkpoint, witness = tables.ledger_record, tables.ledger_checkpoint, tables.ledger_witness
    log, said = tables.deployment, tables.deployment.alias("said")
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
            SIZE.label("size"),
            verified.scalar_subquery().label("verified"),
            select(said.c.value).where(said.c.name == STOPPED).scalar_subquery().label("stopped"),
            select(said.c.value).where(said.c.name == OUTSIDE).scalar_subquery().label("outside"),
            *newest,
        )
        .select_from(log.outerjoin(newest[0], true()).outerjoin(newest[1], true()))
        .where(log.c.name == ORIGIN)
    )


_STATE = Prepared(_state_query())


@lru_cache(maxsize=100)
def _state_and_bounds(bounding: Bounding, dialect: str) -> Prepared:
    return Prepared(_state_query().add_columns(*bounding.columns(dialect)))


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
    add_once(engine, entry, now)


class Evidence(Value):
    """One record with everything behind it."""

    entry: AuditEntry
    body: str
    """The stored bytes, which the hash covers; empty where they are withheld."""
    withheld: str
    """Why they are, in a sentence."""
    proven_in: int
    """The size of the checkpoint whose tree holds the record; 0 where none does yet."""
    wrong: str
    """What does not fit, in a sentence; empty where everything does."""


def evidence(connection: Connection, seq: int, reader: Reader, names: Mapping[str, str]) -> Evidence | None:
    """Record ``seq``, verified now against the latest checkpoint; None where there is none ``reader`` may see."""
    shape, values = Shape(sees_all=True), {"first": seq, "stop": seq + 1}
    query = with_words(select(*LINE)).where(shape.fitting(connection.dialect.name))
    try:
        row = connection.execute(query, values).first()
        line = Line.of(row) if row else None
    except (ValueError, TypeError, OperationalError):  # SQLite holds anything in any column
        if not reader.sees_all:
            raise
        line = _unreadable(connection, seq)
    if line is None:
        return None
    proven, wrong = _verified(connection, seq)
    withheld = withheld_from(reader, line.action, line.outcome, line.body, mine=line.person == reader.ref)
    body = "" if withheld else line.body.decode(errors="backslashreplace")
    entry = _entry(line, reader, names)
    if wrong and entry.withheld:
        wrong = "What is wrong is for auditors to know. Ask one of them."
    return Evidence(entry=entry, body=body, withheld=withheld, proven_in=proven, wrong=wrong)


def _unreadable(connection: Connection, seq: int) -> Line | None:
    """What there is of a record in whose columns stands what none of them can hold."""
    record = record_at(connection, seq)
    if record is None:
        return None
    never, parts = datetime.fromtimestamp(0, UTC), columns_of(_mapping_in(record.body))
    action, outcome, change, stage = (str(parts[name] or "") for name in ("action", "outcome", "change_id", "stage"))
    return Line(
        seq, "", never, never, action, outcome, change, stage, record.body, record.leaf_hash, None, None, person=""
    )


def _mapping_in(body: bytes) -> dict[str, Any]:
    try:
        return parse_canonical(body)
    except NotCanonical:
        return {}


def _verified(connection: Connection, seq: int) -> tuple[int, str]:
    """The size of the checkpoint in whose tree a record is now proven to be, and what does not fit, if anything."""
    record, kept = record_at(connection, seq), latest_checkpoint(connection)
    if record is None:
        return 0, "The record cannot be read."
    proven, findings = 0, Findings()
    if kept and seq < kept.size:
        try:
            stated, _ = read_checkpoint(kept.note)
            proof = stored_inclusion(connection, seq, kept.size)
            verify_inclusion(leaf_hash(record.body), seq, kept.size, proof, stated.root)
        except (ProofInvalid, NoSuchTile, NoteError, ValueError) as error:
            return 0, f"The record cannot be proven to be in the ledger: {error}."
        proven = kept.size
    check_row(record, origin_of(connection), findings)
    return proven, "".join(f"{one.message[:1].upper()}{one.message[1:]}." for one in findings.in_order()[:1])


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
    return _page(
        connection, _question(connection, asked, reader, _bounding_of_page(asked)), reader, names, cursor, limit
    )


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
    bounding = _bounding_of_page(asked)._replace(unindexed=bool(asked.text) and not anyway)
    dialect = connection.dialect.name
    bound = _looked_up(asked, dialect)
    (row,) = _state_and_bounds(bounding, dialect).read(connection, bound)
    state, found = _Standing._make(row[: len(_Standing._fields)]), row[len(_Standing._fields) :]
    *_, unindexed = found
    if unindexed:
        raise WordsNotIndexed
    question = _question_in((state.size, *found), asked, reader, bound, dialect)
    return _page(connection, question, reader, names, cursor, PAGE), _state_in(state)


def _page(
    connection: Connection,
    question: _Question,
    reader: Reader,
    names: Mapping[str, str],
    cursor: str | None,
    limit: int,
) -> AuditPage:
    size, before = _read_cursor(cursor) if cursor else (question.size, None)
    limit = max(1, min(limit, 200))
    stop = min(question.values["stop"], size)
    below = stop if before is None else min(stop, before)
    values = {**question.values, "stop": stop, "below": below}
    asking = question.queries(connection, values, limit + 1)
    rows = asking.page.read(connection, values)
    entries = tuple(_entry(Line.of(row[: len(Line._fields)]), reader, names) for row in rows[:limit])
    following = cursor_at(size, entries[-1].seq) if len(rows) > limit else None
    if asking.counting is None:  # whoever comes from another page has seen that more than one fits
        count, more = (len(entries), following is not None) if before is None else (limit, True)
    else:
        fitting = rows[0][-1] if rows else 0
        if not rows and before is not None:  # behind the last page
            ((fitting,),) = asking.counting.read(connection, values)
        count, more = min(fitting, COUNTED), fitting > COUNTED
    return AuditPage(entries=entries, size=size, count=count, more=more, following=following)


def _entry(line: Line, reader: Reader, names: Mapping[str, str]) -> AuditEntry:
    # Nothing is validated: what stands in the ledger has been, and once more for fifty records is a fifth of the time.
    if not reader.sees_all and line.person != reader.ref and is_quiet(line.action, line.outcome):
        return _veiled(line)
    parts = told(line, names, reader.ref, reader.sees_all)
    return AuditEntry.model_construct(**parts, change=line.change, record_id=line.record_id)


def _veiled(line: Line) -> AuditEntry:
    hour = full_hour(line.recorded_at)
    told: dict[str, Any] = dict.fromkeys(AuditEntry.model_fields, "")
    told |= {"seq": line.seq, "occurred_at": hour, "recorded_at": hour, "leaf_hash": line.leaf_hash.hex()}
    return AuditEntry.model_construct(**{**told, "sentence": WITHHELD, "withheld": WITHHELD})


def withheld_from(reader: Reader, action: str, outcome: str, body: bytes, *, mine: bool) -> str:
    """Why the bytes of a record are withheld from ``reader``, in a sentence; empty where they are not. They hold the
    number of whoever acted, which stands in everything that this person did openly.

    Args:
        mine: it is the reader's own.
    """
    if reader.sees_all or mine:
        return ""
    if is_quiet(action, outcome):
        return WITHHELD
    return UNTOLD if _mapping_in(body).get("command") in QUIET_COMMANDS else ""


def exported(
    connection: Connection, asked: Filter, reader: Reader, names: Mapping[str, str], size: int
) -> Iterator[ExportedRecord]:
    """The records that fit among the first ``size``, which are signed, oldest first, in pieces: memory stays the same
    however many they are.

    Raises:
        RecordsAltered: one of them is not what was recorded; it does not go out, in no format.
    """
    question = _question(connection, asked, reader, _bounding(asked))
    values = {**question.values, "stop": min(question.values["stop"], size)}
    query, leaves = question.oldest(connection, values), passing_reader(connection, size)
    findings = Findings()
    check_size(connection, head_of(connection).size, findings)
    for wrong in findings.in_order():
        raise RecordsAltered(f"Nothing can be taken out: {wrong.message}. See: groundswell audit verify")
    while rows := query.read(connection, values):
        for line in map(Line.of, rows):
            yield _exported(line, _require_recorded(line, leaves), reader, names)
        values["first"] = rows[-1][0] + 1


def _require_recorded(line: Line, leaves: TileReader) -> dict[str, Any]:
    """The body of a record that is in the tree as it is here, with its columns and its words."""
    try:
        if leaf_hash(line.body) != leaves.subtree_root(0, line.seq):
            raise ValueError("its bytes are not those that were recorded")
        body: dict[str, Any] = from_json(line.body)  # what has this hash is in the one form that was recorded
        stated, shown = columns_of(body), line._asdict()
        if any((stated[name] or "") != shown[column] for name, column in _SHOWN_AS_RECORDED.items()):
            raise ValueError("its columns say something else than its bytes")
        if any(stated[name] != instant_text(shown[name]) for name in ("recorded_at", "occurred_at")):
            raise ValueError("its times are not those that were recorded")
        if line.value is not None and not is_as_recorded(line, commitments_of(body).get(LABEL)):
            raise ValueError("its words are not those that were recorded")
    except (ValueError, NoSuchTile) as error:
        raise RecordsAltered(
            f"Record {line.seq:,} cannot be taken out: {error}. Nothing of it goes out. See: groundswell audit verify"
        ) from error
    return body


_SHOWN_AS_RECORDED = {
    "record_id": "record_id",
    "action": "action",
    "outcome": "outcome",
    "change_id": "change",
    "stage": "stage",
}
"""The columns of a record that an export shows, by their names in ``ledger.record.COLUMNS``."""


def _exported(line: Line, body: Mapping[str, Any], reader: Reader, names: Mapping[str, str]) -> ExportedRecord:
    mine = line.person == reader.ref
    withheld = withheld_from(reader, line.action, line.outcome, line.body, mine=mine)
    entry = _entry(line, reader, names)
    if entry.withheld:
        shown = {"number": str(entry.seq), "words": withheld, "hash of the record": entry.leaf_hash}
        return ExportedRecord(entry.seq, line.leaf_hash, None, shown, withheld=withheld)
    policy, signature = policy_of(body), body.get("signature", {})
    # Who may not see who acted gets no words either: the words of an event name its author.
    values = []
    told = reader.sees_all or mine or (entry.actor == line.person and entry.action not in NAMING_THE_ASKED)
    if line.value is not None and line.salt is not None and told:
        values = [{"label": LABEL, "salt": base64.b64encode(line.salt).decode(), "value": line.value}]
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
    if withheld:  # its line is open, and its bytes are not
        return ExportedRecord(entry.seq, line.leaf_hash, None, shown, withheld=withheld)
    return ExportedRecord(entry.seq, line.leaf_hash, line.body, shown, values)


def record_access(
    engine: Engine, reader: str, action: str, asked: Mapping[str, str], now: datetime, via: str, **facts: Any
) -> int:
    """Put on record that somebody read or took out the trail: once an hour for the same person and question.

    What was asked for is committed to and not contained, because it names people.
    """
    question = {"asked": dict(asked), "action": action}
    hour = now.replace(minute=0, second=0, microsecond=0)
    words = f"{reader}\n{json.dumps(question, sort_keys=True, ensure_ascii=False)}"
    digest = hmac.new(_secret_of_readers(engine), words.encode(), hashlib.sha256).hexdigest()
    key = f"access/{action}/{hour:%Y%m%dT%H}/{digest}"
    entry = Entry.about_the_ledger(key, action, reader, hour, via=via, content=question, facts=facts)
    table = tables.ledger_record
    with engine.connect() as connection:
        known = connection.execute(select(table.c.seq).where(table.c.idem_key == entry.key)).scalar()
    if known is not None:
        return int(known)
    return add_once(engine, entry, now)


READERS = "secret_of_readers"
"""The name under which the database keeps what the keys of access records are made with. A plain digest of who asked
for what would stand in the record for ever, and whoever guesses both could see that they guessed right; an erasure
throws the secret away, and another is made."""
_secrets: WeakKeyDictionary[Engine, bytes] = WeakKeyDictionary()


def _secret_of_readers(engine: Engine) -> bytes:
    """The secret. A program that still has an earlier one goes on with it: then a reading is on record twice an hour
    at most."""
    table = tables.deployment
    if engine not in _secrets:
        kept = select(table.c.value).where(table.c.name == READERS)
        try:
            with writing(engine) as connection:
                if connection.execute(kept).first() is None:
                    connection.execute(insert(table).values(name=READERS, value=secrets.token_hex(32)))
        except IntegrityError:  # another program was first
            pass
        with engine.connect() as connection:
            _secrets[engine] = bytes.fromhex(connection.execute(kept).scalar_one())
    return _secrets[engine]


@dataclass(frozen=True)
class _Question:
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


def _question(connection: Connection, asked: Filter, reader: Reader, bounding: Bounding) -> _Question:
    """Look up, in one query, what the database has to know before it can use its indexes well."""
    dialect = connection.dialect.name
    bound = _looked_up(asked, dialect)
    (row,) = bounds(bounding, dialect).read(connection, bound)
    return _question_in(row, asked, reader, bound, dialect)


def _bounding(asked: Filter) -> Bounding:
    return Bounding(asked.since is not None, asked.until is not None, bool(asked.person), bool(asked.text))


def _bounding_of_page(asked: Filter) -> Bounding:
    parts = {"change": asked.change, "actor": asked.person, "action": asked.kind, "stage": asked.stage}
    parts["outcome"] = asked.outcome
    return _bounding(asked)._replace(planned_once=frozenset(name for name, part in parts.items() if part) in ONE_WAY)


def _looked_up(asked: Filter, dialect: str) -> dict[str, Any]:
    parts = {"since": asked.since, "until": asked.until, "person": asked.person}
    if asked.text and dialect == "postgresql":
        parts |= looked_for(dialect, asked.text, {})
    return {name: part for name, part in parts.items() if part}


def _question_in(
    row: tuple[Any, ...], asked: Filter, reader: Reader, bound: Mapping[str, Any], dialect: str
) -> _Question:
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
    return _Question(size, shape, values, held or 0)


def _tells(asked: Filter) -> bool:
    """Whether what fits says something about itself by fitting, besides when and on which change it was recorded."""
    return bool(asked.person or asked.kind or asked.stage or asked.outcome or asked.text)


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
