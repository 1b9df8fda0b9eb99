"""A program that runs beside us and never outlives us: a process group of its own, a log file, an orderly end."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PATIENCE = 10.0
"""Seconds a program may take to end after it was asked to."""
LINES_SHOWN = 15
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def _dies_with(parent: int) -> Callable[[], None]:
    """What a child does between fork and exec, so that even a killed parent (SIGKILL) leaves nothing behind."""

    def prepare() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above could take effect
            os._exit(1)

    return prepare


class ChildProcess:
    """A running program. Start it from the thread that lives longest: on Linux it ends with that thread."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log_file: Path) -> None:
        self.name = name
        """How messages call it: "the worker"."""
        self.log_file = log_file
        self._process = process

    @classmethod
    async def start(
        cls,
        name: str,
        command: Sequence[str],
        *,
        log_file: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> ChildProcess:
        """Start ``command``; everything it says goes to ``log_file``, which begins anew.

        Args:
            environment: the program's whole environment; ours where it is None.

        Raises:
            OSError: when the program cannot be started.
        """
        log_file.parent.mkdir(parents=True, exist_ok=True)
        with log_file.open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=environment,
                start_new_session=True,  # Ctrl-C and a closed terminal reach us, and we end the others in order
                preexec_fn=_dies_with(os.getpid()),
            )
        return cls(name, process, log_file)

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its process group."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs. A negative number is the signal that ended it."""
        return self._process.returncode

    @property
    def how_it_ended(self) -> str:
        """Its end in words: "exit code 3", "killed by SIGKILL"."""
        code = self.exit_code
        if code is None:
            return "it runs"
        return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"

    async def ended(self) -> int:
        """Wait until it ends by itself; how it ended."""
        return await self._process.wait()

    async def stop(self, patience: float = PATIENCE) -> None:
        """Ask it to end, wait up to ``patience`` seconds, then end it and everything it has started."""
        if self.exit_code is None:
            self._signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), patience)
            except TimeoutError:
                pass
        self.kill()
        await self._process.wait()

    def kill(self) -> None:
        """End it and everything in its process group at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):  # nobody is left in the group
            return

    def last_lines(self, count: int = LINES_SHOWN) -> tuple[str, ...]:
        """The end of what it said."""
        try:
            with self.log_file.open(encoding="utf-8", errors="replace") as log:
                return tuple(line.rstrip() for line in deque(log, count))
        except FileNotFoundError:
            return ()
