"""The exit codes of every command, and the exception by which a command ends with one. Ctrl-C ends it with 130."""

from __future__ import annotations

FAILED = 1
"""It failed, or a rule refused it."""
WRONG = 2
"""The command line or a setting is wrong, or nobody is signed in."""
MISSING = 3
"""Something needed is not there: the database, Temporal, Groundswell itself."""


class Stopped(Exception):
    """A command cannot go on; the message says why and what to do."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code
