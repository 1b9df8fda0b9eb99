"""Inclusion and consistency proofs: made after RFC 6962 section 2.1, checked after RFC 9162 section 2.1.

The generators follow the recursive definition, the verifiers the iterative algorithms of 2.1.3.2 and 2.1.4.2, so that
a mistake in one is found by the other. No verifier reads a stored hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ledger.merkle import EMPTY_ROOT, HASH_SIZE, largest_power_below, node_hash


class ProofInvalid(ValueError):
    """A proof that does not prove what it is said to prove; the message says why."""


class HashReader(Protocol):
    """Answers the roots of complete, aligned subtrees, wherever they are stored (see ``ledger.tiles.TileReader``)."""

    def subtree_root(self, level: int, index: int) -> bytes:
        """The root over the 2**``level`` leaves that begin at leaf ``index`` * 2**``level``."""
        ...


def root_at(reader: HashReader, size: int) -> bytes:
    """The root of the tree as it was when it had ``size`` leaves."""
    return EMPTY_ROOT if size == 0 else _range_root(reader, 0, size)


def inclusion_proof(reader: HashReader, index: int, size: int) -> list[bytes]:
    """The audit path of leaf ``index`` (from 0) in the tree of ``size`` leaves, from the leaf's sibling upwards.

    Raises:
        ValueError: there is no such leaf in a tree of that size.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    return _path(reader, index, 0, size)


def consistency_proof(reader: HashReader, old_size: int, new_size: int) -> list[bytes]:
    """The proof that the tree of ``new_size`` leaves begins with the one of ``old_size``.

    Empty if the sizes are equal or the old tree is empty.

    Raises:
        ValueError: the old size is negative or larger than the new one.
    """
    if not 0 <= old_size <= new_size:
        raise ValueError(f"a tree of {new_size} leaves does not grow out of one of {old_size}")
    if old_size in (0, new_size):
        return []
    return _subproof(reader, old_size, 0, new_size, True)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf hash ``leaf`` is at ``index`` in the tree of ``size`` leaves with ``root``.

    Raises:
        ProofInvalid: it is not, or the proof does not have the form it must have.
    """
    if not 0 <= index < size:
        raise ProofInvalid(f"a tree of {size} leaves has no leaf {index}")
    _check_hashes((leaf, root, *proof))
    position, last, result = index, size - 1, leaf
    for step in proof:
        if last == 0:
            raise ProofInvalid(f"the proof is too long: {len(proof)} hashes")
        if position & 1 or position == last:
            result = node_hash(step, result)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            result = node_hash(result, step)
        position, last = position >> 1, last >> 1
    if last:
        raise ProofInvalid(f"the proof is too short: {len(proof)} hashes")
    if result != root:
        raise ProofInvalid("the proof leads to another root")


def verify_consistency(old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree of ``new_size`` leaves with ``new_root`` begins with the old one.

    Raises:
        ProofInvalid: it does not, or the proof does not have the form it must have.
    """
    _check_hashes((old_root, new_root, *proof))
    if not 0 <= old_size <= new_size:
        raise ProofInvalid(f"a tree of {new_size} leaves does not grow out of one of {old_size}")
    if old_size in (0, new_size):
        _check_trivial_consistency(old_size, new_size, old_root, new_root, proof)
        return
    if not proof:
        raise ProofInvalid("the proof is empty")
    path = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    old_result, new_result = _replay_consistency(old_size - 1, new_size - 1, path)
    if old_result != old_root:
        raise ProofInvalid("the proof leads to another root for the old size")
    if new_result != new_root:
        raise ProofInvalid("the proof leads to another root for the new size")


def _replay_consistency(position: int, last: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Steps 4 to 6 of RFC 9162 2.1.4.2: the two roots that ``path`` leads to."""
    while position & 1:
        position, last = position >> 1, last >> 1
    old_result = new_result = path[0]
    for step in path[1:]:
        if last == 0:
            raise ProofInvalid(f"the proof is too long: {len(path)} steps")
        if position & 1 or position == last:
            old_result = node_hash(step, old_result)
            new_result = node_hash(step, new_result)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new_result = node_hash(new_result, step)
        position, last = position >> 1, last >> 1
    if last:
        raise ProofInvalid(f"the proof is too short: {len(path)} steps")
    return old_result, new_result


def _check_trivial_consistency(
    old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    if proof:
        raise ProofInvalid("nothing is to be proven here, yet the proof is not empty")
    if old_size == new_size and old_root != new_root:
        raise ProofInvalid(f"two different roots for the same size {new_size}")
    if old_size == 0 and old_root != EMPTY_ROOT:
        raise ProofInvalid("the root of the empty tree is wrong")
    if new_size == 0 and new_root != EMPTY_ROOT:
        raise ProofInvalid("the root of the empty tree is wrong")


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(one) != HASH_SIZE for one in hashes):
        raise ProofInvalid(f"every hash must have {HASH_SIZE} bytes")


def _range_root(reader: HashReader, start: int, end: int) -> bytes:
    """MTH(D[start:end]). The ranges met here are aligned to the power of two that holds them."""
    count = end - start
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return reader.subtree_root(level, start >> level)
    split = start + largest_power_below(count)
    return node_hash(_range_root(reader, start, split), _range_root(reader, split, end))


def _path(reader: HashReader, index: int, start: int, end: int) -> list[bytes]:
    """PATH(index, D[start:end]) of RFC 6962 2.1.1."""
    if end - start == 1:
        return []
    split = start + largest_power_below(end - start)
    if index < split:
        return [*_path(reader, index, start, split), _range_root(reader, split, end)]
    return [*_path(reader, index, split, end), _range_root(reader, start, split)]


def _subproof(reader: HashReader, old_end: int, start: int, end: int, known: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962 2.1.2 for D[start:end]; ``known`` says that the verifier has the old root already."""
    if old_end == end:
        return [] if known else [_range_root(reader, start, end)]
    split = start + largest_power_below(end - start)
    if old_end <= split:
        return [*_subproof(reader, old_end, start, split, known), _range_root(reader, split, end)]
    return [*_subproof(reader, old_end, split, end, False), _range_root(reader, start, split)]
