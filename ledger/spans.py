"""Runs of records in the tree: which complete subtrees a run is made of, and growing a tree by them.

Who knows some leaves of a tree, their places, and the roots of what lies between them, knows its root. That is the
proof an export carries: nothing for records that follow one another, at most two hashes for each doubling of a gap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ledger.merkle import CompactRange
from ledger.proofs import HashReader, ProofInvalid


def subtrees(first: int, stop: int) -> Iterator[tuple[int, int]]:
    """Level and index of the fewest complete subtrees that hold exactly the leaves ``first`` to ``stop`` - 1, from the
    left to the right."""
    at = first
    while at < stop:
        level = (stop - at).bit_length() - 1
        if at:
            level = min(level, (at & -at).bit_length() - 1)
        yield level, at >> level
        at += 1 << level


def passed_over(reader: HashReader, first: int, stop: int) -> list[bytes]:
    """The roots of :func:`subtrees`, as ``reader`` has them."""
    return [reader.subtree_root(level, index) for level, index in subtrees(first, stop)]


def pass_over(tree: CompactRange, stop: int, roots: Sequence[bytes]) -> None:
    """Grow ``tree`` up to ``stop`` leaves by the roots of what is passed over.

    Raises:
        ProofInvalid: they are too many, too few, or no hashes.
    """
    levels = [level for level, _ in subtrees(tree.size, stop)]
    if len(levels) != len(roots):
        raise ProofInvalid(
            f"{len(levels)} hashes lead from record {tree.size} to record {stop}, {len(roots)} are there"
        )
    try:
        for level, root in zip(levels, roots, strict=True):
            tree.append_subtree(root, level)
    except ValueError as error:
        raise ProofInvalid(str(error)) from error
