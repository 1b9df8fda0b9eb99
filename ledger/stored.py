"""The rows a verification reads, in the shape every storage can give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class StoredPrivate(NamedTuple):
    """A private value as it lies in the erasable side table."""

    label: str
    salt: bytes
    value: str


class StoredRecord(NamedTuple):
    """A record: authoritative bytes, their leaf hash, the query columns and the private values still there.

    ``columns`` holds exactly the names of ``ledger.record.COLUMNS``, with None for NULL and times as text.
    """

    seq: int
    body: bytes
    leaf_hash: bytes
    columns: Mapping[str, str | int | None]
    private: Sequence[StoredPrivate] = ()


class StoredHead(NamedTuple):
    """The state of the tree after a batch. ``first_seq`` is the first record of the batch."""

    size: int
    frontier: bytes
    root: bytes
    first_seq: int


class StoredCheckpoint(NamedTuple):
    """A signed note, and the size that the row beside it claims."""

    size: int
    note: str
