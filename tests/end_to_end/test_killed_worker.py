"""A worker that dies by SIGKILL in the middle of a command: another takes over, and the command happens once."""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from temporalio.client import Client

from changes.hearing import AcceptForTesting
from changes.instruction import Receipt
from store.database import reading
from store.reading import change_state
from store.trail import trail
from temporal.child_process import ChildProcess
from temporal.development_server import DevelopmentServer
from temporal.gateway import Gateway
from temporal.plugin import groundswell_plugin
from tests.support.examples import MANAGER, PROPOSER, submit
from tests.support.senders import SECRET, ByTemporal, instruction
from tests.support.waiting import eventually

pytestmark = [pytest.mark.temporal, pytest.mark.slow]


@asynccontextmanager
async def worker_process(
    server: DevelopmentServer, database: str, queue: str, log: Path, *arguments: str
) -> AsyncIterator[ChildProcess]:
    environment = {
        **os.environ,
        "TEMPORAL_ADDRESS": server.address,
        "DATABASE_URL": database,
        "GROUNDSWELL_TEMPORAL_TASK_QUEUE": queue,
        "GROUNDSWELL_ACTOR_KEY": SECRET.decode(),
        "GROUNDSWELL_METRICS_PORT": "0",
        "GROUNDSWELL_SMTP_URL": "smtp://127.0.0.1:9",
        "GROUNDSWELL_LOCAL": str(log.parent),
    }
    child = await ChildProcess.start("the worker", [sys.executable, *arguments], log_file=log, environment=environment)
    try:
        yield child
    finally:
        await child.stop()


@pytest.mark.parametrize("moment", ["before-commit", "after-commit"])
async def test_the_command_completes_once(
    moment: str, temporal_server: DevelopmentServer, engine: Engine, database_address: str, tmp_path: Path
) -> None:
    queue = f"killed-{uuid.uuid4().hex}"
    client = await Client.connect(temporal_server.address, plugins=[groundswell_plugin()])
    gateway = Gateway(client, queue, timedelta(seconds=60))
    change = ByTemporal(gateway, f"CH-{uuid.uuid4().int % 1_000_000_000}")
    flag = tmp_path / "died"
    dying = ("-m", "tests.support.dying_worker", moment, str(flag))
    async with worker_process(temporal_server, database_address, queue, tmp_path / "first.log", *dying) as first:
        await change.send(PROPOSER, submit())
        command = AcceptForTesting(note="Yes.")
        told = instruction(command, MANAGER, change.change, key="exactly-once")
        sent = asyncio.create_task(gateway.send(command, told))
        await eventually(lambda: first.exit_code is not None, within=30)
        assert flag.exists(), first.last_lines()
        async with worker_process(temporal_server, database_address, queue, tmp_path / "second.log", *dying):
            answer = await sent
    assert isinstance(answer, Receipt) and answer.stage == "testing"
    with reading(engine) as connection:
        state = change_state(connection, change.change)
        actions = [entry.action for entry in trail(connection, change.change, MANAGER)]
    assert state is not None and state.version == len(actions) == answer.version
    assert actions.count("accepted_for_testing") == 1
