"""The command line as it is typed: arguments in, exit code and words out. Its state lies in the test's own folder."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

import cli
import demo.place
import settings
from commandline import sign_ins
from store.database import open_database, writing
from store.readiness import mark_demonstration
from store.sign_in import make_link
from tests.demo.serving import Served, served
from tests.support.databases import Databases


@dataclass(frozen=True)
class Said:
    """What a command left."""

    code: int
    out: str
    err: str


Type = Callable[..., Said]


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of this test's own, with nothing configured."""
    folder = tmp_path / "local"
    monkeypatch.setenv("GROUNDSWELL_LOCAL", str(folder))
    for room in (settings, sign_ins):
        monkeypatch.setattr(room, "LOCAL", folder)
    monkeypatch.setattr(demo.place.Place.__init__, "__defaults__", (folder,))
    for name in ("DATABASE_URL", "TEMPORAL_ADDRESS", "GROUNDSWELL_MODE", "GROUNDSWELL_SMTP_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    return folder


@pytest.fixture
def type_in(local: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Type:
    """Type a command: ``type_in("do", "endorse", "CH-1")``."""

    def run(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["groundswell", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capfd.readouterr()
        return Said(int(ended.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture(scope="module")
def here(database_maker: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Groundswell with the demonstration organisation, on a port of this machine, for all tests of a module."""
    with database_maker.fresh() as address:
        engine = open_database(address)
        with writing(engine) as connection:
            mark_demonstration(connection)
        with served(engine, tmp_path_factory.mktemp("mail")) as running:
            yield running
        engine.dispose()


@pytest.fixture
def signed_in(here: Served, type_in: Type) -> Callable[[str], Said]:
    """Sign somebody in on the command line."""

    def sign_in(person: str) -> Said:
        with writing(here.engine) as connection:
            token = make_link(connection, person, datetime.now(UTC))
        said = type_in("sign-in", f"{here.address}/sign-in/{token}")
        assert said.code == 0, said.err
        return said

    return sign_in
