from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.document import DEEPEST, LARGEST, Place, read_document
from policies.loader import shipped
from policies.problems import PolicyError


def test_yaml_1_2_becomes_plain_data_with_places() -> None:
    text = "a: no\nb: [1, 0x10, 0.5, 1e3]\nc: {d: 2026-01-02, e: ~, f: true}\n"
    document = read_document(text, "p.yaml")
    assert document.content == {
        "a": "no",
        "b": (1, 16, Decimal("0.5"), Decimal(1000)),
        "c": {"d": "2026-01-02", "e": None, "f": True},
    }
    assert document.keys[("c", "d")] == Place(3, 5)
    assert document.values[("b", 2)] == Place(2, 14)


def test_a_number_nobody_can_count_to_is_read_without_delay() -> None:
    digits = "9" * 5000
    assert read_document(f"a: {digits}", "p").content == {"a": Decimal(digits)}
    assert read_document("a: .inf", "p").content == {"a": ".inf"}


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "is empty"),
        ("# only a comment\n", 1, 1, "is empty"),
        ("a: 1\na: 2\n", 2, 1, 'the key "a" was already given in line 1'),
        ("a:\n  b: 1\n  b: 2\n", 3, 3, 'the key "b" was already given in line 2'),
        ("a:\n\tb: 1\n", 2, 1, "a tab indents this line"),
        ("a: [1\n", 2, 1, "is not YAML"),
        ("a: 1\n---\nb: 2\n", 2, 1, "is not YAML"),
        ("a: 'open\n", 2, 1, "is not YAML"),
        ("a: b: c\n", 1, 5, "is not YAML"),
        ("a: &x [1]\nb: *x\n", 1, 4, "repeats another part by an alias"),
        ("a: &x [*x]\n", 1, 4, "repeats another part by an alias"),
        ("a: !python/object:os.system {}\n", 1, 4, "tag"),
        ("a: !!binary aGk=\n", 1, 4, "tag"),
        ("? [1]\n: 2\n", 1, 3, "has a key that is not a word"),
        ("a: b\x07\n", 1, 5, "contains the control character U+0007"),
        ("a: \ud800\n", 1, 4, "contains"),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), 1, DEEPEST + 1, "nested more than 40 levels"),
        ("[" * 600, 1, 1, "nested too deeply"),
        ("a: " + "x" * LARGEST, 1, 1, "is longer than 1,000,000 characters"),
    ],
)
def test_what_is_wrong_is_told_with_line_and_column(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(PolicyError) as caught:
        read_document(text, "p.yaml")
    problem = caught.value.problems[0]
    assert (problem.file, problem.line, problem.column) == ("p.yaml", line, column)
    assert message in problem.message


@given(st.text(st.sampled_from(list("ab:- [],{}&*!|>'\"%@`#\n\t?~19\x00\ufeff\u202e😀")), max_size=60))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        read_document(text, "p.yaml")
    except PolicyError as error:
        assert all(problem.line >= 1 and problem.column >= 1 and problem.message for problem in error.problems)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("escalation", "escalation:"),
        ("routes.policy.gates.endorse_tests", "      endorse_tests: {who: [role:executive, role:auditor]"),
        ("routes.standard", "  - name: standard"),
        ("gates.no_such_gate", "gates:"),
        ("time.working_days", "  working_days:"),
    ],
)
def test_a_setting_is_found_by_its_name_in_words(path: str, line: str) -> None:
    text = shipped()[1]
    place = read_document(text, "policy").named(path)
    assert text.splitlines()[place.line - 1].startswith(line)
    assert read_document("a: 1", "policy").named("nothing.of.that") == Place(1, 1)
