"""Who is signed in: one-time links (demonstration only), sessions and API tokens. Only hashes are stored."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from store import tables

LINK_LASTS = timedelta(days=7)
"""A demonstration's sign-in link; it works once."""
SESSION_LASTS = timedelta(hours=12)
SESSION_IDLES = timedelta(hours=2)
TOKEN_PREFIX = "gw"  # noqa: S105 - a public prefix by which leaked tokens are recognised


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def make_link(connection: Connection, person: str, now: datetime) -> str:
    """A token for a one-time sign-in link."""
    token = secrets.token_urlsafe(32)
    connection.execute(
        insert(tables.sign_in_link).values(
            token_hash=_hash(token), person=person, created_at=now, expires_at=now + LINK_LASTS
        )
    )
    return token


def link_person(connection: Connection, token: str, now: datetime) -> str | None:
    """Whom an unused link would sign in; looking does not use it up, because mail scanners look too."""
    table = tables.sign_in_link
    return connection.execute(
        select(table.c.person).where(
            table.c.token_hash == _hash(token), table.c.used_at.is_(None), table.c.expires_at > now
        )
    ).scalar()


def use_link(connection: Connection, token: str, now: datetime) -> str | None:
    """Sign in by a link, once: the session's token, or None when the link is used, expired or unknown."""
    table = tables.sign_in_link
    used = connection.execute(
        update(table)
        .where(table.c.token_hash == _hash(token), table.c.used_at.is_(None), table.c.expires_at > now)
        .values(used_at=now)
        .returning(table.c.person)
    ).scalar()
    return begin_session(connection, used, now) if used else None


def begin_session(connection: Connection, person: str, now: datetime) -> str:
    """A new session's token."""
    token = secrets.token_urlsafe(32)
    connection.execute(
        insert(tables.session).values(
            token_hash=_hash(token), person=person, created_at=now, seen_at=now, expires_at=now + SESSION_LASTS
        )
    )
    return token


def session_person(connection: Connection, token: str, now: datetime) -> str | None:
    """Who is signed in by this session, if it has neither ended nor gone idle."""
    table = tables.session
    return connection.execute(
        select(table.c.person).where(
            table.c.token_hash == _hash(token),
            table.c.ended_at.is_(None),
            table.c.expires_at > now,
            table.c.seen_at > now - SESSION_IDLES,
        )
    ).scalar()


def touch_session(connection: Connection, token: str, now: datetime) -> None:
    """The session is in use."""
    connection.execute(update(tables.session).where(tables.session.c.token_hash == _hash(token)).values(seen_at=now))


def end_session(connection: Connection, token: str, now: datetime) -> None:
    """Sign out."""
    connection.execute(update(tables.session).where(tables.session.c.token_hash == _hash(token)).values(ended_at=now))


def make_token(connection: Connection, person: str, name: str, lasts: timedelta, now: datetime) -> str:
    """A new API token, shown this once."""
    token = f"{TOKEN_PREFIX}_{secrets.token_urlsafe(32)}"
    connection.execute(
        insert(tables.api_token).values(
            token_hash=_hash(token), person=person, name=name, created_at=now, expires_at=now + lasts
        )
    )
    return token


def token_person(connection: Connection, token: str, now: datetime) -> str | None:
    """Whose token this is, if it is neither revoked nor expired."""
    table = tables.api_token
    return connection.execute(
        select(table.c.person).where(
            table.c.token_hash == _hash(token), table.c.revoked_at.is_(None), table.c.expires_at > now
        )
    ).scalar()
