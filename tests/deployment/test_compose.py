"""docker-compose.yml and Dockerfile, checked without Docker: what is pinned, awaited, required and reachable."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deployment.checkout import ROOT
from tests.deployment.composing import COMPOSE, EXAMPLE, SERVICES, VARIABLE, read_env

ONE_SHOT = {"temporal-schema", "temporal-namespace", "migrate"}
LASTING = set(SERVICES) - ONE_SHOT
OURS = {name for name, service in SERVICES.items() if "build" in service}
REQUIRED = {
    "POSTGRES_PASSWORD",
    "GROUNDSWELL_DATABASE_PASSWORD",
    "GROUNDSWELL_MIGRATOR_PASSWORD",
    "TEMPORAL_DATABASE_PASSWORD",
    "GROUNDSWELL_LEDGER_CHECKPOINTS",
    "GROUNDSWELL_MAIL_SENDER",
    "GROUNDSWELL_OIDC_CLIENT_ID",
    "GROUNDSWELL_OIDC_ISSUER",
    "GROUNDSWELL_PUBLIC_URL",
    "GROUNDSWELL_SMTP_URL",
}
WITH_A_DEFAULT = {"GROUNDSWELL_CHECKPOINTS_FOLDER", "GROUNDSWELL_NETWORK"}
IN_IMAGE = {
    "postgres": {"pg_isready"},
    "temporalio/server": {"nc"},
    "temporalio/admin-tools": {"/bin/sh", "temporal", "temporal-sql-tool"},
    "temporalio/ui": {"wget"},
    "groundswell": {"python", "groundswell"},
}
"""What each image brings: PostgreSQL's tools, Alpine's busybox in Temporal's images, what our Dockerfile installs."""


def texts(node: object) -> Iterator[str]:
    """Every text in a YAML tree."""
    if isinstance(node, dict):
        for value in node.values():
            yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)
    elif isinstance(node, str):
        yield node


def image_name(service: dict[str, Any]) -> str:
    return str(service["image"]).rsplit(":", 1)[0]


def test_the_services_are_the_ones_production_needs() -> None:
    assert set(SERVICES) == {"postgres", "temporal", "temporal-ui", "web", "worker"} | ONE_SHOT
    assert OURS == {"web", "worker", "migrate"}


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_to_a_full_version(name: str) -> None:
    assert re.fullmatch(r"[a-z/-]+:\d+\.\d+(\.\d+)?(-[a-z0-9]+)?", SERVICES[name]["image"])


def test_the_deprecated_image_is_not_used() -> None:
    assert "auto-setup" not in (ROOT / "docker-compose.yml").read_text()


def test_server_and_admin_tools_have_one_version() -> None:
    assert (
        len(
            {
                SERVICES[name]["image"].rsplit(":", 1)[1]
                for name in ("temporal", "temporal-schema", "temporal-namespace")
            }
        )
        == 1
    )


@pytest.mark.parametrize("name", sorted(LASTING))
def test_what_runs_on_restarts_and_says_whether_it_is_well(name: str) -> None:
    service = SERVICES[name]
    check = service["healthcheck"]
    assert service["restart"] == "unless-stopped"
    assert {"test", "interval", "timeout", "retries"} <= set(check)
    assert check["test"][0] == "CMD"
    assert check["test"][1] in IN_IMAGE[image_name(service)]


@pytest.mark.parametrize("name", sorted(ONE_SHOT))
def test_a_job_runs_once_and_is_awaited_to_its_success(name: str) -> None:
    assert SERVICES[name]["restart"] == "no"
    assert "healthcheck" not in SERVICES[name]
    waiting = [service for service in SERVICES.values() if name in service.get("depends_on", {})]
    assert waiting
    assert {service["depends_on"][name]["condition"] for service in waiting} == {"service_completed_successfully"}


def test_dependencies_exist_and_their_conditions_fit() -> None:
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in SERVICES, f"{name} waits for {needed}, which does not exist"
            fitting = "service_completed_successfully" if needed in ONE_SHOT else "service_healthy"
            assert how["condition"] == fitting, f"{name} waits for {needed}"


def awaited(name: str) -> set[str]:
    """Everything a service waits for, directly or not. Recursion would not end in a circle, so circles fail here."""
    direct = set(SERVICES[name].get("depends_on", {}))
    return direct.union(*(awaited(each) for each in direct))


