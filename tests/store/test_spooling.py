from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Sequence
from datetime import datetime

import pytest
from sqlalchemy import Engine, insert

from ledger.checkpoint import Checkpoint, sign_checkpoint
from ledger.keys import generate_key
from store import tables
from store.database import reading, writing
from store.spooling import SMALL, Spool, outside_checkpoints, stored_checkpoints
from tests.support.desk import MONDAY

KEY = generate_key("example.com/log")
NOTE = str(sign_checkpoint(Checkpoint(KEY.name, 17, bytes(32)), [KEY]))


def note_of(size: int) -> str:
    """A note that states the size; nobody looks at its signature here."""
    return NOTE.replace("\n17\n", f"\n{size}\n")


class Place:
    """A place that makes the notes of some sizes when they are asked for."""

    name = "made://up"

    def __init__(self, sizes: Sequence[int], unreadable: bool = False) -> None:
        self._sizes, self._unreadable = sizes, unreadable

    def keep(self, origin: str, size: int, note: str) -> None:
        """Never."""
        raise NotImplementedError

    def notes(self, origin: str) -> Iterator[str]:
        """In the order that was given."""
        if self._unreadable:
            yield "half of a no"
        for size in self._sizes:
            yield note_of(size)

    def put_aside(self, origin: str, larger_than: int, now: datetime) -> Sequence[str]:
        """Never."""
        raise NotImplementedError


def test_checkpoints_come_back_in_the_order_of_their_size_from_memory_and_from_disk() -> None:
    for many in (10, SMALL // 400):
        spool = Spool()
        for size in (*range(many, 0, -1), 7, *range(many, many + 5)):
            spool.add(size, f"{size} \ud800 " + "x" * 400)
        for _ in range(2):
            rows = list(spool)
            assert [row.size for row in rows] == sorted([7, *range(1, many + 1), *range(many, many + 5)])
            assert all(row.note.startswith(f"{row.size} \ud800 ") for row in rows)
        assert spool.largest == rows[-1]
    assert Spool().largest is None and list(Spool()) == []


def test_what_is_held_outside_is_gathered_from_all_places() -> None:
    held = outside_checkpoints([Place([9, 5, 2]), Place([11, 5], unreadable=True), Place([])], KEY.name)
    assert [row.size for row in held.rows] == [2, 5, 5, 9, 11]
    assert held.latest == note_of(11)
    assert held.unreadable is not None and "cannot be read" in held.unreadable
    assert outside_checkpoints([Place([])], KEY.name)[1:] == (None, None)


def test_memory_does_not_grow_with_the_checkpoints() -> None:
    many = 40_000
    tracemalloc.start()
    held = outside_checkpoints([Place(range(many, 0, -1))], KEY.name)
    count = sum(1 for _ in held.rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == many
    assert peak < SMALL + 64 * many, "their texts alone would be three times as much"


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_checkpoints_of_the_database_are_read_in_chunks(
    engine: Engine, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writing(engine) as connection:
        made = [(size, key) for size in (2, 3, 8, 9, 11) for key in ("aa", "bb")]
        rows = [{"size": size, "key_id": key, "note": note_of(size), "made_at": MONDAY} for size, key in made]
        connection.execute(insert(tables.ledger_checkpoint), rows)
        vouched = [{"size": size, "witness": "w", "note": note_of(size), "received_at": MONDAY} for size in (3, 9, 10)]
        connection.execute(insert(tables.ledger_witness), vouched)
    monkeypatch.setattr("store.spooling.CHUNK", chunk)
    with reading(engine) as connection:
        assert [row.size for row in stored_checkpoints(connection)] == [2, 2, 3, 3, 3, 8, 8, 9, 9, 9, 10, 11, 11]
        assert [row.size for row in stored_checkpoints(connection, 9)] == [9, 9, 9, 10, 11, 11]
