"""What an administrator looks at: what waits to leave, what could not leave, how old the ledger's checkpoint is."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, ScalarSelect, func, select

from changes.values import Moment, Value
from store import tables

T = TypeVar("T")


class Stuck(Value):
    """A notice that could not leave so far."""

    number: int
    change: str
    recipient: str
    attempts: int
    since: Moment
    error: str


class SystemState(Value):
    """The state of the parts that the database knows of."""

    waiting_notices: int
    oldest_notice: Moment | None
    stuck: tuple[Stuck, ...]
    records: int
    recorded_at: Moment | None
    checkpoint_size: int | None
    checkpoint_at: Moment | None
    imported_at: Moment | None
    people: int
    policy: str
    policy_since: Moment | None


def system_state(connection: Connection) -> SystemState:
    """The state as of now. Two queries."""
    outbox, head, checkpoint = tables.outbox.c, tables.ledger_head.c, tables.ledger_checkpoint.c
    imports, policies = tables.directory_import.c, tables.policy_version.c
    waiting = outbox.finished_at.is_(None)

    def latest(column: ColumnElement[T], order: ColumnElement[int]) -> ScalarSelect[T]:
        return select(column).order_by(order.desc()).limit(1).scalar_subquery()

    row = connection.execute(
        select(
            select(func.count()).where(waiting).scalar_subquery().label("waiting_notices"),
            select(func.min(outbox.created_at)).where(waiting).scalar_subquery().label("oldest_notice"),
            latest(head.size, head.size).label("records"),
            latest(head.recorded_at, head.size).label("recorded_at"),
            latest(checkpoint.size, checkpoint.size).label("checkpoint_size"),
            latest(checkpoint.made_at, checkpoint.size).label("checkpoint_at"),
            latest(imports.loaded_at, imports.number).label("imported_at"),
            latest(imports.people, imports.number).label("people"),
            latest(policies.name, policies.number).label("policy_name"),
            latest(policies.version, policies.number).label("policy_version"),
            latest(policies.published_at, policies.number).label("policy_since"),
        )
    ).one()
    stuck = connection.execute(
        select(outbox.number, outbox.change, outbox.recipient, outbox.attempts, outbox.created_at, outbox.last_error)
        .where(waiting, outbox.attempts > 0)
        .order_by(outbox.number)
        .limit(20)
    )
    return SystemState(
        waiting_notices=row.waiting_notices,
        oldest_notice=row.oldest_notice,
        stuck=tuple(
            Stuck(
                number=each.number,
                change=each.change,
                recipient=each.recipient,
                attempts=each.attempts,
                since=each.created_at,
                error=each.last_error or "",
            )
            for each in stuck
        ),
        records=row.records or 0,
        recorded_at=row.recorded_at,
        checkpoint_size=row.checkpoint_size,
        checkpoint_at=row.checkpoint_at,
        imported_at=row.imported_at,
        people=row.people or 0,
        policy=f"{row.policy_name}, version {row.policy_version}" if row.policy_name else "",
        policy_since=row.policy_since,
    )


OLD = 15
"""Minutes after which what should happen every minute deserves a look."""


def is_old(moment: datetime | None, now: datetime) -> bool:
    """Whether something that should be fresh is not."""
    return moment is not None and (now - moment).total_seconds() > OLD * 60
