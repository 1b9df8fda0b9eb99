"""Long life: continue-as-new carries everything, a lost Temporal server loses nothing, a dead database only waits."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from temporalio.testing import WorkflowEnvironment

from changes.any_moment import AddComment
from changes.hearing import AcceptForTesting
from changes.instruction import Receipt
from store.database import DatabaseUnavailable
from temporal.gateway import NotNow
from temporal.plugin import groundswell_plugin
from tests.support.examples import MANAGER, OWNER, PROPOSER, TO_TESTING, submit, the_tests
from tests.support.senders import instruction
from tests.support.waiting import eventually
from tests.support.workers import running_worker

pytestmark = pytest.mark.temporal


@pytest.fixture(scope="module")
async def short_lived() -> AsyncIterator[WorkflowEnvironment]:
    """A real server that suggests continue-as-new after 40 events instead of 4,096."""
    binary = shutil.which("temporal", path=str(Path(sys.executable).parent))
    assert binary, "the temporal binary is missing; make test installs it"
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=binary,
        dev_server_log_level="error",
        dev_server_startup_timeout=timedelta(seconds=30),
        dev_server_extra_args=["--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=40"],
        plugins=[groundswell_plugin()],
    )
    async with environment:
        yield environment


@pytest.mark.slow
async def test_everything_is_carried_into_the_next_run(short_lived: WorkflowEnvironment, engine: Engine) -> None:
    async with running_worker(short_lived.client, engine) as running:
        change = running.change()
        first = await change.send(PROPOSER, submit(), key="first")
        run_ids = set()
        handle = running.client.get_workflow_handle(change.change)
        for number in range(20):
            await change.send(OWNER, AddComment(about="works", text=f"Number {number}"), key=f"comment-{number}")
            run_ids.add((await handle.describe()).run_id)
        assert len(run_ids) > 1, "the workflow never continued as new, so this test shows nothing"
        assert len(running.state(change.change).comments) == 20

        # Keys of earlier runs still hold, and the road goes on.
        assert await change.send(PROPOSER, submit(), key="first") == first
        again = await change.send(OWNER, AddComment(about="works", text="Number 3"), key="comment-3")
        assert again.version == first.version + 4
        assert len(running.state(change.change).comments) == 20
        assert (await change.send(MANAGER, AcceptForTesting())).stage == "testing"


async def test_keys_hold_while_the_workflow_continues_as_new_under_load(
    short_lived: WorkflowEnvironment, engine: Engine
) -> None:
    """Update ids deduplicate per run only; every command is delivered twice here (reference/temporal.md 7.1)."""
    async with running_worker(short_lived.client, engine) as running:
        change = running.change()
        await change.send(PROPOSER, submit())
        told = []
        for number in range(24):
            comment = AddComment(about="works", text=f"Number {number}")
            told.append((comment, instruction(comment, OWNER, change.change, key=f"load-{number}")))
        slots = asyncio.Semaphore(4)

        async def deliver(comment: AddComment, told_: object) -> None:
            async with slots:
                for _ in range(3):
                    try:
                        answer = await running.gateway.send(comment, told_)  # type: ignore[arg-type]
                        assert isinstance(answer, Receipt)
                        return
                    except NotNow:
                        continue

        await asyncio.gather(*(deliver(*pair) for pair in (*told, *reversed(told))))
        texts = [comment.text for comment in running.state(change.change).comments]
        assert sorted(texts) == sorted(f"Number {number}" for number in range(24))


async def test_a_temporal_server_that_forgot_everything(short_lived: WorkflowEnvironment, engine: Engine) -> None:
    """The records are the truth: a new, empty server takes a change up where it was."""
    async with running_worker(short_lived.client, engine) as running:
        change = running.change()
        await running.give(change, TO_TESTING)
        await running.client.get_workflow_handle(change.change).terminate("the server lost its memory")
        receipt = await change.send(PROPOSER, the_tests())
        assert receipt.phase == "awaiting_endorsement"
        assert running.state(change.change).version == receipt.version == len(running.trail(change.change))


async def test_while_the_database_is_away_updates_wait_and_nothing_is_lost(
    short_lived: WorkflowEnvironment, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_worker(short_lived.client, engine, patience=timedelta(seconds=2)) as running:
        change = running.change()
        await change.send(PROPOSER, submit())

        def away(*_: object) -> None:
            raise DatabaseUnavailable("The database cannot be used right now: no answer")

        monkeypatch.setattr("activities.deciding.record", away)
        command = AcceptForTesting()
        told = instruction(command, MANAGER, change.change, key="through-the-outage")
        with pytest.raises(NotNow):
            await running.gateway.send(command, told)
        assert running.state(change.change).stage == "proposal"

        monkeypatch.undo()
        await eventually(lambda: running.state(change.change).stage == "testing", within=30)
        answer = await running.gateway.send(command, told)
        assert isinstance(answer, Receipt) and answer.stage == "testing"
        assert [entry.action for entry in running.trail(change.change)].count("accepted_for_testing") == 1
