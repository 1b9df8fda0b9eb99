"""Verifying and taking out a log ten times as long takes no more memory: rows are read, hashed and let go in pieces."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine

from ledger.keys import generate_key, write_key_file
from store.database import lock_ledger, reading, writing
from store.ledger import append_many, origin_of
from tests.support.desk import MONDAY
from tests.support.processes import address_of
from tests.support.writers import entry

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SHORT, LONG = 20_000, 200_000
BATCH = 1_000
SOME_MEMORY = 24 * 1024
"""Kilobytes by which two runs of a program may differ anyway; the longer log has ten times as many in bodies."""


def grow(engine: Engine, first: int, stop: int) -> None:
    for begin in range(first, stop, BATCH):
        with writing(engine) as connection:
            lock_ledger(connection)
            append_many(connection, [entry(f"e/{number}") for number in range(begin, begin + BATCH)], MONDAY)


def peak(engine: Engine, folder: Path, *arguments: str) -> int:
    """The most kilobytes of memory that a command of ours held."""
    environment = {
        **os.environ,
        "DATABASE_URL": address_of(engine),
        "GROUNDSWELL_LEDGER_KEY_FILE": str(folder / "signing.key"),
        "GROUNDSWELL_LEDGER_CHECKPOINTS": f"file://{folder / 'outside'}",
    }
    command = [sys.executable, "-c", "import cli; cli.main()", "audit", *arguments]
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, (folder / "said").read_text()[-1_000:]
    return used.ru_maxrss


def test_memory_does_not_grow_with_the_log(engine: Engine, tmp_path: Path) -> None:
    with reading(engine) as connection:
        key = generate_key(origin_of(connection))
    write_key_file(tmp_path / "signing.key", key)
    peaks: dict[int, dict[str, int]] = {}
    grown = 0
    for size in (SHORT, LONG):
        grow(engine, grown, size)
        grown = size
        file = tmp_path / f"{size}.jsonl"
        peaks[size] = {
            "export": peak(engine, tmp_path, "export", "--output", str(file)),
            "verify": peak(engine, tmp_path, "verify", "--key", key.vkey),
            "verify-export": peak(engine, tmp_path, "verify-export", str(file), "--key", key.vkey),
        }
        assert file.stat().st_size > size * 500, "everything was taken out"
        file.unlink()
    for what, short in peaks[SHORT].items():
        assert peaks[LONG][what] < short + SOME_MEMORY, f"{what}: {peaks}"
