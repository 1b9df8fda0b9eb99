"""How the ledger stands: its size, what is signed and vouched for, when it was last verified, what is wrong."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Select, select, true

from changes.facts import SYSTEM
from changes.values import Moment, Value
from store import tables
from store.finding import SIZE
from store.ledger import ORIGIN, Entry, add_once
from store.prepared import Prepared
from store.stopping import OUTSIDE, STOPPED

VERIFIED = "ledger_verified"
"""The action under which a whole verification is recorded."""


class LedgerState(Value):
    """How the ledger stands: what is signed, who vouched outside and when."""

    size: int
    signed_size: int = 0
    signed_at: Moment | None = None
    vouched_size: int = 0
    vouched_by: str = ""
    vouched_at: Moment | None = None
    verified_size: int = 0
    verified_at: Moment | None = None
    """When everything was last verified, with `groundswell audit verify`, and how much that was."""
    verified_well: bool = False
    stopped: str = ""
    """Why nothing is recorded any more, if so."""
    outside: tuple[str, ...] = ()
    """What is wrong with the places and witnesses outside, in sentences, as of the latest sealing."""


def ledger_state(connection: Connection) -> LedgerState:
    """How the ledger stands now."""
    return state_in(Standing._make(_STATE.read(connection, {})[0]))


class Standing(NamedTuple):
    """The columns of :func:`state_query`."""

    size: int | None
    verified: bytes | None
    stopped: str | None
    outside: str | None
    signed_size: int | None
    signed_at: datetime | None
    vouched_size: int | None
    vouched_by: str | None
    vouched_at: datetime | None


def state_in(row: Standing) -> LedgerState:
    """What the answer to :func:`state_query` says."""
    verified: Any = json.loads(row.verified) if row.verified else None
    return LedgerState(
        verified_size=verified["after"]["size"] if verified else 0,
        verified_at=verified["recorded_at"] if verified else None,
        verified_well=bool(verified) and verified["outcome"] == "applied",
        size=row.size or 0,
        signed_size=row.signed_size or 0,
        signed_at=row.signed_at,
        vouched_size=row.vouched_size or 0,
        vouched_by=row.vouched_by or "",
        vouched_at=row.vouched_at,
        stopped=row.stopped or "",
        outside=tuple((row.outside or "").splitlines()),
    )


def state_query() -> Select[Any]:
    """Everything about how the ledger stands, which are the newest rows of several tables, in one query."""
    record, checkpoint, witness = tables.ledger_record, tables.ledger_checkpoint, tables.ledger_witness
    log, said = tables.deployment, tables.deployment.alias("said")
    signed = select(checkpoint.c.size.label("signed_size"), checkpoint.c.made_at.label("signed_at"))
    signed = signed.order_by(checkpoint.c.size.desc()).limit(1)
    vouched = select(
        witness.c.size.label("vouched_size"),
        witness.c.witness.label("vouched_by"),
        witness.c.received_at.label("vouched_at"),
    )
    vouched = vouched.order_by(witness.c.size.desc(), witness.c.received_at).limit(1)
    verified = select(record.c.body).where(record.c.action == VERIFIED).order_by(record.c.seq.desc()).limit(1)
    newest = (signed.subquery(), vouched.subquery())
    return (
        select(
            SIZE.label("size"),
            verified.scalar_subquery().label("verified"),
            select(said.c.value).where(said.c.name == STOPPED).scalar_subquery().label("stopped"),
            select(said.c.value).where(said.c.name == OUTSIDE).scalar_subquery().label("outside"),
            *newest,
        )
        .select_from(log.outerjoin(newest[0], true()).outerjoin(newest[1], true()))
        .where(log.c.name == ORIGIN)
    )


_STATE = Prepared(state_query())


def record_verification(engine: Engine, size: int, root: bytes, wrong: str, now: datetime) -> None:
    """Put on record that everything up to ``size`` was verified, and what was found wrong first, if anything."""
    entry = Entry.about_the_ledger(
        f"verified/{size}/{now:%Y%m%dT%H%M%S%f}",
        VERIFIED,
        SYSTEM,
        now,
        outcome="failed" if wrong else "applied",
        facts={"size": size, "root": root.hex(), **({"wrong": wrong} if wrong else {})},
    )
    add_once(engine, entry, now)
