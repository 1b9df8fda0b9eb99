"""Checkpoints on disk while everything is verified: there is one for each minute of years, and memory is not to grow
with them."""

from __future__ import annotations

import weakref
from array import array
from collections.abc import Iterator, Sequence
from heapq import merge
from tempfile import SpooledTemporaryFile

from sqlalchemy import Connection, Table, select

from ledger.checkpoint import read_checkpoint
from ledger.layers import Outside
from ledger.note import NoteError
from ledger.stored import StoredCheckpoint
from store import tables
from store.as_stored import number, rows_of, words
from store.sinks import Sink

SMALL = 1 << 20
"""Bytes up to which no file is made."""
CHUNK = 2_000
"""Rows that are read at a time."""


class Spool:
    """Checkpoints, added in any order and given back, as often as one likes, in that of their size. In memory are two
    numbers for each."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=SMALL)
        self._sizes, self._ends = array("q"), array("Q", [0])
        weakref.finalize(self, self._file.close)

    def add(self, size: int, note: str) -> None:
        """Keep one more."""
        self._file.seek(self._ends[-1])
        self._file.write(note.encode("utf-8", "surrogatepass"))
        self._sizes.append(size)
        self._ends.append(self._file.tell())

    def __iter__(self) -> Iterator[StoredCheckpoint]:
        """Those of the smallest size first."""
        for place in merge(*self._runs(), key=self._sizes.__getitem__):
            yield self._at(place)

    def _runs(self) -> Iterator[range]:
        """Places in the order of their size, in runs as they were added: mostly one for each who added them."""
        first, rising, falling = 0, True, True
        for at in range(1, len(self._sizes) + 1):
            if at < len(self._sizes):
                before, size = self._sizes[at - 1], self._sizes[at]
                if (rising and size >= before) or (falling and size <= before):
                    rising, falling = rising and size >= before, falling and size <= before
                    continue
            yield range(first, at) if rising else range(at - 1, first - 1, -1)
            first, rising, falling = at, True, True

    @property
    def largest(self) -> StoredCheckpoint | None:
        """That of the largest size."""
        if not self._sizes:
            return None
        return self._at(max(range(len(self._sizes)), key=self._sizes.__getitem__))

    def _at(self, place: int) -> StoredCheckpoint:
        self._file.seek(self._ends[place])
        note = self._file.read(self._ends[place + 1] - self._ends[place])
        return StoredCheckpoint(self._sizes[place], note.decode("utf-8", "surrogatepass"))


def outside_checkpoints(sinks: Sequence[Sink], origin: str) -> Outside:
    """Every checkpoint that the sinks hold.

    Raises:
        store.sinks.SinkUnusable: one of them cannot be read.
    """
    spool, unreadable = Spool(), None
    for sink in sinks:
        for note in sink.notes(origin):
            try:
                spool.add(read_checkpoint(note)[0].size, note)
            except NoteError as error:
                unreadable = unreadable or f"a checkpoint held outside cannot be read: {error}"
    largest = spool.largest
    return Outside(spool, unreadable, largest.note if largest else None)


def stored_checkpoints(connection: Connection, start: int = 0) -> Spool:
    """The checkpoints from size ``start`` on; the cosigned form of each, where there is one."""
    spool = Spool()
    for table in (tables.ledger_checkpoint, tables.ledger_witness):
        for size, note in _from(connection, table, start):
            spool.add(size, note)
    return spool


def _from(connection: Connection, table: Table, start: int) -> Iterator[tuple[int, str]]:
    """Size and note of each row, read in chunks that end where the size changes."""
    query = select(table.c.size, table.c.note).order_by(table.c.size)
    while True:
        rows = rows_of(connection, query.where(table.c.size >= start).limit(CHUNK))
        last = rows[-1].size if len(rows) == CHUNK else None
        if type(last) is not int or last == rows[0].size:  # the end; or what somebody put there, all at once then
            rest = rows_of(connection, query.where(table.c.size >= start)) if last is not None else rows
            yield from ((number(row.size), words(row.note)) for row in rest)
            return
        yield from ((number(row.size), words(row.note)) for row in rows if row.size != last)
        start = last
