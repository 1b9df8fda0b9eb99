"""The stored tiles, tile roots and leaves that proofs are read from."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from ledger.tiles import NoSuchTile, Tile, TileReader
from store import tables


class StoredTiles:
    """A ``ledger.tiles.TileSource`` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def tile(self, level: int, index: int) -> Tile:
        """A stored full tile.

        Raises:
            NoSuchTile: it is not stored.
        """
        table = tables.ledger_tile
        row = self._connection.execute(
            select(table.c.data, table.c.root).where(table.c.level == level, table.c.index == index)
        ).first()
        if row is None:
            raise NoSuchTile(f"the tile {index} of level {level} is not stored")
        return Tile(level, index, bytes(row.data), bytes(row.root))

    def tile_roots(self, level: int, first: int, count: int) -> Sequence[bytes]:
        """The roots of full tiles.

        Raises:
            NoSuchTile: one of them is not stored.
        """
        table = tables.ledger_tile
        query = select(table.c.root).where(table.c.level == level, table.c.index.between(first, first + count - 1))
        return self._all(query.order_by(table.c.index), count, f"tiles of level {level} from {first} on")

    def leaves(self, first: int, count: int) -> Sequence[bytes]:
        """The leaf hashes of records.

        Raises:
            NoSuchTile: one of them is not stored.
        """
        table = tables.ledger_record
        query = select(table.c.leaf_hash).where(table.c.seq.between(first, first + count - 1)).order_by(table.c.seq)
        return self._all(query, count, f"records from {first} on")

    def _all(self, query: object, count: int, what: str) -> Sequence[bytes]:
        found = [bytes(row) for row in self._connection.execute(query).scalars()]  # type: ignore[call-overload]
        if len(found) != count:
            raise NoSuchTile(f"of {count} {what}, {len(found)} are stored")
        return found


def stored_reader(connection: Connection, size: int) -> TileReader:
    """Reads hashes of the tree of ``size`` records, for a proof or a few."""
    return TileReader(StoredTiles(connection), size)
