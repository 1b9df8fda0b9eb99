"""The stored tiles, tile roots and leaves that proofs are read from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Integer,
    Select,
    bindparam,
    literal_column,
    select,
    union_all,
)

from ledger.proofs import inclusion_proof
from ledger.tiles import TILE_WIDTH, NoSuchTile, Tile, TileAddress, TileReader, hashes_of, tiles_wanted
from store import tables
from store.as_stored import octets
from store.prepared import Prepared


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
        return Tile(level, index, octets(row.data), octets(row.root))

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
        found = [octets(row) for row in self._connection.execute(query).scalars()]  # type: ignore[call-overload]
        if len(found) != count:
            raise NoSuchTile(f"of {count} {what}, {len(found)} are stored")
        return found


def stored_reader(connection: Connection, size: int) -> TileReader:
    """Reads hashes of the tree of ``size`` records, for a proof or a few."""
    return TileReader(StoredTiles(connection), size)


def passing_reader(connection: Connection, size: int) -> TileReader:
    """Reads hashes of the tree of ``size`` records from the left to the right, in memory that stays the same."""
    return TileReader(StoredTiles(connection), size, passing=True)


def stored_inclusion(connection: Connection, seq: int, size: int) -> list[bytes]:
    """The proof that record ``seq`` is in the tree of ``size`` records, made of one query.

    Raises:
        NoSuchTile: the log is not that long, or the storage lost a tile.
        ValueError: there is no such record in a tree of that size.
    """
    wanted = tiles_wanted(size, lambda reader: inclusion_proof(reader, seq, size))
    reader = TileReader(StoredTiles(connection), size, _read_together(connection, wanted))
    return inclusion_proof(reader, seq, size)


def _read_together(connection: Connection, wanted: Sequence[TileAddress]) -> dict[tuple[int, int], list[bytes]]:
    """The hashes of each tile that is there in full; the reader asks again for what is not, and says what is lost."""
    if not wanted:
        return {}
    places = [_place(tile) for tile in wanted]
    values = {f"{name}{part}": value for part, (_, place) in enumerate(places) for name, value in place.items()}
    found: list[list[tuple[int, bytes]]] = [[] for _ in wanted]
    for part, index, data in _together(tuple(kind for kind, _ in places)).read(connection, values):
        found[part].append((index, octets(data)))
    read = {}
    for tile, rows in zip(wanted, found, strict=True):
        hashes = hashes_of(b"".join(data for _, data in sorted(rows)))
        if len(hashes) == tile.width:
            read[tile.level or 0, tile.index] = hashes
    return read


def _place(tile: TileAddress) -> tuple[str, dict[str, int]]:
    """Where the hashes of a tile lie, and the values of the query for them: full tiles are stored, others are not."""
    level, first = tile.level or 0, tile.index * TILE_WIDTH
    if tile.width == TILE_WIDTH:
        return "tile", {"level": level, "index": tile.index}
    if level:
        return "roots", {"level": level - 1, "first": first, "last": first + tile.width - 1}
    return "leaves", {"first": first, "last": first + tile.width - 1}


@cache
def _together(kinds: tuple[str, ...]) -> Prepared:
    """One query for several tiles. A proof has few of them, so there are few such queries, and each is built once."""
    return Prepared(union_all(*(_part(part, kind) for part, kind in enumerate(kinds))))


def _part(part: int, kind: str) -> Select[Any]:
    tiles, records = tables.ledger_tile, tables.ledger_record
    number = literal_column(str(part), Integer).label("part")
    values: list[BindParameter[int]] = [bindparam(f"{name}{part}") for name in ("level", "first", "last")]
    level, first, last = values
    if kind == "tile":
        where = (tiles.c.level == level, tiles.c.index == bindparam(f"index{part}"))
        return select(number, tiles.c.index, tiles.c.data.label("hashes")).where(*where)
    if kind == "roots":
        return select(number, tiles.c.index, tiles.c.root).where(
            tiles.c.level == level, tiles.c.index.between(first, last)
        )
    return select(number, records.c.seq, records.c.leaf_hash).where(records.c.seq.between(first, last))
