"""Where the parts of the demonstration will run: which database, which Temporal, which ports, and why."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from demo.place import Place
from settings import CHECKOUT, Settings, SettingsWrong
from store.database import in_words, open_database
from temporal.connection import DEFAULT_ADDRESS, Target, target
from temporal.ports import LOOPBACK, port_like

UI_PORT = 8233
TEMPORAL_PORT = int(DEFAULT_ADDRESS.rpartition(":")[2])


@dataclass(frozen=True)
class Arrangement:
    """Everything that is decided before the first part starts."""

    place: Place
    database_url: str
    database_because: str
    temporal: Target
    web_port: int
    ui_port: int
    temporal_port: int
    worker_metrics_port: int
    server_metrics_port: int
    replaced: tuple[str, ...]
    """A sentence for each port that was taken."""

    @property
    def address(self) -> str:
        """Where people open Groundswell."""
        return f"http://{LOOPBACK}:{self.web_port}"

    @property
    def own_server(self) -> bool:
        """Whether the demonstration brings its own Temporal server; a configured one always wins."""
        return not self.temporal.configured

    @property
    def temporal_address(self) -> str:
        """Where the parts reach Temporal."""
        return f"{LOOPBACK}:{self.temporal_port}" if self.own_server else self.temporal.address

    @property
    def ui_url(self) -> str:
        """Temporal's own pages; where those of a configured server are, we do not know."""
        return f"http://{LOOPBACK}:{self.ui_port}" if self.own_server else ""

    @property
    def mail_url(self) -> str:
        """The page with the letters that would have left."""
        return f"{self.address}/demo/mail"

    def environment(self, smtp_port: int) -> dict[str, str]:
        """The environment of worker and web server."""
        environment = dict(os.environ)
        if self.own_server:  # what is left of a configuration must not reach our plain server on this machine
            environment = {name: value for name, value in environment.items() if not name.startswith("TEMPORAL_")}
            environment["TEMPORAL_ADDRESS"] = self.temporal_address
            environment["TEMPORAL_NAMESPACE"] = self.temporal.namespace
        return environment | {
            "DATABASE_URL": self.database_url,
            "GROUNDSWELL_MODE": "demo",
            "GROUNDSWELL_LOCAL": str(self.place.folder.parent),
            "GROUNDSWELL_PUBLIC_URL": self.address,
            "GROUNDSWELL_SMTP_URL": f"smtp://{LOOPBACK}:{smtp_port}",
            "GROUNDSWELL_MAIL_FOLDER": str(self.place.mail_folder),
            "GROUNDSWELL_LEDGER_KEY_FILE": str(self.place.ledger_key_file),
            "GROUNDSWELL_LEDGER_CHECKPOINTS": self.place.ledger_checkpoints,
            "GROUNDSWELL_METRICS_PORT": str(self.worker_metrics_port),
            "PYTHONUNBUFFERED": "1",
        }


def arrange(place: Place, settings: Settings, web_port: int) -> Arrangement:
    """Decide where everything runs; taken ports are replaced by free ones.

    Raises:
        SettingsWrong: in production mode.
        store.database.DatabaseUnavailable: DATABASE_URL names nothing we can use.
    """
    if not settings.demonstration:
        raise SettingsWrong(
            "The demonstration does not run in production mode: everybody could sign in as anybody. "
            "Unset GROUNDSWELL_MODE, or set it to demo."
        )
    configured = "DATABASE_URL" in os.environ
    database_url = settings.database_url if configured else f"sqlite:///{place.database_file}"
    engine = open_database(database_url)
    server = target()
    ports = _Ports()
    return Arrangement(
        place=place,
        database_url=database_url,
        database_because=f"{in_words(engine)}, named by DATABASE_URL" if configured else shown(place.database_file),
        temporal=server,
        web_port=ports.take("Groundswell", web_port),
        ui_port=0 if server.configured else ports.take("Temporal's own pages", UI_PORT),
        temporal_port=0 if server.configured else ports.take("the Temporal server", TEMPORAL_PORT),
        worker_metrics_port=ports.take("the worker's metrics", settings.metrics_port or 0),
        server_metrics_port=ports.take("", 0),
        replaced=tuple(ports.replaced),
    )


def shown(path: Path) -> str:
    """A path as people who stand in the checkout would type it."""
    return str(path.relative_to(CHECKOUT)) if path.is_relative_to(CHECKOUT) else str(path)


class _Ports:
    """Hands out ports, each once."""

    def __init__(self) -> None:
        self._taken: set[int] = set()
        self.replaced: list[str] = []

    def take(self, what: str, wanted: int) -> int:
        """``wanted``, or another where that is not free; 0 wants any."""
        port = port_like(wanted, self._taken)
        self._taken.add(port)
        if wanted not in {0, port}:
            self.replaced.append(f"Port {wanted} is taken, so port {port} is used for {what}.")
        return port
