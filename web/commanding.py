"""The one way in which a person gives a command, for API and pages alike.

Find out which change, look whether the key was used before, vouch for who is asking, send, and hand back the receipt
or the refusal.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from changes.commands import Command
from changes.instruction import Applied, Instruction, Receipt, Via, assert_actor
from changes.proposal import Submit
from changes.refusals import KEY_REUSED, Refused
from store import tables
from store.numbers import reserve_reference
from store.recording import applied
from web.services import Services

ABOUT_A_VERSION = frozenset(
    {
        "accept_for_testing",
        "ask_for_changes",
        "conclude",
        "decline",
        "edit",
        "endorse",
        "endorse_with_changes",
        "plan_rollout",
        "propose_tests",
        "resubmit",
        "sign_coverage",
        "sign_gate",
    }
)
"""What somebody says about the change as they saw it. If it has moved on meanwhile they look again before it counts."""

KEY_PATTERN = r"^[!-~]+$"
"""An idempotency key has visible ASCII characters only."""
KEY_LENGTH = 128
"""Characters of a key, so that it fits beside the name of the person who chose it."""


KEY = re.compile(f"[!-~]{{1,{KEY_LENGTH}}}")
"""An idempotency key."""
REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
"""What a change can be called. Nothing else is looked up: a database may not even be able to ask for it."""


class UnknownChange(Exception):
    """There is no change of this reference."""

    def __init__(self, ref: str) -> None:
        super().__init__(ref)
        self.ref = ref


@dataclass(frozen=True)
class Given:
    """What became of a command."""

    change: str
    answer: Receipt | Refused
    replayed: bool = False
    """The key had been used for the same command before; this is the answer it got then."""


async def give(
    services: Services,
    command: Command,
    *,
    change: str | None,
    key: str,
    actor: str,
    via: Via,
    expected_version: int | None = None,
) -> Given:
    """Give ``command`` in the name of ``actor``.

    Args:
        change: the change it is about; None for a submission, which begins one.
        key: the idempotency key, as the sender chose it. It counts for this person only: another person's equal key
            is another key.
        actor: who is signed in.
        via: the way it came.
        expected_version: the version the sender last saw; a newer one refuses.

    Raises:
        UnknownChange: there is no such change.
        temporal.gateway.NotNow: it could not be decided in time. Nothing is lost: the same key may be sent again.
        temporal.gateway.CommandFailed: our fault.
        store.database.DatabaseUnavailable: the database is away.
    """
    own_key = key_of(actor, key)
    now = services.clock()
    ref = change if change is not None else await _reserve(services, actor, key, now)
    known = await services.read(lambda connection: _known(connection, ref, own_key, begins=change is None))
    if known:
        return Given(ref, _answer(known, command), replayed=known.fingerprint == command.fingerprint())
    assertion = assert_actor(services.settings.actor_secret(), actor, via, now, ref, own_key, command)
    instruction = Instruction(change=ref, key=own_key, assertion=assertion, expected_version=expected_version)
    answer = await services.gateway.send(command, instruction, begins=isinstance(command, Submit))
    return Given(ref, answer)


def new_key() -> str:
    """A key for a form: sent twice, it happens once."""
    return secrets.token_urlsafe(18)


def key_of(actor: str, key: str) -> str:
    """The key as it is recorded: two people who happen to choose the same one do not get each other's answers."""
    return f"{actor}/{key}"


async def _reserve(services: Services, actor: str, key: str, now: datetime) -> str:
    return await services.write(lambda connection: reserve_reference(connection, actor, key, now))


def _known(connection: Connection, ref: str, own_key: str, begins: bool) -> Applied | None:
    if not begins:
        table = tables.change
        if not REFERENCE.fullmatch(ref):
            raise UnknownChange(ref)
        if connection.execute(select(table.c.ref).where(table.c.ref == ref)).first() is None:
            raise UnknownChange(ref)
    return applied(connection, ref, own_key)


def _answer(known: Applied, command: Command) -> Receipt | Refused:
    if known.fingerprint != command.fingerprint():
        return KEY_REUSED
    answer = known.receipt or known.refused
    if answer is None:
        raise RuntimeError(f"{known} has neither a receipt nor a refusal")
    return answer
