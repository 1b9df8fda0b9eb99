"""Commits that several callers share: whoever comes first writes for all who wait, in one transaction.

The cost of a decision is its commit, not its rows (reference/ledger.md 7.1). There is no thread of its own and no
waiting for company: a single caller writes at once, and those who come meanwhile are the next batch. When the caller
who writes is done, the first of those who wait writes for the next batch.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine

from store.database import DatabaseUnavailable, adding, in_words
from store.ledger import Entry, LedgerStopped, append_many
from store.stopping import PutBack, Reached

T = TypeVar("T")

MOST = 256
"""Callers in one transaction."""
PATIENCE = 60.0
"""Seconds after which a caller gives up waiting for its turn; longer than the database's own limits."""


class NothingWritten(Exception):
    """Base of what a work raises before it has written anything: the others of its batch can go on."""


class Outcome(NamedTuple, Generic[T]):
    """What a work wrote, beside its own tables: entries for the ledger, and what its caller gets."""

    entries: Sequence[Entry]
    now: datetime
    answer: T


Work = Callable[[Connection], Outcome[T]]
"""Writes in a transaction it is given, which holds the ledger's lock. It may be called again, in a new one, when the
first was rolled back."""


@dataclass(eq=False)
class _Caller:
    """Somebody who waits for their work to be committed."""

    work: Work[Any]
    turn: threading.Event = field(default_factory=threading.Event)
    finished: bool = False
    answer: Any = None
    error: BaseException | None = None

    def finish(self, answer: Any = None, error: BaseException | None = None) -> None:
        self.answer, self.error, self.finished = answer, error, True


class GroupCommitter:
    """Commits for the threads of one process on one database. Each caller gets its own answer or its own error."""

    def __init__(self, engine: Engine, most: int = MOST, patience: float = PATIENCE) -> None:
        self._engine = engine
        self._most = most
        self._patience = patience
        self._lock = threading.Lock()
        self._queue: deque[_Caller] = deque()
        self._busy = False
        self._reached = Reached()

    def commit(self, work: Work[T]) -> T:
        """Have ``work`` written and committed, perhaps together with others', and return its answer.

        Raises:
            store.database.DatabaseUnavailable: nothing could be written; nothing is lost, try again.
            Exception: whatever ``work`` itself raises. Others are not touched by it.
        """
        caller = _Caller(work)
        with self._lock:
            self._queue.append(caller)
            mine, self._busy = not self._busy, True
        if not mine:
            self._wait(caller)
        if not caller.finished:
            self._write_for_all()
        if caller.error is not None:
            raise caller.error
        answer: T = caller.answer
        return answer

    def _wait(self, caller: _Caller) -> None:
        """Until the work is done, or it is this caller's turn to write."""
        if caller.turn.wait(self._patience):
            return
        with self._lock:
            if caller in self._queue and not caller.turn.is_set():
                self._queue.remove(caller)
                caller.finish(error=self._too_long())
                return
        # Somebody is writing it just now. Whether that succeeds, the key will tell when it is sent again.
        if not caller.turn.wait(self._patience):
            caller.finish(error=self._too_long())

    def _too_long(self) -> DatabaseUnavailable:
        return DatabaseUnavailable(f"{in_words(self._engine)} cannot be used right now: it took too long to write")

    def _write_for_all(self) -> None:
        with self._lock:
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), self._most))]
        try:
            self._write(batch)
        finally:
            for caller in batch:
                if not caller.finished:  # the thread that writes is being ended
                    caller.finish(error=DatabaseUnavailable("Writing was broken off. Nothing is lost, try again."))
            with self._lock:
                following = self._queue[0] if self._queue else None
                self._busy = following is not None
                if following:
                    following.turn.set()
            for caller in batch:
                caller.turn.set()

    def _write(self, batch: Sequence[_Caller]) -> None:
        try:
            self._together(batch)
        except DatabaseUnavailable as error:
            for caller in batch:
                caller.finish(error=error)
        except Exception as error:
            if len(batch) == 1:
                batch[0].finish(error=error)
                return
            for caller in batch:  # one of them is bad: alone, each gets what is its own
                self._write([caller])

    def _together(self, batch: Sequence[_Caller]) -> None:
        try:
            self._in_one(batch)
        except PutBack as seen:
            if reason := self._reached.stopped_over(self._engine, seen):
                raise LedgerStopped(reason) from None
            self._in_one(batch)

    def _in_one(self, batch: Sequence[_Caller]) -> None:
        outcomes: list[tuple[_Caller, Outcome[Any]]] = []
        refused: list[tuple[_Caller, NothingWritten]] = []
        with adding(self._engine) as connection:
            for caller in batch:
                try:
                    outcomes.append((caller, caller.work(connection)))
                except NothingWritten as error:
                    refused.append((caller, error))
            entries = [entry for _, outcome in outcomes for entry in outcome.entries]
            if entries:
                now = max(outcome.now for _, outcome in outcomes)
                size = append_many(connection, entries, now)
                if size - len(entries) < self._reached.size:
                    raise PutBack(size - len(entries))
        if entries:
            self._reached.note(size, now)
        for caller, outcome in outcomes:
            caller.finish(outcome.answer)
        for caller, reason in refused:
            caller.finish(error=reason)
