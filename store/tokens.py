"""API tokens: of people, and of systems that report readings and results. Shown once; only a hash is stored.

A token is ``gw_<random>_<checksum>``. The prefix and the checksum let a scanner of leaked secrets be certain of what it
found, and let us refuse typing errors without asking the database.
"""

from __future__ import annotations

import hashlib
import secrets
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, update

from changes.permissions import EVERY_SCOPE, Scope
from changes.values import Moment, Value
from store import tables
from store.prepared import Prepared

PREFIX = "gw"
HANDLE = 16
"""Characters of the hash by which a token or session is named; they tell nothing about it."""


class Bounds(NamedTuple):
    """What a system's token is for; an empty one bounds nothing."""

    change: str = ""
    process: str = ""
    metric: str = ""


UNBOUND = Bounds()


class Holder(NamedTuple):
    """Whose token it is, and what it may be used for."""

    person: str
    scopes: frozenset[Scope]
    service: str
    bounds: Bounds


class Token(Value):
    """A token as its owner sees it in a list; the token itself is not known any more."""

    id: str
    name: str
    person: str
    """Whose it is, or on whose behalf the system reports."""
    scopes: tuple[Scope, ...]
    service: str
    """The system it was made for; empty for a person's own."""
    change: str
    process: str
    metric: str
    created_at: Moment
    expires_at: Moment
    last_used_at: Moment | None
    revoked_at: Moment | None


def hashed(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_token() -> str:
    """A token of 256 random bits with its checksum."""
    secret = secrets.token_urlsafe(32)
    return f"{PREFIX}_{secret}_{_checksum(secret)}"


def well_formed(token: str) -> bool:
    """Whether a token could be ours: its checksum is right."""
    prefix, _, rest = token.partition("_")
    secret, _, checksum = rest.rpartition("_")
    return prefix == PREFIX and bool(secret) and checksum == _checksum(secret)


def _checksum(secret: str) -> str:
    return f"{zlib.crc32(secret.encode()):08x}"


def make_token(
    connection: Connection,
    person: str,
    name: str,
    lasts: timedelta,
    now: datetime,
    *,
    scopes: Iterable[Scope] = EVERY_SCOPE,
    service: str = "",
    bounds: Bounds = UNBOUND,
    made_by: str = "",
) -> str:
    """A new token, shown this once."""
    token = new_token()
    connection.execute(
        insert(tables.api_token).values(
            token_hash=hashed(token),
            person=person,
            name=name,
            created_at=now,
            expires_at=now + lasts,
            scopes=sorted(scopes),
            service=service,
            made_by=made_by or person,
            **bounds._asdict(),
        )
    )
    return token


def token_holder(connection: Connection, token: str, now: datetime) -> Holder | None:
    """Whose token this is, if it is neither revoked nor expired."""
    if not well_formed(token):
        return None
    found = _HOLDER.read(connection, {"hash": hashed(token), "now": now})
    if not found:
        return None
    person, scopes, service, *bounds = found[0]
    return Holder(person, _scopes(scopes), service, Bounds(*bounds))


def _holder() -> Prepared:
    token = tables.api_token.c
    return Prepared(
        select(token.person, token.scopes, token.service, token.change, token.process, token.metric).where(
            token.token_hash == bindparam("hash"), token.revoked_at.is_(None), token.expires_at > bindparam("now")
        )
    )


_HOLDER = _holder()


def _scopes(stored: list[str] | None) -> frozenset[Scope]:
    return EVERY_SCOPE if stored is None else frozenset(Scope(scope) for scope in stored)


def touch_token(connection: Connection, token: str, now: datetime) -> None:
    """The token was used."""
    table = tables.api_token
    connection.execute(update(table).where(table.c.token_hash == hashed(token)).values(last_used_at=now))


def tokens_of(connection: Connection, person: str | None, now: datetime) -> tuple[Token, ...]:
    """Somebody's own tokens that still work, or those of all systems where ``person`` is None; the newest first."""
    table = tables.api_token
    whose = table.c.service != "" if person is None else (table.c.service == "") & (table.c.person == person)
    query = select(table).where(whose, table.c.revoked_at.is_(None), table.c.expires_at > now)
    rows = connection.execute(query.order_by(table.c.created_at.desc(), table.c.token_hash)).mappings()
    return tuple(
        Token(
            id=row["token_hash"][:HANDLE],
            scopes=tuple(sorted(_scopes(row["scopes"]))),
            **{name: row[name] for name in Token.model_fields if name not in {"id", "scopes"}},
        )
        for row in rows
    )


def revoke_token(connection: Connection, handle: str, person: str | None, now: datetime) -> bool:
    """End somebody's own token, or a system's where ``person`` is None. Whether there was such a one."""
    if len(handle) != HANDLE:
        return False
    table = tables.api_token
    whose = table.c.service != "" if person is None else (table.c.service == "") & (table.c.person == person)
    ended = connection.execute(
        update(table)
        .where(whose, table.c.token_hash.startswith(handle, autoescape=True), table.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    return ended.rowcount > 0


def end_access_of(connection: Connection, people: Iterable[str], now: datetime) -> None:
    """End all sessions and tokens of people who have left, also those of systems that report on their behalf."""
    gone = sorted(people)
    sessions, tokens = tables.session, tables.api_token
    for start in range(0, len(gone), 500):
        some = gone[start : start + 500]
        connection.execute(
            update(sessions).where(sessions.c.person.in_(some), sessions.c.ended_at.is_(None)).values(ended_at=now)
        )
        connection.execute(
            update(tokens).where(tokens.c.person.in_(some), tokens.c.revoked_at.is_(None)).values(revoked_at=now)
        )
