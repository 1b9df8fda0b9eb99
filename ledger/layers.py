"""The checks of the tree, one class per layer: records, heads, checkpoints inside and outside the database, tiles.

Each sees only what its layer would have, so that a report can say which layer an attack was found by. All of them read
their rows in order and keep no more than one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

from ledger.checkpoint import (
    OpenedCheckpoint,
    WrongLog,
    cosignatures_of,
    open_checkpoint,
    read_checkpoint,
)
from ledger.findings import Findings, Kind, Layer
from ledger.keys import PinnedKey, keys_for
from ledger.merkle import LEAF_PREFIX, CompactRange
from ledger.note import NoKnownSignature, NoteError, SignatureWrong, VerifierKey
from ledger.stored import StoredCheckpoint, StoredHead, StoredRecord
from ledger.tiles import TILE_WIDTH, NoSuchTile, TileSource, make_tile, tile_path


class Trust(NamedTuple):
    """What was known before anything was read: the log's name, its pinned keys, and the known witnesses."""

    origin: str
    pinned: Sequence[PinnedKey]
    witnesses: Sequence[VerifierKey]


class RowCheck:
    """L1: the records alone. Their numbers follow one another, and each leaf is the hash of its body."""

    def __init__(self, findings: Findings, start: int) -> None:
        """The first record is to have the number ``start``."""
        self._findings = findings
        self._expected = start

    def leaves_of(self, records: Sequence[StoredRecord]) -> list[bytes]:
        """The leaves of ``records``, hashed from their stored bytes. This is the hot loop of a verification."""
        seqs, bodies, stored, _, _ = zip(*records, strict=True)
        leaves = [sha256(LEAF_PREFIX + body).digest() for body in bodies]
        if tuple(leaves) != stored:
            self._find_leaf(records, leaves)
        expected = self._expected
        self._expected = records[-1].seq + 1
        if seqs != tuple(range(expected, expected + len(records))):
            self._find_gap(records, expected)
        return leaves

    def _find_leaf(self, records: Sequence[StoredRecord], leaves: Sequence[bytes]) -> None:
        seq = next(record.seq for record, leaf in zip(records, leaves, strict=True) if record.leaf_hash != leaf)
        message = f"the leaf hash of record {seq} is not the hash of its body"
        self._findings.add(Layer.ROW, Kind.LEAF_DIFFERS, seq, message)

    def _find_gap(self, records: Sequence[StoredRecord], expected: int) -> None:
        for record in records:
            if record.seq > expected:
                message = f"record {expected} is missing; the next one there is {record.seq}"
                self._findings.add(Layer.ROW, Kind.RECORD_MISSING, expected, message)
                return
            if record.seq < expected:
                message = f"record {record.seq} stands where record {expected} belongs"
                self._findings.add(Layer.ROW, Kind.RECORD_OUT_OF_ORDER, record.seq, message)
                return
            expected += 1


class HeadCheck:
    """L2: the states of the tree that the database keeps, one per batch, against the records."""

    def __init__(self, heads: Iterable[StoredHead], findings: Findings, start: int) -> None:
        """Heads below ``start`` are passed over; they are expected in the order of their size."""
        self._heads = (head for head in heads if not 0 <= head.size < start)
        self._findings = findings
        self._next: StoredHead | None = next(self._heads, None)
        self._covered: int | None = None if start else 0

    @property
    def next_size(self) -> int | None:
        """The size at which the next head wants to be compared."""
        return self._next.size if self._next else None

    def check(self, tree: CompactRange) -> None:
        """Compare every head that is due at the present size."""
        while (head := self._next) is not None and head.size <= tree.size:
            self._next = next(self._heads, None)
            if head.size < tree.size or (self._covered is not None and head.first_seq != self._covered):
                message = f"the head of size {head.size} does not follow the one before it"
                self._findings.add(Layer.HEAD, Kind.HEAD_OUT_OF_ORDER, _last_seq(head.size), message)
            elif head.frontier != tree.to_bytes() or head.root != tree.root():
                message = f"the head of size {head.size} does not fit the records before it"
                self._findings.add(Layer.HEAD, Kind.HEAD_DIFFERS, _last_seq(head.size), message)
            self._covered = head.size

    def finish(self, size: int) -> None:
        """The log ended at ``size``; say what is missing on either side."""
        if self._next is not None:
            message = f"the database's own head counts {self._next.size} records, {size} are there"
            self._findings.add(Layer.HEAD, Kind.LOG_TOO_SHORT, size, message)
        elif self._covered is not None and self._covered < size:
            message = f"no head covers the records from {self._covered} on"
            self._findings.add(Layer.HEAD, Kind.RECORDS_WITHOUT_HEAD, self._covered, message)


