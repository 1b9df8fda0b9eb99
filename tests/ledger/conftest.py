"""Logs that are slow to make, made once."""

from __future__ import annotations

import pytest

from tests.ledger.memory import MemoryLog, filled


@pytest.fixture(scope="session")
def thousand() -> MemoryLog:
    """1,000 records in batches of 10, a checkpoint every 100: for the detection matrix. Copy before attacking."""
    return filled(1_000)


@pytest.fixture(scope="session")
def small() -> MemoryLog:
    """20 records in batches of 5, a checkpoint after each 10."""
    return filled(20, batch=5, every=10)
