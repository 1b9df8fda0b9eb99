from __future__ import annotations

import pytest

from directory.problems import Findings, ImportRefused, Problem, shown


@pytest.mark.parametrize(
    ("line", "field", "words"),
    [
        (14, "manager", "people.csv:14: manager: is empty"),
        (14, "", "people.csv:14: is empty"),
        (0, "", "people.csv: is empty"),
    ],
)
def test_a_problem_says_where(line: int, field: str, words: str) -> None:
    assert str(Problem(file="people.csv", line=line, field=field, message="is empty")) == words


def test_problems_are_told_in_the_order_of_files_lines_and_columns() -> None:
    findings = Findings()
    assert not findings
    findings.add("processes.csv", 2, "owner", "f")
    findings.add("teams.csv", 9, "parent", "e")
    findings.add("people.csv", 10, "id", "d")
    findings.add("people.csv", 9, "site", "c")
    findings.add("people.csv", 9, "name", "b")
    findings.add("people.csv", 9, "", "a")
    refusal = findings.refusal()
    assert findings
    assert "".join(problem.message for problem in refusal.problems) == "abcdef"


def test_a_refusal_reads_as_its_problems() -> None:
    problems = tuple(Problem(file="teams.csv", line=line, field="id", message="is empty") for line in (2, 3))
    assert str(ImportRefused(problems)) == "teams.csv:2: id: is empty\nteams.csv:3: id: is empty"


def test_what_is_shown_is_short_and_visible() -> None:
    assert shown("Léa") == "'Léa'"
    assert shown("a\x00b\u202ec\ud800") == "'a\\u0000b\\u202ec\\ud800'"
    assert shown("x" * 61) == f"'{'x' * 60}…'"
