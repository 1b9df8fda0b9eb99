"""The event loop that long-running programs run on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_program(program: Coroutine[Any, Any, T]) -> T:
    """Run ``program`` to its end on the fastest loop there is.

    Temporal's SDK crosses from its own threads into the loop a dozen times for each decision; libuv's loop saves
    up to a tenth of a worker's processor time (docs/decisions/0048).
    """
    with asyncio.Runner(loop_factory=fastest_loop()) as runner:
        return runner.run(program)


def fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """How to make libuv's loop; None, which stands for Python's own, where there is none, as on Windows."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
