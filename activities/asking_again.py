"""Looking at open changes, and telling those to look again that are overdue, would ask others, or miss somebody."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio.to_thread
import structlog
from sqlalchemy import Engine
from temporalio import activity
from temporalio.client import Client

from store.asking_again import open_changes, overdue, remember_world, to_look_again, world_now, world_seen
from store.authority import Authority
from store.database import reading, writing
from store.demonstration_clock import DemonstrationClock
from temporal import calls
from temporal.telling import tell_to_look_again

log = structlog.get_logger()

LATE = timedelta(minutes=10)
"""A change's own timer is late by seconds; what is later than this was missed."""


class AskingAgainActivities:
    """Activities that send word to changes."""

    def __init__(
        self,
        client: Client,
        task_queue: str,
        engine: Engine,
        authority: Authority,
        *,
        clock: DemonstrationClock | None = None,
    ) -> None:
        self._clock = clock
        self._client = client
        self._task_queue = task_queue
        self._engine = engine
        self._authority = authority

    def all(self) -> list[Callable[..., Any]]:
        """The activities, for the worker's list."""
        return [self.ask_again, self.send_word]

    @activity.defn(name=calls.ASK_AGAIN)
    async def ask_again(self) -> calls.AskedAgain:
        """Tell changes that are overdue; and look at every open change, unless nothing that decides who is asked is
        different since the last time.

        The world is remembered last, so that a look that was broken off is taken again.
        """
        now = self._clock() if self._clock else datetime.now(UTC)
        told = list(await anyio.to_thread.run_sync(self._overdue, now - LATE))
        if told:
            log.warning("changes are overdue and told to go on", changes=told)
            await self._tell(told)
        world, seen = await anyio.to_thread.run_sync(self._worlds, now)
        if world == seen:
            return calls.AskedAgain(told=tuple(told))
        looked_at, last = 0, ""
        while refs := await anyio.to_thread.run_sync(self._some, last):
            different = await anyio.to_thread.run_sync(self._different, refs, now)
            await self._tell(different)
            told += different
            looked_at, last = looked_at + len(refs), refs[-1]
            activity.heartbeat(last)
        await anyio.to_thread.run_sync(self._remember, world)
        log.info("open changes looked at", changes=looked_at, told=len(told))
        return calls.AskedAgain(looked_at=looked_at, told=tuple(told))

    async def _tell(self, changes: Iterable[str]) -> None:
        for number, ref in enumerate(changes):
            if number % 100 == 99:
                activity.heartbeat(ref)
            await tell_to_look_again(self._client, self._task_queue, ref, demonstration=self._clock is not None)

    @activity.defn(name=calls.SEND_WORD)
    async def send_word(self, word: calls.Word) -> None:
        """Tell a change that another was marked as its duplicate; it looks up itself whether that is so."""
        demonstration = self._clock is not None
        await tell_to_look_again(self._client, self._task_queue, word.to, word.duplicate, demonstration=demonstration)

    def _overdue(self, before: datetime) -> tuple[str, ...]:
        with reading(self._engine) as connection:
            return overdue(connection, before)

    def _worlds(self, now: datetime) -> tuple[str, str]:
        with reading(self._engine) as connection:
            return world_now(connection, self._authority, now), world_seen(connection)

    def _some(self, after: str) -> tuple[str, ...]:
        with reading(self._engine) as connection:
            return open_changes(connection, after)

    def _different(self, refs: tuple[str, ...], now: datetime) -> list[str]:
        with reading(self._engine) as connection:
            return list(to_look_again(connection, self._authority, refs, now))

    def _remember(self, world: str) -> None:
        with writing(self._engine) as connection:
            remember_world(connection, world)
