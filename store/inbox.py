"""What waits for a person and what they wait for, over all changes."""

from __future__ import annotations

from sqlalchemy import Connection, and_, select, union_all

from changes.values import Value
from store import tables
from store.reading import WaitingItem


class Inbox(Value):
    """Both sides of waiting."""

    mine: tuple[WaitingItem, ...]
    """What waits for the person, the soonest due first."""
    others: tuple[WaitingItem, ...]
    """Whom their own changes wait for."""


MOST = 300
"""Rows of each; nobody reads more at a time."""


def inbox_of(connection: Connection, person: str) -> Inbox:
    """The inbox of ``person``, in one query."""
    waiting, about = tables.waiting, tables.change
    rows = select(waiting, about.c.title).join(about, about.c.ref == waiting.c.change)
    others = and_(about.c.proposer == person, about.c.outcome == "", waiting.c.person != person)
    # Two lists, each by its own index: "this or that" over two tables reads both of them whole.
    both = union_all(rows.where(waiting.c.person == person), rows.where(others)).subquery()
    found = connection.execute(
        select(both).order_by(both.c.due.is_(None), both.c.due, both.c.since, both.c.change, both.c.task).limit(MOST)
    ).mappings()
    items = [WaitingItem.model_validate({name: row[name] for name in WaitingItem.model_fields}) for row in found]
    return Inbox(
        mine=tuple(item for item in items if item.person == person),
        others=tuple(item for item in items if item.person != person),
    )
