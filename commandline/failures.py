"""What a failure is called in plain words, and which exit code it gets. No failure is shown as a traceback.

It knows the failures of every room, so it is imported when something has failed, and never before.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple

from client.api import NotNow, Problem, ServerAway
from commandline.exits import FAILED, MISSING, WRONG, Stopped
from commandline.sign_ins import HOW, NotSignedIn
from demo.place import RunsAlready
from demo.preparing import NotForDemonstration
from demo.supervisor import NotReady, PartEnded
from demo.telling import StoryStuck
from directory.importing import ImportRefused
from policies.problems import PolicyError
from settings import SettingsWrong
from store.checkpoints import LedgerDamaged
from store.database import DatabaseUnavailable
from store.ledger import KeyConflict, LedgerStopped
from store.moving import NotMoved
from store.policies import PolicyConflict
from store.restoring import NotAccepted
from temporal.connection import TemporalUnavailable


class Explanation(NamedTuple):
    """What to print on standard error, and the exit code."""

    text: str
    code: int


def explained(error: Exception) -> Explanation:
    """``error`` in plain words. What nobody expected is our fault, and says so."""
    if isinstance(error, Stopped):
        return Explanation(str(error), error.code)
    if isinstance(error, Problem):
        return _problem(error)
    for kind, code in _CODES.items():
        if isinstance(error, kind):
            return Explanation(_WORDS.get(kind, str)(error), code)
    if os.environ.get("GROUNDSWELL_TRACEBACK"):
        return Explanation("".join(traceback.format_exception(error)), FAILED)
    return Explanation(
        f"Groundswell failed, and it is our fault: {type(error).__name__}: {error}\n"
        "Set GROUNDSWELL_TRACEBACK=1 and run the same command again to see where, and please report it.",
        FAILED,
    )


_CODES: dict[type[Exception], int] = {
    SettingsWrong: WRONG,
    NotSignedIn: WRONG,
    NotForDemonstration: WRONG,
    DatabaseUnavailable: MISSING,
    TemporalUnavailable: MISSING,
    ServerAway: MISSING,
    ImportRefused: FAILED,
    PolicyError: FAILED,
    PolicyConflict: FAILED,
    LedgerDamaged: FAILED,
    LedgerStopped: FAILED,
    NotAccepted: FAILED,
    NotMoved: FAILED,
    KeyConflict: FAILED,
    RunsAlready: FAILED,
    NotReady: FAILED,
    PartEnded: FAILED,
    StoryStuck: FAILED,
    ModuleNotFoundError: MISSING,
    OSError: FAILED,
}


def _import_refused(error: Exception) -> str:
    return f"{error}\nNothing was loaded. Correct the files and load them again."


def _policy_wrong(error: Exception) -> str:
    return f"{error}\nNothing was published."


def _package_missing(error: Exception) -> str:
    name = getattr(error, "name", None) or str(error)
    return f"The package “{name}” is not installed. `make demo` installs what the demonstration needs."


def _file_unusable(error: Exception) -> str:
    name, reason = getattr(error, "filename", None), getattr(error, "strerror", None)
    return (
        f"{name} cannot be used: {reason}" if name and reason else f"Something on this machine does not work: {error}"
    )


_WORDS: dict[type[Exception], Callable[[Exception], str]] = {
    ImportRefused: _import_refused,
    PolicyError: _policy_wrong,
    ModuleNotFoundError: _package_missing,
    OSError: _file_unusable,
}


def _problem(problem: Problem) -> Explanation:
    """A refusal in the words of the interface, with the rule's name and each field at fault."""
    lines = [problem.detail]
    about_fields = [found for found in problem.errors if found.pointer]
    # One finding that only repeats the whole is not told twice.
    repeats = [found for found in about_fields if found.message == problem.detail]
    if repeats == about_fields:
        lines += [f"  field: {found.pointer}" for found in about_fields]
    else:
        lines += [f"  {found.pointer}: {found.message}" for found in about_fields]
    if problem.status == HTTPStatus.UNAUTHORIZED:
        return Explanation("\n".join([*lines, HOW]), WRONG)
    lines.append(f"  rule: {problem.rule}")
    return Explanation("\n".join(lines), MISSING if isinstance(problem, NotNow) else FAILED)
