"""Asking the places outside what they hold, before the database is looked at.

The order is the point (docs/decisions/0043): the log grows meanwhile. What a place held when it was asked can never be
more than a head that is read afterwards; the other way round, every checkpoint that another process makes in between
would look like a restored backup.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Engine

from ledger.checkpoint import Checkpoint, read_checkpoint
from ledger.note import NoteError
from store.database import reading
from store.ledger import origin_of
from store.sinks import Sink, SinkUnusable


class Answer(NamedTuple):
    """What one place says about a log."""

    place: str
    kept: Checkpoint | None
    """Its largest checkpoint that can be read, if there is one."""
    older: Iterator[str]
    """The notes after that, the largest first, asked for as they are taken; raises SinkUnusable."""
    problem: str = ""
    """Why it could not be asked, or that something larger in it cannot be read, in a sentence."""


class Asked(NamedTuple):
    """What the places outside say, from before the database was looked at."""

    origin: str
    answers: tuple[Answer, ...]

    @property
    def problems(self) -> list[str]:
        """What could not be asked or read, in sentences."""
        return [one.problem for one in self.answers if one.problem]


def ask_outside(engine: Engine, sinks: Sequence[Sink]) -> Asked:
    """Ask each place for its largest checkpoint. Whoever compares the database with that reads it afterwards."""
    with reading(engine) as connection:
        origin = origin_of(connection)
    return Asked(origin, tuple(_ask(sink, origin) for sink in sinks))


def _ask(sink: Sink, origin: str) -> Answer:
    problem = ""
    notes = sink.notes(origin)
    try:
        for note in notes:
            try:
                kept, _ = read_checkpoint(note)
            except NoteError as error:
                problem = problem or f"The latest checkpoint in {sink.name} cannot be read: {error}"
                continue
            return Answer(sink.name, kept, notes, problem)
    except SinkUnusable as error:
        return Answer(sink.name, None, iter(()), str(error))
    return Answer(sink.name, None, iter(()), problem)
