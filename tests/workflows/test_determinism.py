"""The workflow and the rules ask nothing of the world: no clock, no chance, no input (docs/decisions/0026).

What a workflow may use instead is an activity's result, its input and ``workflow.now()``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REPLAYED = sorted(
    [
        *(ROOT / "changes").rglob("*.py"),
        *(ROOT / "workflows").rglob("*.py"),
        *(ROOT / "temporal" / f"{name}.py" for name in ("calls", "start", "retrying")),
    ]
)
"""Everything that runs again when a workflow is replayed."""
WORLDLY_MODULES = {
    "http",
    "os",
    "pathlib",
    "random",
    "secrets",
    "shutil",
    "socket",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "uuid",
}
WORLDLY_CALLS = {"now", "today", "utcnow", "open", "input", "getenv", "to_thread", "run_in_executor"}
ASKED_OF_TEMPORAL = {"workflow.now"}


def worldly(tree: ast.AST) -> Iterator[str]:
    """What in ``tree`` would give another answer when it is asked again."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (f"import {name.name}" for name in names if name.name.split(".")[0] in WORLDLY_MODULES)
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in WORLDLY_MODULES:
                yield f"from {module} import"
            case ast.Call(func=ast.Name(id=name)) if name in WORLDLY_CALLS:
                yield f"{name}() in line {node.lineno}"
            case ast.Call(func=ast.Attribute(attr=name) as called) if name in WORLDLY_CALLS:
                if ast.unparse(called) not in ASKED_OF_TEMPORAL:
                    yield f"{ast.unparse(called)}() in line {node.lineno}"


@pytest.mark.parametrize("path", REPLAYED, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_replayed_asks_nothing_of_the_world(path: Path) -> None:
    assert list(worldly(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "line",
    [
        "import random",
        "import os.path",
        "from time import monotonic",
        "datetime.now(UTC)",
        "date.today()",
        "open('file')",
        "asyncio.to_thread(work)",
    ],
)
def test_the_check_sees_what_it_is_there_for(line: str) -> None:
    assert list(worldly(ast.parse(line)))


def test_the_workflows_own_clock_is_allowed() -> None:
    assert list(worldly(ast.parse("workflow.now()"))) == []
