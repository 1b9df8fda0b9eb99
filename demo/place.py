"""Where the demonstration keeps its state, and whether one is running: a lock, and a note of where it answers."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import Field, ValidationError

from changes.values import Value
from settings import LOCAL
from temporal.connection import Target

LOCK_TRIES = 10
"""Whoever asks whether a demonstration runs holds the lock for a moment, so one refusal means nothing."""


class Running(Value):
    """Where a running demonstration answers."""

    pid: int
    address: str
    ui_url: str
    """Temporal's own pages; empty where a configured server is used."""
    mail_url: str
    database_url: str = Field(repr=False)
    """It may hold a password."""
    temporal_address: str
    temporal_namespace: str

    def temporal_target(self) -> Target:
        """Its Temporal server."""
        return Target(self.temporal_address, self.temporal_namespace, "it is the running demonstration's own")


class RunsAlready(Exception):
    """A demonstration is running on this state."""

    def __init__(self, running: Running | None) -> None:
        self.running = running
        """Where it answers; None while it is still starting or stopping."""
        super().__init__(
            f"A demonstration is running already: {running.address}"
            if running
            else "A demonstration is just starting or stopping here. Wait a moment."
        )


class Place:
    """The folder of one demonstration."""

    def __init__(self, local: Path = LOCAL) -> None:
        self.folder = local / "demo"
        self.database_file = self.folder / "groundswell.db"
        self.temporal_file = self.folder / "temporal.db"
        self.mail_folder = self.folder / "mail"
        self.ledger_folder = self.folder / "ledger"
        self.ledger_key_file = self.ledger_folder / "signing.key"
        self.ledger_checkpoints = f"file://{self.ledger_folder / 'checkpoints'}"
        self._note = self.folder / "running.json"
        self._lock = local / "demo.lock"

    def log_file(self, part: str) -> Path:
        """Where what ``part`` says is kept: "worker", "web", "temporal"."""
        return self.folder / f"{part}.log"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold this place. The lock goes with the process, however that ends.

        Raises:
            RunsAlready: another demonstration holds it.
        """
        with self._locked(fcntl.LOCK_EX) as mine:
            if not mine:
                raise RunsAlready(self._read_note())
            self._note.unlink(missing_ok=True)
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                yield
            finally:
                self._note.unlink(missing_ok=True)

    def announce(self, running: Running) -> None:
        """Write down where the demonstration answers, for this user alone."""
        unfinished = self._note.with_suffix(".part")
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(running.model_dump_json(indent=2))
        unfinished.replace(self._note)

    def running(self) -> Running | None:
        """The demonstration that runs here now and is ready, if any."""
        if not self._note.exists():
            return None
        with self._locked(fcntl.LOCK_SH) as nobody_runs:
            return None if nobody_runs else self._read_note()

    def clear(self) -> bool:
        """Delete everything the demonstration keeps; whether there was anything.

        Raises:
            RunsAlready: it is running.
        """
        if not self.folder.exists():
            return False
        with self.alone():
            shutil.rmtree(self.folder)
        return True

    def _read_note(self) -> Running | None:
        try:
            return Running.model_validate_json(self._note.read_text())
        except (OSError, ValidationError):
            return None

    @contextmanager
    def _locked(self, how: int) -> Iterator[bool]:
        """Try to get the lock; whether it was free."""
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        with self._lock.open("w") as lock:
            yield _acquired(lock.fileno(), how)


def _acquired(lock: int, how: int) -> bool:
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(lock, how | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        else:
            return True
    return False
