"""The schedules of an installation: made when a worker starts, and made to follow the settings and the policy.

A schedule lives in Temporal for good. One that was only made, and never changed, went on starting work on a task queue
where nobody works any more, and wrote digests by the clock that was known on the first day (docs/decisions/0047).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import structlog
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleHandle,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from temporal.calls import (
    ASKING_AGAIN_NOW,
    ASKING_AGAIN_WORKFLOW,
    DIGEST_WORKFLOW,
    HOUSEKEEPING_WORKFLOW,
    SEALING_WORKFLOW,
)

HOUSEKEEPING_EVERY = timedelta(minutes=15)
SEALING_EVERY = timedelta(minutes=1)
"""What happened since could be lost without anybody noticing; a shorter time costs more Temporal actions."""
LOOKING_EVERY = timedelta(minutes=1)
"""How often a worker looks whether the organisation's clock is another one. A query of the database, and no action."""

log = structlog.get_logger()


async def ensure_schedules(
    client: Client, task_queue: str, zone: str = "UTC", sealing_every: timedelta = SEALING_EVERY
) -> None:
    """Have mail and open gates looked after every quarter of an hour, the ledger sealed every minute, a digest weekly.

    A schedule that is there is changed where it differs, and not written where it does not. Whether it is paused, and
    why, is left to whoever paused it.

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
    monday = ScheduleCalendarSpec(day_of_week=(ScheduleRange(1),), hour=(ScheduleRange(7),))
    weekly = ScheduleSpec(calendars=[monday], time_zone_name=zone)
    await _ensure(client, task_queue, "digest", DIGEST_WORKFLOW, weekly)
    await _end_if_elsewhere(client, ASKING_AGAIN_NOW, task_queue)  # or whoever wants it at once would wait for ever


async def keep_schedules(
    client: Client,
    task_queue: str,
    zone: str,
    present_zone: Callable[[], Awaitable[str | None]],
    looking_every: timedelta = LOOKING_EVERY,
) -> None:
    """Have the digest follow the organisation's clock when a policy with another takes force. Runs until cancelled.

    Args:
        zone: the clock by which the schedules are now.
        present_zone: the clock of the policy in force; None where that cannot be said now.
    """
    while True:
        await asyncio.sleep(looking_every.total_seconds())
        try:
            now = await present_zone()
            if now is not None and now != zone:
                await ensure_schedules(client, task_queue, now)
                log.info("the digest leaves by another clock", zone=now, before=zone)
                zone = now
        except Exception as error:  # whatever it is, the worker goes on, and looks again in a minute
            log.warning("the schedules are looked at later", cause=repr(error))


async def _ensure(client: Client, task_queue: str, name: str, workflow: str, spec: ScheduleSpec) -> None:
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(workflow, id=name, task_queue=task_queue),
        spec=spec,
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )
    handle = client.get_schedule_handle(f"groundswell-{name}")
    try:
        await client.create_schedule(handle.id, schedule)
    except ScheduleAlreadyRunningError:
        await handle.update(lambda there: _changed(there, schedule))
        await _end_what_nobody_works_on(client, handle, task_queue)


def _changed(there: ScheduleUpdateInput, wanted: Schedule) -> ScheduleUpdate | None:
    """What to write; None where it is as it should be."""
    present = there.description.schedule
    if _essence(present) == _essence(wanted):
        return None
    log.info("a schedule follows the settings", schedule=there.description.id)
    return ScheduleUpdate(replace(wanted, state=present.state))


def _essence(schedule: Schedule) -> tuple[object, ...]:
    """What we say of a schedule; the server adds defaults of its own to the rest."""
    spec, action = schedule.spec, schedule.action
    if not isinstance(action, ScheduleActionStartWorkflow):
        return ()
    return (
        action.workflow,
        action.id,
        action.task_queue,
        tuple(spec.calendars),
        tuple((interval.every, interval.offset or timedelta()) for interval in spec.intervals),
        spec.jitter or timedelta(),
        spec.time_zone_name or "UTC",
        schedule.policy.overlap,
    )


async def _end_what_nobody_works_on(client: Client, handle: ScheduleHandle, task_queue: str) -> None:
    """End runs that the schedule began on another queue: while one is there, no other would begin. Nothing is lost,
    because the next one does what it would have done."""
    for running in (await handle.describe()).info.running_actions:
        if isinstance(running, ScheduleActionExecutionStartWorkflow):
            await _end_if_elsewhere(client, running.workflow_id, task_queue)


async def _end_if_elsewhere(client: Client, workflow_id: str, task_queue: str) -> None:
    run = client.get_workflow_handle(workflow_id)
    try:
        if (await run.describe()).task_queue != task_queue:
            await run.terminate("Workers look at another task queue now.")
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:  # there was none, or it has ended by itself
            raise
