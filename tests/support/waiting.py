"""Waiting for something to become true, instead of sleeping and hoping."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(look: Callable[[], T | None], within: float = 20.0) -> T:
    """The first truthy answer of ``look``.

    Raises:
        AssertionError: when there was none within ``within`` seconds.
    """
    deadline = time.monotonic() + within
    while True:
        if found := await asyncio.to_thread(look):
            return found
        assert time.monotonic() < deadline, f"{look} never became true"
        await asyncio.sleep(0.02)
