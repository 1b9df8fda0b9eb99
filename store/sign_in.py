"""Who is signed in: one-time links (demonstration only) and sessions. Only hashes are stored."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, insert, select, update

from changes.values import Moment, Value
from store import tables
from store.tokens import HANDLE, hashed

LINK_LASTS = timedelta(days=7)
"""A demonstration's sign-in link; it works once."""
SESSION_LASTS = timedelta(hours=12)
SESSION_IDLES = timedelta(hours=2)


class Session(Value):
    """A session as its owner sees it in a list."""

    id: str
    how: str
    """``link`` or ``oidc``."""
    agent: str
    """What the browser says it is."""
    created_at: Moment
    seen_at: Moment
    expires_at: Moment
    here: bool = False
    """It is the one that asks."""


def make_link(connection: Connection, person: str, now: datetime) -> str:
    """A token for a one-time sign-in link, in digits and letters only.

    It is typed as an argument too, where a leading dash would make it an option; and mail programs that make links of
    text leave a trailing dash out.
    """
    token = secrets.token_hex(32)
    connection.execute(
        insert(tables.sign_in_link).values(
            token_hash=hashed(token), person=person, created_at=now, expires_at=now + LINK_LASTS
        )
    )
    return token


def link_person(connection: Connection, token: str, now: datetime) -> str | None:
    """Whom an unused link would sign in; looking does not use it up, because mail scanners look too."""
    table = tables.sign_in_link
    return connection.execute(
        select(table.c.person).where(
            table.c.token_hash == hashed(token), table.c.used_at.is_(None), table.c.expires_at > now
        )
    ).scalar()


def use_link(connection: Connection, token: str, now: datetime, agent: str = "") -> str | None:
    """Sign in by a link, once: the session's token, or None when the link is used, expired or unknown."""
    table = tables.sign_in_link
    used = connection.execute(
        update(table)
        .where(table.c.token_hash == hashed(token), table.c.used_at.is_(None), table.c.expires_at > now)
        .values(used_at=now)
        .returning(table.c.person)
    ).scalar()
    return begin_session(connection, used, now, agent=agent) if used else None


def begin_session(connection: Connection, person: str, now: datetime, *, how: str = "link", agent: str = "") -> str:
    """A new session's token. ``agent`` is what the browser says it is, shown in the list of one's sessions."""
    token = secrets.token_urlsafe(32)
    connection.execute(
        insert(tables.session).values(
            token_hash=hashed(token),
            person=person,
            created_at=now,
            seen_at=now,
            expires_at=now + SESSION_LASTS,
            how=how,
            agent="".join(letter for letter in agent if letter.isprintable())[:200],
        )
    )
    return token


def session_person(connection: Connection, token: str, now: datetime) -> str | None:
    """Who is signed in by this session, if it has neither ended nor gone idle."""
    return connection.execute(select(tables.session.c.person).where(session_counts(token, now))).scalar()


def session_counts(token: str, now: datetime) -> ColumnElement[bool]:
    """The condition on a session that it is this one, and has neither ended nor gone idle."""
    table = tables.session
    return and_(
        table.c.token_hash == hashed(token),
        table.c.ended_at.is_(None),
        table.c.expires_at > now,
        table.c.seen_at > now - SESSION_IDLES,
    )


def touch_session(connection: Connection, token: str, now: datetime) -> None:
    """The session is in use."""
    connection.execute(update(tables.session).where(tables.session.c.token_hash == hashed(token)).values(seen_at=now))


def end_session(connection: Connection, token: str, now: datetime) -> None:
    """Sign out."""
    connection.execute(update(tables.session).where(tables.session.c.token_hash == hashed(token)).values(ended_at=now))


def sessions_of(connection: Connection, person: str, now: datetime, token: str = "") -> tuple[Session, ...]:
    """The sessions of ``person`` that still count, the latest used first; ``token`` marks the one that asks."""
    table = tables.session
    rows = connection.execute(select(table).where(*_counting(person, now)).order_by(table.c.seen_at.desc())).mappings()
    here = hashed(token) if token else ""
    return tuple(
        Session(
            id=row["token_hash"][:HANDLE],
            here=row["token_hash"] == here,
            **{name: row[name] for name in Session.model_fields if name not in {"id", "here"}},
        )
        for row in rows
    )


def end_session_of(connection: Connection, person: str, handle: str, now: datetime) -> bool:
    """End one of somebody's sessions by its id. Whether there was such a one."""
    if len(handle) != HANDLE:
        return False
    table = tables.session
    mine = (*_counting(person, now), table.c.token_hash.startswith(handle, autoescape=True))
    return connection.execute(update(table).where(*mine).values(ended_at=now)).rowcount > 0


def end_sessions_of(connection: Connection, person: str, now: datetime, but: str = "") -> int:
    """End all of somebody's sessions, except the one with the token ``but``; how many there were."""
    table = tables.session
    others = (table.c.token_hash != hashed(but),) if but else ()
    return connection.execute(update(table).where(*_counting(person, now), *others).values(ended_at=now)).rowcount


def _counting(person: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    table = tables.session
    return (
        table.c.person == person,
        table.c.ended_at.is_(None),
        table.c.expires_at > now,
        table.c.seen_at > now - SESSION_IDLES,
    )
