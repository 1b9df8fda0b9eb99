"""Links in mail that lead to a confirm page. Only hashes are stored; a link decides nothing by being opened.

The token is derived from the installation's key and the notice, so that a letter that has to be sent again holds the
same link. Nobody without the key can work it out.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from changes.answering import question_for
from changes.state import Change
from changes.values import Moment, Value
from store import tables
from store.outbox import Outgoing
from store.prepared import Prepared
from store.reading import change_state
from store.tokens import hashed

ANSWERED_BY_MAIL = frozenset(
    {"asked", "reminded", "escalated", "changed_since_you_answered", "champion_invited", "champion_reminded"}
)
"""The kinds of mail that ask something which can be answered on a page of its own."""
LASTS = timedelta(days=14)
"""A link is good for two weeks at most; what it asks is mostly answered, escalated or changed before."""


class NewLink(NamedTuple):
    """A link as a letter holds it."""

    token: str
    person: str
    change: str
    mark: str
    """Of what is asked; see :mod:`changes.answering`."""


class Link(Value):
    """A link that exists, whether or not it is still good."""

    person: str
    change: str
    mark: str
    expires_at: Moment
    used_at: Moment | None


def token_for(secret: bytes, notice: str) -> str:
    """The token in the letter of a notice."""
    made = hmac.new(secret, f"mail link\x1f{notice}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def mail_link(connection: Connection, token: str) -> Link | None:
    """The link with this token; looking does not use it up, because mail scanners look too."""
    table = tables.mail_link
    row = connection.execute(select(table).where(table.c.token_hash == hashed(token))).first()
    if row is None:
        return None
    return Link(person=row.person, change=row.change, mark=row.binding, expires_at=row.expires_at, used_at=row.used_at)


def use_link(connection: Connection, token: str, now: datetime) -> None:
    """The question has been answered through this link."""
    table = tables.mail_link
    connection.execute(
        update(table).where(table.c.token_hash == hashed(token), table.c.used_at.is_(None)).values(used_at=now)
    )


def links_for(connection: Connection, asking: Iterable[Outgoing], secret: bytes) -> dict[int, NewLink]:
    """The links of letters that ask something, where it is asked still, by the letters' numbers. Not kept yet."""
    made: dict[int, NewLink] = {}
    changes: dict[str, Change | None] = {}
    for item in asking:
        notice = item.notice
        if notice.change not in changes:
            changes[notice.change] = change_state(connection, notice.change)
        change = changes[notice.change]
        question = question_for(change, notice.recipient) if change else None
        if question:
            token = token_for(secret, notice.key)
            made[item.number] = NewLink(token, notice.recipient, notice.change, question.mark)
    return made


def keep_links(connection: Connection, links: Iterable[NewLink], now: datetime) -> None:
    """Have each token lead its person to its question; where one was kept before, nothing changes."""
    _KEEP.write(
        connection,
        *(
            {
                "token_hash": hashed(link.token),
                "person": link.person,
                "change": link.change,
                "binding": link.mark,
                "created_at": now,
                "expires_at": now + LASTS,
            }
            for link in links
        ),
    )


_KEEP = Prepared(
    {
        "sqlite": sqlite.insert(tables.mail_link).on_conflict_do_nothing(),
        "postgresql": postgresql.insert(tables.mail_link).on_conflict_do_nothing(),
    },
    ("token_hash", "person", "change", "binding", "created_at", "expires_at"),
)
