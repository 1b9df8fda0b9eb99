"""The tree as 256-wide tiles in the C2SP tlog-tiles layout: paths, contents, entry bundles, reading hashes from them.

Only full tiles are stored, once, each with the root over it: proofs read from tiles without that root are 16 to 40
times slower (reference/ledger.md 6.4). What lies right of the last full tile is read from the leaves themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.merkle import HASH_SIZE, perfect_root

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
TILE_BYTES = TILE_WIDTH * HASH_SIZE
"""Bytes in a full tile: 8,192."""
MAXIMUM_LEVEL = 63
MAXIMUM_ENTRY = 65_535
"""The longest entry in bytes that a bundle can carry."""


class NoSuchTile(LookupError):
    """A tile or bundle that a tree of this size does not have, or that the storage has lost."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A full tile: 256 hashes, and the root over them, which is one hash in a tile of the level above."""

    level: int
    index: int
    data: bytes
    root: bytes


class TileSource(Protocol):
    """What a storage has to answer. Every list is exactly as long as asked for, or :class:`NoSuchTile` is raised."""

    def tile(self, level: int, index: int) -> Tile:
        """A stored full tile."""
        ...

    def tile_roots(self, level: int, first: int, count: int) -> Sequence[bytes]:
        """The root column of ``count`` full tiles of one level, from index ``first``."""
        ...

    def leaves(self, first: int, count: int) -> Sequence[bytes]:
        """The leaf hashes of ``count`` records, from sequence number ``first``."""
        ...


@dataclass(frozen=True, slots=True)
class TileAddress:
    """Which tile a path names. ``level`` is None for an entry bundle; ``width`` is 256 for a full one."""

    level: int | None
    index: int
    width: int

    def path(self) -> str:
        """The path below the log's prefix: ``tile/0/x001/x234/067.p/112``, ``tile/entries/000``."""
        level = "entries" if self.level is None else str(self.level)
        digits = str(self.index)
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        steps = [digits[start : start + 3] for start in range(0, len(digits), 3)]
        name = "/".join([*(f"x{step}" for step in steps[:-1]), steps[-1]])
        return f"tile/{level}/{name}" + ("" if self.width == TILE_WIDTH else f".p/{self.width}")


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """The C2SP path of a hash tile; a ``width`` below 256 names a partial one."""
    return TileAddress(level, index, width).path()


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """The C2SP path of an entry bundle; a ``width`` below 256 names a partial one."""
    return TileAddress(None, index, width).path()


def parse_tile_path(path: str) -> TileAddress:
    """The tile that ``path`` names.

    Raises:
        NoSuchTile: ``path`` is not exactly the form that tlog-tiles prescribes.
    """
    match = _PATH.fullmatch(path)
    if match is None:
        raise NoSuchTile(f"{path!r} is not a tile path")
    level = None if match["level"] == "entries" else int(match["level"])
    index = int(match["index"].replace("x", "").replace("/", ""))
    address = TileAddress(level, index, int(match["width"] or TILE_WIDTH))
    if (level or 0) > MAXIMUM_LEVEL or not 1 <= address.width <= TILE_WIDTH or address.path() != path:
        raise NoSuchTile(f"{path!r} is not a tile path")
    return address


_PATH = re.compile(
    r"tile/(?P<level>entries|[0-9]{1,2})/(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[0-9]{1,3}))?",
    re.ASCII,
)


def tile_addresses(size: int) -> Iterator[TileAddress]:
    """Every hash tile of a tree of ``size`` leaves, full and partial, lowest level first."""
    level = 0
    while count := size >> (TILE_HEIGHT * level):
        full, partial = divmod(count, TILE_WIDTH)
        yield from (TileAddress(level, index, TILE_WIDTH) for index in range(full))
        if partial:
            yield TileAddress(level, full, partial)
        level += 1


def make_tile(level: int, index: int, hashes: Sequence[bytes]) -> Tile:
    """The full tile of exactly 256 hashes.

    Raises:
        ValueError: there are more or fewer.
    """
    if len(hashes) != TILE_WIDTH:
        raise ValueError(f"a full tile has {TILE_WIDTH} hashes, not {len(hashes)}")
    return Tile(level, index, b"".join(hashes), perfect_root(hashes))


def hashes_of(data: bytes) -> list[bytes]:
    """The hashes in the bytes of a tile."""
    return [data[start : start + HASH_SIZE] for start in range(0, len(data), HASH_SIZE)]


