"""Proposals that are still being written. A draft belongs to its author alone; nobody else can find out about it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from changes.values import Moment, Value
from store import tables

MOST_DRAFTS = 50
"""Drafts of one person."""


class Draft(Value):
    """A proposal as far as it is written."""

    ref: str
    author: str
    answers: dict[str, Any]
    """What was typed, by field, also where it is not right yet."""
    key: str
    """The idempotency key under which it is filed: pressed twice, it is filed once."""
    began_at: Moment
    saved_at: Moment
    filed_as: str = ""
    """The change it became."""

    @property
    def title(self) -> str:
        """What to call it in a list."""
        for field in ("title", "problem", "suggestion"):
            if text := str(self.answers.get(field) or "").strip():
                return text if len(text) <= 80 else f"{text[:79]}…"
        return "Nothing written yet"


def begin_draft(connection: Connection, author: str, answers: Mapping[str, Any], now: datetime) -> Draft:
    """A new draft. A person who has very many loses the oldest ones that were never filed."""
    table = tables.draft
    draft = Draft(
        ref=secrets.token_hex(8),
        author=author,
        answers=dict(answers),
        key=secrets.token_urlsafe(18),
        began_at=now,
        saved_at=now,
    )
    connection.execute(insert(table).values(**draft.model_dump()))
    kept = select(table.c.ref).where(table.c.author == author, table.c.filed_as == "")
    old = kept.order_by(table.c.saved_at.desc()).offset(MOST_DRAFTS).limit(1_000)
    refs = connection.execute(old).scalars().all()
    if refs:
        connection.execute(delete(table).where(table.c.ref.in_(refs)))
    return draft


def draft_of(connection: Connection, ref: str, author: str) -> Draft | None:
    """The draft ``ref`` of ``author``; None for everybody else."""
    table = tables.draft
    row = connection.execute(select(table).where(table.c.ref == ref, table.c.author == author)).mappings().first()
    return Draft.model_validate(dict(row)) if row else None


def drafts_of(connection: Connection, author: str) -> tuple[Draft, ...]:
    """What ``author`` has not filed yet, the latest first."""
    table = tables.draft
    rows = connection.execute(
        select(table).where(table.c.author == author, table.c.filed_as == "").order_by(table.c.saved_at.desc())
    ).mappings()
    return tuple(Draft.model_validate(dict(row)) for row in rows)


def save_draft(
    connection: Connection, draft: Draft, answers: Mapping[str, Any], now: datetime, filed_as: str = ""
) -> None:
    """Keep ``answers``, and which change it became."""
    table = tables.draft
    connection.execute(
        update(table)
        .where(table.c.ref == draft.ref, table.c.author == draft.author)
        .values(answers=dict(answers), saved_at=now, filed_as=filed_as or draft.filed_as)
    )


def renew_key(connection: Connection, draft: Draft) -> None:
    """File ``draft`` under its new key from now on: what was refused is on record under the old one."""
    table = tables.draft
    connection.execute(
        update(table).where(table.c.ref == draft.ref, table.c.author == draft.author).values(key=draft.key)
    )


def discard_draft(connection: Connection, ref: str, author: str) -> None:
    """Throw a draft away. It never was on the record."""
    table = tables.draft
    connection.execute(delete(table).where(table.c.ref == ref, table.c.author == author))
