"""The one way in which a person gives a command, for API and pages alike.

Find out which change, look whether the key was used before, vouch for who is asking, send, and hand back the receipt
or the refusal.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from changes.anonymity import full_hour
from changes.commands import Command
from changes.concerns import RaiseConcern
from changes.instruction import Applied, Instruction, Receipt, Via, assert_actor
from changes.proposal import Submit
from changes.refusals import KEY_REUSED, RefusalKind, Refused
from changes.values import is_pseudonym
from store import tables
from store.numbers import reserve_reference, reserved_reference
from store.pseudonyms import (
    bind,
    change_and_pseudonym,
    own_pseudonym,
    pseudonym_for,
    pseudonym_for_submission,
    sent_anonymously,
)
from store.recording import applied
from temporal.gateway import CommandFailed, NotNow
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
    anonymously: bool = False,
) -> Given:
    """Give ``command`` in the name of ``actor``.

    Args:
        change: the change it is about; None for a submission, which begins one.
        key: the idempotency key, as the sender chose it. It counts for this person only: another person's equal key
            is another key.
        actor: who is signed in.
        via: the way it came.
        expected_version: the version the sender last saw; a newer one refuses.
        anonymously: under the pseudonym that ``actor`` has on this change. Filing and raising a concern make one; from
            here on nothing names the person any more, neither key nor assertion nor record.

    Raises:
        UnknownChange: there is no such change.
        temporal.gateway.NotNow: it could not be decided in time. Nothing is lost: the same key may be sent again.
        temporal.gateway.CommandFailed: our fault.
        store.database.DatabaseUnavailable: the database is away.
    """
    now, person = services.clock(), actor
    if anonymously:
        speaker = await services.write(lambda connection: _pseudonym(connection, command, change, actor, key, now))
        if isinstance(speaker, Refused):
            return Given(change or "", speaker)
        actor = speaker
    own_key = key_of(actor, key)
    ref = change if change is not None else await _reserve(services, person, actor, key, now)
    if isinstance(ref, Refused):
        return Given("", ref)
    known = await services.read(lambda connection: _known(connection, ref, key, command, person, actor))
    if isinstance(known, Refused):
        return Given(ref, known)
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
    """The key as it is recorded: two people who happen to choose the same one do not get each other's answers.

    A digest stands for the key of somebody anonymous: it goes to Temporal and into tables that many may read, and in
    the words of a key its sender may be recognised.
    """
    if is_pseudonym(actor):
        key = hashlib.sha256(f"{actor}/{key}".encode()).hexdigest()
    return f"{actor}/{key}"


def _pseudonym(
    connection: Connection, command: Command, change: str | None, person: str, key: str, now: datetime
) -> str | Refused:
    """Under which name ``person`` speaks; a refusal where they would have to have spoken anonymously before."""
    if change is None:
        if reserved_reference(connection, key_of(person, key)):
            return SENT_WITH_A_NAME
        return pseudonym_for_submission(connection, person, key, now)
    if isinstance(command, RaiseConcern):
        if not REFERENCE.fullmatch(change) or not _exists(connection, change):
            raise UnknownChange(change)
        return pseudonym_for(connection, person, change, now)
    return own_pseudonym(connection, person, change) or NOT_ANONYMOUS_HERE


NOT_ANONYMOUS_HERE = Refused(
    kind=RefusalKind.NOT_YOURS,
    rule="not_anonymous_here",
    detail="You have not said anything anonymously on this change, so there is no name to do this under.",
)
OWN_ANONYMOUS_CHANGE = Refused(
    kind=RefusalKind.NOT_YOURS,
    rule="own_change",
    detail="Nobody decides on their own change. This refusal is not recorded, so that it does not say who you are.",
)


SENT_ANOTHER_WAY = "sent_another_way"
SENT_WITH_A_NAME = Refused(
    kind=RefusalKind.REPEATED,
    rule=SENT_ANOTHER_WAY,
    detail="You sent this with your name a moment ago, and it may still arrive. Send it again with your name, so that "
    "it is not there twice.",
)
SENT_WITHOUT_A_NAME = Refused(
    kind=RefusalKind.REPEATED,
    rule=SENT_ANOTHER_WAY,
    detail="You sent this without your name a moment ago, and it may still arrive. Send it again without your name, so "
    "that it is not there twice. This refusal is not recorded.",
)
"""One key is for one way of speaking: with the name and without it, the same words would be two proposals."""


SAID_ANONYMOUSLY = Refused(
    kind=RefusalKind.NOT_YOURS,
    rule="said_anonymously",
    detail="You said this without your name. Go on without it, or everybody will know. This refusal is not recorded.",
)
AUTHORS_WORDS = frozenset(
    {"edit", "resubmit", "confirm_heard", "correct", "withdraw", "renew", "answer_why", "resolve_concern"}
)
"""What only the author of something says: under their own name, it says who said it."""
DECISIONS = frozenset(
    {
        "say_back",
        "accept_for_testing",
        "ask_for_changes",
        "decline",
        "mark_duplicate",
        "object",
        "endorse",
        "endorse_with_changes",
        "sign_gate",
        "sign_coverage",
        "overrule_concern",
        "agree_to_reveal",
    }
)
"""What nobody does about a change of their own."""


async def _reserve(services: Services, person: str, actor: str, key: str, now: datetime) -> str | Refused:
    def reserve(connection: Connection) -> str | Refused:
        if not is_pseudonym(actor) and sent_anonymously(connection, person, key):
            return SENT_WITHOUT_A_NAME
        ref = reserve_reference(connection, key_of(actor, key), full_hour(now) if is_pseudonym(actor) else now)
        if is_pseudonym(actor):
            bind(connection, actor, ref)
        return ref

    return await services.write(reserve)


MOST_AT_ONCE = 50
"""Changes that may be answered together."""


@dataclass(frozen=True)
class Answered:
    """What became of one of several commands that were given together."""

    change: str
    answer: Receipt | Refused | None = None
    trouble: str = ""
    """Why there is no answer yet; the same may be sent again."""


async def give_many(
    services: Services,
    command: Command,
    changes: Sequence[str],
    *,
    key: str,
    actor: str,
    via: Via,
    versions: Mapping[str, int] | None = None,
) -> tuple[Answered, ...]:
    """Give one command, such as an endorsement with a word, to several changes.

    Args:
        versions: the version the sender last saw of each; one that has moved on refuses.

    Each is authorised and recorded on its own, under a key of its own, so that sending it again does again only what
    did not happen. What one change refuses does not keep the others from happening.
    """
    found: list[Answered] = []
    for ref in dict.fromkeys(changes):
        try:
            seen = (versions or {}).get(ref)
            given = await give(
                services, command, change=ref, key=f"{key}/{ref}", actor=actor, via=via, expected_version=seen
            )
            found.append(Answered(ref, given.answer))
        except UnknownChange:
            found.append(Answered(ref, trouble=f"There is no change {ref}."))
        except (NotNow, CommandFailed) as error:
            found.append(Answered(ref, trouble=str(error)))
    return tuple(found)


def _known(
    connection: Connection, ref: str, key: str, command: Command, person: str, actor: str
) -> Applied | Refused | None:
    """What became of the key of ``person``, who speaks as ``actor``, before.

    Or a refusal, before anything is signed, of what would decide about one's own anonymous proposal. No look-up behind
    Temporal may say that: whoever reads its history would learn who proposed. The process that vouches for people does
    not vouch for this (docs/decisions/0013).
    """
    if not isinstance(command, Submit):
        there, pseudonym = change_and_pseudonym(connection, person, ref) if REFERENCE.fullmatch(ref) else (False, None)
        if not there:
            raise UnknownChange(ref)
        if refused := _would_give_away(connection, command, ref, actor, pseudonym):
            return refused
        if refused := _another_way(connection, ref, key, person, actor, pseudonym):
            return refused
    return applied(connection, ref, key_of(actor, key))


def _another_way(
    connection: Connection, ref: str, key: str, person: str, actor: str, pseudonym: str | None
) -> Refused | None:
    """A refusal of what was done under this key already, with the name left out then or now."""
    if is_pseudonym(actor):
        return SENT_WITH_A_NAME if applied(connection, ref, key_of(person, key)) else None
    return SENT_WITHOUT_A_NAME if pseudonym and applied(connection, ref, key_of(pseudonym, key)) else None


def _would_give_away(
    connection: Connection, command: Command, ref: str, actor: str, pseudonym: str | None
) -> Refused | None:
    """A decision about one's own anonymous change, or its author's own word under the name that was left out."""
    if is_pseudonym(actor) or command.kind not in DECISIONS | AUTHORS_WORDS:
        return None
    if pseudonym is None:
        return None
    if command.kind in DECISIONS:
        return OWN_ANONYMOUS_CHANGE
    part = tables.part.c
    parts = connection.execute(select(part.parts).where(part.change == ref, part.person == actor)).scalar() or []
    return None if {"proposer", "filer", "co-proposer", "concerned"} & set(parts) else SAID_ANONYMOUSLY


def _exists(connection: Connection, ref: str) -> bool:
    table = tables.change
    return connection.execute(select(table.c.ref).where(table.c.ref == ref)).first() is not None


def _answer(known: Applied, command: Command) -> Receipt | Refused:
    if known.fingerprint != command.fingerprint():
        return KEY_REUSED
    answer = known.receipt or known.refused
    if answer is None:
        raise RuntimeError(f"{known} has neither a receipt nor a refusal")
    return answer
