"""Workers for tests: the real workflows and activities on a real database; mail is only counted."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Engine
from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker

from activities.asking_again import AskingAgainActivities
from activities.deciding import DecisionActivities
from changes.commands import Command
from changes.instruction import Receipt
from changes.state import Change
from store.authority import Authority
from store.database import reading
from store.demonstration_clock import DemonstrationClock
from store.reading import change_state
from store.trail import TrailEntry, trail
from temporal import calls
from temporal.gateway import Gateway
from tests.support.senders import SECRET, ByTemporal
from workflows.asking_again import AskingAgainWorkflow
from workflows.change import ChangeWorkflow
from workflows.housekeeping import HousekeepingWorkflow

CACHED = int(os.environ.get("GROUNDSWELL_MAX_CACHED_WORKFLOWS", "100"))
"""0 in ``make test-replay-all``: every workflow task then replays from the beginning."""


@dataclass
class CountedMail:
    """Stands in for mail where a test is not about mail."""

    rounds: list[str] = field(default_factory=list)

    @activity.defn(name=calls.DELIVER)
    async def deliver(self, change: str) -> calls.Delivery:
        """Count a round of sending."""
        self.rounds.append(change)
        return calls.Delivery()


@dataclass
class Running:
    """A worker that runs, and how to reach it."""

    client: Client
    engine: Engine
    task_queue: str
    mail: CountedMail
    gateway: Gateway

    def change(self, ref: str | None = None) -> ByTemporal:
        """A sender for one change; a new one when ``ref`` is left out."""
        return ByTemporal(self.gateway, ref or f"CH-{uuid.uuid4().int % 1_000_000_000}")

    def state(self, ref: str) -> Change:
        """The change as it is stored."""
        with reading(self.engine) as connection:
            state = change_state(connection, ref)
        assert state is not None, f"{ref} is not stored"
        return state

    def trail(self, ref: str, reader: str = "nobody") -> Sequence[TrailEntry]:
        """The records of a change."""
        with reading(self.engine) as connection:
            return trail(connection, ref, reader)

    async def give(self, change: ByTemporal, acts: Iterable[tuple[str, Command]]) -> Receipt:
        """Give several commands in order and return the last receipt."""
        for person, command in acts:
            receipt = await change.send(person, command)
        return receipt


@asynccontextmanager
async def running_worker(
    client: Client,
    engine: Engine,
    *,
    task_queue: str | None = None,
    patience: timedelta = timedelta(seconds=30),
    clock: DemonstrationClock | None = None,
    cached: int = CACHED,
) -> AsyncIterator[Running]:
    """Run a worker with the real activities on ``engine``; with nothing ``cached``, another takes over at once."""
    queue = task_queue or f"test-{uuid.uuid4().hex}"
    mail = CountedMail()
    authority = Authority()
    deciding = DecisionActivities(engine, authority, SECRET, clock=clock)
    asking = AskingAgainActivities(client, queue, engine, authority, clock=clock)
    with ThreadPoolExecutor(8) as threads:
        async with Worker(
            client,
            task_queue=queue,
            workflows=[ChangeWorkflow, HousekeepingWorkflow, AskingAgainWorkflow],
            activities=[*deciding.all(), *asking.all(), mail.deliver],
            activity_executor=threads,
            max_cached_workflows=cached,
            graceful_shutdown_timeout=timedelta(seconds=5),
            sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
        ):
            yield Running(client, engine, queue, mail, Gateway(client, queue, patience))
