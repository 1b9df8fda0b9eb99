"""The worker as a program: it serves metrics, says what it does in structured lines, and ends in order on SIGTERM."""

from __future__ import annotations

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
from temporal.child_process import ChildProcess
from temporal.development_server import DevelopmentServer
from temporal.gateway import Gateway
from temporal.plugin import groundswell_plugin
from temporal.ports import free_port
from tests.support.examples import MANAGER, PROPOSER, submit
from tests.support.senders import SECRET, ByTemporal
from tests.support.waiting import eventually

pytestmark = [pytest.mark.temporal, pytest.mark.slow]


async def test_a_workers_life(temporal_server: DevelopmentServer, database_address: str, tmp_path: Path) -> None:
    queue, port, log = f"life-{uuid.uuid4().hex}", free_port(), tmp_path / "worker.log"
    environment = {
        **os.environ,
        "TEMPORAL_ADDRESS": temporal_server.address,
        "DATABASE_URL": database_address,
        "GROUNDSWELL_TEMPORAL_TASK_QUEUE": queue,
        "GROUNDSWELL_ACTOR_KEY": SECRET.decode(),
        "GROUNDSWELL_METRICS_PORT": str(port),
        "GROUNDSWELL_SMTP_URL": "smtp://127.0.0.1:9",
        "GROUNDSWELL_LOCAL": str(log.parent),
        "GROUNDSWELL_LOG_FORMAT": "json",
    }
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
