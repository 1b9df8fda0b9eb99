"""Proofs: generators and verifiers agree with the definition for every size, and no abused proof passes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.merkle import EMPTY_ROOT, leaf_hash, node_hash, perfect_root, root_of
from ledger.proofs import (
    ProofInvalid,
    consistency_proof,
    inclusion_proof,
    root_at,
    verify_consistency,
    verify_inclusion,
)
from tests.ledger.test_merkle import ENTRIES, LEAVES

ROOT_OF = [root_of(LEAVES[:size]) for size in range(301)]


class LeafReader:
    """Answers every subtree from a list of leaves."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.leaves = leaves

    def subtree_root(self, level: int, index: int) -> bytes:
        return perfect_root(self.leaves[index << level : (index + 1) << level])


READER = LeafReader(LEAVES)


def test_every_leaf_of_every_tree_up_to_300() -> None:
    for size in range(1, 301):
        assert root_at(READER, size) == ROOT_OF[size]
        for index in {0, 1, size // 2, size - 2, size - 1} & set(range(size)):
            verify_inclusion(LEAVES[index], index, size, inclusion_proof(READER, index, size), ROOT_OF[size])


def test_all_leaves_of_all_trees_up_to_40() -> None:
    for size in range(1, 41):
        for index in range(size):
            proof = inclusion_proof(READER, index, size)
            verify_inclusion(LEAVES[index], index, size, proof, ROOT_OF[size])
            for other in range(size):
                if other != index:
                    with pytest.raises(ProofInvalid):
                        verify_inclusion(LEAVES[index], other, size, proof, ROOT_OF[size])


def test_every_pair_of_sizes_up_to_300() -> None:
    for new in range(301):
        for old in range(0, new + 1, 1 if new <= 64 else 7):
            verify_consistency(old, new, ROOT_OF[old], ROOT_OF[new], consistency_proof(READER, old, new))


@given(st.integers(1, 2_000), st.data())
def test_random_trees(size: int, data: st.DataObject) -> None:
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    root, old_root = root_of(LEAVES[:size]), root_of(LEAVES[:old])
    verify_inclusion(LEAVES[index], index, size, inclusion_proof(READER, index, size), root)
    verify_consistency(old, size, old_root, root, consistency_proof(READER, old, size))


@given(st.integers(2, 300), st.data())
def test_any_change_to_an_inclusion_proof_is_refused(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(READER, index, size)
    step = data.draw(st.integers(0, len(proof) - 1))
    flipped = bytes([proof[step][0] ^ 1]) + proof[step][1:]
    abused = data.draw(
        st.sampled_from(
            [
                [*proof, LEAVES[0]],
                [LEAVES[0], *proof],
                proof[:-1],
                proof[1:],
                [*proof[:step], flipped, *proof[step + 1 :]],
                [*proof[:step], proof[step][:-1], *proof[step + 1 :]],
                [*proof[:step], proof[step], *proof[step:]],
            ]
        )
    )
    with pytest.raises(ProofInvalid):
        verify_inclusion(LEAVES[index], index, size, abused, ROOT_OF[size])


@given(st.integers(2, 300), st.data())
def test_any_change_to_a_consistency_proof_is_refused(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new - 1))
    proof = consistency_proof(READER, old, new)
    step = data.draw(st.integers(0, len(proof) - 1))
    flipped = bytes([proof[step][0] ^ 1]) + proof[step][1:]
    abused = data.draw(
        st.sampled_from(
            [[*proof, LEAVES[0]], [LEAVES[0], *proof], proof[:-1], [], [*proof[:step], flipped, *proof[step + 1 :]]]
        )
    )
    with pytest.raises(ProofInvalid):
        verify_consistency(old, new, ROOT_OF[old], ROOT_OF[new], abused)


@given(st.integers(2, 300), st.data())
def test_a_proof_fits_no_other_root_and_no_other_leaf(size: int, data: st.DataObject) -> None:
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size - 1))
    inclusion, consistency = inclusion_proof(READER, index, size), consistency_proof(READER, old, size)
    with pytest.raises(ProofInvalid, match="another root"):
        verify_inclusion(LEAVES[index], index, size, inclusion, ROOT_OF[size - 1])
    with pytest.raises(ProofInvalid, match="another root"):
        verify_inclusion(LEAVES[index + 1], index, size, inclusion, ROOT_OF[size])
    with pytest.raises(ProofInvalid, match="root for the new size"):
        verify_consistency(old, size, ROOT_OF[old], bytes(32), consistency)
    with pytest.raises(ProofInvalid, match="root for the"):
        verify_consistency(old, size, bytes(32), ROOT_OF[size], consistency)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (6, 5), (-1, 5), (0, -1)])
