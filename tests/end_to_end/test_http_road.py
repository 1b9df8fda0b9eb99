"""The whole main road over HTTP: a real Temporal server and database, worker and web server as their own processes."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import Engine

from client.api import Api
from demo.http_sender import HttpSender, tokens_for
from demo.road import TOUR, main_road
from demo.sending import perform
from store.database import reading
from store.outbox import count_waiting
from store.reading import change_state
from store.trail import trail
from temporal.child_process import ChildProcess
from temporal.development_server import DevelopmentServer
from temporal.ports import free_port
from tests.support.waiting import eventually

pytestmark = pytest.mark.temporal


@pytest.fixture
async def address(temporal_server: DevelopmentServer, database_address: str, tmp_path: Path) -> AsyncIterator[str]:
    """Where a complete installation answers."""
    from notifications.catcher import Catcher

    port = free_port()
    catcher = Catcher(tmp_path / "mail")
    catcher.start()
    environment = {
        **os.environ,
        "TEMPORAL_ADDRESS": temporal_server.address,
        "DATABASE_URL": database_address,
        "GROUNDSWELL_TEMPORAL_TASK_QUEUE": f"http-{uuid.uuid4().hex}",
        "GROUNDSWELL_METRICS_PORT": "0",
        "GROUNDSWELL_LOCAL": str(tmp_path),
        "GROUNDSWELL_SMTP_URL": f"smtp://127.0.0.1:{catcher.port}",
    }
    programs = {"worker": ["worker"], "web": ["web", "--port", str(port)]}
    children = [
        await ChildProcess.start(
            name, [sys.executable, "-m", "cli", *arguments], log_file=tmp_path / f"{name}.log", environment=environment
        )
        for name, arguments in programs.items()
    ]
    url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        for child in children:
            assert child.exit_code is None, child.last_lines()
        try:
            return httpx2.get(f"{url}/readyz").status_code == httpx2.codes.OK
        except httpx2.HTTPError:
            return False

    await eventually(ready, within=60)
    yield url
    for child in children:
        await child.stop()
    catcher.stop()


async def test_the_main_road_over_http(address: str, engine: Engine) -> None:
    acts = main_road(TOUR, datetime.now(UTC))
    tokens = tokens_for(engine, (act.person for act in acts), "end to end", datetime.now(UTC))
    async with Api(address) as api:
        receipts = [done.receipt async for done in perform(acts, HttpSender(api, tokens), uuid.uuid4().hex)]
    assert len(receipts) == len(acts)
    assert receipts[-1].outcome == "adopted"
    ref = receipts[-1].change
    with reading(engine) as connection:
        state = change_state(connection, ref)
        entries = trail(connection, ref, TOUR.proposer)
    assert state is not None and state.version == len(entries)
    assert [entry.seq for entry in entries] == list(range(entries[0].seq, entries[0].seq + len(entries)))

    def everything_left() -> bool:
        with reading(engine) as connection:
            return count_waiting(connection) == 0

    await eventually(everything_left, within=30)
