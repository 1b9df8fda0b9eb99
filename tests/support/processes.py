"""Running a piece of a test in other processes, each with its own connections, as several workers would."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine

CHECKOUT = Path(__file__).parents[2]


def address_of(engine: Engine) -> str:
    """The address of ``engine`` with its password, for another process."""
    return engine.url.render_as_string(hide_password=False)


def start_python(program: str, *arguments: str) -> subprocess.Popen[str]:
    """Start ``program``, the text of a Python program, with our modules at hand and ``arguments`` in ``sys.argv``."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(processes: Sequence[subprocess.Popen[str]], expected: int = 0, within: float = 60) -> list[str]:
    """Wait for all and return what each printed; all must have ended with ``expected``."""
    printed = []
    for process in processes:
        output, errors = process.communicate(timeout=within)
        assert process.returncode == expected, f"ended with {process.returncode}: {errors}"
        printed.append(output)
    return printed
