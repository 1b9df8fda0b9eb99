"""Roots and compact ranges, against the RFC's recursive definition and the known roots of its test trees."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.merkle import EMPTY_ROOT, CompactRange, leaf_hash, node_hash, perfect_root, root_of

# The leaves and roots of Certificate Transparency's own tests (certificate-transparency-go, merkletree tests).
ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(number.to_bytes(4, "big")) for number in range(2_000)]


@pytest.mark.parametrize("size", range(len(ROOTS)))
def test_known_roots(size: int) -> None:
    leaves = [leaf_hash(entry) for entry in ENTRIES[:size]]
    compact = CompactRange()
    compact.extend(leaves)
    assert root_of(leaves).hex() == compact.root().hex() == ROOTS[size]


def test_every_size_has_the_root_of_the_definition() -> None:
    compact = CompactRange()
    assert compact.root() == EMPTY_ROOT
    for size, leaf in enumerate(LEAVES[:300], start=1):
        compact.append(leaf)
        assert compact.root() == root_of(LEAVES[:size])
        assert compact.size == size
        assert len(compact.frontier) == size.bit_count()


@given(st.lists(st.integers(0, 700), max_size=12))
def test_any_batching_gives_the_same_range(batches: list[int]) -> None:
    compact, one_by_one = CompactRange(), CompactRange()
    position = 0
    for count in batches:
        batch = LEAVES[position : position + count]
        compact.extend(batch)
        position += len(batch)
    for leaf in LEAVES[:position]:
        one_by_one.append(leaf)
    assert (compact.size, compact.to_bytes()) == (one_by_one.size, one_by_one.to_bytes())
    assert compact.root() == root_of(LEAVES[:position])


@given(st.integers(0, 1_000), st.integers(0, 500))
def test_a_stored_frontier_goes_on_where_it_stopped(before: int, after: int) -> None:
    stored = CompactRange()
    stored.extend(LEAVES[:before])
    resumed = CompactRange.from_bytes(stored.size, stored.to_bytes())
    resumed.extend(LEAVES[before : before + after])
    assert resumed.root() == root_of(LEAVES[: before + after])
    assert stored.root() == root_of(LEAVES[:before])


def test_a_copy_is_independent() -> None:
    compact = CompactRange()
    compact.extend(LEAVES[:5])
    copy = compact.copy()
    copy.append(LEAVES[5])
    assert (compact.size, copy.size) == (5, 6)
    assert compact.root() == root_of(LEAVES[:5])


def test_a_subtree_counts_as_its_leaves() -> None:
    compact = CompactRange()
    compact.extend(LEAVES[:512])
    compact.append_subtree(perfect_root(LEAVES[512:768]), 8)
    assert compact.root() == root_of(LEAVES[:768])
    with pytest.raises(ValueError, match="cannot begin after 768"):
        compact.append_subtree(LEAVES[0], 9)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_only_hashes_are_taken(length: int) -> None:
    compact = CompactRange()
    with pytest.raises(ValueError, match="32 bytes"):
        compact.append(bytes(length))
    with pytest.raises(ValueError, match="32 bytes"):
        compact.extend([LEAVES[0], bytes(length)])
    assert compact.size == 0


@pytest.mark.parametrize(("size", "length"), [(0, 32), (1, 0), (3, 32), (3, 96), (1_000_000, 223), (-1, 0)])
def test_a_frontier_of_another_size_is_refused(size: int, length: int) -> None:
    with pytest.raises(ValueError, match=r"frontier|cannot have"):
        CompactRange.from_bytes(size, bytes(length))


def test_the_state_of_a_million_leaves_is_small() -> None:
    assert len(CompactRange.from_bytes(1_000_000, bytes(224)).to_bytes()) == 224


@pytest.mark.parametrize("count", [0, 3, 5, 255])
def test_a_perfect_root_needs_a_power_of_two(count: int) -> None:
    with pytest.raises(ValueError, match="complete subtree"):
        perfect_root(LEAVES[:count])


def test_a_leaf_is_never_taken_for_a_node() -> None:
    assert leaf_hash(LEAVES[0] + LEAVES[1]) != node_hash(LEAVES[0], LEAVES[1])
