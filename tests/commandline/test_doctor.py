"""``groundswell doctor``: what is there, what would be used and why; in words a newcomer can act on, and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text

from commandline import checkup
from commandline.checkup import Finding, may_corrupt
from settings import Settings
from store.database import writing
from temporal.occupancy import WorkElsewhere
from tests.commandline.conftest import Type
from tests.demo.serving import Served
from tests.support.databases import ON_POSTGRESQL
from tests.support.identity_provider import CLIENT, ISSUER, SECRET, IdentityProvider
from web.security.openid import OpenId


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ((3, 6, 23), False),
        ((3, 7, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), False),
    ],
)
def test_which_versions_of_sqlite_have_the_wal_reset_bug(version: tuple[int, int, int], affected: bool) -> None:
    assert may_corrupt(version) is affected


def found(type_in: Type, code: int) -> dict[str, dict[str, str]]:
    said = type_in("doctor", "--json")
    assert said.code == code, said.out
    answer = json.loads(said.out)
    assert answer["fine"] is (code == 0)
    return {finding["about"]: finding for finding in answer["findings"]}


def test_on_a_fresh_checkout_everything_is_fine_and_looking_makes_no_file(type_in: Type, local: Path) -> None:
    findings = found(type_in, 0)
    assert findings["Temporal server"]["found"] == "none is configured and no demonstration is running"
    assert findings["Database"]["found"].startswith("none yet; the default")
    assert "make demo" in findings["Database"]["advice"]
    assert findings["Temporal program"]["found"].startswith("temporal version")
    assert "GROUNDSWELL_ACTOR_KEY_FILE" in findings["For production"]["advice"]
    assert not (local / "groundswell.db").exists()
    assert not local.exists() or not list(local.glob("**/*.db"))


def test_a_database_is_described(here: Served, type_in: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", here.database_url)
    findings = found(type_in, 0)
    assert "named by DATABASE_URL" in findings["Database"]["found"]
    assert findings["Directory"]["found"] == "42 people, 13 teams, 12 processes"
    assert findings["Policy"]["found"] == "“default” version 1 is in force"
    assert findings["Accounts"]["state"] == "note"


def test_a_function_that_is_missing_is_named_with_what_to_do(engine: Engine) -> None:
    def notes() -> list[Finding]:
        return [one for one in checkup._contents(engine, "for a test", False) if one.about == "Ledger's function"]

    assert notes() == []
    if ON_POSTGRESQL:
        with writing(engine) as connection:
            connection.execute(text("DROP FUNCTION ledger_append"))
        [note] = notes()
        assert note.state == "note"
        assert "run: groundswell migrate" in note.advice


def test_an_empty_database_has_to_be_migrated(type_in: Type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.db").touch()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")
    finding = found(type_in, 3)["Database"]
    assert finding["state"] == "missing"
    assert finding["advice"] == "Run: groundswell migrate"


def test_a_database_that_is_away_and_a_temporal_server_that_is_away_are_missing(
    type_in: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/nothing")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    findings = found(type_in, 3)
    assert findings["Database"]["state"] == findings["Temporal server"]["state"] == "missing"
    assert "TEMPORAL_ADDRESS" in findings["Temporal server"]["found"]
    assert "secret" not in json.dumps(findings)


def test_open_changes_on_another_task_queue_are_wrong(type_in: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    async def connected(to: object) -> object:
        return to

    async def elsewhere(_client: object, queue: str) -> WorkElsewhere:
        return WorkElsewhere(3, "first", queue, 0)

    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal.example:7233")
    monkeypatch.setenv("GROUNDSWELL_TEMPORAL_TASK_QUEUE", "second")
    monkeypatch.setattr(checkup, "connect", connected)
    monkeypatch.setattr(checkup, "work_elsewhere", elsewhere)
    finding = found(type_in, 2)["Task queue"]
    assert finding["found"].startswith("3 changes or webhooks are under way on the task queue “first”")
    assert finding["advice"].startswith("Set it back to “first”")


def test_a_missing_binary_is_missing_unless_a_server_is_configured(
    type_in: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkup, "find_binary", lambda: None)
    assert found(type_in, 3)["Temporal program"]["state"] == "missing"
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    assert found(type_in, 3)["Temporal program"]["state"] == "fine"


def test_settings_that_are_wrong_are_the_end_of_it(type_in: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDSWELL_METRICS_PORT", "many")
    finding = found(type_in, 2)["Settings"]
    assert "GROUNDSWELL_METRICS_PORT" in finding["found"]


def test_a_mail_server_is_named_without_its_password(type_in: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDSWELL_SMTP_URL", "smtps://user:secret@mail.example:465")
    finding = found(type_in, 0)["Mail"]
    assert "mail.example" in finding["found"]
    assert "secret" not in finding["found"]
    monkeypatch.setenv("GROUNDSWELL_SMTP_URL", "mail.example")
    assert found(type_in, 2)["Mail"]["state"] == "wrong"


def test_who_signs_people_in_is_named_and_asked(type_in: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(type_in, 0)["Sign-in"]["found"] == "by the demonstration's one-time links"
    monkeypatch.setenv("GROUNDSWELL_OIDC_ISSUER", "https://127.0.0.1:1")
    monkeypatch.setenv("GROUNDSWELL_OIDC_CLIENT_ID", "groundswell")
    monkeypatch.setenv("GROUNDSWELL_OIDC_CLIENT_SECRET", "a-secret-of-ours")
    finding = found(type_in, 3)["Sign-in"]
    assert finding["state"] == "missing"
    assert finding["found"].startswith("https://127.0.0.1:1 does not answer as an identity provider does: ConnectError")
    assert "GROUNDSWELL_OIDC_ISSUER" in finding["advice"]
    assert "a-secret-of-ours" not in json.dumps(finding)


def test_an_identity_provider_that_answers_is_fine_and_without_one_nobody_signs_in_in_a_browser(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provider = IdentityProvider()
    openid = OpenId(ISSUER, CLIENT, SECRET, transport=httpx2.ASGITransport(app=provider.app()))
    settings = Settings(oidc_issuer=ISSUER, oidc_client_id=CLIENT, oidc_client_secret=SecretStr(SECRET))
    monkeypatch.setattr(checkup, "openid_of", lambda _settings: openid)
    assert checkup._sign_in(settings).found == f"with {ISSUER}, which answers"
    provider.issuer = "https://evil.example"
    openid._known = None
    assert "calls itself https://evil.example" in checkup._sign_in(settings).found
    monkeypatch.setattr(checkup, "openid_of", lambda _settings: None)
    finding = checkup._sign_in(settings.model_copy(update={"mode": "production"}))
    assert (finding.state, finding.advice) == ("note", "See docs/sign-in.md.")


def test_for_people_it_prints_lines_with_advice(type_in: Type) -> None:
    said = type_in("doctor")
    assert said.code == 0
    assert said.out.splitlines()[0].startswith("ok      Python           3.")
    assert "`make demo` starts" in said.out
    assert said.out.rstrip().endswith("Everything that is needed is there.")
