"""Ending a program that used the SDK."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """End this program with ``code``, once everything has been done that was to be done at its end.

    The SDK's threads may call back into Python while the interpreter takes itself down. It then dies of signal 6 with
    "PyGILState_Release", although everything had succeeded (temporalio 1.35, Python 3.11; once in some dozen commands).
    So where the SDK was loaded the interpreter is not taken down: the system does that better.
    """
    if "temporalio.bridge.runtime" not in sys.modules:
        sys.exit(code)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads any more
            stream.flush()
    os._exit(code)
