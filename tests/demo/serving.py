"""Groundswell on a port of this machine, with commands applied in the process: everything but Temporal."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from sqlalchemy import Engine

from settings import Settings
from temporal.ports import LOOPBACK, free_port
from tests.web.office import Clock, InProcessGateway
from web.application import create_app


@dataclass
class Now(Clock):
    """The real present."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True)
class Served:
    """Where it answers, and what is behind it."""

    address: str
    engine: Engine
    gateway: InProcessGateway
    app: FastAPI

    @property
    def database_url(self) -> str:
        """The database's address, with its password."""
        return self.engine.url.render_as_string(hide_password=False)


@contextmanager
def served(engine: Engine, mail_folder: Path, requests_per_minute: int = 600) -> Iterator[Served]:
    """Serve the demonstration on a free port, in a thread."""
    port = free_port()
    address = f"http://{LOOPBACK}:{port}"
    settings = Settings(
        mode="demo", public_url=address, mail_folder=mail_folder, requests_per_minute=requests_per_minute
    )
    gateway = InProcessGateway(engine, settings.actor_secret(), Now())
    app = create_app(settings, engine, gateway)
    server = uvicorn.Server(uvicorn.Config(app, host=LOOPBACK, port=port, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, name="served")
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        yield Served(address, engine, gateway, app)
    finally:
        server.should_exit = True
        thread.join(20)
