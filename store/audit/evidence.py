"""One record with its bytes, verified when somebody looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection, select
from sqlalchemy.exc import OperationalError

from changes.values import Value
from ledger.checkpoint import read_checkpoint
from ledger.findings import Findings
from ledger.merkle import leaf_hash
from ledger.note import NoteError
from ledger.proofs import ProofInvalid, verify_inclusion
from ledger.record import columns_of
from ledger.tiles import NoSuchTile
from store.audit.entries import AuditEntry, entry_of, mapping_in, withheld_from
from store.audit.questions import Reader
from store.checkpoints import latest_checkpoint
from store.finding import Shape
from store.ledger import origin_of
from store.tiles import stored_inclusion
from store.trail import LINE, Line, with_words
from store.verifying import check_row, record_at


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
    entry = entry_of(line, reader, names)
    if wrong and entry.withheld:
        wrong = "What is wrong is for auditors to know. Ask one of them."
    return Evidence(entry=entry, body=body, withheld=withheld, proven_in=proven, wrong=wrong)


def _unreadable(connection: Connection, seq: int) -> Line | None:
    """What there is of a record in whose columns stands what none of them can hold."""
    record = record_at(connection, seq)
    if record is None:
        return None
    never, parts = datetime.fromtimestamp(0, UTC), columns_of(mapping_in(record.body))
    action, outcome, change, stage = (str(parts[name] or "") for name in ("action", "outcome", "change_id", "stage"))
    return Line(
        seq, "", never, never, action, outcome, change, stage, record.body, record.leaf_hash, None, None, person=""
    )


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
