"""The table of attacks and faults in this package's first lines says what is true."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import tests.ledger

TABLE = tests.ledger.__doc__ or ""
NAMED = re.findall(r"^    (\S+\.py)::(\w+)", TABLE, re.MULTILINE)
ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED)))
def test_each_test_it_names_is_there(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_each_of_the_twenty_groups_has_some() -> None:
    groups = re.split(r"^(\d+) ", TABLE, flags=re.MULTILINE)[1:]
    assert [int(number) for number in groups[::2]] == list(range(1, 21))
    assert all("::test_" in cases for cases in groups[1::2])


def test_every_line_that_looks_like_a_test_was_read() -> None:
    assert len(NAMED) == TABLE.count("::")
