"""Who stands behind a pseudonym: one table, read to find out who may act, and by nobody else.

A pseudonym is random, stands for one person on one change, and is made in the process that signed the person in;
nothing that travels, is recorded or is shown holds more than it. See docs/decisions/0013.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from changes.values import PSEUDONYM_PREFIX
from store import tables
from store.prepared import Prepared


def pseudonym_for(connection: Connection, person: str, change: str, now: datetime) -> str:
    """The pseudonym of ``person`` on ``change``, made the first time it is asked for."""
    known = own_pseudonym(connection, person, change)
    return known or _made(connection, person, f"change/{change}", change, now)


def pseudonym_for_submission(connection: Connection, person: str, key: str, now: datetime) -> str:
    """The pseudonym under which ``person`` files a change; asked again with the same key it answers the same."""
    return _made(connection, person, _occasion(key), None, now)


def sent_anonymously(connection: Connection, person: str, key: str) -> bool:
    """Whether ``person`` has sent a submission under ``key`` without their name before, whatever became of it."""
    table = tables.pseudonym.c
    mine = select(table.ref).where(table.person == person, table.occasion == _occasion(key))
    return connection.execute(mine).first() is not None


def filed_anonymously(connection: Connection, person: str, key: str) -> str | None:
    """The change that ``person`` filed anonymously under ``key``. For that person's own pages only."""
    table = tables.pseudonym.c
    mine = select(table.change).where(table.person == person, table.occasion == _occasion(key))
    return connection.execute(mine).scalar()


def _occasion(key: str) -> str:
    return f"key/{hashlib.sha256(key.encode()).hexdigest()[:48]}"


def _made(connection: Connection, person: str, occasion: str, change: str | None, now: datetime) -> str:
    table = tables.pseudonym
    known = select(table.c.ref).where(table.c.person == person, table.c.occasion == occasion)
    ref = connection.execute(known).scalar()
    if ref is None:
        ref = f"{PSEUDONYM_PREFIX}{secrets.token_hex(12)}"
        # To the day: the moment would tell whoever reads this table and a log together more than it has to.
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        try:
            with connection.begin_nested():
                connection.execute(
                    insert(table).values(ref=ref, person=person, change=change, occasion=occasion, made_at=day)
                )
        except IntegrityError:  # the same thing, sent twice at once: the other was first
            ref = connection.execute(known).scalar_one()
    return str(ref)


def bind(connection: Connection, pseudonym: str, change: str) -> None:
    """The change that was filed under ``pseudonym`` has its reference now."""
    table = tables.pseudonym
    connection.execute(update(table).where(table.c.ref == pseudonym, table.c.change.is_(None)).values(change=change))


def own_pseudonym(connection: Connection, person: str, change: str) -> str | None:
    """Under which name ``person`` speaks anonymously on ``change``, if they do."""
    table = tables.pseudonym.c
    return connection.execute(select(table.ref).where(table.person == person, table.change == change)).scalar()


def change_and_pseudonym(connection: Connection, person: str, change: str) -> tuple[bool, str | None]:
    """Whether there is such a change, and under which name ``person`` speaks anonymously on it. One query."""
    found = _CHANGE_AND_PSEUDONYM.read(connection, {"person": person, "of": change})
    return (True, found[0][0]) if found else (False, None)


_OWN = (
    select(tables.pseudonym.c.ref)
    .where(tables.pseudonym.c.person == bindparam("person"), tables.pseudonym.c.change == bindparam("of"))
    .limit(1)
)
_CHANGE_AND_PSEUDONYM = Prepared(select(_OWN.scalar_subquery()).where(tables.change.c.ref == bindparam("of")))


def own_pseudonyms(connection: Connection, person: str) -> Sequence[str]:
    """All names under which ``person`` speaks anonymously. For that person's own pages only."""
    table = tables.pseudonym.c
    return connection.execute(select(table.ref).where(table.person == person).order_by(table.ref)).scalars().all()


def person_behind(connection: Connection, pseudonym: str) -> tuple[str, str | None] | None:
    """Who stands behind a pseudonym, and on which change. For the look-up and a granted reveal only."""
    table = tables.pseudonym.c
    row = connection.execute(select(table.person, table.change).where(table.ref == pseudonym)).first()
    return (row.person, row.change) if row else None
