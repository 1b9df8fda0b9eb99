"""``groundswell web``, ``worker``, ``reset`` and help: what is said before anything starts."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from demo.place import Place
from tests.commandline.conftest import Type


def test_help_lists_everything_and_the_exit_codes(type_in: Type) -> None:
    said = type_in("--help")
    assert said.code == 0
    for command in "demo tour reset doctor migrate web worker directory policy changes do sign-in whoami".split():
        assert f" {command} " in said.out
    assert "3 something needed is not there" in " ".join(said.out.split())


def test_a_taken_port_is_named_before_the_web_server_starts(type_in: Type) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        said = type_in("web", "--port", str(port))
    assert said.code == 1
    assert said.err == (f"Port {port} is taken on 127.0.0.1. Stop what listens there, or choose another with --port.\n")


def test_a_worker_without_a_mail_server_says_so(type_in: Type) -> None:
    said = type_in("worker")
    assert said.code == 2
    assert said.err.startswith("GROUNDSWELL_SMTP_URL is not set")


@pytest.mark.parametrize("url", ["mail.example:25", "smtp://user:secret@mail.example"])
def test_a_mail_server_that_is_none_is_named_without_its_password(
    url: str, type_in: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUNDSWELL_SMTP_URL", url)
    said = type_in("worker")
    assert said.code == 2
    assert said.err.startswith("GROUNDSWELL_SMTP_URL: ")
    assert "secret" not in said.err


def test_a_taken_metrics_port_is_named_before_the_worker_starts(type_in: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDSWELL_SMTP_URL", "smtp://127.0.0.1:25")
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("GROUNDSWELL_METRICS_PORT", str(server.getsockname()[1]))
        said = type_in("worker")
    assert said.code == 1
    assert "GROUNDSWELL_METRICS_PORT" in said.err


def test_reset_deletes_the_demonstration_and_nothing_else(type_in: Type, local: Path) -> None:
    assert type_in("reset").out.startswith("There is nothing to delete")
    place = Place(local)
    place.folder.mkdir(parents=True)
    place.database_file.touch()
    (local / "sign-ins.json").write_text("{}")
    assert type_in("reset", "--yes").out.startswith("Deleted ")
    assert not place.folder.exists()
    assert (local / "sign-ins.json").exists()


def test_a_running_demonstration_is_not_deleted(type_in: Type, local: Path) -> None:
    place = Place(local)
    with place.alone():
        place.database_file.touch()
        said = type_in("reset", "--yes")
        assert said.code == 1
        assert place.database_file.exists()


def test_a_tour_without_a_demonstration_says_how_to_start_one(type_in: Type) -> None:
    said = type_in("tour")
    assert said.code == 3
    assert "make demo" in said.err
