"""The schedule seals by itself: a checkpoint whenever there is something new, a witness that cosigns, and metrics.

On a real Temporal server, with a witness that is another program and may be away (reference/ledger.md 6.8).
"""

from __future__ import annotations

import re
import sys
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.worker import Worker

from activities.sealing import SIZE, WITNESSED_AT, WITNESSED_SIZE, SealingActivities
from ledger.checkpoint import read_checkpoint
from ledger.keys import PinnedKey, SigningKey, generate_key, generate_witness_key
from store.audit.standing import ledger_state
from store.checkpoints import Sealer
from store.database import lock_ledger, reading, writing
from store.ledger import append_many, origin_of
from store.sinks import FolderSink
from store.spooling import stored_checkpoints
from store.verifying import verify_stored
from store.witnesses import Witness
from temporal.child_process import ChildProcess
from temporal.connection import runtime_with_metrics
from temporal.development_server import DevelopmentServer
from temporal.plugin import groundswell_plugin
from temporal.ports import free_port
from temporal.schedules import ensure_schedules
from tests.support.desk import MONDAY
from tests.support.waiting import eventually
from tests.support.writers import entry
from workflows.sealing import SealingWorkflow

pytestmark = [pytest.mark.temporal, pytest.mark.slow]
EVERY = timedelta(seconds=1)
"""In an installation it is a minute."""


def grow(engine: Engine, count: int) -> None:
    with writing(engine) as connection:
        lock_ledger(connection)
        append_many(connection, [entry(f"e/{uuid.uuid4()}") for _ in range(count)], MONDAY)


@asynccontextmanager
async def witness_program(
    key: SigningKey, log_key: SigningKey, port: int, state: Path, log: Path
) -> AsyncIterator[ChildProcess]:
    arguments = [str(port), key.name, key.to_text(), log_key.vkey, str(state)]
    command = [sys.executable, "-m", "tests.support.witness_process", *arguments]
    child = await ChildProcess.start("the witness", command, log_file=log)
    try:
        yield child
    finally:
        await child.stop()


async def test_the_schedule_seals_what_is_new_and_has_it_witnessed(engine: Engine, tmp_path: Path) -> None:
    with reading(engine) as connection:
        key = generate_key(origin_of(connection))
    theirs = generate_witness_key("witness.example/w1")
    metrics, port = free_port(), free_port()
    witness = Witness(theirs.verifier_key, f"http://127.0.0.1:{port}")
    sealer = Sealer(engine, lambda _origin: [key], [FolderSink(tmp_path / "outside")], [witness])
    witnessing = (theirs, key, port, tmp_path / "witness.state", tmp_path / "witness.log")

    def sizes() -> list[int]:
        with reading(engine) as connection:
            return [read_checkpoint(kept.note)[0].size for kept in stored_checkpoints(connection)]

    def cosigned() -> int:
        with reading(engine) as connection:
            report = verify_stored(connection, key.name, [PinnedKey(key.verifier_key)], witnesses=[theirs.verifier_key])
        assert report.findings == ()
        return report.cosigned_size

    def metric(name: str) -> float:
        text = httpx2.get(f"http://127.0.0.1:{metrics}/metrics").text
        found = re.search(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else -1

    async with DevelopmentServer(tmp_path / "temporal.db") as server:
        runtime = runtime_with_metrics(metrics)
        client = await Client.connect(server.address, plugins=[groundswell_plugin()], runtime=runtime)
        queue = f"sealing-{uuid.uuid4().hex}"
        await ensure_schedules(client, queue, sealing_every=EVERY)
        await ensure_schedules(client, queue, sealing_every=EVERY)  # as a second worker does
        with ThreadPoolExecutor(2) as threads:
            sealing = SealingActivities(sealer)
            async with Worker(
                client,
                task_queue=queue,
                workflows=[SealingWorkflow],
                activities=sealing.all(),
                activity_executor=threads,
            ):
                async with witness_program(*witnessing):
                    grow(engine, 3)
                    await eventually(lambda: cosigned() == 3)
                    grow(engine, 4)
                    await eventually(lambda: cosigned() == 7)
                    await eventually(lambda: (metric(SIZE), metric(WITNESSED_SIZE)) == (7, 7))
                    first_seen = metric(WITNESSED_AT)
                grow(engine, 5)
                await eventually(lambda: 12 in sizes())
                assert cosigned() == 7, "the witness is away, and what it did not see is not said to be witnessed"
                assert witnessing[3].read_text().startswith('{"size": 7,')
                async with witness_program(*witnessing):
                    await eventually(lambda: cosigned() == 12)
                    await eventually(lambda: metric(WITNESSED_AT) > first_seen)
    assert set(sizes()) == {3, 7, 12}, "none where there was nothing new"
    with reading(engine) as connection:
        state = ledger_state(connection)
    assert (state.size, state.signed_size, state.vouched_size) == (12, 12, 12)
