"""Whether what is kept in memory is still what the database says, asked once for each page and each look-up.

Directory, acts and policies are kept in memory and compared with the database before they are used. A page and the
look-up of a command use them several times and speak of one moment; each asks once, and remembers the answer for as
long as it is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from store import tables
from store.prepared import Prepared


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest import, act and policy that the database holds."""

    directory_import: int | None = None
    act: int | None = None
    """The number of the newest act of the organisation, such as a delegation."""
    policy: str | None = None
    """The content hash of the policy in force."""


LATEST = (
    select(func.max(tables.directory_import.c.number)).scalar_subquery().label("directory_import"),
    select(func.max(tables.act.c.number)).scalar_subquery().label("act"),
    select(tables.policy_version.c.sha256)
    .order_by(tables.policy_version.c.number.desc())
    .limit(1)
    .scalar_subquery()
    .label("policy"),
)
"""Columns that answer the question, for a query that asks for something else as well."""
_ASK = Prepared(select(*LATEST))


@dataclass
class _Moment:
    latest: Latest | None = None


_MOMENT: ContextVar[_Moment | None] = ContextVar("moment", default=None)


@contextmanager
def once() -> Iterator[None]:
    """While this lasts, memory is compared with the database once. Threads started within share the answer."""
    token = _MOMENT.set(_MOMENT.get() or _Moment())
    try:
        yield
    finally:
        _MOMENT.reset(token)


def latest(connection: Connection) -> Latest:
    """What is newest: as this page or look-up has learned already, otherwise as the database says now."""
    moment = _MOMENT.get()
    if moment and moment.latest:
        return moment.latest
    return remember(Latest(*_ASK.read(connection, {})[0]))


def remember(latest: Latest) -> Latest:
    """Keep an answer for the rest of this page or look-up, if one is being made."""
    if moment := _MOMENT.get():
        moment.latest = latest
    return latest
