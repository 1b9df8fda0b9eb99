"""Rebuilding tiles that were lost: they hold nothing that the records do not say, but without them nothing is proven.

They are made of the records' stored bytes, and only where these make every tree that is known from elsewhere: those
held outside, and the latest that a trusted key signed. Whoever altered records cannot have that covered up by this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine, insert, select

from ledger.checkpoint import open_checkpoint, read_checkpoint
from ledger.keys import PinnedKey, keys_for
from ledger.merkle import CompactRange, leaf_hash
from ledger.note import NoteError
from ledger.tiles import TILE_WIDTH, NoSuchTile, Tile, make_tile, tile_path
from store import tables
from store.as_stored import octets, rows_of
from store.checkpoints import check_outside, head_of, latest_checkpoint
from store.database import adding, reading
from store.ledger import Entry, append_many
from store.outside import Asked, ask_outside
from store.restoring import NotAccepted, require_two_people
from store.sinks import Sink
from store.stopping import go_on
from store.tiles import StoredTiles

CHUNK = 2_000
"""Records that are read at a time."""


class Rebuilt(NamedTuple):
    """What was done."""

    tiles: int
    """How many were missing and are there now."""
    size: int
    """The largest tree known from elsewhere that the records make."""


def rebuild_tiles(
    engine: Engine,
    sinks: Sequence[Sink],
    pinned: Sequence[PinnedKey],
    reason: str,
    by: str,
    confirmed_by: str,
    now: datetime,
) -> Rebuilt:
    """Write the tiles that are missing, on record, and let the ledger go on where it fits everything again.

    Raises:
        NotAccepted: the records do not make the trees that are known from elsewhere, none is known, a tile that is
            there is not that of the records, no reason is given, or it is not two different people of the directory.
        LedgerDamaged: the database does not fit what is held outside.
    """
    asked = ask_outside(engine, sinks)  # before the database is looked at: it grows meanwhile
    with reading(engine) as connection:
        require_two_people(connection, reason, by, confirmed_by)
    with adding(engine) as connection:
        known = _known(connection, asked, pinned)
        missing = _missing(connection, known)
        for start in range(0, len(missing), 100):
            rows = [
                {"level": tile.level, "index": tile.index, "data": tile.data, "root": tile.root}
                for tile in missing[start : start + 100]
            ]
            connection.execute(insert(tables.ledger_tile), rows)
        check_outside(connection, head_of(connection), asked)
        go_on(connection)
        rebuilt = Entry.about_the_ledger(
            f"tiles-rebuilt/{now:%Y%m%dT%H%M%S%f}",
            "tiles_rebuilt",
            by,
            now,
            content={"reason": reason.strip(), "confirmed_by": confirmed_by},
            facts={"tiles": len(missing), "agreed_size": max(known)},
        )
        append_many(connection, [rebuilt], now)
    return Rebuilt(len(missing), max(known))


def _known(connection: Connection, asked: Asked, pinned: Sequence[PinnedKey]) -> dict[int, bytes]:
    """The roots that are known from elsewhere, by size, and that of the tree as the database has it."""
    known = {one.kept.size: one.kept.root for one in asked.answers if one.kept}
    latest = latest_checkpoint(connection)
    if latest:
        try:
            stated, _ = read_checkpoint(latest.note)
            signed = open_checkpoint(latest.note, asked.origin, keys_for(pinned, stated.size)).checkpoint
            if known.setdefault(signed.size, signed.root) != signed.root:
                raise NotAccepted(f"Two checkpoints of size {signed.size:,} state different trees. Look at them first.")
        except NoteError:
            pass  # by nobody who is trusted here; what is held outside decides
    if not known:
        raise NotAccepted(
            "No checkpoint is held outside, and none in the database is signed by a key that is trusted here: nothing "
            "says whether the records are those that were recorded. Set GROUNDSWELL_LEDGER_TRUSTED_KEYS."
        )
    head = head_of(connection)
    if max(known) > head.size:
        raise NotAccepted("More records were signed than are there. See: groundswell audit restore-status")
    if known.setdefault(head.size, head.root) != head.root:
        raise NotAccepted(f"The tree of size {head.size:,} in the database is not the one that was signed.")
    return known


def _missing(connection: Connection, known: dict[int, bytes]) -> list[Tile]:
    """The tiles that the records make and that are not there; the records have to make every tree in ``known``."""
    missing: list[Tile] = []
    stored = StoredTiles(connection)
    growing: dict[int, list[bytes]] = {}
    tree = CompactRange()
    for leaf in _leaves(connection, max(known)):
        tree.append(leaf)
        if tree.size in known and tree.root() != known[tree.size]:
            raise NotAccepted(
                f"The first {tree.size:,} records do not make the tree that is known from elsewhere: they were "
                "altered. See: groundswell audit verify"
            )
        _grow(growing, leaf, tree.size, stored, missing)
    return missing


def _grow(growing: dict[int, list[bytes]], leaf: bytes, size: int, stored: StoredTiles, missing: list[Tile]) -> None:
    """Add a leaf to the tile it belongs to, and each tile that is full now to the one above."""
    level, made = 0, leaf
    while True:
        hashes = growing.setdefault(level, [])
        hashes.append(made)
        if len(hashes) < TILE_WIDTH:
            return
        tile = make_tile(level, size // TILE_WIDTH ** (level + 1) - 1, hashes)
        growing[level] = []
        try:
            there = stored.tile(level, tile.index)
        except NoSuchTile:
            missing.append(tile)
        else:
            if (there.data, there.root) != (tile.data, tile.root):
                raise NotAccepted(
                    f"The stored {tile_path(level, tile.index)} is not that of the records. Whoever may alter the "
                    "database has to take it out, with the trigger that guards it switched off; then do this again."
                )
        level, made = level + 1, tile.root


def _leaves(connection: Connection, size: int) -> Iterator[bytes]:
    """The hashes of the stored bytes of the first ``size`` records."""
    table = tables.ledger_record
    for start in range(0, size, CHUNK):
        stop = min(start + CHUNK, size)
        query = select(table.c.seq, table.c.body).where(table.c.seq.between(start, stop - 1)).order_by(table.c.seq)
        rows = rows_of(connection, query)
        if [row.seq for row in rows] != list(range(start, stop)):
            raise NotAccepted(
                f"Not all records from {start:,} to {stop - 1:,} are there. See: groundswell audit verify"
            )
        yield from (leaf_hash(octets(row.body)) for row in rows)
