"""Asking the places outside what they hold, before the database is looked at.

The order is the point (docs/decisions/0043): the log grows meanwhile. First our own rows say what each place has taken;
a row is written after its copy is kept, so a place that is in order holds at least that when it is asked next. And what
it holds then can never be more than a head that is read afterwards; the other way round, every checkpoint that another
process makes in between would look like a restored backup.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Engine, select

from ledger.checkpoint import Checkpoint, read_checkpoint
from ledger.note import NoteError
from store import tables
from store.database import reading
from store.ledger import origin_of
from store.sinks import Sink, SinkUnusable
from store.stopping import RESTORED


class Answer(NamedTuple):
    """What one place says about a log."""

    place: str
    kept: Checkpoint | None
    """Its largest checkpoint that can be read, if there is one."""
    taken: int
    """The largest that it has taken, as our own rows say; 0 if none, or if people accepted that it is gone."""
    older: Iterator[str]
    """The notes after :attr:`kept`, the largest first, asked for as they are taken; raises SinkUnusable."""
    problem: str = ""
    """Why it could not be asked, or that something larger in it cannot be read, in a sentence."""
    silent: bool = False
    """Whether it could not be asked."""

    @property
    def lacks(self) -> bool:
        """Whether it answers, and has less than it once took. That is evidence; silence is not."""
        return not self.silent and (self.kept.size if self.kept else 0) < self.taken

    def in_words(self) -> str:
        """What it lacks, for people."""
        has = f"only up to {self.kept.size:,}" if self.kept else "none of them"
        return (
            f"{self.place} has taken checkpoints up to {self.taken:,} records and now has {has}. Is it the right "
            "place, is its volume mounted, were files taken away, or can they not be read?"
        )


class Asked(NamedTuple):
    """What the places outside say, from before the database was looked at."""

    origin: str
    answers: tuple[Answer, ...]

    @property
    def lacking(self) -> list[Answer]:
        """The places that answer with less than they once took."""
        return [one for one in self.answers if one.lacks]

    @property
    def vouched(self) -> int:
        """The largest size that any of them holds."""
        return max((one.kept.size for one in self.answers if one.kept), default=0)

    @property
    def problems(self) -> list[str]:
        """What could not be asked or read, and what is gone, in sentences."""
        lacking = [f"{one.in_words()} It is given nothing new until that is clear." for one in self.lacking]
        return [one.problem for one in self.answers if one.problem] + lacking


def ask_outside(engine: Engine, sinks: Sequence[Sink]) -> Asked:
    """Ask each place for its largest checkpoint. Whoever compares the database with that reads it afterwards."""
    with reading(engine) as connection:
        origin = origin_of(connection)
        accepted = _size_accepted(connection) if sinks else 0
        taken = {sink.name: _largest_taken(connection, sink.name, accepted) for sink in sinks}
    return Asked(origin, tuple(_ask(sink, origin, taken[sink.name]) for sink in sinks))


def _ask(sink: Sink, origin: str, taken: int) -> Answer:
    problem = ""
    notes = sink.notes(origin)
    try:
        for note in notes:
            try:
                kept, _ = read_checkpoint(note)
            except NoteError as error:
                problem = problem or f"The latest checkpoint in {sink.name} cannot be read: {error}"
                continue
            return Answer(sink.name, kept, taken, notes, problem)
    except SinkUnusable as error:
        return Answer(sink.name, None, taken, iter(()), str(error), silent=True)
    return Answer(sink.name, None, taken, iter(()), problem)


def _size_accepted(connection: Connection) -> int:
    """How many records the log had when two people last accepted it as it was, with what was missing outside."""
    table = tables.ledger_record
    query = select(table.c.body).where(table.c.action == RESTORED).order_by(table.c.seq.desc()).limit(1)
    body = connection.execute(query).scalar()
    try:
        return int(json.loads(body)["after"]["size_here"]) if body else 0
    except (ValueError, KeyError, TypeError):  # verification names a record that was tampered with
        return 0


def _largest_taken(connection: Connection, place: str, accepted: int) -> int:
    table = tables.ledger_witness
    query = select(table.c.size).where(table.c.witness == place, table.c.size > accepted)
    return connection.execute(query.order_by(table.c.size.desc()).limit(1)).scalar() or 0
