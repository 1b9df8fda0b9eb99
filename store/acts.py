"""Doing an act that is not about one change: ONE transaction authorises it, does it, and writes it into the ledger.

Whoever adds an act declares it (:mod:`changes.acts`) and hands :func:`perform` a function that checks and does it on
the open transaction. Sent twice with one key it happens once; a refusal is on record like everything else.
See docs/decisions/0012.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Engine, insert, select

from changes.acts import ORGANISATION, Act, ActAnswer, ActReceipt
from changes.facts import PolicyRef
from changes.refusals import KEY_REUSED, Refusal, Refused
from store import tables
from store.database import lock_ledger, writing
from store.ledger import Entry, Source, append_many


@dataclass(frozen=True)
class Happened:
    """What an act did: the words for the ledger and the receipt."""

    action: str
    """What happened, in the past tense, such as ``delegated``."""
    ref: str
    """What was made or changed."""
    sentence: str
    """The same for people, to follow the actor's name."""
    summary: str
    """What happens next, for the receipt."""
    details: dict[str, object] = field(default_factory=dict)
    """Everything else the record should hold; JSON values."""
    change: str = ""
    """The one change it is about, if it is about one."""
    policy: PolicyRef | None = None
    meaning: str = ""
    """What a signature says, where the act is one."""


Doing = Callable[[Connection], Happened]
"""Checks and does an act on the transaction it is given.

Raises:
    Refusal: when a rule does not allow it. Nothing that was written before is kept.
"""


@dataclass(frozen=True)
class Performed:
    """What is on record for an act now."""

    receipt: ActReceipt | None
    refused: Refused | None
    replayed: bool = False
    """The key had been used for the same act before; this is the answer it got then."""


def perform(
    engine: Engine, act: Act, do: Doing, *, actor: str, via: str, key: str, now: datetime, component: str = "web"
) -> Performed:
    """Do ``act`` once and put it on record.

    Args:
        do: checks and does it. It runs with the ledger's lock held, so what it reads is true when it writes.
        actor: who is signed in; the caller vouches for it.
        key: the idempotency key; it counts for this actor only.

    Raises:
        store.database.DatabaseUnavailable: nothing was written; try again with the same key.
    """
    with writing(engine) as connection:
        return perform_on(connection, act, do, actor=actor, via=via, key=key, now=now, component=component)


def perform_on(
    connection: Connection,
    act: Act,
    do: Doing,
    *,
    actor: str,
    via: str,
    key: str,
    now: datetime,
    component: str = "web",
) -> Performed:
    """The same within a writing transaction of the caller, which may write more into it."""
    lock_ledger(connection)
    fingerprint = act.fingerprint()
    if known := _known(connection, actor, key):
        if known.fingerprint != fingerprint:
            return Performed(None, KEY_REUSED)
        return Performed(known.receipt, known.refused, replayed=True)
    try:
        with connection.begin_nested():
            happened = do(connection)
    except Refusal as refusal:
        answer = ActAnswer(fingerprint=fingerprint, refused=refusal.refused)
        entry = _refusal(act, refusal.refused, actor, via, now, component)
    else:
        receipt = ActReceipt(kind=act.kind, ref=happened.ref, summary=happened.summary)
        answer = ActAnswer(fingerprint=fingerprint, receipt=receipt)
        entry = _entry(act, happened, actor, via, now, component)
    append_many(connection, [entry], now)
    connection.execute(
        insert(tables.act).values(
            actor=actor, key=key, kind=act.kind, fingerprint=fingerprint, answer=answer.model_dump_json(), at=now
        )
    )
    return Performed(answer.receipt, answer.refused)


def _known(connection: Connection, actor: str, key: str) -> ActAnswer | None:
    table = tables.act.c
    stored = connection.execute(select(table.answer).where(table.actor == actor, table.key == key)).scalar()
    return ActAnswer.model_validate_json(stored) if stored else None


def _entry(act: Act, happened: Happened, actor: str, via: str, now: datetime, component: str) -> Entry:
    content = {"kind": happened.action, "ref": happened.ref, "sentence": happened.sentence, **happened.details}
    return Entry(
        # A key of its own: what the sender chose is not for the ledger, and one act makes one record.
        key=f"{ORGANISATION}/{act.kind}/{uuid.uuid4()}",
        change=happened.change,
        version=0,
        action=happened.action,
        outcome="applied",
        actor=actor,
        via=via,
        occurred_at=now,
        stage="",
        phase="",
        content=_canonical(content),
        policy=happened.policy,
        meaning=happened.meaning,
        command=act.kind,
        source=Source(component=component),
    )


def _refusal(act: Act, refused: Refused, actor: str, via: str, now: datetime, component: str) -> Entry:
    return Entry(
        key=f"{ORGANISATION}/refused/{uuid.uuid4()}",
        change="",
        version=0,
        action=act.kind,
        outcome="refused",
        actor=actor,
        via=via,
        occurred_at=now,
        stage="",
        phase="",
        content=_canonical(refused.model_dump(mode="json")),
        command=act.kind,
        source=Source(component=component),
    )


def _canonical(content: object) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
