"""Months of waiting: to the minute over clocks that are put back, a new holiday, and workers that come and go."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine
from temporalio.testing import WorkflowEnvironment

from changes.any_moment import Renew
from changes.hearing import AcceptForTesting
from policies.loader import shipped
from policies.working_time import working_time
from temporal.telling import tell_to_look_again
from tests.support.examples import MANAGER, PROPOSER, submit
from tests.support.skipping import (
    BERLIN,
    another_holiday,
    at_rest,
    skip_to,
    thursday_before_winter_time,
    to_next_moment,
)
from tests.support.waiting import eventually
from tests.support.workers import running_worker

pytestmark = [pytest.mark.temporal, pytest.mark.slow]


def on_the_clock(moment: datetime) -> str:
    """The day and minute on the wall in Berlin."""
    return f"{moment.astimezone(BERLIN):%a %H:%M}"


async def test_every_deadline_falls_on_its_working_minute(skipping: WorkflowEnvironment, engine: Engine) -> None:
    """Each step runs on a worker of its own, so each is taken up by one that has seen nothing of what was before."""
    thursday = thursday_before_winter_time(await skipping.get_current_time())
    await skip_to(skipping, thursday)
    queue = "months"
    async with running_worker(skipping.client, engine, task_queue=queue, cached=0) as running:
        change = running.change("CH-1")
        await change.send(PROPOSER, submit())
        gate = running.state("CH-1").gate
        assert gate is not None
        # Five working days from Thursday 10:00, and between them the night in which the clocks are put back.
        assert [on_the_clock(moment) for moment in (*gate.reminders, gate.due)] == [
            "Mon 14:00",
            "Wed 10:00",
            "Thu 10:00",
        ]
        assert (gate.due - thursday).total_seconds() // 3600 == 7 * 24 + 1
        await at_rest(running, "CH-1")

    async def step() -> tuple[str, list[str]]:
        async with running_worker(skipping.client, engine, task_queue=queue, cached=0) as running:
            moment, entries = await to_next_moment(running, skipping, "CH-1")
            assert all(timedelta() <= entry.occurred_at - moment < timedelta(minutes=1) for entry in entries)
            return on_the_clock(moment), [entry.action for entry in entries]

    assert await step() == ("Mon 14:00", ["reminded"])
    with another_holiday((thursday + timedelta(days=6)).date()):  # the Wednesday, so everything comes a day later
        async with running_worker(skipping.client, engine, task_queue=queue, cached=0) as running:
            await tell_to_look_again(skipping.client, queue, "CH-1")
            await eventually(lambda: "deadline_reckoned" in {entry.action for entry in running.trail("CH-1")})
            await at_rest(running, "CH-1")
        assert await step() == ("Thu 10:00", ["reminded"])
        assert await step() == ("Fri 10:00", ["escalated"])
        # Wednesday 14:00 is half of the five days from Friday 10:00.
        assert await step() == ("Tue 14:00", ["reminded"])
        assert await step() == ("Thu 10:00", ["reminded"])
        assert await step() == ("Fri 10:00", ["escalated"])
        assert await step() == ("Tue 14:00", ["reminded"])
        assert await step() == ("Thu 10:00", ["reminded"])
        assert (await step())[1] == ["expired"]

    async with running_worker(skipping.client, engine, task_queue=queue, cached=0) as running:
        closing = running.state("CH-1").closing
        assert closing is not None and closing.outcome == "expired"
        assert working_time(shipped()[0].time).is_working(closing.at.replace(second=0, microsecond=0))
        renewed = await running.change("CH-1").send(PROPOSER, Renew())
        assert renewed.phase == "awaiting_answer"
        gate = running.state("CH-1").gate
        assert gate is not None and gate.due > closing.at
        await at_rest(running, "CH-1")
    assert (await step())[1] == ["reminded"]
    async with running_worker(skipping.client, engine, task_queue=queue, cached=0) as running:
        assert (await running.change("CH-1").send(MANAGER, AcceptForTesting())).stage == "testing"
