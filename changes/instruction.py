"""What travels beside a command: who asserts to be asking, with which key, and the receipt that comes back.

The assertion is made and signed by the process that signed the person in, and checked by the worker, so that an
update sent straight to Temporal with somebody's name in it is refused (issue "people's side", Sign-in and authority).
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Literal

from pydantic import Field

from changes.commands import Command
from changes.refusals import Refused
from changes.values import Moment, Ref, Value

Key = str
"""An idempotency key: 1 to 200 visible ASCII characters, chosen by whoever sends the command."""
Via = Literal["page", "api", "cli", "mail", "groundswell"]


class Assertion(Value):
    """ "This person asks for this command", signed by the process that knows them."""

    actor: Ref
    via: Via
    at: Moment
    signature: str = Field(pattern=r"^[0-9a-f]{64}$")


class Instruction(Value):
    """A command's companion."""

    change: Ref
    key: str = Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")
    assertion: Assertion
    expected_version: int | None = Field(default=None, ge=1)


class Receipt(Value):
    """What the sender gets back, once the decision is durable."""

    change: Ref
    version: int
    """How many events the change has now."""
    stage: str
    phase: str
    outcome: str = ""
    happened: tuple[str, ...]
    """The kinds of the events, in order."""
    summary: str
    """What happened and what comes next, in a sentence or two."""


class Applied(Value):
    """What became of a key: the command it was used for, and the receipt or refusal it got."""

    fingerprint: str
    receipt: Receipt | None = None
    refused: Refused | None = None


def _statement(change: str, key: str, actor: str, via: str, at: Moment, command: Command) -> bytes:
    return "\n".join((change, key, actor, via, at.isoformat(), command.kind, command.fingerprint())).encode()


def assert_actor(secret: bytes, actor: str, via: Via, at: Moment, change: str, key: str, command: Command) -> Assertion:
    """Sign that ``actor`` asks for exactly this command on this change with this key."""
    signature = hmac.new(secret, _statement(change, key, actor, via, at, command), hashlib.sha256).hexdigest()
    return Assertion(actor=actor, via=via, at=at, signature=signature)


def assertion_holds(secret: bytes, instruction: Instruction, command: Command) -> bool:
    """Whether the assertion was made with ``secret`` for this command, change and key."""
    claim = instruction.assertion
    statement = _statement(instruction.change, instruction.key, claim.actor, claim.via, claim.at, command)
    return hmac.compare_digest(hmac.new(secret, statement, hashlib.sha256).hexdigest(), claim.signature)
