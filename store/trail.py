"""The lines of the trail: a record as somebody may see it, with what people wrote put into words.

What stands in a line is what was recorded: the words are held against their commitment in the record's body, which
takes two microseconds, and need not be validated again then, as they were when they were recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import UTC, datetime, tzinfo
from types import NoneType
from typing import Any, NamedTuple

from pydantic_core import from_json
from sqlalchemy import Connection, Select, and_, case, select

from changes.events import EVENTS, named_in, sentence_of
from changes.facts import SYSTEM
from changes.refusals import Refused
from changes.sight import is_discreet, is_secret
from changes.values import Moment, Value
from ledger.commitments import verify
from ledger.record import commitments_of, policy_of
from store import tables
from store.as_stored import octets, words
from store.ledger import LABEL


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


class Line(NamedTuple):
    """A record with its words, as :data:`LINE` reads it."""

    seq: int
    record_id: str
    recorded_at: datetime
    occurred_at: datetime
    action: str
    outcome: str
    change: str
    stage: str
    body: bytes
    leaf_hash: bytes
    value: str | None
    """What people wrote; None where nobody did, and where it was erased."""
    salt: bytes | None
    person: str
    """Who it was: the person behind the ledger's number, nobody where that was erased or was never said."""

    @classmethod
    def of(cls, row: Iterable[Any]) -> Line:
        """The line in a row. A value that is not of its column's kind becomes one that fits nothing that was recorded,
        so that the page which shows it can say what is wrong."""
        line = cls._make(row)
        if tuple(map(type, line)) in _KINDS:
            return line
        return line._replace(
            record_id=str(line.record_id),
            action=str(line.action),
            outcome=str(line.outcome),
            change=str(line.change),
            stage=str(line.stage),
            person=str(line.person),
            body=octets(line.body),
            leaf_hash=octets(line.leaf_hash),
            value=None if line.value is None else words(line.value),
            salt=None if line.salt is None else octets(line.salt),
        )


_KINDS = frozenset(
    (int, str, datetime, datetime, str, str, str, str, bytes, bytes, value, salt, str)
    for value in (str, NoneType)
    for salt in (bytes, NoneType)
)

_PERSON = case(
    (tables.ledger_person.c.person.is_not(None), tables.ledger_person.c.person),
    (tables.ledger_record.c.actor.like("p-________________________________"), ""),
    else_=tables.ledger_record.c.actor,
).label("person")
_PRIVATE = {"value": tables.ledger_private.c.value, "salt": tables.ledger_private.c.salt, "person": _PERSON}
LINE = tuple(_PRIVATE[name] if name in _PRIVATE else tables.ledger_record.c[name] for name in Line._fields)
"""The columns of a :class:`Line`; from :func:`with_words`."""


def with_words(query: Select[Any]) -> Select[Any]:
    """``query`` over records, with what people wrote, where it is still there, and who it was."""
    records, private, people = tables.ledger_record, tables.ledger_private, tables.ledger_person
    words = and_(private.c.seq == records.c.seq, private.c.label == LABEL)
    return query.select_from(
        records.join(private, words, isouter=True).join(people, people.c.id == records.c.actor, isouter=True)
    )


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
        with_words(select(*LINE))
        .where(records.c.change == ref, records.c.seq > after)
        .order_by(records.c.seq)
        .limit(limit)
    )
    lines = [line for line in map(Line.of, rows) if not _is_secret(line, reader)]
    if names is None:
        names = _names(connection, {ref for line in lines for ref in named_in(_content(line))})
    return [TrailEntry.model_construct(**told(line, names, reader, zone=zone)) for line in lines]


def _is_secret(line: Line, reader: str) -> bool:
    """Whether ``reader`` must not even see that this happened: somebody else's no, or an attempt that tells of one."""
    return line.person != reader and is_secret(line.action, line.outcome)


def _names(connection: Connection, refs: Set[str]) -> dict[str, str]:
    """The names of people and teams, as they are now."""
    if not refs:
        return {}
    people, teams = (select(t.c.ref, t.c.name).where(t.c.ref.in_(sorted(refs))) for t in (tables.person, tables.team))
    return {ref: name for ref, name in connection.execute(teams.union_all(people))}


