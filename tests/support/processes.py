"""Running a piece of a test in other processes, each with its own connections, as several workers would.

They are forked from a server that has imported our modules once, so that each costs milliseconds and not seconds.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess

from sqlalchemy import Engine

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["pytest", "tests.support.writers"])


def address_of(engine: Engine) -> str:
    """The address of ``engine`` with its password, for another process."""
    return engine.url.render_as_string(hide_password=False)


def in_processes(count: int, work: Callable[..., None], *arguments: object, ends_with: int = 0) -> None:
    """Call ``work``, a function of a module, in ``count`` processes at once; each gets its number after ``arguments``.

    All must end with the exit code ``ends_with``, which is negative for a process that was killed.
    """
    processes: list[ForkServerProcess] = [
        _context.Process(target=work, args=(*arguments, number)) for number in range(count)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    codes = [process.exitcode for process in processes]
    for process in processes:
        process.kill()
    assert codes == [ends_with] * count, f"the processes ended with {codes}"
