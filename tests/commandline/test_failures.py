"""Every failure becomes plain words and one of four exit codes; none becomes a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from changes.values import Value
from client.api import FieldProblem, NotNow, Problem, ServerAway
from commandline.exits import FAILED, MISSING, WRONG, Stopped
from commandline.failures import explained
from commandline.sign_ins import NotSignedIn
from demo.place import RunsAlready
from demo.preparing import NotForDemonstration
from demo.supervisor import NotReady
from demo.telling import StoryStuck
from directory.importing import ImportRefused
from directory.problems import Problem as DirectoryProblem
from policies.loader import load_policy
from policies.problems import PolicyError
from settings import SettingsWrong
from store.database import DatabaseUnavailable
from store.policies import PolicyConflict
from temporal.connection import TemporalUnavailable
from tests.commandline.conftest import Type

ROW = DirectoryProblem(file="people.csv", line=3, field="email", message="is empty; fill it in")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Stopped("words", FAILED), FAILED),
        (Stopped("words", MISSING), MISSING),
        (SettingsWrong("words"), WRONG),
        (NotSignedIn("words"), WRONG),
        (NotForDemonstration("words"), WRONG),
        (DatabaseUnavailable("words"), MISSING),
        (TemporalUnavailable("words"), MISSING),
        (ServerAway("words"), MISSING),
        (PolicyConflict("words"), FAILED),
        (NotReady("words"), FAILED),
        (StoryStuck("words"), FAILED),
        (Problem(403, "own_change", "words"), FAILED),
        (Problem(422, "key_reused", "words"), FAILED),
        (Problem(401, "not_signed_in", "words"), WRONG),
        (NotNow(503, "not_now", "words"), MISSING),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_each_failure_keeps_its_words_and_has_its_code(error: Exception, code: int) -> None:
    explanation = explained(error)
    assert explanation.text.startswith("words")
    assert explanation.code == code


def test_a_directory_is_refused_with_every_row_at_fault() -> None:
    explanation = explained(ImportRefused((ROW, ROW.having(line=4))))
    assert explanation.code == FAILED
    assert explanation.text.splitlines() == [
        "people.csv:3: email: is empty; fill it in",
        "people.csv:4: email: is empty; fill it in",
        "Nothing was loaded. Correct the files and load them again.",
    ]


def test_a_policy_is_refused_with_file_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("policy: default\nversion: none\n")
    with pytest.raises(PolicyError) as error:
        load_policy(file)
    explanation = explained(error.value)
    assert explanation.code == FAILED
    assert f"{file}:2:10: version: must be a whole number" in explanation.text


def test_a_missing_package_and_an_unusable_file_are_said_in_words() -> None:
    with pytest.raises(ModuleNotFoundError) as missing:
        __import__("no_such_package")
    assert explained(missing.value) == (
        "The package “no_such_package” is not installed. `make demo` installs what the demonstration needs.",
        MISSING,
    )
    with pytest.raises(OSError, match="No such file") as absent:
        Path("/no/such/file").read_text()
    assert explained(absent.value) == ("/no/such/file cannot be used: No such file or directory", FAILED)


def test_a_demonstration_that_runs_already_is_named() -> None:
    assert explained(RunsAlready(None)).code == FAILED


def test_fields_at_fault_are_listed_and_a_single_one_is_not_told_twice() -> None:
    single = Problem(
        422, "test_ref_twice", "Two tests.", (FieldProblem("/tests/1/ref", "test_ref_twice", "Two tests."),)
    )
    assert explained(single).text.splitlines() == ["Two tests.", "  field: /tests/1/ref", "  rule: test_ref_twice"]
    several = Problem(
        422, "invalid_fields", "Two things.", (FieldProblem("/a", "x", "A."), FieldProblem("/b", "y", "B."))
    )
    assert explained(several).text.splitlines() == ["Two things.", "  /a: A.", "  /b: B.", "  rule: invalid_fields"]


def test_what_nobody_expected_is_our_fault_and_shows_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROUNDSWELL_TRACEBACK", raising=False)
    with pytest.raises(ValueError, match="unknown") as error:
        Value.model_validate({"unknown": 1})
    explanation = explained(error.value)
    assert explanation.code == FAILED
    assert explanation.text.startswith("Groundswell failed, and it is our fault: ValidationError")
    assert "Traceback" not in explanation.text
    monkeypatch.setenv("GROUNDSWELL_TRACEBACK", "1")
    assert "Traceback" in explained(error.value).text


def test_settings_that_do_not_fit_end_every_command_with_words(type_in: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDSWELL_MODE", "production")
    for command in ("migrate", "web", "worker", "demo"):
        said = type_in(command)
        assert said.code == WRONG, command
        assert "Production mode refuses to start. Set GROUNDSWELL_ACTOR_KEY_FILE" in said.err
        assert "Traceback" not in said.err


def test_a_database_that_is_away_ends_a_command_with_words(type_in: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/nothing")
    said = type_in("policy", "show")
    assert said.code == MISSING
    assert "The PostgreSQL database nothing on 127.0.0.1:1 cannot be used right now" in said.err
    assert "secret" not in said.err
