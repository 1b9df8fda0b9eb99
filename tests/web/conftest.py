"""The office: the web application on a fresh database with the demonstration organisation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import structlog
from fastapi import FastAPI
from sqlalchemy import Engine

from settings import Settings
from tests.web.office import ADDRESS, Clock, InProcessGateway, Office
from web.application import create_app
from web.live import Live
from web.services import Services

OfficeMaker = Callable[[Settings], Office]
Logs = list[MutableMapping[str, Any]]


@pytest.fixture(scope="session")
def apps() -> dict[str, FastAPI]:
    """One application for each mode. Composing fifty routes takes longer than a test."""
    return {}


@pytest.fixture
async def make_office(engine: Engine, apps: dict[str, FastAPI]) -> AsyncIterator[OfficeMaker]:
    """Makes an office with settings of its own."""
    opened: list[Live] = []

    def make(settings: Settings) -> Office:
        clock = Clock()
        gateway = InProcessGateway(engine, settings.actor_secret(), clock)
        if settings.mode not in apps:
            apps[settings.mode] = create_app(settings, engine, gateway, clock=clock)
        app = apps[settings.mode]
        opened.append(live := Live(every=0.05, lasts=0.1))
        app.state.services = Services(settings, engine, gateway, clock=clock, live=live)
        return Office(app, engine, gateway, clock, settings)

    yield make
    for live in opened:  # or one would look at the database while it is taken down
        await live.ended()


@pytest.fixture
def office(make_office: OfficeMaker, tmp_path: Path) -> Office:
    """The demonstration's office."""
    return make_office(
        Settings(
            mode="demo",
            public_url=ADDRESS,
            mail_folder=tmp_path,
            ledger_key_file=tmp_path / "signing.key",
            ledger_checkpoints=f"file://{tmp_path / 'checkpoints'}",
        )
    )


@pytest.fixture(autouse=True)
def logs() -> Iterator[Logs]:
    """What was logged."""
    with structlog.testing.capture_logs() as captured:
        yield captured
