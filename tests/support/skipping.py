"""Walking through months on the time-skipping server, from one moment that matters to the next.

One long sleep lets the server's clock run ahead of the worker, so what it records depends on who is faster. Here the
clock never passes a moment before what it means is on record.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from unittest.mock import patch
from zoneinfo import ZoneInfo

from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment

from changes.passing_time import next_moment
from policies import working_time as calendar
from store.trail import TrailEntry
from tests.support.waiting import eventually
from tests.support.workers import Running

BERLIN = ZoneInfo("Europe/Berlin")


async def skip_to(skipping: WorkflowEnvironment, moment: datetime) -> None:
    """Let time pass until just after ``moment``."""
    await skipping.sleep(max(moment - await skipping.get_current_time(), timedelta()) + timedelta(seconds=2))


async def to_next_moment(
    running: Running, skipping: WorkflowEnvironment, ref: str
) -> tuple[datetime, list[TrailEntry]]:
    """Wait for what falls due next; the moment it was due, and what was recorded about it."""
    before = running.state(ref)
    moment, known = next_moment(before), len(running.trail(ref))
    assert moment is not None, "nothing falls due"
    await at_rest(running, ref)
    await skip_to(skipping, moment)
    await eventually(lambda: running.state(ref).version > before.version)
    await at_rest(running, ref)
    return moment, list(running.trail(ref))[known:]


async def at_rest(running: Running, ref: str) -> None:
    """Wait until nothing of a change is under way: a worker that goes away in the middle of a task keeps its server's
    clock from moving until the task times out (reference/temporal.md 7.16)."""
    handle = running.client.get_workflow_handle(ref)
    for _ in range(500):
        kinds = Counter(event.event_type for event in (await handle.fetch_history()).events)
        if all(kinds[begun] == sum(kinds[end] for end in ends) for begun, ends in UNDER_WAY.items()):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{ref} never came to rest")


UNDER_WAY = {
    EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED: (
        EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
    ),
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: (
        EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT,
    ),
}
"""What is begun in a history, and the events that end it."""


def thursday_before_winter_time(now: datetime) -> datetime:
    """10:00 in Berlin on the next Thursday before the last Sunday of an October, when the clocks are put back."""
    for year in (now.year, now.year + 1):
        last = date(year, 10, 31)
        sunday = last - timedelta(days=(last.weekday() + 1) % 7)
        thursday = datetime.combine(sunday - timedelta(days=3), time(10), tzinfo=BERLIN)
        if thursday > now + timedelta(days=1):
            return thursday.astimezone(UTC)
    raise AssertionError("there is an October every year")


@contextmanager
def another_holiday(day: date) -> Iterator[None]:
    """The table of public holidays has one more, as after an update of the package that knows them."""
    known = calendar._public_holidays

    def more(code: str, year: int) -> frozenset[date]:
        return known(code, year) | {day}

    calendar.working_time.cache_clear()
    try:
        with patch.object(calendar, "_public_holidays", more):
            yield
    finally:
        calendar.working_time.cache_clear()
