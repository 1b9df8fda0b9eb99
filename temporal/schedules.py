"""The schedules of an installation, created when a worker starts; creating them again changes nothing."""

from __future__ import annotations

from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
)

from temporal.calls import ASKING_AGAIN_WORKFLOW, DIGEST_WORKFLOW, HOUSEKEEPING_WORKFLOW, SEALING_WORKFLOW

HOUSEKEEPING_EVERY = timedelta(minutes=15)
SEALING_EVERY = timedelta(minutes=1)
"""What happened since could be lost without anybody noticing; a shorter time costs more Temporal actions."""


async def ensure_schedules(
    client: Client, task_queue: str, zone: str = "UTC", sealing_every: timedelta = SEALING_EVERY
) -> None:
    """Have mail and open gates looked after every quarter of an hour, the ledger sealed every minute, a digest weekly.

    Args:
        zone: the organisation's clock, by which the digest leaves on Mondays at seven.
        sealing_every: a whole number of seconds.
    """
    housekeeping = ScheduleSpec(
        intervals=[ScheduleIntervalSpec(every=HOUSEKEEPING_EVERY)], jitter=timedelta(seconds=30)
    )
    await _ensure(client, task_queue, "housekeeping", HOUSEKEEPING_WORKFLOW, housekeeping)
    await _ensure(client, task_queue, "asking-again", ASKING_AGAIN_WORKFLOW, housekeeping)
    sealing = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=sealing_every)])
    await _ensure(client, task_queue, "sealing", SEALING_WORKFLOW, sealing)
    monday = ScheduleCalendarSpec(day_of_week=[ScheduleRange(1)], hour=[ScheduleRange(7)])
    weekly = ScheduleSpec(calendars=[monday], time_zone_name=zone)
    await _ensure(client, task_queue, "digest", DIGEST_WORKFLOW, weekly)


async def _ensure(client: Client, task_queue: str, name: str, workflow: str, spec: ScheduleSpec) -> None:
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(workflow, id=name, task_queue=task_queue),
        spec=spec,
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )
    try:
        await client.create_schedule(f"groundswell-{name}", schedule)
    except ScheduleAlreadyRunningError:
        return
