"""What travels beside a command: who asserts to be asking, with which key, and the receipt that comes back.

The assertion is made and signed by the process that signed the person in, and checked by the worker, so that an
update sent straight to Temporal with somebody's name in it is refused (issue "people's side", Sign-in and authority).
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Annotated, NamedTuple

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


class Asked(NamedTuple):
    """What an assertion speaks for: one command, word for word, on one change with one key."""

    change: Ref
    key: str
    kind: str
    """Of the command."""
    fingerprint: str
    """The command's; see :meth:`changes.commands.Command.fingerprint`."""

    @classmethod
    def of(cls, change: str, key: str, command: Command) -> Asked:
        """``command`` on ``change`` with ``key``."""
        return cls(change, key, command.kind, command.fingerprint())


def assert_actor(secret: bytes, actor: str, via: Via, at: Moment, change: str, key: str, command: Command) -> Assertion:
    """Sign that ``actor`` asks for exactly this command on this change with this key."""
    signature = _signature(secret, _statement(actor, via, at, Asked.of(change, key, command)))
    return Assertion(actor=actor, via=via, at=at, signature=signature)


def assertion_holds(secret: bytes, claim: Assertion, asked: Asked, earlier: Sequence[bytes] = ()) -> bool:
    """Whether ``claim`` was made with ``secret`` for what is asked.

    Args:
        earlier: keys that are still accepted while a new one is brought in.
    """
    statement = _statement(claim.actor, claim.via, claim.at, asked)
    made = [_signature(key, statement) for key in (secret, *earlier)]
    return any([hmac.compare_digest(signature, claim.signature) for signature in made])


def _statement(actor: str, via: str, at: Moment, asked: Asked) -> bytes:
    about = asked.change, asked.key, actor, via, at.isoformat(), asked.kind, asked.fingerprint
    return "\n".join(about).encode()


def _signature(secret: bytes, statement: bytes) -> str:
    return hmac.digest(secret, statement, "sha256").hex()
