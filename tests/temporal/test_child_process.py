"""Programs that run beside us and never outlive us."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from temporal.child_process import ChildProcess

PYTHON = sys.executable
OBEDIENT = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); print('up', flush=True)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)"
WAITS = "\nfor _ in range(600): time.sleep(0.1)"


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and is not yet buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def started(program: str, log: Path) -> ChildProcess:
    child = await ChildProcess.start("the program", [PYTHON, "-c", program + WAITS], log_file=log)
    while not any("up" in line for line in child.last_lines()):
        assert child.exit_code is None, child.last_lines()
        await asyncio.sleep(0.01)
    return child


async def test_it_is_asked_to_end_and_may_end_in_its_own_way(tmp_path: Path) -> None:
    child = await started(OBEDIENT, tmp_path / "log")
    assert child.exit_code is None
    await child.stop()
    assert child.exit_code == 7


async def test_one_that_does_not_listen_is_ended(tmp_path: Path) -> None:
    child = await started(STUBBORN, tmp_path / "log")
    await child.stop(patience=0.1)
    assert child.exit_code == -signal.SIGKILL
    assert child.how_it_ended == "killed by SIGKILL"


async def test_what_it_started_itself_ends_with_it(tmp_path: Path) -> None:
    grandchild = f"import subprocess; p = subprocess.Popen(['{PYTHON}', '-c', 'import time; time.sleep(60)'])\n"
    program = "import time\n" + grandchild + "print(p.pid, 'up', flush=True)"
    child = await started(program, tmp_path / "log")
    pid = int((tmp_path / "log").read_text().split()[0])
    assert alive(pid)
    await child.stop()
    deadline = time.monotonic() + 10
    while alive(pid):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_it_tells_when_it_ends_by_itself_and_what_it_said_last(tmp_path: Path) -> None:
    program = "import sys\nfor n in range(20): print('line', n)\nsys.exit('the last word')"
    log = tmp_path / "deep" / "log"
    child = await ChildProcess.start("the program", [PYTHON, "-u", "-c", program], log_file=log)
    assert await child.ended() == 1
    assert child.last_lines(3) == ("line 18", "line 19", "the last word")
    await child.stop()
    assert child.exit_code == 1


async def test_its_log_begins_anew(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("what an earlier run said\n")
    child = await ChildProcess.start("the program", [PYTHON, "-c", "print('now')"], log_file=log)
    await child.ended()
    assert child.last_lines() == ("now",)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie a child to its parent")
def test_it_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = (
        "import asyncio, sys; from pathlib import Path; from temporal.child_process import ChildProcess\n"
        "async def main():\n"
        f"    child = await ChildProcess.start('x', ['{PYTHON}', '-c', 'import time; time.sleep(60)'],"
        f" log_file=Path({str(tmp_path / 'log')!r}))\n"
        "    print(child.pid, flush=True)\n"
        "    await child.ended()\n"
        "asyncio.run(main())"
    )
    with subprocess.Popen([PYTHON, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert alive(pid)
        os.kill(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while alive(pid):
        assert time.monotonic() < deadline, "the child outlived its parent"
        time.sleep(0.01)
