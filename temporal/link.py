"""The way to Temporal from a process that starts and goes on without it: connect when needed, connect again later."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from changes.commands import Command
from changes.instruction import Instruction, Receipt
from changes.refusals import Refused
from temporal.connection import Target, TemporalUnavailable, answers, connect
from temporal.gateway import Gateway, NotNow
from temporal.pollers import worker_polls
from temporal.telling import ask_again, tell_to_look_at_the_clock
from temporal.waking import wake_endpoint

PAUSE = 2.0
"""Seconds after a failed connection before the next is tried, so that waiting commands do not queue up behind it."""

log = structlog.get_logger()


class TemporalLink:
    """A gateway that connects by itself. Once there is a connection, the client's channel keeps it up."""

    def __init__(self, task_queue: str, *, demonstration: bool = False, to: Target | None = None) -> None:
        """Begin without a connection.

        Args:
            task_queue: where the workers look for work.
            demonstration: whether changes have a clock that can be put forward.
            to: a server that this process was told of; the configured one where it is left out.
        """
        self._to = to
        self._demonstration = demonstration
        self._task_queue = task_queue
        self._connecting = asyncio.Lock()
        self._connection: tuple[Client, Gateway] | None = None
        self._failed_at = float("-inf")

    async def send(self, command: Command, instruction: Instruction, begins: bool = False) -> Receipt | Refused:
        """Send ``command``; see :meth:`temporal.gateway.Gateway.send`.

        Raises:
            NotNow: there is no connection yet, or the command could not be decided in time.
            CommandFailed: the worker failed on it.
        """
        try:
            _, gateway = await self._connected()
        except TemporalUnavailable as error:
            raise NotNow(retry_after=5) from error
        return await gateway.send(command, instruction, begins)

    async def tell_clocks(self, changes: Sequence[str]) -> None:
        """Have these changes of the demonstration look how far ahead its clock is."""
        try:
            client, _ = await self._connected()
            for change in changes:
                await tell_to_look_at_the_clock(client, self._task_queue, change)
        except (TemporalUnavailable, RPCError) as error:
            raise NotNow(retry_after=5) from error

    async def ask_again(self) -> bool:
        """Have all open changes looked at now; False where Temporal is away, and housekeeping does it later."""
        try:
            client, _ = await self._connected()
            await ask_again(client, self._task_queue)
        except (TemporalUnavailable, RPCError) as error:
            log.warning("open changes are looked at later", detail=str(error))
            return False
        return True

    async def not_answering(self) -> Sequence[str]:
        """What does not answer behind this link, in sentences; for the readiness check."""
        try:
            client, _ = await self._connected()
        except TemporalUnavailable:
            return [TEMPORAL_AWAY]
        if not await answers(client):
            return [TEMPORAL_AWAY]
        if not await worker_polls(client, self._task_queue):
            return ["No worker looks for commands."]
        return []

    async def wake_endpoint(self, endpoint: str) -> None:
        """Have what waits for a webhook endpoint sent now. Without Temporal, housekeeping does it later."""
        try:
            client, _ = await self._connected()
            await wake_endpoint(client, self._task_queue, endpoint, now=True)
        except (TemporalUnavailable, RPCError) as error:
            log.warning("an endpoint could not be woken", endpoint=endpoint, cause=str(error))

    async def connect_early(self) -> None:
        """Try to connect, so that the first command does not wait for it. Failing is fine."""
        try:
            await self._connected()
        except TemporalUnavailable as error:
            log.warning("temporal unavailable", detail=str(error))

    async def _connected(self) -> tuple[Client, Gateway]:
        async with self._connecting:
            if self._connection is None:
                loop = asyncio.get_running_loop()
                if loop.time() - self._failed_at < PAUSE:
                    raise TemporalUnavailable("No connection a moment ago.")
                try:
                    client = await connect(to=self._to)
                except TemporalUnavailable:
                    self._failed_at = loop.time()
                    raise
                self._connection = client, Gateway(client, self._task_queue, demonstration=self._demonstration)
            return self._connection


TEMPORAL_AWAY = "Temporal does not answer."
