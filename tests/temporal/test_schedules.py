"""Schedules follow the settings and the policy, on a real Temporal server; what is as it should be is not written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from temporalio.client import Client, ScheduleActionStartWorkflow, ScheduleDescription, WorkflowExecutionStatus

from temporal.calls import ASKING_AGAIN_NOW, CHANGE_WORKFLOW, HOUSEKEEPING_WORKFLOW, WEBHOOK_WORKFLOW
from temporal.development_server import DevelopmentServer
from temporal.occupancy import work_elsewhere
from temporal.plugin import groundswell_plugin
from temporal.schedules import ensure_schedules, keep_schedules
from temporal.telling import ask_again

pytestmark = pytest.mark.temporal
T = TypeVar("T")
NAMES = ("housekeeping", "asking-again", "sealing", "digest")


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    """A client of a server of its own: an installation's schedules have fixed names."""
    async with DevelopmentServer(tmp_path / "temporal.db") as server:
        yield await Client.connect(server.address, plugins=[groundswell_plugin()])


async def until(ask: Callable[[], Awaitable[T]], holds: Callable[[T], bool]) -> None:
    """Ask until the answer is as it should be."""
    deadline = time.monotonic() + 20
    while not holds(found := await ask()):
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.05)


async def described(client: Client, name: str) -> ScheduleDescription:
    return await client.get_schedule_handle(f"groundswell-{name}").describe()


async def queue_of(client: Client, name: str) -> str:
    action = (await described(client, name)).schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    return action.task_queue


async def zone(client: Client) -> str | None:
    return (await described(client, "digest")).schedule.spec.time_zone_name


async def test_what_is_as_it_should_be_is_not_written(client: Client) -> None:
    await ensure_schedules(client, "ours", "Europe/Berlin")
    before = {name: await described(client, name) for name in NAMES}
    await ensure_schedules(client, "ours", "Europe/Berlin")
    for name in NAMES:
        after = await described(client, name)
        assert after.info.last_updated_at is None
        assert after.raw_description.conflict_token == before[name].raw_description.conflict_token


async def test_they_follow_zone_interval_and_queue_and_stay_paused(client: Client) -> None:
    await ensure_schedules(client, "ours")
    await client.get_schedule_handle("groundswell-sealing").pause(note="the witness moves house")
    await ensure_schedules(client, "others", "Europe/Berlin", sealing_every=timedelta(seconds=90))
    assert {await queue_of(client, name) for name in NAMES} == {"others"}
    assert await zone(client) == "Europe/Berlin"
    sealing = (await described(client, "sealing")).schedule
    assert [interval.every for interval in sealing.spec.intervals] == [timedelta(seconds=90)]
    assert (sealing.state.paused, sealing.state.note) == (True, "the witness moves house")


async def test_a_run_that_waits_on_a_queue_where_nobody_works_any_more_keeps_none_from_beginning(
    client: Client,
) -> None:
    await ensure_schedules(client, "ours")
    handle = client.get_schedule_handle("groundswell-housekeeping")
    await handle.trigger()
    query = f"WorkflowType = '{HOUSEKEEPING_WORKFLOW}'"

    async def runs() -> dict[str, WorkflowExecutionStatus | None]:
        return {one.task_queue: one.status async for one in client.list_workflows(query)}

    await until(runs, lambda found: set(found) == {"ours"})
    await ensure_schedules(client, "others")
    await handle.trigger()
    await until(
        runs,
        lambda found: found == {"ours": WorkflowExecutionStatus.TERMINATED, "others": WorkflowExecutionStatus.RUNNING},
    )
    await ensure_schedules(client, "others")  # as a second worker does: what runs on its own queue goes on
    assert (await runs())["others"] == WorkflowExecutionStatus.RUNNING


async def test_what_somebody_wanted_at_once_does_not_wait_where_nobody_works_any_more(client: Client) -> None:
    async def standing() -> tuple[str, WorkflowExecutionStatus | None]:
        found = await client.get_workflow_handle(ASKING_AGAIN_NOW).describe()
        return found.task_queue, found.status

    await ask_again(client, "ours")
    await ensure_schedules(client, "others")
    assert await standing() == ("ours", WorkflowExecutionStatus.TERMINATED)
    await ask_again(client, "others")
    await ensure_schedules(client, "others")
    assert await standing() == ("others", WorkflowExecutionStatus.RUNNING)


async def test_two_workers_that_start_at_the_same_moment_both_start(client: Client) -> None:
    for queue in ("ours", "others"):
        await asyncio.gather(*(ensure_schedules(client, queue) for _ in range(2)))
        assert {await queue_of(client, name) for name in NAMES} == {queue}


async def test_the_digest_follows_a_policy_that_takes_force_while_the_worker_runs(client: Client) -> None:
    await ensure_schedules(client, "ours", "UTC")
    zones: list[str | None] = ["UTC", None, "Europe/Berlin"]

    async def present() -> str | None:
        return zones.pop(0) if len(zones) > 1 else zones[0]

    keeping = asyncio.create_task(keep_schedules(client, "ours", "UTC", present, timedelta(milliseconds=10)))
    try:
        await until(lambda: zone(client), lambda found: found == "Europe/Berlin")
        zones[:] = ["America/New_York"]
        await until(lambda: zone(client), lambda found: found == "America/New_York")
    finally:
        keeping.cancel()


async def test_what_is_under_way_on_another_queue_is_found(client: Client) -> None:
    async def begin(workflow: str, name: str, queue: str) -> None:
        await client.start_workflow(workflow, id=name, task_queue=queue)

    assert await work_elsewhere(client, "ours") is None
    await begin(CHANGE_WORKFLOW, "CH-1", "ours")
    await begin(HOUSEKEEPING_WORKFLOW, "housekeeping-now", "o'thers")
    await until(lambda: work_elsewhere(client, "others"), lambda found: found is not None)
    assert await work_elsewhere(client, "ours") is None
    await begin(WEBHOOK_WORKFLOW, "webhook-1", "o'thers")
    await begin(CHANGE_WORKFLOW, "CH-2", "o'thers")
    await until(lambda: work_elsewhere(client, "ours"), lambda found: found is not None and found.changes == 2)
    found = await work_elsewhere(client, "ours")
    assert found is not None
    assert found.found.startswith("2 changes or webhooks are under way on the task queue “o'thers”")
    assert found.ours == 1 and "Let a second worker look after “o'thers”" in found.advice
    other = await work_elsewhere(client, "o'thers")
    assert other is not None and (other.changes, other.task_queue, other.ours) == (1, "ours", 2)
    neither = await work_elsewhere(client, "new")
    assert neither is not None and (neither.changes, neither.ours) == (3, 0)
    assert f"Set it back to “{neither.task_queue}”" in neither.advice
