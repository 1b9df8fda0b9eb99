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

from temporal.calls import HOUSEKEEPING_WORKFLOW

EVERY = timedelta(minutes=15)


async def ensure_schedules(client: Client, task_queue: str) -> None:
    """Have housekeeping run every quarter of an hour."""
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(HOUSEKEEPING_WORKFLOW, id="housekeeping", task_queue=task_queue),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=EVERY)], jitter=timedelta(seconds=30)),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )
    try:
        await client.create_schedule("groundswell-housekeeping", schedule)
    except ScheduleAlreadyRunningError:
        return