def test_there_is_no_such_leaf(index: int, size: int) -> None:
    with pytest.raises(ProofInvalid, match="has no leaf"):
        verify_inclusion(LEAVES[0], index, size, [], EMPTY_ROOT)
    with pytest.raises(ValueError, match="has no leaf"):
        inclusion_proof(READER, index, size)


@pytest.mark.parametrize(("old", "new"), [(6, 5), (-1, 5), (-2, -1)])
def test_a_tree_does_not_shrink(old: int, new: int) -> None:
    with pytest.raises(ProofInvalid, match="does not grow"):
        verify_consistency(old, new, ROOT_OF[6], ROOT_OF[5], [])
    with pytest.raises(ValueError, match="does not grow"):
        consistency_proof(READER, old, new)


@pytest.mark.parametrize(
    ("sizes", "roots", "proof", "reason"),
    [
        ((5, 5), (ROOT_OF[5], ROOT_OF[6]), [], "two different roots"),
        ((5, 5), (ROOT_OF[5], ROOT_OF[5]), [LEAVES[0]], "not empty"),
        ((0, 5), (EMPTY_ROOT, ROOT_OF[5]), [LEAVES[0]], "not empty"),
        ((0, 5), (ROOT_OF[1], ROOT_OF[5]), [], "empty tree"),
        ((0, 0), (EMPTY_ROOT, ROOT_OF[5]), [], "two different roots"),
        ((0, 0), (ROOT_OF[5], ROOT_OF[5]), [], "empty tree"),
        ((4, 8), (ROOT_OF[4], ROOT_OF[8]), [], "proof is empty"),
        ((3, 5), (ROOT_OF[3][:31], ROOT_OF[5]), [], "32 bytes"),
    ],
)
def test_where_nothing_is_to_be_proven_nothing_else_passes(
    sizes: tuple[int, int], roots: tuple[bytes, bytes], proof: list[bytes], reason: str
) -> None:
    with pytest.raises(ProofInvalid, match=reason):
        verify_consistency(*sizes, *roots, proof)


def test_a_node_cannot_be_passed_off_as_a_leaf() -> None:
    """A record of 64 bytes that equals two leaf hashes would, without prefixes, be "in" a tree of half the size."""
    forged = leaf_hash(LEAVES[0] + LEAVES[1])
    shorter = inclusion_proof(READER, 0, 4)[1:]
    with pytest.raises(ProofInvalid):
        verify_inclusion(forged, 0, 2, shorter, ROOT_OF[4])
    # The inner node itself does lead to the root, for a tree of another size: a verifier hashes the body, so it cannot
    # be given one, and the size comes from the signed checkpoint.
    verify_inclusion(node_hash(LEAVES[0], LEAVES[1]), 0, 2, shorter, ROOT_OF[4])


def test_a_proof_of_another_length_is_refused_even_where_the_hashes_would_fit() -> None:
    """Whoever may choose the root can make any chain of hashes end in it, so the length itself has to be right."""
    a, b, c = LEAVES[:3]
    with pytest.raises(ProofInvalid, match="too short"):
        verify_inclusion(a, 0, 4, [b], node_hash(a, b))
    with pytest.raises(ProofInvalid, match="too long"):
        verify_inclusion(a, 0, 2, [b, c], node_hash(c, node_hash(a, b)))
    with pytest.raises(ProofInvalid, match="too short"):
        verify_consistency(2, 8, a, node_hash(a, b), [b])
    with pytest.raises(ProofInvalid, match="too long"):
        verify_consistency(2, 3, a, node_hash(c, node_hash(a, b)), [b, c])


def test_the_proofs_of_the_rfc_example() -> None:
    """The seven-leaf example of RFC 6962 2.1.3, by the names used there."""
    a, b, c, d, e, f, j = (leaf_hash(entry) for entry in ENTRIES[:7])
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, level = node_hash(g, h), node_hash(i, j)
    reader = LeafReader([a, b, c, d, e, f, j])
    assert inclusion_proof(reader, 0, 7) == [b, h, level]
    assert inclusion_proof(reader, 3, 7) == [c, g, level]
    assert inclusion_proof(reader, 4, 7) == [f, j, k]
    assert inclusion_proof(reader, 6, 7) == [i, k]
    assert consistency_proof(reader, 3, 7) == [c, d, g, level]
    assert consistency_proof(reader, 4, 7) == [level]
    assert consistency_proof(reader, 6, 7) == [i, j, k]