@pytest.mark.parametrize("name", ["web", "worker"])
def test_web_and_worker_start_when_database_schema_and_namespace_are_there(name: str) -> None:
    assert awaited(name) == {"postgres", "migrate", "temporal", "temporal-schema", "temporal-namespace"}


def test_every_variable_is_required_and_says_where_to_set_it() -> None:
    found = [match for text in texts(COMPOSE) for match in VARIABLE.finditer(text)]
    assert {match["name"] for match in found} == REQUIRED | WITH_A_DEFAULT
    for match in found:
        if match["name"] not in WITH_A_DEFAULT:
            assert match["rule"] == ":?", f"{match['name']} would silently be empty"
            assert "deploy/example.env" in match["rest"]
    assert "$" not in VARIABLE.sub("", " ".join(texts(COMPOSE))), "a variable in a form this test does not know"


def test_the_example_asks_for_every_required_variable_and_nothing_else_and_holds_no_secret() -> None:
    assert read_env(EXAMPLE) == dict.fromkeys(REQUIRED, "")


def test_ports_are_published_on_the_loopback_address_only() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"web", "temporal-ui"}
    for port in (port for ports in published.values() for port in ports):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)
    assert all(service.get("network_mode") != "host" for service in SERVICES.values())


def test_volumes_are_declared_and_mounted_files_exist() -> None:
    for name, service in SERVICES.items():
        for volume in service.get("volumes", ()):
            source = VARIABLE.sub(lambda match: match["rest"], volume).split(":")[0]
            if source == "./secrets":
                assert volume.endswith(":ro")  # docs/production.md says how to make it
            elif source.startswith("./"):
                assert (ROOT / source).is_file(), f"{name} mounts {source}"
                assert volume.endswith(":ro")
            else:
                assert source in COMPOSE["volumes"], f"{name} uses volume {source}"


@pytest.mark.parametrize("name", sorted(LASTING | OURS))
def test_lines_of_the_log_do_not_fill_the_disk(name: str) -> None:
    assert SERVICES[name]["logging"]["driver"] == "local"


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_containers_are_in_production_mode_with_few_rights(name: str) -> None:
    service = SERVICES[name]
    settings = service["environment"]
    assert settings["GROUNDSWELL_MODE"] == "production"
    login = "groundswell_migrator" if name == "migrate" else "groundswell"
    assert settings["DATABASE_URL"].startswith(f"postgresql+psycopg://{login}:")
    assert settings["TEMPORAL_ADDRESS"] == "temporal:7233"
    assert settings["TEMPORAL_NAMESPACE"] == SERVICES["temporal-namespace"]["environment"]["TEMPORAL_NAMESPACE"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("name", sorted(ONE_SHOT - OURS))
def test_a_job_runs_a_mounted_script_with_programs_its_image_has(name: str) -> None:
    service = SERVICES[name]
    shell, path = service["entrypoint"]
    mounted = {volume.split(":")[1]: volume.split(":")[0] for volume in service["volumes"]}
    assert shell in IN_IMAGE[image_name(service)]
    used = set(re.findall(r"^\s*(?:until |if )?(temporal[a-z-]*) ", (ROOT / mounted[path]).read_text(), re.MULTILINE))
    assert used
    assert used <= IN_IMAGE[image_name(service)]


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_containers_call_commands_that_groundswell_has(name: str) -> None:
    """The parser refuses an unknown command or option before it comes to --help."""
    command = [Path(sys.executable).with_name("groundswell"), *SERVICES[name]["command"], "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text()


def test_the_image_is_pinned_unprivileged_and_installs_by_hash() -> None:
    text = dockerfile()
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert bases
    assert all(re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", base) for base in bases)
    users = re.findall(r"^USER (\S+)", text, re.MULTILINE)
    assert users == ["10001:10001"]
    assert text.count("pip install") == text.count("--require-hashes") + text.count("--no-index")
    # A new volume is as writable as the folder that it is mounted on.
    mounted = [volume.split(":")[-1] for volume in SERVICES["worker"]["volumes"] if not volume.endswith(":ro")]
    assert all(f"--owner 10001 --group 10001 --mode 750 {folder}\n" in text for folder in mounted)
    assert re.search(r'^ENTRYPOINT \["groundswell"\]$', text, re.MULTILINE)


def test_the_image_is_built_from_files_that_exist_and_that_reach_the_build() -> None:
    for name in re.findall(r"requirements/[a-z0-9]+\.txt", dockerfile()):
        assert (ROOT / name).is_file()
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert allowed == {
        *project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"],
        "pyproject.toml",
        "requirements",
    }