def told(
    line: Line, names: Mapping[str, str], reader: str, sees_all: bool = False, zone: tzinfo = UTC
) -> dict[str, Any]:
    """The parts of a :class:`TrailEntry` as ``reader`` may see it; an auditor ``sees_all`` but who is anonymous."""
    body = _mapping_in(line.body)
    policy = policy_of(body)
    actor = body.get("actor")
    return {
        "seq": line.seq,
        "occurred_at": line.occurred_at,
        "recorded_at": line.recorded_at,
        "actor": "" if _is_discreet(line, reader) and not sees_all else line.person,
        "via": str(actor.get("via", "")) if isinstance(actor, dict) else "",
        "action": line.action,
        "outcome": line.outcome,
        "stage": line.stage,
        "sentence": _sentence(line, body, names, zone),
        "policy": f"{policy[0]} {policy[1]}" if policy else "",
        "leaf_hash": line.leaf_hash.hex(),
    }


def _is_discreet(line: Line, reader: str) -> bool:
    """Whether it must not be said who it was."""
    return line.person not in {reader, SYSTEM} and is_discreet(line.action, line.outcome)


def _sentence(line: Line, body: Mapping[str, Any], names: Mapping[str, str], zone: tzinfo) -> str:
    commitment = commitments_of(body).get(LABEL)
    if line.value is None and commitment is not None:
        return "The words of this record were erased."
    if line.action not in EVENTS and line.outcome != "refused":
        return LEDGERS_OWN.get(line.action, line.action.replace("_", " "))
    if not is_as_recorded(line, commitment):
        return UNREADABLE
    try:
        if line.outcome == "refused":
            refused = Refused.model_validate_json(line.value or "")
            return f"was refused “{line.action.replace('_', ' ')}”: {refused.detail}"
        return sentence_of(_content(line), names, zone).strip()
    except (ValueError, TypeError, AttributeError):  # not what we write, whoever wrote it
        return UNREADABLE


def is_as_recorded(line: Line, commitment: Any) -> bool:
    """Whether the words of a record are those that its body commits to."""
    if line.value is None or line.salt is None or not isinstance(commitment, str):
        return False
    try:
        committed = bytes.fromhex(commitment)
    except ValueError:
        return False
    return verify(LABEL, line.value, bytes(line.salt), committed)


def _content(line: Line) -> dict[str, Any]:
    """The event of a record in its stored form; empty in a refusal, and where the words were erased."""
    return _mapping_in(line.value) if line.value is not None and line.outcome != "refused" else {}


def _mapping_in(text: str | bytes) -> dict[str, Any]:
    """What is written as JSON; empty where somebody altered it, because the page must still show the trail."""
    try:
        found = from_json(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


UNREADABLE = "The words of this record are not as they were recorded."
LEDGERS_OWN = {
    "trail_read": "read the audit trail",
    "trail_exported": "took a copy of the audit trail",
    "bundle_made": "made a bundle of evidence",
    "erased": "had a person's words erased",
    "restored": "confirmed that a backup was restored",
    "tiles_rebuilt": "had the hashes that proofs are made from rebuilt",
    "moved": "moved the ledger to another database",
    "ledger_verified": "verified the whole ledger",
    "key_rotated": "replaced the ledger's signing key",
}
"""What the ledger records about itself, in words."""


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
        with_words(select(*LINE, about.c.title))
        .join(about, about.c.ref == records.c.change)
        .where(private.c.value.is_not(None))
        .where(records.c.outcome == "applied", records.c.action.not_in(_QUIET))
        .order_by(records.c.seq.desc())
        .limit(limit * 2)
    )
    read = [(Line.of(line), title) for *line, title in rows]
    seen = [(line, title) for line, title in read if not _is_secret(line, reader)][:limit]
    return tuple(
        Happened(
            change=line.change,
            title=title,
            entry=TrailEntry.model_construct(**told(line, names, reader, zone=zone)),
        )
        for line, title in seen
    )


_QUIET = ("gate_opened", "followed", "unfollowed", "reminded")
"""What follows from something else, or means something to one person only; it stays in the change's own trail."""
