"""The revisions of a change: each applied record makes the next one, so that a record which is not there leaves a gap.

An inclusion proof says that a record is in the log, and never that another one is missing. The revision in each body
does, up to the last one that any of the records speaks of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any, NamedTuple

from ledger.record import FOUNDATION_FORM


class Revisions(NamedTuple):
    """What the records of one change say about each other."""

    last: int
    """The largest revision that any of them speaks of."""
    absent: int
    """How many up to it no applied record made."""
    first_absent: int | None
    twice: int | None
    """The first one that more than one record says it made."""


def revisions_in(bodies: Iterable[Mapping[str, Any]]) -> Revisions:
    """The revisions in the parsed bodies of one change's records. A refusal makes none, and names the one it met."""
    made: Counter[int] = Counter()
    last = 0
    for body in bodies:
        revision = revision_of(body)
        last = max(last, revision)
        if revision and body.get("outcome") == "applied":
            made[revision] += 1
    absent = last - len(made)
    return Revisions(
        last,
        absent,
        next(number for number in count(1) if number not in made) if absent else None,
        min((number for number, times in made.items() if times > 1), default=None),
    )


def revision_of(body: Mapping[str, Any]) -> int:
    """The revision that a parsed body speaks of; 0 for what is about a change and does not alter it."""
    subject = body.get("subject")
    name = "version" if body.get("v") == FOUNDATION_FORM else "revision"
    found = subject.get(name) if isinstance(subject, dict) else None
    return found if type(found) is int and found > 0 else 0
