"""Tiles: paths and contents after C2SP tlog-tiles, proofs read from them, and the tiles an append completes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.merkle import leaf_hash, root_of
from ledger.proofs import (
    ProofInvalid,
    consistency_proof,
    inclusion_proof,
    root_at,
    verify_consistency,
    verify_inclusion,
)
from ledger.tiles import (
    TILE_BYTES,
    NoSuchTile,
    Tile,
    TileAddress,
    TileReader,
    completed_tiles,
    entries_path,
    entry_bundle,
    hashes_of,
    make_tile,
    parse_entry_bundle,
    parse_tile_path,
    tile_addresses,
    tile_bytes,
    tile_path,
    tiles_wanted,
)

LEAVES = [leaf_hash(number.to_bytes(4, "big")) for number in range(66_500)]


class Storage:
    """Full tiles and leaves in memory, filled the way an appender fills them."""

    def __init__(self) -> None:
        self.stored: dict[tuple[int, int], Tile] = {}
        self.kept: list[bytes] = []
        self.asked = 0

    def append(self, leaves: Sequence[bytes]) -> None:
        for tile in completed_tiles(self, len(self.kept), leaves):
            assert (tile.level, tile.index) not in self.stored
            self.stored[tile.level, tile.index] = tile
        self.kept.extend(leaves)

    def tile(self, level: int, index: int) -> Tile:
        self.asked += 1
        if (level, index) not in self.stored:
            raise NoSuchTile(f"{level}/{index}")
        return self.stored[level, index]

    def tile_roots(self, level: int, first: int, count: int) -> Sequence[bytes]:
        self.asked += 1
        return [self.stored[level, index].root for index in range(first, first + count)]

    def leaves(self, first: int, count: int) -> Sequence[bytes]:
        self.asked += 1
        assert first + count <= len(self.kept)
        return self.kept[first : first + count]


@pytest.fixture(scope="module")
def large() -> Storage:
    """66,500 leaves: 259 full tiles of level 0 and one of level 1."""
    storage = Storage()
    for first in range(0, len(LEAVES), 700):
        storage.append(LEAVES[first : first + 700])
    return storage


def test_the_tiles_of_the_specification_example() -> None:
    """tlog-tiles: 70,000 entries are 273 full and one partial tile, then one full and one partial, then one partial."""
    addresses = list(tile_addresses(70_000))
    assert sum(address.level == 0 and address.width == 256 for address in addresses) == 273
    assert [address for address in addresses if address.width < 256] == [
        TileAddress(0, 273, 112),
        TileAddress(1, 1, 17),
        TileAddress(2, 0, 1),
    ]
    assert list(tile_addresses(256)) == [TileAddress(0, 0, 256), TileAddress(1, 0, 1)]
    assert list(tile_addresses(0)) == []


@pytest.mark.parametrize(
    ("address", "path"),
    [
        (TileAddress(0, 1_234_067, 256), "tile/0/x001/x234/067"),
        (TileAddress(1, 0, 1), "tile/1/000.p/1"),
        (TileAddress(63, 999, 255), "tile/63/999.p/255"),
        (TileAddress(None, 1_000, 256), "tile/entries/x001/000"),
        (TileAddress(None, 0, 17), "tile/entries/000.p/17"),
    ],
)
def test_paths(address: TileAddress, path: str) -> None:
    made = entries_path if address.level is None else tile_path
    arguments = (
        (address.index, address.width) if address.level is None else (address.level, address.index, address.width)
    )
    assert made(*arguments) == address.path() == path
    assert parse_tile_path(path) == address


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0",
        "tile/64/000",
        "tile/00/000",
        "tile/-1/000",
        "tile/0/0",
        "tile/0/1000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001/x234",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/999",
        "tile/0/000/",
        "/tile/0/000",
        "tile/0/../000",
        "tile/entries/000\n",
        "tile/0/\u0661\u0662\u0663",
        "tile/0/x001/x001/x001/x001/x001/x001/x001/x001/000",
    ],
)
def test_other_paths_name_no_tile(path: str) -> None:
    with pytest.raises(NoSuchTile):
        parse_tile_path(path)


@given(st.lists(st.integers(0, 900), max_size=8))
def test_the_stored_tiles_do_not_depend_on_the_batches(batches: list[int]) -> None:
    storage, at_once = Storage(), Storage()
    position = 0
    for count in batches:
        storage.append(LEAVES[position : position + count])
        position += count
    at_once.append(LEAVES[:position])
    assert storage.stored == at_once.stored
    assert len(storage.stored) == sum(address.width == 256 for address in tile_addresses(position))


def test_an_append_that_completes_no_tile_reads_nothing() -> None:
    storage = Storage()
    storage.append(LEAVES[:300])
    storage.asked = 0
    storage.append(LEAVES[300:500])
    assert storage.asked == 0


def test_full_tiles_hold_what_the_specification_says(large: Storage) -> None:
    assert len(large.stored) == 260
    level_one = large.stored[1, 0]
    assert len(level_one.data) == TILE_BYTES
    assert hashes_of(level_one.data)[3] == large.stored[0, 3].root == root_of(LEAVES[768:1_024])
    assert level_one.root == root_of(LEAVES[:65_536])
    assert large.stored[0, 258].data == b"".join(LEAVES[258 * 256 : 259 * 256])


def test_partial_tiles_are_made_from_leaves_and_roots(large: Storage) -> None:
    size = len(LEAVES)
    assert tile_bytes(large, size, TileAddress(0, 259, 196)) == b"".join(LEAVES[259 * 256 :])
    assert tile_bytes(large, size, TileAddress(0, 259, 7)) == b"".join(LEAVES[259 * 256 : 259 * 256 + 7])
    assert tile_bytes(large, size, TileAddress(1, 1, 3)) == b"".join(large.stored[0, n].root for n in (256, 257, 258))
    assert tile_bytes(large, size, TileAddress(2, 0, 1)) == large.stored[1, 0].root
    assert tile_bytes(large, size, TileAddress(0, 4, 256)) == large.stored[0, 4].data
    assert tile_bytes(large, size, TileAddress(0, 4, 9)) == b"".join(LEAVES[1_024:1_033])


@pytest.mark.parametrize(
    "address", [TileAddress(0, 259, 197), TileAddress(0, 260, 1), TileAddress(1, 1, 4), TileAddress(2, 0, 2)]
)
def test_a_tile_the_tree_does_not_have_is_refused(large: Storage, address: TileAddress) -> None:
    with pytest.raises(NoSuchTile, match="no tile"):
        tile_bytes(large, len(LEAVES), address)


def test_an_entry_bundle_is_no_hash_tile(large: Storage) -> None:
    with pytest.raises(NoSuchTile, match="bundle"):
        tile_bytes(large, len(LEAVES), TileAddress(None, 0, 256))


@given(st.integers(1, 66_500), st.data())
def test_proofs_from_tiles(large: Storage, size: int, data: st.DataObject) -> None:
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    reader = TileReader(large, len(LEAVES))
    root = root_at(reader, size)
    verify_inclusion(LEAVES[index], index, size, inclusion_proof(reader, index, size), root)
    verify_consistency(old, size, root_at(reader, old), root, consistency_proof(reader, old, size))


def test_the_root_read_from_tiles_is_the_root_of_the_definition(large: Storage) -> None:
    for size in (0, 1, 255, 256, 257, 65_535, 65_536, 65_537, 66_500):
        assert root_at(TileReader(large, len(LEAVES)), size) == root_of(LEAVES[:size])


def test_a_proof_takes_few_reads(large: Storage) -> None:
    for index in (0, 12_345, 65_535, 65_536, 66_499):
        large.asked = 0
        inclusion_proof(TileReader(large, len(LEAVES)), index, len(LEAVES))
        assert large.asked <= 16


def test_the_tiles_of_a_proof_are_known_before_any_is_read(large: Storage) -> None:
    for index, size in ((0, 1), (12_345, 66_500), (65_535, 65_536), (65_536, 65_537), (66_499, 66_500), (7, 300)):
        wanted = tiles_wanted(size, lambda reader, at=index, of=size: inclusion_proof(reader, at, of))  # type: ignore[misc]
        read = {(tile.level or 0, tile.index): hashes_of(tile_bytes(large, size, tile)) for tile in wanted}
        large.asked = 0
        proof = inclusion_proof(TileReader(large, size, read), index, size)
        assert large.asked == 0
        verify_inclusion(LEAVES[index], index, size, proof, root_of(LEAVES[:size]))


def test_a_flipped_byte_in_a_tile_spoils_the_proof(large: Storage) -> None:
    storage = Storage()
    storage.stored, storage.kept = dict(large.stored), large.kept
    tile = storage.stored[0, 5]
    storage.stored[0, 5] = Tile(0, 5, bytes([tile.data[0] ^ 1]) + tile.data[1:], tile.root)
    proof = inclusion_proof(TileReader(storage, len(LEAVES)), 5 * 256 + 9, len(LEAVES))
    with pytest.raises(ProofInvalid):
        verify_inclusion(
            LEAVES[5 * 256 + 9], 5 * 256 + 9, len(LEAVES), proof, root_at(large_reader(large), len(LEAVES))
        )


def large_reader(large: Storage) -> TileReader:
    return TileReader(large, len(LEAVES))


def test_what_is_beyond_the_log_cannot_be_read(large: Storage) -> None:
    with pytest.raises(NoSuchTile, match="no complete subtree"):
        large_reader(large).subtree_root(0, len(LEAVES))


def test_a_lost_tile_is_named(large: Storage) -> None:
    storage = Storage()
    storage.stored = {key: tile for key, tile in large.stored.items() if key != (0, 5)}
    storage.kept = large.kept
    with pytest.raises(NoSuchTile, match="0/5"):
        inclusion_proof(TileReader(storage, len(LEAVES)), 5 * 256, len(LEAVES))


@pytest.mark.parametrize("count", [0, 255, 257])
def test_a_full_tile_has_256_hashes(count: int) -> None:
    with pytest.raises(ValueError, match="256 hashes"):
        make_tile(0, 0, LEAVES[:count])


@given(st.lists(st.binary(max_size=300), max_size=10))
def test_entry_bundles_are_read_back(entries: list[bytes]) -> None:
    raw = entry_bundle(entries)
    assert parse_entry_bundle(raw) == entries
    for cut in range(1, min(len(raw), 4)):
        if entries and len(entries[-1]) >= cut:
            with pytest.raises(ValueError, match="middle of entry"):
                parse_entry_bundle(raw[:-cut])


def test_entry_bundle_bytes_and_limit() -> None:
    assert entry_bundle([b"ab", b""]) == b"\x00\x02ab\x00\x00"
    assert parse_entry_bundle(entry_bundle([bytes(65_535)])) == [bytes(65_535)]
    with pytest.raises(ValueError, match="65,536 bytes"):
        entry_bundle([bytes(65_536)])
    with pytest.raises(ValueError, match="entry 0"):
        parse_entry_bundle(b"\x00")
