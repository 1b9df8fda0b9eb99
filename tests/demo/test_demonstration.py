"""The demonstration as people start it: every part real, on ports and in a folder of the test's own.

All tests of this module share one folder, so that the story is told once; each of them starts and stops by itself.
"""

from __future__ import annotations

import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from demo.place import Place
from demo.story import story
from directory.demonstration import PERSONAS
from settings import CHECKOUT
from store.database import open_database, reading
from store.reading import list_changes
from temporal.ports import free_port
from tests.web.office import MONDAY

pytestmark = [pytest.mark.temporal, pytest.mark.slow, pytest.mark.timeout(300)]

PATIENCE = 120.0
"""Seconds; two cores may be busy with other tests."""
LINK = re.compile(r"^  (\w+) +(.+?) +(http://\S+/sign-in/\S+)$", re.MULTILINE)


@dataclass
class Demonstration:
    """A `groundswell demo` that was started."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def said(self) -> str:
        """What it has printed so far."""
        return self.output.read_text()

    @property
    def parts(self) -> set[int]:
        """The processes it has started."""
        return {pid for pid, parent in processes().items() if parent == self.process.pid}

    @property
    def address(self) -> str:
        """Where it says it is."""
        found = re.search(r"Groundswell is ready: (\S+)", self.said)
        assert found, self.said
        return found[1]

    def wait_until_ready(self) -> None:
        """Wait until it says that Ctrl-C stops it."""
        deadline = time.monotonic() + PATIENCE
        while "Ctrl-C stops everything" not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.1)

    def ends(self) -> int:
        """Wait until it has ended; its exit code."""
        return self.process.wait(PATIENCE)


def processes() -> Mapping[int, int]:
    """Every process that runs, and its parent."""
    found: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:  # it has just ended
                continue
            if state != "Z":
                found[int(entry.name)] = int(parent)
    return found


def all_gone(pids: set[int]) -> bool:
    """Whether none of ``pids`` runs any more; those of a killed parent take a moment."""
    deadline = time.monotonic() + 10
    while pids & set(processes()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state that all tests here share."""
    return tmp_path_factory.mktemp("demonstration")


def environment(local: Path) -> dict[str, str]:
    """Nothing configured but the state folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GROUNDSWELL_", "TEMPORAL_"))}
    kept.pop("DATABASE_URL", None)
    return kept | {"GROUNDSWELL_LOCAL": str(local), "GROUNDSWELL_METRICS_PORT": str(free_port())}


def groundswell(local: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Another command beside the running demonstration."""
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        cwd=CHECKOUT,
        env=environment(local),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@contextmanager
def alone(local: Path) -> Iterator[None]:
    """One demonstration at a time: two that begin together may both find the port free that both like best."""
    with (local.parent.parent / "one-demonstration.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def demonstration(local: Path, port: int | None = None) -> Iterator[Demonstration]:
    """Start it, wait until it is ready, and in the end kill whatever a failed test has left."""
    with alone(local), _started(local, port) as running:
        yield running


@contextmanager
def _started(local: Path, port: int | None) -> Iterator[Demonstration]:
    output = local / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", "demo", "--port", str(port or free_port())],
            cwd=CHECKOUT,
            env=environment(local),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    running = Demonstration(process, output)
    try:
        running.wait_until_ready()
        yield running
    finally:
        process.kill()
        process.wait()


def changes(local: Path) -> list[str]:
    """The references of all changes in the demonstration's database."""
    engine = open_database(f"sqlite:///{Place(local).database_file}")
    with reading(engine) as connection:
        found = [change.ref for change in list_changes(connection, limit=100).changes]
    engine.dispose()
    return found


def test_it_starts_on_a_free_port_is_toured_and_ctrl_c_leaves_nothing(local: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with demonstration(local, port) as running:
            replacement = running.address.rpartition(":")[2]
            assert f"Port {port} is taken, so port {replacement} is used for Groundswell." in running.said
            assert httpx2.get(f"{running.address}/readyz", trust_env=False).json() == {"ready": True, "missing": []}
            assert len(changes(local)) == len(story(MONDAY))

            links = {part: url for part, _, url in LINK.findall(running.said)}
            assert set(links) == set(PERSONAS)
            for url in links.values():
                assert httpx2.get(url, trust_env=False).status_code == 200

            second = groundswell(local, "demo")
            assert second.returncode == 0
            assert f"A demonstration is running already: {running.address}" in second.stdout
            assert groundswell(local, "reset", "--yes").returncode == 1

            assert "Jonas Okafor" in groundswell(local, "sign-in", links["manager"]).stdout
            waiting = groundswell(local, "changes", "waiting").stdout
            assert "groundswell do endorse CH-10" in waiting
            done = groundswell(local, "do", "endorse", "CH-10", "--note", "Yes.")
            assert done.stdout.startswith("CH-10 is being tested."), done.stderr
            assert groundswell(local, "doctor").returncode == 0

            tour = groundswell(local, "tour", "--quick")
            assert tour.returncode == 0, tour.stderr
            assert f"{running.address}/changes/CH-13" in tour.stdout
            assert "/workflows/CH-13" in tour.stdout

            parts = running.parts
            assert len(parts) == 3
            running.process.send_signal(signal.SIGINT)
            assert running.ends() == 128 + signal.SIGINT
            assert all_gone(parts)
            assert running.said.endswith("Stopped. Nothing is left running.\n")


def test_a_second_start_keeps_the_data_and_tells_no_second_story(local: Path) -> None:
    if not Place(local).database_file.exists():  # the first was another process's to test
        with demonstration(local):
            pass
    with demonstration(local) as running:
        kept = changes(local)
        assert "the story" not in running.said
        filed = groundswell(local, "tour", "--quick")
        assert filed.returncode == 0, filed.stderr
        running.process.send_signal(signal.SIGTERM)
        assert running.ends() == 128 + signal.SIGTERM
    assert set(kept) < set(changes(local))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie a child to its parent")
def test_killed_or_without_its_terminal_it_leaves_nothing(local: Path) -> None:
    with demonstration(local) as running:
        parts = running.parts
        running.process.kill()
        running.ends()
        assert all_gone(parts)
    with demonstration(local) as running:
        parts = running.parts
        running.process.send_signal(signal.SIGHUP)
        assert running.ends() == 128 + signal.SIGHUP
        assert all_gone(parts)


def test_when_a_part_ends_everything_ends_and_the_part_is_named(local: Path) -> None:
    with demonstration(local) as running:
        parts = running.parts
        web = next(pid for pid in parts if b"web" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"))
        os.kill(web, signal.SIGKILL)
        assert running.ends() == 1
        assert all_gone(parts)
        assert "The web process ended (killed by SIGKILL), so everything was stopped. It said:" in running.said
        assert str(Place(local).log_file("web")) in running.said


def test_reset_lets_the_next_start_begin_afresh(local: Path) -> None:
    assert groundswell(local, "reset", "--yes").returncode == 0
    assert not Place(local).folder.exists()
