"""Whom the subjects of an identity provider are here: by issuer and subject, linked once by a verified address."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from changes.values import Moment, Value
from store import tables


class Linked(Value):
    """One way in which somebody signs in."""

    issuer: str
    subject: str
    how: str
    linked_at: Moment
    seen_at: Moment


def identified(connection: Connection, issuer: str, subject: str) -> str | None:
    """The person that this subject was linked to."""
    table = tables.identity
    return connection.execute(
        select(table.c.person).where(table.c.issuer == issuer, table.c.subject == subject)
    ).scalar()


def link_identity(connection: Connection, issuer: str, subject: str, person: str, how: str, now: datetime) -> bool:
    """Link a subject to ``person``; False where another subject of this issuer is linked to them already.

    An address that passes from one person to the next must not carry the first one's access along.
    """
    table = tables.identity
    taken = select(table.c.subject).where(table.c.issuer == issuer, table.c.person == person)
    if connection.execute(taken).first():
        return False
    connection.execute(
        insert(table).values(issuer=issuer, subject=subject, person=person, how=how, linked_at=now, seen_at=now)
    )
    return True


def touch_identity(connection: Connection, issuer: str, subject: str, now: datetime) -> None:
    """The subject has signed in."""
    table = tables.identity
    connection.execute(update(table).where(table.c.issuer == issuer, table.c.subject == subject).values(seen_at=now))


def identities_of(connection: Connection, person: str) -> tuple[Linked, ...]:
    """How somebody signs in."""
    table = tables.identity
    rows = connection.execute(select(table).where(table.c.person == person).order_by(table.c.linked_at)).mappings()
    return tuple(Linked(**{name: row[name] for name in Linked.model_fields}) for row in rows)


def unlink_identities(connection: Connection, person: str) -> int:
    """Forget how somebody signs in; their next sign-in links them anew. How many links there were."""
    table = tables.identity
    return connection.execute(delete(table).where(table.c.person == person)).rowcount
