"""Groundswell's own containers, as deploy/example.env and docker-compose.yml set them up: every setting arrives, and
production starts with it. Without Docker: what Compose would put into each environment is read as the program reads it.
"""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from commandline.mail import mail_of
from notifications.smtp import MailSettings
from settings import Settings, load_settings
from store.keeping import signers_of, sinks_of
from temporal.connection import target
from tests.deployment.checkout import ROOT
from tests.deployment.composing import (
    COMPOSE,
    EXAMPLE,
    SERVICES,
    NotSet,
    environment_of,
    mounts_of,
    put_in,
    read_env,
    with_every_line,
)
from tests.deployment.test_compose import OURS, REQUIRED, WITH_A_DEFAULT
from web.security.openid import openid_of

PRODUCTION = (ROOT / "docs" / "production.md").read_text()
NOT_PASSED = {
    "GROUNDSWELL_ACTOR_KEY": "the file is passed",
    "GROUNDSWELL_LEDGER_KEY": "the file is passed",
    "GROUNDSWELL_OIDC_CLIENT_SECRET": "the file is passed",
    "GROUNDSWELL_MAIL_FOLDER": "refused in production",
    "GROUNDSWELL_BEHIND_TLS": "always so in production",
}
OF_THE_WORKER = {"GROUNDSWELL_METRICS_HOST", "GROUNDSWELL_METRICS_PORT"}
FILLED_IN = {
    "POSTGRES_PASSWORD": "a" * 48,
    "GROUNDSWELL_DATABASE_PASSWORD": "b" * 48,
    "GROUNDSWELL_MIGRATOR_PASSWORD": "c" * 48,
    "TEMPORAL_DATABASE_PASSWORD": "d" * 48,
    "GROUNDSWELL_PUBLIC_URL": "https://changes.example.com",
    "GROUNDSWELL_SMTP_URL": "smtp+starttls://user:password@mail.example.com:587",
    "GROUNDSWELL_MAIL_SENDER": "Groundswell <changes@example.com>",
    "GROUNDSWELL_OIDC_ISSUER": "https://login.example.com/tenant",
    "GROUNDSWELL_OIDC_CLIENT_ID": "groundswell",
    "GROUNDSWELL_LEDGER_CHECKPOINTS": "https://witness.example.com/groundswell",
}
SETTINGS = {
    str(field.validation_alias or f"GROUNDSWELL_{name.upper()}") for name, field in Settings.model_fields.items()
}
Start = Callable[[str, dict[str, str]], Settings]


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """The folder that docs/production.md has the operator make, made by the very commands that stand there."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not here, with which an operator makes the keys")
    [commands] = re.findall(r"```sh\n( *umask.*?)```", PRODUCTION, re.DOTALL)
    alone = "\n".join(line for line in commands.splitlines() if "sudo" not in line)
    subprocess.run(["sh", "-eu", "-c", alone], cwd=tmp_path, input="of-the-provider\n", text=True, check=True)
    return tmp_path / "secrets"


@pytest.fixture
def start(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Reads the settings of one of our containers, as it would when it starts with such an .env file."""

    def started(service: str, values: dict[str, str]) -> Settings:
        for name in [*os.environ]:
            if name.startswith(("GROUNDSWELL_", "TEMPORAL_", "DATABASE_URL", "AWS_")):
                monkeypatch.delenv(name)
        assert mounts_of(service, values)["/run/secrets"] == "./secrets"
        for name, value in environment_of(service, values).items():
            inside = value.replace("/run/secrets", str(secrets)) if name.endswith("_FILE") else value
            monkeypatch.setenv(name, inside)
        return load_settings()

    return started


@pytest.mark.parametrize("service", sorted(OURS))
def test_every_setting_reaches_the_containers(service: str) -> None:
    """A setting that is added here fails until docker-compose.yml passes it, or it is said why not."""
    passed = set(SERVICES[service]["environment"])
    expected = SETTINGS - set(NOT_PASSED) - (OF_THE_WORKER if service != "worker" else set())
    assert expected - passed == set(), "add these to docker-compose.yml and deploy/example.env, or to NOT_PASSED"
    ours = {name for name in passed if name.startswith("GROUNDSWELL_")}
    assert ours <= SETTINGS, "these are no settings"


def test_the_example_names_every_setting_that_an_operator_may_choose() -> None:
    passed = {name for service in OURS for name, text in SERVICES[service]["environment"].items() if text is None}
    assert passed | REQUIRED | WITH_A_DEFAULT == set(read_env(with_every_line(EXAMPLE)))


