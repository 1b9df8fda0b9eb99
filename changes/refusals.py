"""What a rule says when it does not allow a command.

A refusal is a rule's no; a person's no is called declined. The words written here are the words people read on the
page, in the API's problem and on the command line.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NoReturn

from changes.values import Value


class RefusalKind(StrEnum):
    """Why a command was refused, as far as a caller has to tell cases apart."""

    NOT_YOURS = "not_yours"
    """Somebody else has to do this."""
    WRONG_STAGE = "wrong_stage"
    """The change is not where this can happen."""
    STALE = "stale"
    """The change has moved on since the caller last looked."""
    INVALID = "invalid"
    """A field does not hold what the rule needs."""
    UNKNOWN = "unknown"
    """The change or something the command names does not exist."""
    REPEATED = "repeated"
    """The idempotency key was used for another command before."""


class Refused(Value):
    """A refusal as data: it travels in replies and is recorded in the ledger."""

    kind: RefusalKind
    rule: str
    """The rule's stable name, for example ``own_change``."""
    detail: str
    """One or two plain sentences: what is wrong and what to do."""
    pointer: str = ""
    """JSON Pointer to the field at fault, empty when it is not about a field."""


class Refusal(Exception):
    """Raised by a rule; :func:`changes.decision.decide` turns it into :class:`Refused`."""

    def __init__(self, kind: RefusalKind, rule: str, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.refused = Refused(kind=kind, rule=rule, detail=detail, pointer=pointer)


def not_yours(rule: str, detail: str) -> NoReturn:
    """Refuse because somebody else has to do this."""
    raise Refusal(RefusalKind.NOT_YOURS, rule, detail)


def wrong_stage(rule: str, detail: str) -> NoReturn:
    """Refuse because the change is not where this can happen."""
    raise Refusal(RefusalKind.WRONG_STAGE, rule, detail)


def invalid(rule: str, detail: str, pointer: str) -> NoReturn:
    """Refuse because of one field."""
    raise Refusal(RefusalKind.INVALID, rule, detail, pointer)


def unknown(rule: str, detail: str, pointer: str = "") -> NoReturn:
    """Refuse because something named does not exist."""
    raise Refusal(RefusalKind.UNKNOWN, rule, detail, pointer)


KEY_REUSED = Refused(
    kind=RefusalKind.REPEATED,
    rule="key_reused",
    detail="This idempotency key was used for another command before. Use a new key for a new command.",
)
"""What a key gets that stands for another command already."""
