"""Where the parts will run: what is configured wins, and a taken port is replaced and named."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from demo.arrangement import arrange
from demo.place import Place
from settings import Settings, SettingsWrong
from store.database import DatabaseUnavailable
from temporal.ports import free_port

SETTINGS = Settings(mode="demo")


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)


@contextmanager
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_with_nothing_configured_everything_stays_in_the_place(place: Place) -> None:
    arrangement = arrange(place, SETTINGS, free_port())
    assert arrangement.database_url == f"sqlite:///{place.database_file}"
    assert arrangement.own_server
    assert arrangement.address == f"http://127.0.0.1:{arrangement.web_port}"
    environment = arrangement.environment(2525)
    assert environment["DATABASE_URL"] == arrangement.database_url
    assert environment["TEMPORAL_ADDRESS"] == arrangement.temporal_address == f"127.0.0.1:{arrangement.temporal_port}"
    assert environment["GROUNDSWELL_SMTP_URL"] == "smtp://127.0.0.1:2525"
    assert environment["GROUNDSWELL_PUBLIC_URL"] == arrangement.address
    assert environment["GROUNDSWELL_MODE"] == "demo"


def test_a_taken_port_is_replaced_and_named(place: Place) -> None:
    with taken() as port:
        arrangement = arrange(place, SETTINGS, port)
    assert arrangement.web_port != port
    assert f"Port {port} is taken, so port {arrangement.web_port} is used for Groundswell." in arrangement.replaced


def test_no_port_is_given_twice(place: Place) -> None:
    arrangement = arrange(place, SETTINGS, 8233)
    ports = [
        arrangement.web_port,
        arrangement.ui_port,
        arrangement.temporal_port,
        arrangement.worker_metrics_port,
        arrangement.server_metrics_port,
    ]
    assert len(set(ports)) == len(ports)


def test_a_configured_temporal_server_wins(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal.company.example:7233")
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "changes")
    monkeypatch.setenv("TEMPORAL_API_KEY", "key")
    arrangement = arrange(place, SETTINGS, free_port())
    assert not arrangement.own_server
    assert arrangement.temporal_address == "temporal.company.example:7233"
    assert arrangement.ui_url == ""
    environment = arrangement.environment(2525)
    assert environment["TEMPORAL_API_KEY"] == "key"
    assert environment["TEMPORAL_NAMESPACE"] == "changes"


def test_our_own_server_gets_none_of_a_configuration(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_API_KEY", "key")
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "mine")
    environment = arrange(place, SETTINGS, free_port()).environment(2525)
    assert "TEMPORAL_API_KEY" not in environment
    assert environment["TEMPORAL_NAMESPACE"] == "mine"


def test_a_configured_database_wins(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@db.example/groundswell")
    arrangement = arrange(place, Settings(mode="demo"), free_port())
    assert arrangement.database_url == "postgresql://user:secret@db.example/groundswell"
    assert "named by DATABASE_URL" in arrangement.database_because
    assert "secret" not in arrangement.database_because


def test_a_database_we_cannot_use_is_said_before_anything_starts(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://host/name")
    with pytest.raises(DatabaseUnavailable, match="mysql"):
        arrange(place, Settings(mode="demo"), free_port())
    assert not place.folder.exists()


def test_production_mode_does_not_run_the_demonstration(place: Place) -> None:
    production = SETTINGS.model_copy(update={"mode": "production"})
    with pytest.raises(SettingsWrong, match="does not run in production mode"):
        arrange(place, production, free_port())
