"""Verifying a whole log or a range of it, as a stream: what is wrong first, and which layers see it.

Pure: rows come as iterables in the order of their sequence number or size, from any storage. Memory stays the same
however long the log is. Uniqueness of record ids and idempotency keys is not looked at here, because that would need
memory for every record; the storage's unique constraints, and one query in it, answer that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ledger.contents import ContentCheck
from ledger.findings import Finding, Findings, Kind, Layer, Report, utc
from ledger.keys import PinnedKey
from ledger.layers import CheckpointCheck, HeadCheck, Outside, RowCheck, TileCheck, Trust, external_rows
from ledger.merkle import CompactRange
from ledger.note import VerifierKey
from ledger.stored import StoredCheckpoint, StoredHead, StoredPrivate, StoredRecord
from ledger.tiles import TILE_WIDTH, TileSource

PROGRESS_STEP = 4_096
"""Records between two calls of the progress function, at most this many and a tile more."""
EVERYTHING = 2**63
"""Beyond the number of any record."""


def verify(
    records: Iterable[StoredRecord],
    heads: Iterable[StoredHead],
    checkpoints: Iterable[StoredCheckpoint],
    pinned: Sequence[PinnedKey],
    external: Iterable[str] | Outside = (),
    *,
    origin: str,
    witnesses: Sequence[VerifierKey] = (),
    tiles: TileSource | None = None,
    contents: bool = True,
    start: CompactRange | None = None,
    stop: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Verify a log.

    Args:
        records: the records from ``start`` on, by sequence number.
        heads: the head rows, by size; those before ``start`` may be left out.
        checkpoints: the checkpoints in the database, by size; likewise.
        pinned: the keys trusted for checkpoints, configured outside the database. Without any, signatures are not
            verified and the report says so.
        external: checkpoint notes kept outside the database, or notes with a witness's cosignature, in any
            order; or all that is to be known about them, where there are too many for memory.
        origin: the log's name, which every record and checkpoint must bear.
        witnesses: the keys of known witnesses (type 0x04).
        tiles: where the full tiles are stored, to compare them too.
        contents: False looks at the tree only: many times faster, and blind to edited columns and private values.
        start: the state of the tree before the first record that is given, for verifying a range. It need not be
            trusted: a later checkpoint that fits proves it.
        stop: read no further than this size, best that of a checkpoint.
        progress: called now and then with the number of records so far.
    """
    tree = start.copy() if start else CompactRange()
    findings = Findings()
    held = external_rows(external)
    trust = Trust(origin, pinned, witnesses)
    return _Verification(
        origin=origin,
        pinned=pinned,
        tree=tree,
        start=tree.size,
        stop=stop,
        records=iter(records),
        findings=findings,
        rows=RowCheck(findings, tree.size),
        heads=HeadCheck(heads, findings, tree.size),
        inside=CheckpointCheck(Layer.CHECKPOINT, checkpoints, findings, trust, tree.size),
        outside=CheckpointCheck(Layer.WITNESS, held.rows, findings, trust, tree.size),
        unreadable=held.unreadable,
        tiles=TileCheck(tiles, findings) if tiles else None,
        contents=ContentCheck(origin, findings, range(tree.size, EVERYTHING)) if contents else None,
        progress=progress,
    ).run()


@dataclass(kw_only=True)
class _Verification:
    """One run of :func:`verify`: the stream, and the checks it passes through."""

    origin: str
    pinned: Sequence[PinnedKey]
    tree: CompactRange
    start: int
    stop: int | None
    records: Iterator[StoredRecord]
    findings: Findings
    rows: RowCheck
    heads: HeadCheck
    inside: CheckpointCheck
    outside: CheckpointCheck
    unreadable: str | None
    tiles: TileCheck | None
    contents: ContentCheck | None
    progress: Callable[[int], None] | None

    def run(self) -> Report:
        """Read everything once."""
        reported = self.start
        self.heads.check(self.tree)
        self._check_checkpoints()
        for chunk in self._chunks():
            first = self.tree.size
            leaves = self.rows.leaves_of(chunk)
            self._grow(leaves)
            if self.tiles:
                self.tiles.add(first, leaves)
            if self.contents:
                for record in chunk:
                    self.contents.check(record)
            self._check_checkpoints()
            if self.progress and self.tree.size - reported >= PROGRESS_STEP:
                reported = self.tree.size
                self.progress(reported)
        return self._finish()

    def _chunks(self) -> Iterator[list[StoredRecord]]:
        """Runs of records that end where a tile ends or a checkpoint wants to be compared."""
        while True:
            size = self.tree.size
            tile_end = size - size % TILE_WIDTH + TILE_WIDTH
            ends = (tile_end, self.stop, self.inside.next_size, self.outside.next_size)
            end = min(one for one in ends if one is not None)
            chunk = list(islice(self.records, max(end - size, 0)))
            if not chunk:
                return
            yield chunk

    def _grow(self, leaves: Sequence[bytes]) -> None:
        """Add leaves, stopping at each head: there may be one for every record."""
        done = 0
        while done < len(leaves):
            due = self.heads.next_size
            end = len(leaves) if due is None else min(done + due - self.tree.size, len(leaves))
            if end - done == 1:
                self.tree.append(leaves[done])
            else:
                self.tree.extend(leaves[done:end])
            self.heads.check(self.tree)
            done = end

    def _check_checkpoints(self) -> None:
        self.inside.check(self.tree)
        self.outside.check(self.tree)

    def _finish(self) -> Report:
        size = self.tree.size
        end_of_log = self.stop is None or size < self.stop
        if end_of_log:
            for check in (self.heads, self.inside, self.outside):
                check.finish(size)
        if self.unreadable:
            self.findings.add(Layer.WITNESS, Kind.CHECKPOINT_UNREADABLE, max(size - 1, 0), self.unreadable)
        erased = self.contents.finish(end_of_log) if self.contents else 0
        signed = self.inside.latest if self.pinned else None
        cosigned = max(
            (one for one in (self.inside.cosigned, self.outside.cosigned) if one),
            key=lambda one: one.checkpoint.size,
            default=None,
        )
        cosignatures = cosigned.cosignatures if cosigned else ()
        cosigned_size = cosigned.checkpoint.size if cosigned else 0
        outside = self.outside.latest
        return Report(
            origin=self.origin,
            size=size,
            root=self.tree.root(),
            findings=self.findings.in_order(),
            trust=tuple(f"{one.key.name}+{one.key.key_id.hex()}" for one in self.pinned),
            signed_size=signed.checkpoint.size if signed else 0,
            signed_by=", ".join(key.name for key in signed.signed_by) if signed else "",
            witnessed_size=max(cosigned_size, outside.checkpoint.size if outside else 0),
            cosigned_size=cosigned_size,
            cosigned_at=utc(max(one.timestamp for one in cosignatures)) if cosignatures else None,
            cosigned_by=tuple(one.witness.name for one in cosignatures),
            erased=erased,
            contents=self.contents is not None,
            start=self.start,
        )


__all__ = [
    "Finding",
    "Kind",
    "Layer",
    "Report",
    "StoredCheckpoint",
    "StoredHead",
    "StoredPrivate",
    "StoredRecord",
    "verify",
]
