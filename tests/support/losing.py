"""A worker that does not hear what became of a record: it was written, and the answer was lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from store.database import DatabaseUnavailable
from store.recording import Recorded, record


@contextmanager
def losing_the_answer_to(command: str) -> Iterator[None]:
    """The answer to the next record of ``command`` is lost. It must have come to that when this ends."""
    lost: list[str] = []

    def recorded_and_cut_off(engine: Any, decision: Any, *more: Any) -> Recorded:
        answer = record(engine, decision, *more)
        if decision.command == command and not lost:
            lost.append(decision.key)
            raise DatabaseUnavailable("The connection was cut while the commit was answered.")
        return answer

    with patch("activities.deciding.record", recorded_and_cut_off):
        yield
    assert lost, f"no {command} was recorded"
