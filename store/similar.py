"""Changes like what somebody is writing: read from the proposals' own words, ranked in memory."""

from __future__ import annotations

from sqlalchemy import Connection, select

from changes.similarity import essence, ranked
from changes.values import Moment, Value
from store import tables

MOST_COMPARED = 5_000
"""Changes that are compared, those that moved last first."""


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
    """The changes most like ``text``, the most alike first; ``besides`` are left out.

    Declined, withdrawn and closed ones are among them: what became of the idea before is worth knowing.
    """
    about, words = tables.change.c, tables.proposal_text.c
    rows = {
        row.ref: row
        for row in connection.execute(
            select(about.ref, about.title, about.standing, about.outcome, about.updated_at, words.text)
            .join_from(tables.change, tables.proposal_text, words.change == about.ref, isouter=True)
            .order_by(about.updated_at.desc())
            .limit(MOST_COMPARED)
        )
        if row.ref not in besides
    }
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
