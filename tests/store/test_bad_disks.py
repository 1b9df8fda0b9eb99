"""Disks that are full, that fail, and files that vanish, for real: what was said to be there is, and nothing twice.

Group 11 and 13 of reference/ledger.md 8. A program of its own does the writing (``tests/support/appending.py``).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from ledger.keys import generate_key
from store.checkpoints import Sealer, latest_vouched
from store.committing import GroupCommitter, Outcome
from store.database import DatabaseUnavailable, lock_ledger, open_database, reading, writing
from store.ledger import LedgerStopped, append_many, origin_of
from store.sinks import FolderSink
from tests.support.databases import ON_POSTGRESQL
from tests.support.desk import MONDAY
from tests.support.ledgers import check_the_whole_ledger, records
from tests.support.writers import entry

pytestmark = [pytest.mark.slow, pytest.mark.skipif(ON_POSTGRESQL, reason="about SQLite's files")]
COUNT = 40


def appended(database: Path, *arguments: object, before: tuple[str, ...] = ()) -> tuple[set[int], list[str]]:
    """Which of :data:`COUNT` records the program was told are there, and why others are not."""
    command = [*before, sys.executable, "-m", "tests.support.appending", f"sqlite:///{database}", str(COUNT)]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    lines = done.stdout.splitlines()
    assert len(lines) == COUNT
    there = {int(line.split()[1]) for line in lines if line.startswith("there ")}
    return there, [line for line in lines if line.startswith("failed ")]


def check(database: Path, there: set[int]) -> None:
    """What was said to be there is; delivered again, everything is there once and the tree is right."""
    engine = open_database(f"sqlite:///{database}")
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) >= len(there)
        kept = {row["idem_key"] for row in records(connection)}
    assert {f"key/{number}" for number in there} <= kept
    again, failed = appended(database, 100)
    assert (len(again), failed) == (COUNT, [])
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == COUNT
        assert {row["idem_key"] for row in records(connection)} == {f"key/{number}" for number in range(COUNT)}
    engine.dispose()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "groundswell-test", str(place)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode != 0:
        pytest.skip("only who may mount can make a small disk; the limit on a file's size is tested without")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def copied(engine: Engine, folder: Path) -> Path:
    """The test's database on another disk."""
    engine.dispose()
    target = folder / "ledger.db"
    shutil.copyfile(str(engine.url.database), target)
    return target


def test_a_disk_that_is_full_loses_nothing_and_is_said(engine: Engine, small_disk: Path) -> None:
    database = copied(engine, small_disk)
    there, failed = appended(database, 100_000)
    assert 0 < len(there) < COUNT
    assert all("is full" in line for line in failed), failed[0]
    subprocess.run(["mount", "-o", "remount,size=60m", str(small_disk)], check=True)
    engine_there = open_database(f"sqlite:///{database}")
    with reading(engine_there) as connection:
        assert check_the_whole_ledger(connection) == len(there)
    engine_there.dispose()
    check_with_large_content(database, there)


def check_with_large_content(database: Path, there: set[int]) -> None:
    again, failed = appended(database, 100_000)
    assert (len(again), failed) == (COUNT, [])
    engine = open_database(f"sqlite:///{database}")
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == COUNT
        assert {row["idem_key"] for row in records(connection)} == {f"key/{number}" for number in range(COUNT)}
    engine.dispose()


def test_a_place_for_checkpoints_that_is_full_keeps_none_by_halves(engine: Engine, small_disk: Path) -> None:
    with reading(engine) as connection:
        origin = origin_of(connection)
    key, sink = generate_key(origin), FolderSink(small_disk)
    sealer = Sealer(engine, lambda _origin: [key], [sink])
    _grow(engine, "a")
    assert sealer.seal() is not None
    filling = small_disk / "filling"
    with pytest.raises(OSError, match="No space left"), filling.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    _grow(engine, "b")
    sealed = sealer.seal()
    assert sealed is not None and sealed.new and sealed.kept == ()
    assert "No space left" in sealed.problems[0]
    assert len(list(sink.notes(origin))) == 1, "the one from before, and no half of another"
    filling.unlink()
    later = sealer.seal()
    assert later is not None and later.kept == (sink.name,)
    with reading(engine) as connection:
        vouched = latest_vouched(connection)
    assert vouched is not None and vouched.size == 2


def test_a_limit_on_the_size_of_a_file_loses_nothing_and_is_said(engine: Engine, tmp_path: Path) -> None:
    database = copied(engine, tmp_path)
    there, failed = appended(database, 100_000, database.stat().st_size + 2**20)
    assert 0 < len(there) < COUNT
    assert all("cannot be used right now" in line for line in failed), failed[0]
    check_with_large_content(database, there)


@pytest.mark.parametrize("call", ["fdatasync", "pwrite64"])
def test_a_disk_that_fails_is_never_taken_for_one_that_wrote(engine: Engine, tmp_path: Path, call: str) -> None:
    """Every third call fails from the tenth on, as Tessera's authors test theirs."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace, which makes system calls fail, is not installed")
    inject = f"inject={call}{',fsync' if call == 'fdatasync' else ''}:error=EIO:when=10+3"
    tracing = (strace, "-f", "-qq", "-o", str(tmp_path / "calls"), "-e", f"trace={call},fsync", "-e", inject)
    tried = subprocess.run([strace, "-o", "/dev/null", "true"], capture_output=True, check=False)
    if tried.returncode != 0:
        pytest.skip("this machine lets nobody trace a program")
    database = copied(engine, tmp_path)
    there, failed = appended(database, 100, before=tracing)
    assert (tmp_path / "calls").read_text().count("INJECTED") > 3, "the disk really failed"
    assert failed and all("cannot be used right now: disk I/O error" in line for line in failed), failed
    check(database, there)


@pytest.mark.parametrize("put_there", ["nothing", "a backup"])
def test_a_file_that_is_taken_away_is_not_written_to_any_more(engine: Engine, tmp_path: Path, put_there: str) -> None:
    """An open program would go on in the file that has no name any more, and all of it would be gone at its end."""
    file = Path(str(engine.url.database))
    backup = tmp_path / "backup.db"
    committer = GroupCommitter(engine)

    def commit(key: str) -> None:
        committer.commit(lambda _connection: Outcome([entry(key)], MONDAY, None))

    commit("a")
    with engine.connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    shutil.copyfile(file, backup)
    commit("b")
    file.unlink()
    if put_there == "a backup":
        for part in file.parent.glob(f"{file.name}-*"):
            part.unlink()
        shutil.copyfile(backup, file)
    with pytest.raises(DatabaseUnavailable, match="is not the file any more that this program opened"):
        commit("c")
    if put_there == "a backup":
        with pytest.raises(LedgerStopped, match="has 1 records and had 2"):
            commit("c")


def _grow(engine: Engine, key: str) -> None:
    with writing(engine) as connection:
        lock_ledger(connection)
        append_many(connection, [entry(key)], MONDAY)
