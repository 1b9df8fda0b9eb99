"""A served Groundswell, and a place for a demonstration of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from demo.place import Place
from tests.demo.serving import Served, served


@pytest.fixture
def here(engine: Engine, tmp_path: Path) -> Iterator[Served]:
    """Groundswell with the demonstration organisation, on a port of this machine."""
    with served(engine, tmp_path / "mail") as running:
        yield running


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Where a demonstration of this test's own keeps its state."""
    return Place(tmp_path / "local")
