"""Whether what is kept in memory is still what the database says, asked once for each page.

Directory and policies are kept in memory and compared with the database at every use, which is right for decisions.
A page uses them several times and shows one moment; it asks once and remembers the answer for as long as it is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Latest:
    """The newest import and policy that the database held when this page began."""

    asked: bool = False
    directory_import: int | None = None
    act: int | None = None
    """The number of the newest act of the organisation, such as a delegation."""
    policy: str | None = None
    """The content hash of the policy in force."""


_PAGE: ContextVar[Latest | None] = ContextVar("page", default=None)


@contextmanager
def once() -> Iterator[Latest]:
    """While this lasts, memory is compared with the database once. Threads started within share the answer."""
    latest = Latest()
    token = _PAGE.set(latest)
    try:
        yield latest
    finally:
        _PAGE.reset(token)


def remembered() -> Latest | None:
    """What this page has asked already; None where every use has to ask, as for decisions."""
    latest = _PAGE.get()
    return latest if latest and latest.asked else None


def remember(directory_import: int | None, policy: str | None, act: int | None) -> None:
    """Keep the answer for the rest of this page, if one is being made."""
    latest = _PAGE.get()
    if latest:
        latest.directory_import, latest.policy, latest.act, latest.asked = directory_import, policy, act, True
