"""The demonstration's clock is put forward on every open change; a worker in production knows of none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, insert
from temporalio.testing import WorkflowEnvironment

from changes.any_moment import Follow
from store import tables
from store.database import reading, writing
from store.demonstration_clock import AHEAD, DemonstrationClock, NoDemonstration, ahead_of, put_forward
from store.readiness import mark_demonstration
from temporal.telling import tell_to_look_at_the_clock
from tests.support.examples import PROPOSER, submit
from tests.support.waiting import eventually
from tests.support.workers import Running, running_worker


def happened(running: Running) -> list[str]:
    return [entry.action for entry in running.trail("CH-1")]


async def test_what_falls_due_happens_when_time_moves(skipping: WorkflowEnvironment, engine: Engine) -> None:
    with writing(engine) as connection:
        mark_demonstration(connection)
    async with running_worker(skipping.client, engine, clock=DemonstrationClock(engine)) as running:
        await running.change("CH-1").send(PROPOSER, submit())
        for _ in range(2):
            with writing(engine) as connection:
                put_forward(connection, timedelta(days=5))
            await tell_to_look_at_the_clock(running.client, running.task_queue, "CH-1")
        await eventually(lambda: "reminded" in happened(running) or "escalated" in happened(running))
        change = running.state("CH-1")
        assert change.updated_at > datetime.now(UTC) + timedelta(days=4)


async def test_a_worker_in_production_moves_nothing(running: Running, engine: Engine) -> None:
    with writing(engine) as connection:
        mark_demonstration(connection)
        put_forward(connection, timedelta(days=300))
    await running.change("CH-1").send(PROPOSER, submit())
    await tell_to_look_at_the_clock(running.client, running.task_queue, "CH-1")
    await running.change("CH-1").send(PROPOSER, Follow())
    assert set(happened(running)) == {"submitted", "gate_opened", "followed"}
    assert running.state("CH-1").updated_at < datetime.now(UTC) + timedelta(days=1)


def test_it_exists_in_the_demonstration_only(engine: Engine) -> None:
    with writing(engine) as connection:
        with pytest.raises(NoDemonstration):
            put_forward(connection, timedelta(days=1))
        connection.execute(insert(tables.deployment).values(name=AHEAD, value="86400"))
    with reading(engine) as connection:
        assert ahead_of(connection) == timedelta()


def test_it_moves_forward_and_not_for_ever(engine: Engine) -> None:
    with writing(engine) as connection:
        mark_demonstration(connection)
        for wrong in (timedelta(), timedelta(days=-1), timedelta(days=4000)):
            with pytest.raises(ValueError, match="forward"):
                put_forward(connection, wrong)
        assert put_forward(connection, timedelta(days=2)) == timedelta(days=2)
        assert put_forward(connection, timedelta(days=1)) == timedelta(days=3)
    clock = DemonstrationClock(engine)
    assert timedelta(days=2) < clock() - datetime.now(UTC) <= timedelta(days=3)
