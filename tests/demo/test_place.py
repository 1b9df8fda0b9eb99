"""Where the demonstration keeps its state, and that only one runs on it."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys

import pytest

from demo.place import Place, Running, RunsAlready

RUNNING = Running(
    pid=1,
    address="http://127.0.0.1:8000",
    ui_url="http://127.0.0.1:8233",
    mail_url="http://127.0.0.1:8000/demo/mail",
    database_url="sqlite:///x.db",
    temporal_address="127.0.0.1:7233",
    temporal_namespace="default",
)


def test_while_one_runs_another_is_told_where(place: Place) -> None:
    with place.alone():
        assert Place(place.folder.parent).running() is None, "it is not ready yet"
        place.announce(RUNNING)
        assert Place(place.folder.parent).running() == RUNNING
        with pytest.raises(RunsAlready, match="8000") as refused, Place(place.folder.parent).alone():
            pass
        assert refused.value.running == RUNNING
    assert place.running() is None


def test_one_that_is_still_starting_has_no_address_yet(place: Place) -> None:
    with place.alone(), pytest.raises(RunsAlready, match="just starting") as refused, place.alone():
        pass
    assert refused.value.running is None


def test_the_note_may_be_read_by_its_owner_only(place: Place) -> None:
    with place.alone():
        place.announce(RUNNING)
        mode = stat.S_IMODE((place.folder / "running.json").stat().st_mode)
    assert mode == 0o600


def test_one_that_was_killed_does_not_count_as_running(place: Place) -> None:
    program = (
        "import sys, time; from pathlib import Path; from demo.place import Place\n"
        "with Place(Path(sys.argv[1])).alone(): print('here', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(place.folder.parent)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "here\n"
        place.announce(RUNNING)
        assert place.running() == RUNNING
        os.kill(other.pid, signal.SIGKILL)
    assert place.running() is None
    with place.alone():
        assert place.running() is None, "what the killed one left is no news"


def test_clearing_removes_everything_and_is_refused_while_it_runs(place: Place) -> None:
    assert not place.clear()
    with place.alone():
        (place.folder / "groundswell.db").write_text("data")
        with pytest.raises(RunsAlready):
            place.clear()
    assert place.clear()
    assert not place.folder.exists()


def test_the_repr_of_a_note_keeps_the_database_password(place: Place) -> None:
    secret = RUNNING.having(database_url="postgresql://user:secret@host/name")
    assert "secret" not in repr(secret)
