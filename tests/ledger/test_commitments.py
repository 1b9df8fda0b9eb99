"""Commitments: the formula, its ambiguities closed, and what does not verify."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.commitments import SALT_SIZE, commit, new_salt, verify

texts = st.text(st.characters(exclude_categories=["Cs"]))
labels = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
salts = st.binary(min_size=SALT_SIZE, max_size=SALT_SIZE)


@given(labels, texts, salts)
def test_the_formula_of_the_reference(label: str, value: str, salt: bytes) -> None:
    expected = hmac.new(salt, label.encode() + b"\0" + value.encode(), hashlib.sha256).digest()
    assert commit(label, value, salt) == expected
    assert verify(label, value, salt, expected)


@given(labels, texts, salts, st.data())
def test_anything_else_does_not_verify(label: str, value: str, salt: bytes, data: st.DataObject) -> None:
    made = commit(label, value, salt)
    other = data.draw(st.tuples(labels, texts, salts).filter(lambda drawn: drawn != (label, value, salt)))
    assert not verify(*other, made)
    assert not verify(label, value, salt, made[:-1])


def test_label_and_value_cannot_trade_characters() -> None:
    salt = new_salt()
    assert commit("a", "bc", salt) != commit("ab", "c", salt)
    with pytest.raises(ValueError, match=r"U\+0000"):
        commit("a\0b", "c", salt)
    assert commit("a", "b\0c", salt) != commit("a", "bc", salt)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_salt_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        commit("a", "b", bytes(length))
    assert not verify("a", "b", bytes(length), bytes(32))


def test_salts_are_fresh() -> None:
    assert len({new_salt() for _ in range(100)}) == 100
    assert len(new_salt()) == SALT_SIZE
