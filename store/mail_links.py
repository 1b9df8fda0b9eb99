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

from sqlalchemy import Connection, insert, select, update

from changes.answering import question_for
from changes.state import Change
from changes.values import Moment, Value
from store import tables
from store.outbox import Outgoing
from store.reading import change_state
from store.tokens import hashed

ANSWERED_BY_MAIL = frozenset(
    {"asked", "reminded", "escalated", "changed_since_you_answered", "champion_invited", "champion_reminded"}
)
"""The kinds of mail that ask something which can be answered on a page of its own."""
LASTS = timedelta(days=14)
"""A link is good for two weeks at most; what it asks is mostly answered, escalated or changed before."""


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


def keep_link(connection: Connection, token: str, person: str, change: str, mark: str, now: datetime) -> None:
    """Have ``token`` lead ``person`` to the question ``mark``; done before, nothing changes."""
    table = tables.mail_link
    if connection.execute(select(table.c.person).where(table.c.token_hash == hashed(token))).first():
        return
    connection.execute(
        insert(table).values(
            token_hash=hashed(token), person=person, change=change, binding=mark, created_at=now, expires_at=now + LASTS
        )
    )


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


def answer_links(connection: Connection, asking: Iterable[Outgoing], secret: bytes, now: datetime) -> dict[int, str]:
    """Make the links of letters that ask something, where it is asked still; each letter's token by its number."""
    made: dict[int, str] = {}
    changes: dict[str, Change | None] = {}
    for item in asking:
        notice = item.notice
        if notice.change not in changes:
            changes[notice.change] = change_state(connection, notice.change)
        change = changes[notice.change]
        question = question_for(change, notice.recipient) if change else None
        if question:
            made[item.number] = token_for(secret, notice.key)
            keep_link(connection, made[item.number], notice.recipient, notice.change, question.mark, now)
    return made
