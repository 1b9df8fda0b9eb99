"""Long life: continue-as-new carries everything, a lost Temporal server loses nothing, a dead database only waits."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment

from activities.asking_again import AskingAgainActivities
from changes.any_moment import AddComment, Follow
from changes.hearing import AcceptForTesting, MarkDuplicate
from changes.instruction import Receipt
from store.authority import Authority
from store.database import DatabaseUnavailable
from store.demonstration_clock import DemonstrationClock
from temporal.calls import CHANGE_WORKFLOW
from temporal.gateway import NotNow
from temporal.plugin import groundswell_plugin
from temporal.start import Carried, ChangeStart
from temporal.telling import tell_to_look_again
from tests.support.examples import MANAGER, OWNER, PROPOSER, TO_TESTING, submit, the_tests
from tests.support.senders import instruction
from tests.support.waiting import eventually
from tests.support.workers import running_worker

pytestmark = pytest.mark.temporal
HOUR = timedelta(hours=1)


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


async def test_a_new_run_waits_for_word_that_is_under_way(
    short_lived: WorkflowEnvironment, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And goes on answering meanwhile."""
    arrives = asyncio.Event()

    async def slowly(*told: Any, **more: Any) -> None:
        await arrives.wait()
        await tell_to_look_again(*told, **more)

    monkeypatch.setattr("activities.asking_again.tell_to_look_again", slowly)
    async with running_worker(short_lived.client, engine) as running:
        first, second = running.change("CH-1"), running.change("CH-2")
        await first.send(PROPOSER, submit())
        await second.send(PROPOSER, submit(title="Answer returns the same day"))
        await second.send("lea.fontaine", Follow())
        handle = running.client.get_workflow_handle(second.change)
        await second.send(OWNER, MarkDuplicate(of=first.change, reason="The same desk."))
        for number in range(4):
            await second.refused(OWNER, AddComment(about="works", text=f"Number {number}"))
        assert (await handle.describe()).history_length > 40, "a new run is due"
        arrives.set()
        await eventually(lambda: "lea.fontaine" in running.state(first.change).followers)


async def test_nobody_is_believed_who_says_what_a_change_is(short_lived: WorkflowEnvironment, engine: Engine) -> None:
    """Whoever has access to Temporal can start a workflow with any input; what a change is stands in its records."""
    async with running_worker(short_lived.client, engine) as running:
        change = running.change()
        await change.send(PROPOSER, submit())
        await running.client.get_workflow_handle(change.change).terminate("make room for another")
        true = running.state(change.change)
        assert true.gate is not None
        forged = true.having(gate=true.gate.having(asked=(true.gate.asked[0].having(person="lea.fontaine"),)))
        start = ChangeStart(change=change.change, carried=Carried(change=forged, ahead=10_000_000))
        await running.client.start_workflow(CHANGE_WORKFLOW, start, id=change.change, task_queue=running.task_queue)
        assert (await change.refused("lea.fontaine", AcceptForTesting())).rule == "not_asked"
        await change.send(MANAGER, AcceptForTesting())
        accepted = next(entry for entry in running.trail(change.change) if entry.action == "accepted_for_testing")
        assert abs(accepted.occurred_at - datetime.now(UTC)) < HOUR, "a production worker knows of no clock ahead"


async def test_a_temporal_server_that_forgot_everything(short_lived: WorkflowEnvironment, engine: Engine) -> None:
    """The records are the truth: a new, empty server takes a change up where it was."""
    async with running_worker(short_lived.client, engine) as running:
        change = running.change()
        await running.give(change, TO_TESTING)
        await running.client.get_workflow_handle(change.change).terminate("the server lost its memory")
        receipt = await change.send(PROPOSER, the_tests())
        assert receipt.phase == "awaiting_endorsement"
        assert running.state(change.change).version == receipt.version == len(running.trail(change.change))


class AheadClock(DemonstrationClock):
    """A clock that a test puts forward."""

    by = timedelta()

    def ahead(self) -> timedelta:
        """How far."""
        return self.by


async def test_time_passes_also_where_a_server_forgot_a_change_and_nobody_acts(
    short_lived: WorkflowEnvironment, engine: Engine
) -> None:
    clock = AheadClock(engine)
    async with running_worker(short_lived.client, engine, clock=clock) as running:
        change = running.change()
        await change.send(PROPOSER, submit())
        await running.client.get_workflow_handle(change.change).terminate("the server lost its memory")
        gate = running.state(change.change).gate
        assert gate is not None
        clock.by = gate.reminders[0] - datetime.now(UTC) + timedelta(minutes=5)
        asking = AskingAgainActivities(running.client, running.task_queue, engine, Authority(), clock=clock)
        assert (await ActivityEnvironment().run(asking.ask_again)).told == (), "a timer may be a little late"
        clock.by += timedelta(minutes=10)
        assert (await ActivityEnvironment().run(asking.ask_again)).told == (change.change,)
        await eventually(lambda: "reminded" in [entry.action for entry in running.trail(change.change)])
        assert (await ActivityEnvironment().run(asking.ask_again)).told == ()


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
        # A page keeps its key after "please try again", and somebody may correct their words before they do.
        corrected = AcceptForTesting(note="In my words.")
        with pytest.raises(NotNow):
            await running.gateway.send(
                corrected, instruction(corrected, MANAGER, change.change, key="through-the-outage")
            )

        monkeypatch.undo()
        await eventually(lambda: running.state(change.change).stage == "testing", within=30)
        answer = await running.gateway.send(command, told)
        assert isinstance(answer, Receipt) and answer.stage == "testing"
        refused = await change.refused(MANAGER, corrected, key="through-the-outage")
        assert refused.rule == "key_reused"
        assert [entry.action for entry in running.trail(change.change)].count("accepted_for_testing") == 1
