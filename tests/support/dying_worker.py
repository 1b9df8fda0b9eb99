"""A worker that kills itself with SIGKILL once, at a named moment of its first decision.

``python -m tests.support.dying_worker before-commit|after-commit FLAG_FILE`` runs the real worker; the flag file keeps
it from dying a second time.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import activities.deciding
import worker
from settings import load_settings
from store.recording import record as _record


def main(moment: str, flag: Path) -> None:
    """Run the worker with a trap in its recording."""

    def die_once(which: str) -> None:
        if which == moment and not flag.exists():
            flag.write_text(moment)
            os.kill(os.getpid(), signal.SIGKILL)

    def record(*arguments: Any) -> Any:
        armed = arguments[1].command == "accept_for_testing"
        if armed:
            die_once("before-commit")
        recorded = _record(*arguments)
        if armed:
            die_once("after-commit")
        return recorded

    setattr(activities.deciding, "record", record)  # noqa: B010 - it is imported there, not exported
    asyncio.run(worker.run(load_settings()))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
