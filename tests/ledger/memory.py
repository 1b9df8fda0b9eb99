"""A whole log in memory, the reference that the pure core is tested over, and the attacker's tools against it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from ledger.canonical import canonical_bytes, parse_canonical
from ledger.checkpoint import Checkpoint, sign_checkpoint
from ledger.keys import PinnedKey, SigningKey, key_from_text
from ledger.merkle import CompactRange, leaf_hash
from ledger.record import (
    Actor,
    Draft,
    Erasure,
    Evidence,
    Links,
    Position,
    PrivateValue,
    Source,
    Subject,
    columns_of,
    new_salts,
    seal,
)
from ledger.stored import StoredCheckpoint, StoredHead, StoredPrivate, StoredRecord
from ledger.tiles import NoSuchTile, Tile, completed_tiles
from ledger.verification import Report, verify

ORIGIN = "groundswell.example/log"
START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
LOG_KEY = key_from_text(ORIGIN, "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=")
OTHER_KEY = key_from_text(ORIGIN, "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=")
PINNED = (PinnedKey(LOG_KEY.verifier_key),)
POLICY_TEXT = "policy: default\nversion: 3\n"
POLICY_SHA256 = sha256(POLICY_TEXT.encode()).hexdigest()


def draft(number: int, **changes: Any) -> Draft:
    """A plausible record of about a kilobyte, the same for the same number."""
    values: dict[str, Any] = {
        "idem_key": f"default/change-{number % 20}/decision-{number}",
        "type": "org.groundswell.test.endorsed",
        "action": "endorse",
        "outcome": "applied",
        "occurred_at": START + timedelta(minutes=number),
        "actor": Actor(kind="user", ref=f"p-{number % 7}", role="manager"),
        "subject": Subject(
            change_id=f"c-{number % 20}",
            revision=number // 20 + 1,
            stage="testing",
            policy_id="default",
            policy_version=3,
            policy_sha256=POLICY_SHA256,
        ),
        "before": {"state": "proposed", "note": f"Ümläut {number}"},
        "after": {"state": "endorsed", "share": "0.25", "waves": [5, 25, 100]},
        "source": Source(component="worker", version="1.0.0", worker="w-1"),
        "links": Links(evidence=(Evidence(sha256=f"{number:064x}", name=f"result {number}.csv"),)),
        "private": (
            PrivateValue(label="actor.name", value=f"Mara {number}", section="actor", subject_ref=f"p-{number % 7}"),
            PrivateValue(label="reason.text", value="It works – tried it twice.", section="reason"),
        ),
    }
    return Draft(**{**values, **changes})


def erasure(number: int, *places: tuple[int, str]) -> Draft:
    """A record that says which private values were erased."""
    return draft(
        number,
        type="org.groundswell.ledger.erased",
        action="erase",
        actor=Actor(kind="system", ref="system"),
        subject=Subject(),
        links=Links(erases=tuple(Erasure(seq=seq, labels=(label,)) for seq, label in places)),
        private=(),
    )


@dataclass
class MemoryLog:
    """The tables of a log as lists. It is a ``TileSource`` too."""

    key: SigningKey = LOG_KEY
    origin: str = ORIGIN
    records: list[StoredRecord] = field(default_factory=list)
    heads: list[StoredHead] = field(default_factory=list)
    checkpoints: list[StoredCheckpoint] = field(default_factory=list)
    tiles: dict[tuple[int, int], Tile] = field(default_factory=dict)

    def copy(self) -> MemoryLog:
        """A log to attack, while the original stays."""
        return replace(
            self,
            records=list(self.records),
            heads=list(self.heads),
            checkpoints=list(self.checkpoints),
            tiles=dict(self.tiles),
        )

    def append_many(self, drafts: Sequence[Draft]) -> None:
        """One batch: records, one head, the tiles it completes."""
        first = len(self.records)
        for seq, one in enumerate(drafts, start=first):
            recorded_at = START + timedelta(seconds=seq)
            self.append_sealed(one, Position(self.origin, seq, f"r-{seq}", recorded_at))
        self._close_batch(first)

    def append_sealed(self, one: Draft, position: Position) -> None:
        """One record, without a head."""
        salts = new_salts(one)
        raw = seal(one, position, salts).to_bytes()
        private = tuple(StoredPrivate(value.label, salts[value.label], value.value) for value in one.private)
        self.records.append(StoredRecord(position.seq, raw, leaf_hash(raw), columns_of(parse_canonical(raw)), private))

    def _close_batch(self, first: int) -> None:
        tree = self.heads[-1] if self.heads else StoredHead(0, b"", b"", 0)
        compact = CompactRange.from_bytes(tree.size, tree.frontier)
        leaves = [record.leaf_hash for record in self.records[first:]]
        for tile in completed_tiles(self, first, leaves):
            self.tiles[tile.level, tile.index] = tile
        compact.extend(leaves)
        self.heads.append(StoredHead(compact.size, compact.to_bytes(), compact.root(), first))

    def note(self, *keys: SigningKey) -> str:
        """A checkpoint of the present state, signed, not stored."""
        head = self.heads[-1]
        return str(sign_checkpoint(Checkpoint(self.origin, head.size, head.root), keys or (self.key,)))

    def checkpoint(self) -> str:
        """Sign and store a checkpoint of the present state."""
        note = self.note()
        self.checkpoints.append(StoredCheckpoint(self.heads[-1].size, note))
        return note

    def tile(self, level: int, index: int) -> Tile:
        """See ``TileSource``."""
        if (level, index) not in self.tiles:
            raise NoSuchTile(f"tile {level}/{index} is not stored")
        return self.tiles[level, index]

    def tile_roots(self, level: int, first: int, count: int) -> Sequence[bytes]:
        """See ``TileSource``."""
        return [self.tile(level, index).root for index in range(first, first + count)]

    def leaves(self, first: int, count: int) -> Sequence[bytes]:
        """See ``TileSource``."""
        return [record.leaf_hash for record in self.records[first : first + count]]

    def verify(self, external: Iterable[str] = (), pinned: Sequence[PinnedKey] = PINNED, **more: Any) -> Report:
        """Verify this log as it is now."""
        return verify(self.records, self.heads, self.checkpoints, pinned, external, origin=self.origin, **more)

    # --- the attacker's tools ---

    def edit(self, place: int, /, **parts: Any) -> None:
        """Change fields of a stored record and nothing else."""
        self.records[place] = self.records[place]._replace(**parts)

    def edit_body(self, seq: int, change: Callable[[dict[str, Any]], None], *, columns: bool = True) -> None:
        """Change the body, and the columns with it."""
        body = parse_canonical(self.records[seq].body)
        change(body)
        self.edit(seq, body=canonical_bytes(body))
        if columns:
            self.edit(seq, columns=columns_of(body))

    def set_fields(self, place: int, /, **fields: Any) -> None:
        """Change fields of the body, and the columns with them."""
        self.edit_body(place, lambda body: body.update(fields))

    def fix_leaf(self, seq: int) -> None:
        """Make the leaf hash fit the body."""
        self.edit(seq, leaf_hash=leaf_hash(self.records[seq].body))

    def fix_heads(self) -> None:
        """Make every head and tile fit the records."""
        leaves = [record.leaf_hash for record in self.records]
        compact, before, heads = CompactRange(), 0, list[StoredHead]()
        for head in self.heads:
            size = min(head.size, len(leaves))
            if size == before:
                continue
            compact.extend(leaves[before:size])
            heads.append(StoredHead(size, compact.to_bytes(), compact.root(), before))
            before = size
        self.heads = heads
        self.tiles = {}
        for tile in completed_tiles(self, 0, leaves):
            self.tiles[tile.level, tile.index] = tile

    def renumber(self) -> None:
        """Give every record the number of its place, in its body and its columns."""
        for seq, record in enumerate(self.records):
            if record.seq != seq:
                self.set_fields(seq, seq=seq)
                self.edit(seq, seq=seq)
                self.fix_leaf(seq)

    def sign_again(self, key: SigningKey) -> None:
        """Put new checkpoints, by ``key``, in place of those in the database."""
        roots = {head.size: head.root for head in self.heads}
        self.checkpoints = [
            StoredCheckpoint(row.size, str(sign_checkpoint(Checkpoint(self.origin, row.size, roots[row.size]), [key])))
            for row in self.checkpoints
            if row.size in roots
        ]

    def cut(self, size: int) -> None:
        """Roll everything back to ``size``."""
        del self.records[size:]
        self.heads = [head for head in self.heads if head.size <= size]
        self.checkpoints = [row for row in self.checkpoints if row.size <= size]
        self.tiles = {}


def filled(count: int, batch: int = 10, every: int = 100) -> MemoryLog:
    """A log of ``count`` records in batches, with a checkpoint every so many."""
    log = MemoryLog()
    for first in range(0, count, batch):
        log.append_many([draft(number) for number in range(first, min(first + batch, count))])
        if len(log.records) % every == 0:
            log.checkpoint()
    return log
