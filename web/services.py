"""What every part of the web process shares: settings, database, look-ups, the way to Temporal, and the clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Protocol, TypeVar
from zoneinfo import ZoneInfo

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import Depends, Request
from sqlalchemy import Connection, Engine

from changes.commands import Command
from changes.instruction import Instruction, Receipt
from changes.refusals import Refused
from settings import Settings
from store.authority import Authority
from store.database import reading, writing
from store.policies import PolicyCache
from web.live import Live
from web.security.limiting import Limiter
from web.security.openid import OpenId

T = TypeVar("T")

DATABASE_THREADS = 10
"""Requests that use the database at a time: as many as its pool has connections, so that none waits for a free one."""


class CommandGateway(Protocol):
    """The way of a command to its change; :class:`temporal.gateway.Gateway` is the real one."""

    async def send(self, command: Command, instruction: Instruction, begins: bool = False) -> Receipt | Refused:
        """Send ``command`` and wait until its decision is durable.

        Raises:
            temporal.gateway.NotNow: it could not be decided in time; the same key may be sent again.
            temporal.gateway.CommandFailed: our fault.
        """
        ...


NotAnswering = Callable[[], Awaitable[Sequence[str]]]
"""Which parts behind the gateway do not answer now, in sentences."""


async def nothing_missing() -> Sequence[str]:
    """Everything behind the gateway answers."""
    return ()


TellClocks = Callable[[Sequence[str]], Awaitable[None]]


async def nobody_is_told(changes: Sequence[str]) -> None:
    """No workflow carries these changes."""


AskAgain = Callable[[], Awaitable[bool]]
"""Has open changes looked at now; says whether that could be asked for."""


async def nobody_looks() -> bool:
    """Nobody has to look at open changes now; housekeeping does it in a while."""
    return False


async def nobody_to_wake(endpoint: str) -> None:
    """Nothing sends webhooks here."""


def utc_now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Services:
    """Shared by all requests of one process."""

    settings: Settings
    engine: Engine
    gateway: CommandGateway
    clock: Callable[[], datetime] = utc_now
    not_answering: NotAnswering = nothing_missing
    tell_clocks: TellClocks = nobody_is_told
    """Has changes of the demonstration look how far ahead its clock is."""
    ask_again: AskAgain = nobody_looks
    """Has open gates looked at, because somebody else may be asked now."""
    authority: Authority = field(default_factory=Authority)
    policies: PolicyCache = field(default_factory=PolicyCache)
    touched: dict[str, datetime] = field(default_factory=dict)
    """When each session was last marked as in use."""
    requests: Limiter = field(default_factory=lambda: Limiter(0, 0))
    """How fast one person or token may ask; composed without a limit, it has none."""
    failed_sign_ins: Limiter = field(default_factory=lambda: Limiter(10, 20))
    """How often signing in may fail from one address."""
    wake_endpoint: Callable[[str], Awaitable[None]] = nobody_to_wake
    """Has what waits for a webhook endpoint sent now."""
    openid: OpenId | None = None
    """The identity provider that signs people in, where one is configured."""
    live: Live = field(default_factory=Live)
    """Tells open pages that something moved."""
    threads: CapacityLimiter = field(default_factory=partial(CapacityLimiter, DATABASE_THREADS))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Do ``work`` in a reading transaction, in a thread.

        Raises:
            store.database.DatabaseUnavailable: when the database cannot be reached.
        """

        def in_transaction() -> T:
            with reading(self.engine) as connection:
                return work(connection)

        return await anyio.to_thread.run_sync(in_transaction, limiter=self.threads)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Do ``work`` in a writing transaction, in a thread.

        Raises:
            store.database.DatabaseUnavailable: when the database cannot be reached or stays locked.
        """

        def in_transaction() -> T:
            with writing(self.engine) as connection:
                return work(connection)

        return await anyio.to_thread.run_sync(in_transaction, limiter=self.threads)

    def zone(self, connection: Connection) -> ZoneInfo:
        """The organisation's own clock, as the policy in force names it; UTC while no policy is published."""
        try:
            return ZoneInfo(self.policies.bound(connection, None).time.zone)
        except LookupError:
            return ZoneInfo("UTC")


async def services_of(request: Request) -> Services:
    """The services of the application that ``request`` came to."""
    services: Services = request.app.state.services
    return services


ServicesHere = Annotated[Services, Depends(services_of)]
