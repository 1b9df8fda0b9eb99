"""The Merkle tree of RFC 6962 section 2.1: hashes, roots, and the compact range that an appender keeps.

A "leaf" in this module is a leaf *hash* (32 bytes); :func:`leaf_hash` makes one from a record's stored bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Self

HASH_SIZE = 32
"""Bytes in every hash of the tree (SHA-256)."""
LEAF_PREFIX = b"\x00"
NODE_PREFIX = b"\x01"
EMPTY_ROOT = sha256(b"").digest()
"""The root of a tree without leaves."""


def leaf_hash(entry: bytes) -> bytes:
    """The leaf of the stored bytes of one record."""
    return sha256(LEAF_PREFIX + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The parent of two nodes."""
    return sha256(NODE_PREFIX + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over ``leaves`` by the recursive definition in the RFC. Slow; the yardstick for everything else."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = largest_power_below(len(leaves))
    return node_hash(root_of(leaves[:split]), root_of(leaves[split:]))


def largest_power_below(count: int) -> int:
    """The largest power of two smaller than ``count``, which must be 2 or more: where the RFC splits a tree."""
    return 1 << ((count - 1).bit_length() - 1)


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """The root over exactly 1, 2, 4, 8, ... hashes, one level at a time.

    Raises:
        ValueError: the number of hashes is not a power of two.
    """
    if not hashes or len(hashes) & (len(hashes) - 1):
        raise ValueError(f"{len(hashes)} hashes do not make a complete subtree; give 1, 2, 4, 8, ...")
    level, prefix = hashes, NODE_PREFIX
    while len(level) > 1:
        one_by_one = iter(level)
        level = [sha256(prefix + left + right).digest() for left, right in zip(one_by_one, one_by_one, strict=True)]
    return level[0]


class CompactRange:
    """The state an append-only tree needs to grow: the roots of its complete subtrees, largest first.

    At most 64 hashes, 224 bytes for a million leaves. Those hashes are called the *frontier*.
    """

    __slots__ = ("_hashes", "_size")

    def __init__(self) -> None:
        """An empty tree."""
        self._hashes: list[bytes] = []
        self._size = 0

    @classmethod
    def from_bytes(cls, size: int, frontier: bytes) -> Self:
        """The range of ``size`` leaves whose :meth:`to_bytes` gave ``frontier``.

        Raises:
            ValueError: ``frontier`` is not one 32-byte hash for each complete subtree of a tree of that size.
        """
        if size < 0:
            raise ValueError(f"a tree cannot have {size} leaves")
        expected = size.bit_count() * HASH_SIZE
        if len(frontier) != expected:
            raise ValueError(f"the frontier of {size} leaves has {expected} bytes, not {len(frontier)}")
        made = cls()
        made._hashes = [frontier[start : start + HASH_SIZE] for start in range(0, expected, HASH_SIZE)]
        made._size = size
        return made

    def to_bytes(self) -> bytes:
        """The frontier's hashes, one after the other, largest subtree first. The size is kept beside them."""
        return b"".join(self._hashes)

    def copy(self) -> CompactRange:
        """An independent range of the same leaves."""
        return CompactRange.from_bytes(self._size, self.to_bytes())

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._size

    @property
    def frontier(self) -> tuple[bytes, ...]:
        """The roots of the complete subtrees, largest (leftmost) first."""
        return tuple(self._hashes)

    def append(self, leaf: bytes) -> None:
        """Add one leaf at the right."""
        self.append_subtree(leaf, 0)

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaves at the right, in order; the result does not depend on how they are batched."""
        pending = list(leaves)
        if not {HASH_SIZE}.issuperset(map(len, pending)):
            raise ValueError(f"every leaf must be a hash of {HASH_SIZE} bytes")
        done = 0
        while done < len(pending):
            height = self._aligned_height(len(pending) - done)
            self.append_subtree(perfect_root(pending[done : done + (1 << height)]), height)
            done += 1 << height

    def append_subtree(self, root: bytes, height: int) -> None:
        """Add 2**``height`` leaves at once, known by the root over them.

        Raises:
            ValueError: the present size is not a multiple of 2**``height``, or ``root`` is not a hash.
        """
        size = self._size
        if len(root) != HASH_SIZE:
            raise ValueError(f"a hash has {HASH_SIZE} bytes, not {len(root)}")
        if size & ((1 << height) - 1):
            raise ValueError(f"a subtree of {1 << height} leaves cannot begin after {size} leaves")
        hashes = self._hashes
        carry = size >> height
        while carry & 1:
            root = sha256(NODE_PREFIX + hashes.pop() + root).digest()
            carry >>= 1
        hashes.append(root)
        self._size = size + (1 << height)

    def root(self) -> bytes:
        """The root over all leaves."""
        if not self._hashes:
            return EMPTY_ROOT
        root = self._hashes[-1]
        for left in self._hashes[-2::-1]:
            root = sha256(NODE_PREFIX + left + root).digest()
        return root

    def _aligned_height(self, count: int) -> int:
        """The height of the largest complete subtree that may begin at the present size and has ``count`` leaves."""
        fits = count.bit_length() - 1
        if self._size == 0:
            return fits
        return min(fits, (self._size & -self._size).bit_length() - 1)
