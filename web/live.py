"""Tells pages that something has happened, while they are looked at.

However many pages are open, the database is asked once a second and only while somebody listens. A page is told that
something moved and fetches itself again, so what it shows is decided in one place and for this reader alone. What
nobody else may know of (:attr:`changes.events.Event.secret`) moves no page.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from store.database import DatabaseUnavailable
from store.movements import latest_movement, movements_after

T = TypeVar("T")
Read = Callable[[Callable[[Connection], object]], Awaitable[object]]

log = structlog.get_logger()


@dataclass
class Live:
    """Watches the ledger for everybody in this process."""

    every: float = 1.0
    """Seconds between two looks."""
    lasts: float = 600.0
    """Seconds after which a page has to ask again, so that a session that was ended does not listen on."""
    _latest: dict[str, int] = field(default_factory=dict)
    """The latest movement of each change that moved while somebody listened."""
    _seen: int = -1
    _listeners: int = 0
    _tick: asyncio.Event = field(default_factory=asyncio.Event)
    _beginning: asyncio.Lock = field(default_factory=asyncio.Lock)
    _watching: asyncio.Task[None] | None = None
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

    def close(self) -> None:
        """Let all pages go; they come back when the server does."""
        self._closing.set()
        self._wake()

    async def ended(self) -> None:
        """Close, and return when no look at the database is under way any more, so that it can be let go."""
        self.close()
        if self._watching:
            await self._watching

    async def follow(self, read: Read, since: int, change: str | None) -> AsyncIterator[int]:
        """The numbers of records after ``since``, of one change or of any, as they come; several at once count once."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.lasts
        self._listeners += 1
        try:
            await self._watch(read)
            known = await self._read_latest(read, change)  # after watching has begun, so that nothing falls between
            while not self._closing.is_set():
                tick = self._tick  # taken before looking, so that what moves meanwhile is not waited for in vain
                latest = max(known, self._of(change))
                if latest > since:
                    since = latest
                    yield latest
                    continue
                remaining = until - loop.time()
                if remaining <= 0:
                    return
                await self._patiently(tick, remaining)
        finally:
            self._listeners -= 1

    async def _read_latest(self, read: Read, change: str | None) -> int:
        return int(str(await read(lambda connection: latest_movement(connection, change))))

    def _of(self, change: str | None) -> int:
        if change is None:
            return max(self._latest.values(), default=-1)
        return self._latest.get(change, -1)

    async def _patiently(self, tick: asyncio.Event, patience: float) -> None:
        try:
            await asyncio.wait_for(tick.wait(), patience)
        except TimeoutError:
            return

    def _wake(self) -> None:
        waiting, self._tick = self._tick, asyncio.Event()
        waiting.set()

    async def _watch(self, read: Read) -> None:
        async with self._beginning:
            if self._watching is None or self._watching.done():
                self._seen, self._latest = await self._read_latest(read, None), {}
                self._watching = asyncio.create_task(self._look(read))

    async def _look(self, read: Read) -> None:
        """Look at the ledger until nobody listens any more."""
        while self._listeners and not self._closing.is_set():
            await self._patiently(self._closing, self.every)
            try:
                found = await read(lambda connection: movements_after(connection, self._seen))
            except DatabaseUnavailable:
                log.info("pages are not told of movements while the database is away")
                continue
            if isinstance(found, tuple) and found:
                for seq, change in found:
                    self._latest[change] = seq
                    self._seen = seq
                self._wake()
