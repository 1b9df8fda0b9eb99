"""The worker as a program: it serves metrics, says what it does in structured lines, and ends in order on SIGTERM."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import uuid
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from temporalio.client import Client

from changes.hearing import AcceptForTesting
from ledger.checkpoint import read_checkpoint
from store.database import open_database
from store.migrating import migrate
from temporal.calls import CHANGE_WORKFLOW
from temporal.child_process import ChildProcess
from temporal.development_server import DevelopmentServer
from temporal.gateway import Gateway
from temporal.occupancy import work_elsewhere
from temporal.plugin import groundswell_plugin
from temporal.ports import free_port
from temporal.start import ChangeStart
from tests.support.databases import Databases, fill
from tests.support.examples import MANAGER, PROPOSER, submit
from tests.support.senders import SECRET, ByTemporal
from tests.support.waiting import eventually
from worker import _zone_if_known

pytestmark = [pytest.mark.temporal, pytest.mark.slow]


async def listed(client: Client) -> bool:
    """Whether the visibility store, which lags behind, knows of both changes."""
    elsewhere = await work_elsewhere(client, "second")
    return elsewhere is not None and elsewhere.changes == 2


def environment_of(server: DevelopmentServer, database: str, queue: str, local: Path) -> dict[str, str]:
    return {
        **os.environ,
        "TEMPORAL_ADDRESS": server.address,
        "DATABASE_URL": database,
        "GROUNDSWELL_TEMPORAL_TASK_QUEUE": queue,
        "GROUNDSWELL_ACTOR_KEY": SECRET.decode(),
        "GROUNDSWELL_METRICS_PORT": "0",
        "GROUNDSWELL_SMTP_URL": "smtp://127.0.0.1:9",
        "GROUNDSWELL_LOCAL": str(local),
        "GROUNDSWELL_LOG_FORMAT": "json",
    }


async def test_a_worker_with_another_queue_than_open_changes_have_refuses_to_start_and_says_so(
    temporal_server: DevelopmentServer, database_address: str, tmp_path: Path
) -> None:
    client = await Client.connect(temporal_server.address, plugins=[groundswell_plugin()])
    for change in ("CH-1", "CH-2"):
        await client.start_workflow(CHANGE_WORKFLOW, ChangeStart(change=change), id=change, task_queue="first")
    loop = asyncio.get_running_loop()
    await eventually(lambda: asyncio.run_coroutine_threadsafe(listed(client), loop).result())
    environment = environment_of(temporal_server, database_address, "second", tmp_path)
    child = await ChildProcess.start(
        "the worker", [sys.executable, "-m", "cli", "worker"], log_file=tmp_path / "log", environment=environment
    )
    await eventually(lambda: child.exit_code is not None, within=40)
    assert child.exit_code == 2
    said = " ".join((tmp_path / "log").read_text().split())
    assert "2 changes or webhooks are under way on the task queue “first”" in said
    assert "GROUNDSWELL_TEMPORAL_TASK_QUEUE names “second”" in said
    assert "Traceback" not in said


def test_the_organisations_clock_is_that_of_the_policy_in_force(database_maker: Databases) -> None:
    with database_maker.empty() as address:
        engine = open_database(address)
        migrate(engine)
        assert asyncio.run(_zone_if_known(engine)) == "UTC"
        fill(engine)
        assert asyncio.run(_zone_if_known(engine)) == "Europe/Berlin"
        engine.dispose()
    away = open_database("postgresql://nobody@127.0.0.1:1/nothing")
    assert asyncio.run(_zone_if_known(away)) is None


async def test_a_workers_life(temporal_server: DevelopmentServer, database_address: str, tmp_path: Path) -> None:
    queue, port, log = f"life-{uuid.uuid4().hex}", free_port(), tmp_path / "worker.log"
    environment = environment_of(temporal_server, database_address, queue, tmp_path)
    environment["GROUNDSWELL_METRICS_PORT"] = str(port)
    child = await ChildProcess.start(
        "the worker", [sys.executable, "-m", "worker"], log_file=log, environment=environment
    )
    client = await Client.connect(temporal_server.address, plugins=[groundswell_plugin()])
    change = ByTemporal(Gateway(client, queue, timedelta(seconds=60)), f"CH-{uuid.uuid4().int % 1_000_000_000}")
    await change.send(PROPOSER, submit())
    await change.refused(PROPOSER, AcceptForTesting())
    await change.send(MANAGER, AcceptForTesting())

    metrics = httpx2.get(f"http://127.0.0.1:{port}/metrics").text
    assert "temporal_workflow_task_execution_latency" in metrics

    os.kill(child.pid, signal.SIGTERM)  # it seals the ledger before it ends
    await eventually(lambda: child.exit_code is not None, within=40)
    assert child.exit_code == 0
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    recorded = [(line["event"], line["change"], line["command"]) for line in lines if "command" in line]
    assert ("recorded", change.change, "submit") in recorded
    assert ("refused", change.change, "accept_for_testing") in recorded
    kept = max((tmp_path / "ledger" / "checkpoints").rglob("*.checkpoint"))
    assert read_checkpoint(kept.read_text())[0].size == 5  # submitted, asked, refused, accepted, passed
    assert any("stopping" in line["event"] for line in lines)
