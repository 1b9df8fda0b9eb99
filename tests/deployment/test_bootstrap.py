"""scripts/bootstrap.py: what it installs, in what order, when it does nothing, and what it says when it cannot."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from scripts import bootstrap
from scripts.bootstrap import Interpreter, Missing, choose
from tests.deployment.checkout import ROOT, make_checkout


def interpreter(version: tuple[int, int], *, makes_pip: bool = True) -> Interpreter:
    return Interpreter("/somewhere/python", version, makes_pip)


def test_it_can_be_read_by_a_python_that_is_too_old() -> None:
    ast.parse((ROOT / "scripts" / "bootstrap.py").read_text(), feature_version=(3, 6))


def test_it_imports_only_the_standard_library() -> None:
    tree = ast.parse((ROOT / "scripts" / "bootstrap.py").read_text())
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported == {
        "argparse",
        "contextlib",
        "fcntl",
        "hashlib",
        "os",
        "shutil",
        "subprocess",
        "sys",
        "threading",
        "time",
        "typing",
    }


def test_the_first_python_that_is_new_enough_and_makes_environments_is_chosen() -> None:
    found = [interpreter((3, 10)), interpreter((3, 14), makes_pip=False), interpreter((3, 11))]
    assert choose(found, uv=None).version == (3, 11)


def test_uv_makes_up_for_a_missing_ensurepip() -> None:
    assert choose([interpreter((3, 12), makes_pip=False)], uv="/somewhere/uv").version == (3, 12)


def test_too_old_pythons_are_named_with_what_is_needed() -> None:
    with pytest.raises(Missing, match=r"needs Python 3\.11 or newer; this machine has Python 3\.10, Python 3\.8 on"):
        choose([interpreter((3, 10)), interpreter((3, 8))], uv=None)


def test_a_missing_ensurepip_names_the_one_debian_package() -> None:
    with pytest.raises(Missing, match=r"apt install python3\.13-venv$"):
        choose([interpreter((3, 13), makes_pip=False)], uv=None)


@pytest.mark.parametrize(
    ("version", "ensurepip", "words"),
    [
        ("3.8", True, "this machine has Python 3.8 on its PATH"),
        (None, True, "this machine has no Python at all on its PATH"),
        ("3.12", False, "apt install python3.12-venv"),
    ],
)
def test_what_is_missing_is_said_in_words(tmp_path: Path, version: str | None, ensurepip: bool, words: str) -> None:
    done = make_checkout(tmp_path, version=version, ensurepip=ensurepip, uv=False).bootstrap("demo")
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "checkout" / ".venv").exists()


def test_a_name_on_path_that_does_not_run_is_no_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim = tmp_path / "python3.13"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bootstrap.inspect("python3.13") is None


def test_a_fresh_checkout_gets_an_environment_the_pinned_set_and_the_project(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path)
    done = checkout.bootstrap("demo")
    assert done.returncode == 0, done.stderr
    packages, project = checkout.installs
    assert packages.startswith("uv pip install") and "--require-hashes" in packages and "demo.txt" in packages
    assert f"--no-deps --no-build-isolation -e {checkout.root}" in project
    assert ".local/bootstrap.log" in done.stdout
    assert "uv says: working" in (checkout.root / ".local" / "bootstrap.log").read_text()


def test_the_index_that_pip_is_configured_with_is_told_to_uv_and_written_nowhere(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path)
    checkout.bootstrap("demo")
    assert all(call.endswith("index=mirror-of-pip") for call in checkout.installs)
    assert "mirror-of-pip" not in (checkout.root / ".local" / "bootstrap.log").read_text()


def test_a_second_run_does_nothing(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path)
    checkout.bootstrap("dev")
    before = checkout.calls
    again = checkout.bootstrap("dev")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert checkout.calls == before


def test_a_larger_set_satisfies_a_smaller_one_but_not_the_reverse(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path)
    checkout.bootstrap("dev")
    assert checkout.bootstrap("demo").stdout == ""
    assert "e2e.txt" in checkout.bootstrap("e2e").stdout


@pytest.mark.parametrize("changed", ["pyproject.toml", "requirements/dev.txt"])
def test_changed_files_are_installed_again(tmp_path: Path, changed: str) -> None:
    checkout = make_checkout(tmp_path)
    checkout.bootstrap("dev")
    with (checkout.root / changed).open("a") as file:
        file.write("\n# changed\n")
    assert "Ready" in checkout.bootstrap("dev").stdout
    assert len(checkout.installs) == 4


def test_without_uv_the_pinned_one_is_brought_and_else_pip_does_the_work(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path, uv=False)
    assert checkout.bootstrap("demo").returncode == 0
    bring, packages, project = checkout.installs
    assert "--require-hashes" in bring and "uv.txt" in bring
    assert packages.startswith("venv-python -m pip install") and "demo.txt" in packages
    assert "--no-deps" in project


def test_where_uv_fails_pip_is_tried(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path, uv_fails=True)
    done = checkout.bootstrap("demo")
    assert done.returncode == 0
    assert "Trying the same with pip" in done.stdout
    assert [call.split()[0] for call in checkout.installs] == ["uv", "venv-python", "venv-python"]


def test_a_failure_shows_the_last_lines_the_log_and_what_to_try(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path, uv_fails=True, pip_fails=True)
    done = checkout.bootstrap("demo")
    assert done.returncode == 1
    for words in ("This step failed", "pip says: no network", ".local/bootstrap.log", "What to try"):
        assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (checkout.root / ".venv" / ".ready-demo").exists()


def test_a_half_made_environment_is_made_anew(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path)
    (checkout.root / ".venv" / "bin").mkdir(parents=True)
    (checkout.root / ".venv" / "bin" / "python").symlink_to("/nowhere/python")
    assert checkout.bootstrap("demo").returncode == 0
    assert any("-m venv --clear" in call for call in checkout.calls)


def test_an_environment_that_was_complete_survives_a_failing_update(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path, uv=False)
    checkout.bootstrap("demo")
    stub = checkout.root / ".venv" / "bin" / "python"
    stub.write_text(stub.read_text().replace('no network"; exit 0', 'no network"; exit 1'))
    (checkout.root / "pyproject.toml").write_text("# changed")
    assert checkout.bootstrap("demo").returncode == 1
    assert sum("-m venv" in call for call in checkout.calls) == 1
    assert checkout.bootstrap("demo").returncode == 1, "a half-done update is not taken for a finished one"