class CheckpointCheck:
    """L3 or L4: signed checkpoints against the records. What the outside adds is only where they were kept."""

    def __init__(
        self, layer: Layer, checkpoints: Iterable[StoredCheckpoint], findings: Findings, trust: Trust, start: int
    ) -> None:
        """Checkpoints below ``start`` are passed over; they are expected in the order of their size."""
        self._layer = layer
        self._rows = (row for row in checkpoints if not 0 <= row.size < start)
        self._findings = findings
        self._trust = trust
        self._next: StoredCheckpoint | None = next(self._rows, None)
        self.latest: OpenedCheckpoint | None = None
        """The largest checkpoint that was in order."""
        self.cosigned: OpenedCheckpoint | None = None
        """The largest one in order that a known witness cosigned."""

    @property
    def next_size(self) -> int | None:
        """The size at which the next checkpoint wants to be compared."""
        return self._next.size if self._next else None

    def check(self, tree: CompactRange) -> None:
        """Compare every checkpoint that is due at the present size."""
        while (row := self._next) is not None and row.size <= tree.size:
            self._next = next(self._rows, None)
            try:
                self._compare(row, tree)
            except NoteError as error:
                seq = _last_seq(row.size)
                self._findings.add(self._layer, kind_of(error), seq, f"{self._called(row.size)}: {error}")

    def finish(self, size: int) -> None:
        """The log ended at ``size``; say if a checkpoint knows more records than that."""
        if self._next is not None:
            message = f"{self._called(self._next.size)} counts more records than the {size} that are there"
            self._findings.add(self._layer, Kind.LOG_TOO_SHORT, size, message)

    def _compare(self, row: StoredCheckpoint, tree: CompactRange) -> None:
        opened = self._open(row)
        stated = opened.checkpoint
        if stated.size != row.size or tree.size != row.size or stated.root != tree.root():
            message = f"{self._called(row.size)} does not fit the records before it"
            self._findings.add(self._layer, Kind.CHECKPOINT_DIFFERS, _last_seq(row.size), message)
            return
        self.latest = opened
        if opened.cosignatures:
            self.cosigned = opened

    def _open(self, row: StoredCheckpoint) -> OpenedCheckpoint:
        origin, pinned, witnesses = self._trust
        if pinned:
            return open_checkpoint(row.note, origin, keys_for(pinned, row.size), witnesses)
        checkpoint, note = read_checkpoint(row.note)
        if checkpoint.origin != origin:
            raise WrongLog(f"it is of the log {checkpoint.origin!r}, not of {origin!r}")
        return OpenedCheckpoint(checkpoint, note, (), cosignatures_of(note, witnesses))

    def _called(self, size: int) -> str:
        place = "the checkpoint held outside, of" if self._layer is Layer.WITNESS else "the checkpoint of"
        return f"{place} size {size}"


class TileCheck:
    """T: the stored full tiles, and the root beside each, against the records."""

    def __init__(self, source: TileSource, findings: Findings) -> None:
        """Tiles that begin before the first record read are passed over."""
        self._source = source
        self._findings = findings
        self._growing: dict[int, list[bytes]] = {}

    def add(self, first: int, hashes: Sequence[bytes], level: int = 0) -> None:
        """Take the next hashes of a level, from number ``first``; they must not reach across a tile's end."""
        offset = first % TILE_WIDTH
        if offset == 0:
            self._growing[level] = []
        growing = self._growing.get(level)
        if growing is None:
            return
        growing.extend(hashes)
        if len(growing) == TILE_WIDTH:
            index = first // TILE_WIDTH
            self.add(index, [self._compare(level, index, growing)], level + 1)

    def _compare(self, level: int, index: int, hashes: Sequence[bytes]) -> bytes:
        made = make_tile(level, index, hashes)
        last = _last_seq((index + 1) * TILE_WIDTH ** (level + 1))
        try:
            stored = self._source.tile(level, index)
        except NoSuchTile:
            message = f"the tile {tile_path(level, index)} is missing"
            self._findings.add(Layer.TILE, Kind.TILE_MISSING, last, message)
            return made.root
        if (stored.data, stored.root) != (made.data, made.root):
            part = "content" if stored.data != made.data else "root"
            message = f"the {part} of the tile {tile_path(level, index)} does not fit the records"
            self._findings.add(Layer.TILE, Kind.TILE_DIFFERS, last, message)
        return made.root


class Outside(NamedTuple):
    """Checkpoints held outside, ready to be compared."""

    rows: Iterable[StoredCheckpoint]
    """In the order of their size."""
    unreadable: str | None = None
    """What is wrong with the first that cannot be read. That one counts as a finding: a half-written file and a
    destroyed one look the same."""
    latest: str | None = None
    """The note of the largest."""


def external_rows(notes: Iterable[str] | Outside) -> Outside:
    """Notes held outside, put in order in memory, where the caller has not done that in another way."""
    if isinstance(notes, Outside):
        return notes
    rows: list[StoredCheckpoint] = []
    unreadable: str | None = None
    for note in notes:
        try:
            checkpoint, _ = read_checkpoint(note)
        except NoteError as error:
            unreadable = unreadable or f"a checkpoint held outside cannot be read: {error}"
        else:
            rows.append(StoredCheckpoint(checkpoint.size, note))
    rows.sort()
    return Outside(rows, unreadable, rows[-1].note if rows else None)


def _last_seq(size: int) -> int:
    """The record that a state of this size ends with; a tampered size may be negative."""
    return max(size - 1, 0)


def kind_of(error: NoteError) -> Kind:
    if isinstance(error, WrongLog):
        return Kind.OTHER_LOG
    if isinstance(error, NoKnownSignature | SignatureWrong):
        return Kind.CHECKPOINT_UNTRUSTED
    return Kind.CHECKPOINT_UNREADABLE
