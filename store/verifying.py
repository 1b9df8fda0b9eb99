"""Verifying the stored ledger: gives ``ledger.verification`` the rows of a database, in streams that need no memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from sqlalchemy import Connection, String, cast, func, select

from ledger.checkpoint import open_checkpoint, read_checkpoint
from ledger.contents import ContentCheck
from ledger.findings import Finding, Findings, Kind, Layer, Report
from ledger.keys import PinnedKey, keys_for
from ledger.layers import Outside, external_rows
from ledger.merkle import CompactRange, leaf_hash
from ledger.note import NoteError, VerifierKey
from ledger.proofs import ProofInvalid, consistency_proof, verify_consistency
from ledger.stored import StoredHead, StoredPrivate, StoredRecord
from ledger.tiles import NoSuchTile
from ledger.verification import verify
from store import tables
from store.as_stored import number, octets, rows_of, words
from store.checkpoints import latest_checkpoint
from store.outside import Asked
from store.sinks import Sink
from store.spooling import stored_checkpoints
from store.tiles import StoredTiles, stored_reader

ERASED = "erased"
"""The action of a record under which words were erased."""
CHUNK = 2_000
"""Records that are read at a time."""


def stored_records(connection: Connection, first: int = 0, stop: int | None = None) -> Iterator[StoredRecord]:
    """The records from ``first`` on, up to but not including ``stop``, in order."""
    table = tables.ledger_record
    at = first
    while stop is None or at < stop:
        query = _records(connection).where(table.c.seq >= at).order_by(table.c.seq).limit(CHUNK)
        rows = rows_of(connection, query if stop is None else query.where(table.c.seq < stop))
        if not rows:
            return
        private = _private_between(connection, rows[0].seq, rows[-1].seq)
        for row in rows:
            yield _stored(row, private.get(row.seq, ()))
        at = rows[-1].seq + 1


def records_of(connection: Connection, change: str) -> Sequence[StoredRecord]:
    """The records of one change, in order."""
    table, kept = tables.ledger_record, tables.ledger_private
    rows = rows_of(connection, _records(connection).where(table.c.change == change).order_by(table.c.seq))
    query = select(kept).where(kept.c.seq.in_(select(table.c.seq).where(table.c.change == change)))
    private = _by_record(rows_of(connection, query))
    return [_stored(row, private.get(row.seq, ())) for row in rows]


def records_that_erase(connection: Connection) -> Sequence[StoredRecord]:
    """The records that say which words were erased, in order."""
    table = tables.ledger_record
    rows = rows_of(connection, _records(connection).where(table.c.action == ERASED).order_by(table.c.seq))
    numbers = [row.seq for row in rows]
    query = select(tables.ledger_private).where(tables.ledger_private.c.seq.in_(numbers))
    private = _by_record(rows_of(connection, query))
    return [_stored(row, private.get(row.seq, ())) for row in rows]


def record_at(connection: Connection, seq: int) -> StoredRecord | None:
    """One record."""
    return next(stored_records(connection, seq, seq + 1), None)


def stored_heads(connection: Connection, start: int = 0) -> Iterator[StoredHead]:
    """The states of the tree from size ``start`` on; where the first record of one was not written, it follows the
    one before."""
    table = tables.ledger_head
    at, before = start, -1
    while True:
        query = select(table).where(table.c.size >= at).order_by(table.c.size).limit(CHUNK)
        rows = rows_of(connection, query)
        if not rows:
            return
        for row in rows:
            first = number(row.first_seq) if row.first_seq is not None else max(before, 0)
            yield StoredHead(row.size, octets(row.frontier), octets(row.root), first)
            before = row.size
        at = before + 1


def latest_outside(sinks: Sequence[Sink], origin: str) -> Iterator[str]:
    """The largest checkpoint of each sink that holds one.

    Raises:
        store.sinks.SinkUnusable: one of them cannot be read.
    """
    for sink in sinks:
        yield from islice(sink.notes(origin), 1)


def verify_stored(
    connection: Connection,
    origin: str,
    pinned: Sequence[PinnedKey],
    external: Iterable[str] | Outside = (),
    *,
    witnesses: Sequence[VerifierKey] = (),
    first: int = 0,
    stop: int | None = None,
    contents: bool = True,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Verify the whole ledger, or the records from ``first`` up to ``stop``. See ``ledger.verification.verify``.

    A range is bound to the latest checkpoints behind it by consistency proofs.
    """
    start, held = _tree_before(connection, first), external_rows(external)
    report = verify(
        stored_records(connection, start.size, stop),
        stored_heads(connection, start.size),
        stored_checkpoints(connection, start.size),
        pinned,
        held,
        origin=origin,
        witnesses=witnesses,
        tiles=StoredTiles(connection),
        contents=contents,
        start=start,
        stop=stop,
        progress=progress,
    )
    if stop is None or report.size < stop or not pinned:
        return report
    kept = latest_checkpoint(connection)
    report = _bound(connection, report, kept.note if kept else None, pinned, Layer.CHECKPOINT)
    return _bound(connection, report, held.latest, pinned, Layer.WITNESS)