@pytest.mark.parametrize("service", sorted(OURS))
def test_a_filled_in_example_starts_each_container(service: str, start: Start) -> None:
    settings = start(service, {**read_env(EXAMPLE), **FILLED_IN})
    assert not settings.demonstration
    assert len(settings.actor_secret()) == 64
    assert mail_of(settings).sender == "Groundswell <changes@example.com>"
    assert [signer.name for signer in signers_of(settings, "groundswell.test/log")] == ["groundswell.test/log"]
    assert [sink.name for sink in sinks_of(settings)] == ["https://witness.example.com/groundswell"]
    assert openid_of(settings) is not None
    assert settings.oidc_secret_text() == "of-the-provider"
    assert settings.public_url == "https://changes.example.com"
    database = make_url(settings.database_url)
    login = ("groundswell_migrator", "c") if service == "migrate" else ("groundswell", "b")
    assert (database.username, database.password, database.host) == (login[0], login[1] * 48, "postgres")
    assert (target().address, target().namespace) == ("temporal:7233", "groundswell")
    if service == "worker":
        assert (settings.metrics_host, settings.metrics_port) == ("0.0.0.0", 9464)  # noqa: S104 - in a container


def test_two_workers_share_the_work_and_serve_their_metrics_each_on_its_own() -> None:
    worker = SERVICES["worker"]
    assert worker["deploy"]["replicas"] == 2
    assert not {"ports", "container_name"} & set(worker), "either can be had once only"


def test_what_the_example_proposes_beyond_that_arrives_and_is_understood(start: Start, secrets: Path) -> None:
    for name in ("earlier-actor.key", "second-ledger.key"):
        shutil.copy(secrets / name.partition("-")[2], secrets / name)
    plain = start("worker", {**read_env(EXAMPLE), **FILLED_IN})
    chosen = {name: value for name, value in read_env(with_every_line(EXAMPLE)).items() if value}
    full = start("worker", {**chosen, **FILLED_IN})
    for variable in set(chosen) & SETTINGS:
        field = variable.removeprefix("GROUNDSWELL_").lower()
        assert getattr(full, field) != getattr(plain, field), f"{variable} does not arrive"
    assert full.oidc_role_groups == {"audit-team": "auditor"}
    assert len(signers_of(full, "groundswell.test/log")) == 2
    assert len(full.earlier_actor_secrets()) == 1


def test_lines_that_are_left_empty_count_as_not_set(start: Start) -> None:
    empty = {name: "" for name in read_env(with_every_line(EXAMPLE))}
    assert start("web", {**empty, **FILLED_IN}) == start("web", {**read_env(EXAMPLE), **FILLED_IN})


@pytest.mark.parametrize("name", sorted(FILLED_IN))
def test_what_is_missing_is_said_before_anything_starts(name: str) -> None:
    values = {**FILLED_IN, name: ""}
    with pytest.raises(NotSet, match=f"{name}: set it in .env"):
        for service in SERVICES:
            environment_of(service, values)


def test_mail_servers_that_are_given_as_examples_are_accepted() -> None:
    for page in (EXAMPLE, (ROOT / "docs" / "settings.md").read_text(), PRODUCTION):
        for url in re.findall(r"smtps?(?:\+starttls)?://[^\s`…]+[^\s`…,.]", page):
            MailSettings(url=url, sender="Groundswell <changes@example.com>")


def test_checkpoints_in_a_folder_lie_where_something_is_mounted() -> None:
    [folder] = set(re.findall(r"file://(/\S+)", EXAMPLE))
    for service in OURS:
        assert mounts_of(service, {})[folder] == "checkpoints"
        assert mounts_of(service, read_env(with_every_line(EXAMPLE)))[folder] == "/mnt/witness/groundswell"


@pytest.mark.parametrize("values", [{}, {"GROUNDSWELL_NETWORK": "10.9.0.0/24"}])
async def test_whoever_asks_through_the_proxy_is_told_apart(values: dict[str, str]) -> None:
    [network] = [put_in(one["subnet"], values) for one in COMPOSE["networks"]["default"]["ipam"]["config"]]
    gateway = str(next(ipaddress.ip_network(network).hosts()))
    clients = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        clients.append(scope["client"][0])

    trusted = environment_of("web", {**FILLED_IN, **values})["FORWARDED_ALLOW_IPS"]  # where uvicorn looks
    proxied: Any = ProxyHeadersMiddleware(app, trusted_hosts=trusted)
    headers = [(b"x-forwarded-for", b"192.0.2.1, 203.0.113.9"), (b"x-forwarded-proto", b"https")]
    for arriving_from in (gateway, "198.51.100.7"):
        scope = {"type": "http", "scheme": "http", "client": (arriving_from, 1), "headers": headers}
        await proxied(scope, None, None)
    assert clients == ["203.0.113.9", "198.51.100.7"], "what others say before the proxy does, or beside it, counts not"


def test_keys_are_made_for_the_containers_user_alone(secrets: Path) -> None:
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in secrets.iterdir()} == {0o600}
    [user] = re.findall(r"^USER (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert f"sudo chown -R {user} secrets\n" in PRODUCTION
