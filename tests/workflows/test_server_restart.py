"""A wait that a restart of the Temporal server falls into ends at the moment it was to end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from changes.any_moment import PutOnHold
from temporal.connection import Target, connect
from temporal.development_server import DevelopmentServer
from temporal.ports import free_port
from tests.support.examples import MANAGER, PROPOSER, submit
from tests.support.waiting import eventually
from tests.support.workers import running_worker

pytestmark = [pytest.mark.temporal, pytest.mark.slow]


async def test_a_hold_ends_on_its_moment_though_the_server_was_away(engine: Engine, tmp_path: Path) -> None:
    port, file, queue = free_port(), tmp_path / "temporal.db", "restarted"
    async with DevelopmentServer(db_file=file, port=port) as server:
        client = await connect(to=Target(server.address, "default", "it is this test's own"))
        async with running_worker(client, engine, task_queue=queue) as running:
            change = running.change("CH-1")
            await change.send(PROPOSER, submit())
            until = datetime.now(UTC) + timedelta(seconds=12)
            await change.send(MANAGER, PutOnHold(reason="A short pause.", until=until))
    async with DevelopmentServer(db_file=file, port=port) as server:
        client = await connect(to=Target(server.address, "default", "it is this test's own"))
        async with running_worker(client, engine, task_queue=queue) as running:
            assert datetime.now(UTC) < until, "the server came back too late for this test to show anything"
            assert running.state("CH-1").hold is not None
            await eventually(lambda: running.state("CH-1").hold is None, within=60)
            resumed = next(entry for entry in running.trail("CH-1") if entry.action == "resumed")
            assert until <= resumed.occurred_at < until + timedelta(minutes=1)
