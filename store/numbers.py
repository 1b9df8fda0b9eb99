"""Reference numbers of changes: CH-1, CH-2, … the same one for the same person and idempotency key."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select

from store import tables


def reserve_reference(connection: Connection, person: str, key: str, now: datetime) -> str:
    """The reference for a submission; asked again with the same key it answers the same."""
    table = tables.change_number
    reserved_for = f"{person}/{key}"
    number = connection.execute(select(table.c.number).where(table.c.reserved_for == reserved_for)).scalar()
    if number is None:
        made = connection.execute(insert(table).values(reserved_for=reserved_for, reserved_at=now))
        number = made.inserted_primary_key[0]  # type: ignore[index]
    return f"CH-{number}"
