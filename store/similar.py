"""Changes like what somebody is writing: found by the words they share, ranked in memory."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select, union_all

from changes.similarity import essence, ranked
from changes.values import Moment, Value
from store import tables

WORDS = 16
"""Words that are looked for: the longest, which are the rarest and tell most."""
SHARING = 500
"""Changes that are counted for each word; a word in more of them says little about any."""
COMPARED = 100
"""Changes whose words are compared: those that share the most."""


class Similar(Value):
    """A change that is about something alike."""

    ref: str
    title: str
    standing: str
    """Where it stands, as the end of the sentence "This change …"."""
    outcome: str
    """How it ended; empty while it is under way."""
    updated_at: Moment
    score: float
    """From 45 to 100; 100 says the same words."""


def similar_changes(
    connection: Connection, text: str, limit: int = 5, *, besides: tuple[str, ...] = ()
) -> tuple[Similar, ...]:
    """The changes most like ``text``, the most alike first; ``besides`` are left out. One query.

    Declined, withdrawn and closed ones are among them: what became of the idea before is worth knowing. However many
    changes there are, only so many entries of an index are read.
    """
    words = sorted({word[:64] for word in essence(text).split()}, key=lambda word: (-len(word), word))[:WORDS]
    if not words:
        return ()
    padded = {f"word_{number}": word for number, word in enumerate([*words, *[""] * (WORDS - len(words))])}
    rows = {row.ref: row for row in connection.execute(_SHARING, padded) if row.ref not in besides}
    candidates = ((ref, row.text or essence(row.title)) for ref, row in rows.items())
    return tuple(
        Similar(
            ref=ref,
            title=rows[ref].title,
            standing=rows[ref].standing,
            outcome=rows[ref].outcome,
            updated_at=rows[ref].updated_at,
            score=score,
        )
        for ref, score in ranked(text, candidates, limit)
    )


def _sharing() -> Select[Any]:
    """The changes that share the most words, with what is compared and shown of them. Built once."""
    word, about, texts = tables.proposal_word.c, tables.change.c, tables.proposal_text.c
    holding = [
        select(word.change).where(word.word == bindparam(f"word_{number}")).order_by(word.change.desc()).limit(SHARING)
        for number in range(WORDS)
    ]
    every = union_all(*(select(one.subquery().c.change) for one in holding)).subquery()
    shared = func.count().label("shared")
    most = (
        select(every.c.change, shared)
        .group_by(every.c.change)
        .order_by(shared.desc(), every.c.change.desc())
        .limit(COMPARED)
        .subquery()
    )
    return (
        select(about.ref, about.title, about.standing, about.outcome, about.updated_at, texts.text)
        .select_from(most.join(tables.change, about.ref == most.c.change))
        .outerjoin(tables.proposal_text, texts.change == about.ref)
        .order_by(about.updated_at.desc(), about.ref.desc())
    )


_SHARING = _sharing()