def with_what_is_gone(report: Report, asked: Asked) -> Report:
    """The report, with what a place outside has less than it once took where no other has as much."""
    return replace(report, findings=(*report.findings, *what_is_gone(asked, report.size)))


def what_is_gone(asked: Asked, size: int) -> tuple[Finding, ...]:
    """What a place outside has less than it once took where no other has as much: the end of the log may be gone with
    it."""
    return tuple(
        Finding(max(size - 1, 0), Layer.WITNESS, Kind.CHECKPOINT_MISSING, one.in_words())
        for one in [lacks for lacks in asked.lacking if lacks.taken > asked.vouched][:1]
    )


def _size_in(note: str) -> int:
    try:
        return read_checkpoint(note)[0].size
    except NoteError:
        return -1


def _bound(
    connection: Connection, report: Report, note: str | None, pinned: Sequence[PinnedKey], layer: Layer
) -> Report:
    """The report on a range, with what the checkpoint in ``note``, which lies behind it, says about it."""
    if note is None or _size_in(note) < report.size:
        return report
    stated, _ = read_checkpoint(note)
    try:
        opened = open_checkpoint(note, report.origin, keys_for(pinned, stated.size))
        steps = consistency_proof(stored_reader(connection, stated.size), report.size, stated.size)
        verify_consistency(report.size, stated.size, report.root, stated.root, steps)
    except (NoteError, NoSuchTile, ProofInvalid, ValueError) as error:
        message = f"these records do not lead to the checkpoint of size {stated.size}: {error}"
        wrong = Finding(report.size - 1, layer, Kind.CHECKPOINT_DIFFERS, message)
        return replace(report, findings=(*report.findings, wrong))
    if layer is Layer.WITNESS:
        return replace(report, witnessed_size=stated.size)
    signers = ", ".join(key.name for key in opened.signed_by)
    return replace(report, signed_size=stated.size, signed_by=signers)


def check_row(record: StoredRecord, origin: str, findings: Findings) -> None:
    """Check one record by itself: its leaf hash, its form, its columns and the words that are still there."""
    ContentCheck(origin, findings, ()).check(record)
    check_leaf(record, findings)


def check_leaf(record: StoredRecord, findings: Findings) -> None:
    """Check that a record's leaf hash is that of its body."""
    if record.leaf_hash != leaf_hash(record.body):
        message = f"the leaf hash of record {record.seq} is not the hash of its body"
        findings.add(Layer.ROW, Kind.LEAF_DIFFERS, record.seq, message)


def _tree_before(connection: Connection, first: int) -> CompactRange:
    """The state that the database kept at or before ``first``; a later checkpoint that fits proves it."""
    table = tables.ledger_head
    query = select(table.c.size, table.c.frontier).where(table.c.size <= first).order_by(table.c.size.desc()).limit(1)
    row = connection.execute(query).first()
    return CompactRange.from_bytes(row.size, octets(row.frontier)) if row else CompactRange()


def _records(connection: Connection) -> Any:
    table = tables.ledger_record
    names = ("seq", "record_id", "idem_key", "action", "outcome", "change", "stage", "actor", "body", "leaf_hash")
    return select(
        *(table.c[name] for name in names),
        _as_text(connection, table.c.recorded_at).label("recorded_text"),
        _as_text(connection, table.c.occurred_at).label("occurred_text"),
    )


def _as_text(connection: Connection, moment: Any) -> Any:
    """A moment as the ledger writes it, made by the database: parsing a million of them takes longer than hashing."""
    if connection.dialect.name == "postgresql":
        return func.to_char(func.timezone("UTC", moment), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    return func.replace(cast(moment, String), " ", "T").op("||")("Z")


def _stored(row: Any, private: Sequence[StoredPrivate]) -> StoredRecord:
    columns = {
        "seq": row.seq,
        "record_id": row.record_id,
        "idem_key": row.idem_key,
        "recorded_at": row.recorded_text,
        "occurred_at": row.occurred_text,
        "action": row.action,
        "outcome": row.outcome,
        "change_id": row.change or None,
        "stage": row.stage or None,
        "actor_ref": row.actor or None,
    }
    return StoredRecord(row.seq, octets(row.body), octets(row.leaf_hash), columns, private)


def _private_between(connection: Connection, first: int, last: int) -> dict[int, list[StoredPrivate]]:
    table = tables.ledger_private
    query = select(table).where(table.c.seq.between(first, last)).order_by(table.c.seq, table.c.label)
    return _by_record(rows_of(connection, query))


def _by_record(rows: Sequence[Any]) -> dict[int, list[StoredPrivate]]:
    found: dict[int, list[StoredPrivate]] = {}
    for row in rows:
        kept = StoredPrivate(words(row.label), octets(row.salt), words(row.value))
        found.setdefault(row.seq, []).append(kept)
    return found
