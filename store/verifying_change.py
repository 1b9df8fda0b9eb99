"""Verifying the records of one change: what auditors ask for case by case, and what is asked before evidence is signed.

It takes as long as the change is long, and reads little of the rest of the log: of that it sees whether all records are
there by number, and that the checkpoints agree. What a verification of everything sees beyond it, the report says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, func, select

from ledger.canonical import NotCanonical, parse_canonical
from ledger.checkpoint import Checkpoint, WrongLog, open_checkpoint, read_checkpoint
from ledger.contents import ContentCheck
from ledger.findings import Finding, Findings, Kind, Layer
from ledger.keys import PinnedKey, keys_for
from ledger.layers import kind_of
from ledger.merkle import leaf_hash
from ledger.note import NoteError
from ledger.proofs import HashReader, ProofInvalid, inclusion_proof, root_at, verify_inclusion
from ledger.revisions import revision_of, revisions_in
from ledger.stored import StoredRecord
from ledger.tiles import NoSuchTile
from store import tables
from store.as_stored import number
from store.checkpoints import head_of, latest_checkpoint
from store.tiles import stored_reader
from store.verifying import check_leaf, records_of, records_that_erase


@dataclass(frozen=True)
class ChangeReport:
    """The outcome for one change."""

    change: str
    count: int
    """Its records."""
    findings: tuple[Finding, ...]
    trusted: bool
    """Whether keys were given."""
    signed_size: int
    """The size of the checkpoint that its records were proven against; 0 where there was none."""
    witnessed_size: int
    """The largest size that is held outside and agrees."""
    uncovered: int
    """How many of its records are newer than the checkpoint."""
    unwitnessed: int
    """How many are newer than what is held outside."""
    last_revision: int
    erased: int

    def having(self, findings: Sequence[Finding]) -> ChangeReport:
        """This report with what else was found."""
        return replace(self, findings=(*self.findings, *findings))

    @property
    def first(self) -> Finding | None:
        """The first wrong thing, if any."""
        return self.findings[0] if self.findings else None

    @property
    def exit_code(self) -> int:
        """0 in order, 1 tampered, 2 not verifiable: no key was given, or nothing of it is signed yet."""
        if self.findings:
            return 1
        return 0 if self.trusted and self.uncovered < self.count else 2

    def in_words(self) -> list[str]:
        """The report in sentences, the verdict first."""
        if self.first:
            verdict = f"TAMPERED: the first wrong thing is at record {self.first.seq}: {self.first.message}"
        elif self.exit_code:
            verdict = f"Consistent, but no trusted key vouches for it yet: {self._there}"
        else:
            verdict = f"Verified: {self._there}"
        return [
            verdict,
            *(f"  {one.layer} {one.kind}: {one.message}" for one in self.findings),
            f"Signed: proven in the tree of size {self.signed_size:,}{_newer(self.uncovered)}."
            if self.signed_size
            else "Signed: no checkpoint covers these records.",
            f"Witnessed: to size {self.witnessed_size:,}{_newer(self.unwitnessed)}."
            if self.witnessed_size
            else "Witnessed: nothing. A rewrite with a stolen key, or a rollback, would go unseen.",
            *([f"{self.erased:,} private values were erased, each under a record."] if self.erased else []),
            f"Not looked at: what follows revision {self.last_revision}, refused commands whose record was given to "
            "another change, and all other changes. `groundswell audit verify` reads everything.",
        ]

    def to_mapping(self) -> dict[str, Any]:
        """The report as plain JSON values, for machines."""
        return {
            "change": self.change,
            "count": self.count,
            "exit_code": self.exit_code,
            "findings": [dict(one._asdict(), layer=str(one.layer), kind=str(one.kind)) for one in self.findings],
            "trusted": self.trusted,
            "signed_size": self.signed_size,
            "witnessed_size": self.witnessed_size,
            "uncovered": self.uncovered,
            "unwitnessed": self.unwitnessed,
            "last_revision": self.last_revision,
            "erased": self.erased,
        }

    @property
    def _there(self) -> str:
        return f"{self.change} has {self.count} records, to revision {self.last_revision}, each in the ledger."


def _newer(count: int) -> str:
    return f"; {count} of them are newer" if count else ""


def verify_change(
    connection: Connection,
    origin: str,
    pinned: Sequence[PinnedKey],
    change: str,
    outside: Sequence[str] = (),
    checkpoint: str | None = None,
) -> ChangeReport:
    """Verify the records of one change.

    Args:
        connection: the database, looked at after ``outside`` was read.
        origin: the log's name.
        pinned: the keys trusted for checkpoints.
        change: the change's reference.
        outside: the newest checkpoint of each place outside.
        checkpoint: the one to prove the records against, instead of the latest in the database.
    """
    findings = Findings()
    records, size = records_of(connection, change), head_of(connection).size
    check_size(connection, size, findings)
    reader = stored_reader(connection, size)
    kept = latest_checkpoint(connection)
    note = checkpoint or (kept.note if kept else None)
    signed = note and _agreeing(note, Layer.CHECKPOINT, origin, pinned, reader, size, findings)
    held = [_agreeing(note, Layer.WITNESS, origin, pinned, reader, size, findings) for note in outside]
    erasing = [one for one in records_that_erase(connection) if one.columns["change_id"] != change]
    for record in (*records, *erasing):
        check_leaf(record, findings)
        if signed and record.seq < signed.size:
            _check_inclusion(record, reader, signed, findings)
    erased = _check_contents(records, erasing, origin, findings)
    last = _check_revisions(connection, change, records, findings)
    signed_size = signed.size if signed else 0
    witnessed_size = max((one.size for one in held if one), default=0)
    return ChangeReport(
        change=change,
        count=len(records),
        findings=findings.in_order(),
        trusted=bool(pinned),
        signed_size=signed_size,
        witnessed_size=witnessed_size,
        uncovered=sum(record.seq >= signed_size for record in records),
        unwitnessed=sum(record.seq >= witnessed_size for record in records),
        last_revision=last,
        erased=erased,
    )


def _check_contents(
    records: Sequence[StoredRecord], erasing: Sequence[StoredRecord], origin: str, findings: Findings
) -> int:
    """What each record says by itself; how many values were erased under one of ``erasing``."""
    everything = sorted((*records, *erasing), key=lambda record: record.seq)
    check = ContentCheck(origin, findings, {record.seq for record in everything})
    for record in everything:
        check.check(record)
    return check.finish(end_of_log=True)


def _check_revisions(connection: Connection, change: str, records: Sequence[StoredRecord], findings: Findings) -> int:
    """Whether a record is missing between those that are there, or behind them; the last revision."""
    bodies = [_body_of(record) for record in records]
    found = revisions_in(bodies)
    table = tables.change
    stands_at = connection.execute(select(table.c.version).where(table.c.ref == change)).scalar()
    last_seq = records[-1].seq if records else 0
    if (gap := found.first_absent) is not None:
        after = (record.seq for record, body in zip(records, bodies, strict=True) if revision_of(body) > gap)
        message = f"no record is there of revision {gap} of {change}: it was taken out, or given to another change"
        findings.add(Layer.CONTENT, Kind.RECORD_MISSING, next(after, last_seq), message)
    elif found.twice is not None:
        message = f"two records say that they made revision {found.twice} of {change}"
        findings.add(Layer.CONTENT, Kind.RECORD_OUT_OF_ORDER, last_seq, message)
    elif records and number(stands_at) > found.last:
        message = f"{change} is at revision {stands_at}, and its records end with {found.last}"
        findings.add(Layer.CONTENT, Kind.RECORD_MISSING, last_seq, message)
    return found.last


def _body_of(record: StoredRecord) -> dict[str, Any]:
    try:
        return parse_canonical(record.body)
    except NotCanonical:  # the content check names it
        return {}


def check_size(connection: Connection, size: int, findings: Findings) -> None:
    """As many records are there as the tree counts; no number is left out then, because each is there once at most."""
    there = connection.execute(select(func.count()).select_from(tables.ledger_record)).scalar_one()
    if there == size:
        return
    table = tables.ledger_record
    following = table.alias()
    gap = (
        select(table.c.seq + 1)
        .where(~select(following.c.seq).where(following.c.seq == table.c.seq + 1).exists())
        .order_by(table.c.seq)
        .limit(1)
    )
    first = connection.execute(select(func.min(table.c.seq))).scalar()
    missing = 0 if first else connection.execute(gap).scalar() or 0
    message = f"the tree counts {size} records, {there} are there; the first that is missing is record {missing}"
    findings.add(Layer.ROW, Kind.RECORD_MISSING, missing, message)


def _agreeing(
    note: str,
    layer: Layer,
    origin: str,
    pinned: Sequence[PinnedKey],
    reader: HashReader,
    size: int,
    findings: Findings,
) -> Checkpoint | None:
    """The checkpoint in ``note``, if a trusted key signed it and the stored tree of ``size`` records begins with it."""
    place, at = "the checkpoint held outside" if layer is Layer.WITNESS else "the latest checkpoint", 0
    try:
        stated, _ = read_checkpoint(note)
        at = max(stated.size - 1, 0)
        if stated.origin != origin:
            raise WrongLog(f"it is of the log {stated.origin!r}, not of {origin!r}")
        if pinned:
            open_checkpoint(note, origin, keys_for(pinned, stated.size))
        if stated.size > size:
            message = f"{place} counts {stated.size} records, the database {size}: its end was cut off"
            findings.add(layer, Kind.LOG_TOO_SHORT, size, message)
        elif root_at(reader, stated.size) != stated.root:
            message = f"the tree of size {stated.size} is not the one that {place} states"
            findings.add(layer, Kind.CHECKPOINT_DIFFERS, at, message)
        else:
            return stated
    except NoteError as error:
        findings.add(layer, kind_of(error), at, f"{place}: {error}")
    except (NoSuchTile, ValueError) as error:
        findings.add(layer, Kind.CHECKPOINT_DIFFERS, at, f"{place} cannot be compared: {error}")
    return None


def _check_inclusion(record: StoredRecord, reader: HashReader, signed: Checkpoint, findings: Findings) -> None:
    try:
        proof = inclusion_proof(reader, record.seq, signed.size)
        verify_inclusion(leaf_hash(record.body), record.seq, signed.size, proof, signed.root)
    except (ProofInvalid, NoSuchTile, ValueError) as error:
        message = f"record {record.seq} cannot be proven to be in the ledger: {error}"
        findings.add(Layer.CHECKPOINT, Kind.CHECKPOINT_DIFFERS, record.seq, message)
