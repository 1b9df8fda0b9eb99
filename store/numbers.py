"""Reference numbers of changes: CH-1, CH-2, … the same one for the same sender and idempotency key."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from store import tables


def reserved_reference(connection: Connection, reserved_for: str) -> str | None:
    """The reference that a sender and their key have, if they filed something under it."""
    table = tables.change_number.c
    number = connection.execute(select(table.number).where(table.reserved_for == reserved_for)).scalar()
    return None if number is None else f"CH-{number}"


def reserve_reference(connection: Connection, reserved_for: str, now: datetime) -> str:
    """The reference for a submission, known by its sender and their key; asked again it answers the same."""
    table = tables.change_number
    known = select(table.c.number).where(table.c.reserved_for == reserved_for)
    number = connection.execute(known).scalar()
    if number is None:
        try:
            with connection.begin_nested():
                made = connection.execute(insert(table).values(reserved_for=reserved_for, reserved_at=now))
                number = made.inserted_primary_key[0]  # type: ignore[index]
        except IntegrityError:  # the same submission, sent twice at once: the other was first
            number = connection.execute(known).scalar_one()
    return f"CH-{number}"
