"""The schedules of an installation, created when a worker starts; creating them again changes nothing."""

from __future__ import annotations

from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)

from temporal.calls import ASKING_AGAIN_WORKFLOW, HOUSEKEEPING_WORKFLOW, SEALING_WORKFLOW

HOUSEKEEPING_EVERY = timedelta(minutes=15)
SEALING_EVERY = timedelta(minutes=1)
"""What happened since could be lost without anybody noticing; a shorter time costs more Temporal actions."""


async def ensure_schedules(client: Client, task_queue: str) -> None:
    """Have mail and open gates looked after every quarter of an hour, and the ledger sealed every minute."""
    await _ensure(client, task_queue, "housekeeping", HOUSEKEEPING_WORKFLOW, HOUSEKEEPING_EVERY, timedelta(seconds=30))
    await _ensure(client, task_queue, "asking-again", ASKING_AGAIN_WORKFLOW, HOUSEKEEPING_EVERY, timedelta(seconds=30))
    await _ensure(client, task_queue, "sealing", SEALING_WORKFLOW, SEALING_EVERY, timedelta())


async def _ensure(
    client: Client, task_queue: str, name: str, workflow: str, every: timedelta, jitter: timedelta
) -> None:
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(workflow, id=name, task_queue=task_queue),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)], jitter=jitter),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )
    try:
        await client.create_schedule(f"groundswell-{name}", schedule)
    except ScheduleAlreadyRunningError:
        return
