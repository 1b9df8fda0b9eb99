"""Commitments to personal values: what the ledger keeps in place of a name or a free text (reference/ledger.md 6.9).

commitment = HMAC-SHA-256(salt of 32 random bytes, label, 0x00, value). With salt and value erased nothing can be
guessed from it; with both at hand it proves that the value is the one that was recorded.
"""

from __future__ import annotations

import hashlib
import hmac
import os

SALT_SIZE = 32
"""Bytes in a salt."""
COMMITMENT_SIZE = 32
"""Bytes in a commitment."""


def new_salt() -> bytes:
    """A fresh salt from the operating system. (Workflow randomness is documented as not safe for this.)"""
    return os.urandom(SALT_SIZE)


def commit(label: str, value: str, salt: bytes) -> bytes:
    """The commitment to ``value`` under ``label``.

    Raises:
        ValueError: the salt does not have 32 bytes, the label holds U+0000, or a text holds a lone surrogate.
    """
    if len(salt) != SALT_SIZE:
        raise ValueError(f"a salt has {SALT_SIZE} bytes, not {len(salt)}")
    if "\0" in label:
        raise ValueError("a label cannot hold U+0000, which ends it")
    return hmac.digest(salt, label.encode() + b"\0" + value.encode(), hashlib.sha256)


def verify(label: str, value: str, salt: bytes, commitment: bytes) -> bool:
    """Whether ``commitment`` is the one to ``value`` under ``label`` with ``salt``."""
    try:
        expected = commit(label, value, salt)
    except ValueError:
        return False
    return hmac.compare_digest(expected, commitment)
