from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from sqlalchemy import Engine, delete

from store import tables
from store.database import writing
from store.numbers import reserve_reference
from tests.support.desk import MONDAY


def reserve(engine: Engine, person: str, key: str) -> str:
    with writing(engine) as connection:
        return reserve_reference(connection, f"{person}/{key}", MONDAY)


def test_references_count_up_from_one(engine: Engine) -> None:
    assert [reserve(engine, "mara.lind", key) for key in "abc"] == ["CH-1", "CH-2", "CH-3"]


def test_the_same_person_and_key_get_the_same_reference(engine: Engine) -> None:
    first = reserve(engine, "mara.lind", "k" * 200)
    assert reserve(engine, "mara.lind", "k" * 200) == first
    assert reserve(engine, "jonas.okafor", "k" * 200) != first
    assert reserve(engine, "mara.lind", "k" * 199) != first
    assert reserve(engine, "p" * 64, "'; DROP TABLE change_number; --") == "CH-4"


def test_a_reference_that_was_given_is_never_given_again(engine: Engine) -> None:
    assert [reserve(engine, "mara.lind", key) for key in "ab"] == ["CH-1", "CH-2"]
    with writing(engine) as connection:
        connection.execute(delete(tables.change_number))
    assert reserve(engine, "mara.lind", "c") == "CH-3"


def at_once(engine: Engine, keys: list[str]) -> list[str]:
    """Reserve in as many threads as there are keys, all at the same moment."""
    barrier = Barrier(len(keys))

    def one(key: str) -> str:
        barrier.wait()
        return reserve(engine, "mara.lind", key)

    with ThreadPoolExecutor(len(keys)) as threads:
        return list(threads.map(one, keys))


def test_one_submission_sent_eight_times_at_once_gets_one_reference(engine: Engine) -> None:
    for round_ in range(3):
        assert len(set(at_once(engine, [f"key {round_}"] * 8))) == 1


def test_eight_submissions_at_once_get_eight_references(engine: Engine) -> None:
    references = at_once(engine, [f"key {number}" for number in range(8)])
    assert len(set(references)) == 8
    assert all(re.fullmatch(r"CH-[1-9]\d*", reference) for reference in references)