def completed_tiles(source: TileSource, size: int, leaves: Sequence[bytes]) -> list[Tile]:
    """The full tiles that appending ``leaves`` to a log of ``size`` records completes, lowest level first.

    ``source`` is asked only for what was there before, and only when a tile is completed.
    """
    made: list[Tile] = []
    level, before, added = 0, size, list(leaves)
    while added:
        start = before - before % TILE_WIDTH
        if before + len(added) - start < TILE_WIDTH:
            break
        added = [*_hashes_before(source, level, start, before - start), *added]
        tiles = [
            make_tile(level, (start + offset) // TILE_WIDTH, added[offset : offset + TILE_WIDTH])
            for offset in range(0, len(added) - TILE_WIDTH + 1, TILE_WIDTH)
        ]
        made += tiles
        level, before, added = level + 1, start // TILE_WIDTH, [tile.root for tile in tiles]
    return made


def _hashes_before(source: TileSource, level: int, first: int, count: int) -> Sequence[bytes]:
    """Hashes of a tile that is not full yet: leaves, or the roots of the full tiles one level below."""
    if count == 0:
        return ()
    return source.leaves(first, count) if level == 0 else source.tile_roots(level - 1, first, count)


def tile_bytes(source: TileSource, size: int, address: TileAddress) -> bytes:
    """The content of a hash tile, full or partial, for a log of ``size`` records, as it is served.

    Raises:
        NoSuchTile: the tree has no such tile, or not that many hashes in it.
    """
    if address.level is None:
        raise NoSuchTile("an entry bundle is not a hash tile")
    available = (size >> (TILE_HEIGHT * address.level)) - address.index * TILE_WIDTH
    if available < address.width:
        raise NoSuchTile(f"a log of {size} records has no tile {address.path()}")
    if available >= TILE_WIDTH:
        return source.tile(address.level, address.index).data[: address.width * HASH_SIZE]
    return b"".join(_hashes_before(source, address.level, address.index * TILE_WIDTH, address.width))


def entry_bundle(entries: Iterable[bytes]) -> bytes:
    """The entry bundle of up to 256 records' stored bytes: each preceded by its length in two bytes.

    Raises:
        ValueError: an entry is longer than 65,535 bytes.
    """
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > MAXIMUM_ENTRY:
            raise ValueError(f"an entry has {len(entry):,} bytes; a bundle can carry {MAXIMUM_ENTRY:,}")
        parts += [len(entry).to_bytes(2, "big"), entry]
    return b"".join(parts)


def parse_entry_bundle(raw: bytes) -> list[bytes]:
    """The entries of a bundle.

    Raises:
        ValueError: the bundle ends in the middle of an entry.
    """
    entries: list[bytes] = []
    position = 0
    while position < len(raw):
        start = position + 2
        position = start + int.from_bytes(raw[position:start], "big")
        if start > len(raw) or position > len(raw):
            raise ValueError(f"the bundle ends in the middle of entry {len(entries)}")
        entries.append(raw[start:position])
    return entries


class TileReader:
    """A ``HashReader`` over stored full tiles, root columns and the leaves right of the last full tile.

    Keeps the tiles it has read, so make one for each proof or small set of proofs, and not one for ever.
    """

    def __init__(
        self,
        source: TileSource,
        size: int,
        read: Mapping[tuple[int, int], Sequence[bytes]] | None = None,
        *,
        passing: bool = False,
    ) -> None:
        """Read from ``source``, which holds ``size`` records.

        Args:
            source: where the hashes are.
            size: how many records it holds.
            read: tiles that were read already, the hashes of each under its level and index (see :func:`tiles_wanted`).
            passing: for whoever goes through the log from the left to the right: one tile of each level is kept.
        """
        self._source = source
        self._size = size
        self._read = dict(read or {})
        self._passing = passing

    def subtree_root(self, level: int, index: int) -> bytes:
        """The root over the 2**``level`` leaves that begin at leaf ``index`` * 2**``level``.

        Raises:
            NoSuchTile: the log is not that long, or the storage lost the tile.
        """
        if (index + 1) << level > self._size:
            raise NoSuchTile(f"a log of {self._size} records has no complete subtree {index} of 2^{level} leaves")
        tile_level, height = divmod(level, TILE_HEIGHT)
        return perfect_root(self._hashes(tile_level, index << height, 1 << height))

    def _hashes(self, level: int, first: int, count: int) -> Sequence[bytes]:
        index, offset = divmod(first, TILE_WIDTH)
        if (level, index) not in self._read:
            start = index * TILE_WIDTH
            there = (self._size >> (TILE_HEIGHT * level)) - start
            if there >= TILE_WIDTH:
                data = self._source.tile(level, index).data
                if len(data) != TILE_BYTES:
                    raise NoSuchTile(f"the tile {tile_path(level, index)} is not whole")
                hashes = hashes_of(data)
            else:  # not full yet: read once what of it is there, not piece by piece
                hashes = list(_hashes_before(self._source, level, start, there))
            if self._passing:
                self._read = {place: kept for place, kept in self._read.items() if place[0] != level}
            self._read[level, index] = hashes
        return self._read[level, index][offset : offset + count]


class SubtreeReader(Protocol):
    """What a proof is made from; the same as ``ledger.proofs.HashReader``."""

    def subtree_root(self, level: int, index: int) -> bytes:
        """The root over the 2**``level`` leaves that begin at leaf ``index`` * 2**``level``."""
        ...


def tiles_wanted(size: int, read: Callable[[SubtreeReader], object]) -> list[TileAddress]:
    """The tiles that ``read`` asks a reader of a log of ``size`` records for, so that a storage can fetch all at once.

    Which tiles a proof is made of depends on numbers only, never on what is in them.
    """
    noting = _Noting(size)
    read(noting)
    return list(noting.wanted)


class _Noting:
    """A reader that answers nothing true and notes what it is asked for."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.wanted: dict[TileAddress, None] = {}

    def subtree_root(self, level: int, index: int) -> bytes:
        tile_level, height = divmod(level, TILE_HEIGHT)
        tile = (index << height) >> TILE_HEIGHT
        there = (self.size >> (TILE_HEIGHT * tile_level)) - tile * TILE_WIDTH
        if there > 0:
            self.wanted[TileAddress(tile_level, tile, min(there, TILE_WIDTH))] = None
        return _NO_HASH


_NO_HASH = bytes(HASH_SIZE)
