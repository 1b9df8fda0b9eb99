"""Which changes would ask other people now than they asked, miss somebody, or have another deadline by the calendar."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects import postgresql, sqlite

from changes.decision import decide, subject_of
from changes.facts import SYSTEM
from changes.passing_time import LookAgain
from changes.refusals import Refused
from changes.state import Change
from changes.values import ERASED_PREFIX
from store import tables
from store.authority import Authority

STAMP = "gates_looked_at"
BATCH = 200
"""Changes that are read together."""


def world_now(connection: Connection, authority: Authority, now: datetime) -> str:
    """What decides who is asked, in short: while it stays the same, nobody needs to look.

    The day belongs to it, because absences and delegations begin and end by it.
    """
    imports, acts = (
        connection.execute(select(func.max(column))).scalar()
        for column in (tables.directory_import.c.number, tables.act.c.number)
    )
    policies = connection.execute(select(func.max(tables.policy_version.c.number))).scalar()
    if policies is None:  # an installation that is being set up: no day yet, and no change that could look
        return json.dumps([imports, acts, None, ""])
    return json.dumps([imports, acts, policies, authority.today(connection, now).isoformat()])


def world_seen(connection: Connection) -> str:
    """The same, as of the last look."""
    table = tables.deployment.c
    return connection.execute(select(table.value).where(table.name == STAMP)).scalar() or ""


def remember_world(connection: Connection, world: str) -> None:
    """Everything was looked at as of ``world``. Two that looked at once may both say so."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    looked = insert(tables.deployment).values(name=STAMP, value=world)
    connection.execute(looked.on_conflict_do_update(index_elements=["name"], set_={"value": world}))


def open_changes(connection: Connection, after: str = "") -> tuple[str, ...]:
    """Some changes that have not ended, by reference, from after ``after``."""
    table = tables.change.c
    query = select(table.ref).where(table.outcome == "", table.ref > after)
    return tuple(connection.execute(query.order_by(table.ref).limit(BATCH)).scalars())


def overdue(connection: Connection, before: datetime) -> tuple[str, ...]:
    """The changes for which time should have meant something before a moment: their workflow did not notice, because a
    Temporal server lost or ended it, or because nothing could follow. The longest overdue first."""
    table = tables.change.c
    query = select(table.ref).where(table.outcome == "", table.next_moment < before)
    return tuple(connection.execute(query.order_by(table.next_moment)).scalars())


def to_look_again(connection: Connection, authority: Authority, refs: tuple[str, ...], now: datetime) -> Iterator[str]:
    """Those of ``refs`` about which something is different."""
    table = tables.change.c
    for document in connection.execute(select(table.document).where(table.ref.in_(refs))).scalars():
        change = Change.model_validate_json(document)
        if f'"{ERASED_PREFIX}' in document or _is_different(connection, authority, change, now):
            yield change.ref  # with somebody who was erased, its workflow may still know who that was


def _is_different(connection: Connection, authority: Authority, change: Change, now: datetime) -> bool:
    command = LookAgain()
    found = authority.look_up(connection, subject_of(change, command, SYSTEM, now), SYSTEM, now, change.ref)
    if found.facts is None:
        return False
    decided = decide(change, command, found.facts, now)
    return not isinstance(decided, Refused) and bool(decided)
