"""What travels beside a command: who asserts to be asking, with which key, and the receipt that comes back.

The assertion is made and signed by the process that signed the person in, and checked by the worker, so that an
update sent straight to Temporal with somebody's name in it is refused (issue "people's side", Sign-in and authority).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from changes.commands import Command
from changes.refusals import Refused
from changes.values import Moment, Ref, Value

Key = str
"""An idempotency key: 1 to 200 visible ASCII characters, chosen by whoever sends the command."""
SYSTEM_VIA = "system:"
"""How a system's way begins; its name follows."""
Via = Annotated[str, Field(pattern=r"^(page|api|cli|mail|groundswell|system:[A-Za-z0-9][A-Za-z0-9._-]{0,63})$")]
"""The way a command came. A system that reports with a token of its own is named: it acts on the actor's behalf."""


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


def assertion_holds(secret: bytes, instruction: Instruction, command: Command, earlier: Sequence[bytes] = ()) -> bool:
    """Whether the assertion was made with ``secret`` for this command, change and key.

    Args:
        earlier: keys that are still accepted while a new one is brought in.
    """
    claim = instruction.assertion
    statement = _statement(instruction.change, instruction.key, claim.actor, claim.via, claim.at, command)
    made = [hmac.new(key, statement, hashlib.sha256).hexdigest() for key in (secret, *earlier)]
    return any([hmac.compare_digest(signature, claim.signature) for signature in made])
