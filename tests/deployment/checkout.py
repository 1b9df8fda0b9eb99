"""A pretended checkout, Python and uv, so that bootstrap.py can be run whole without installing anything."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

PYTHON = """#!/bin/sh
echo "python $*" >> "{root}/calls"
case "$*" in
    *"import venv, ensurepip"*) exit {without_ensurepip} ;;
    *"-m venv"*)
        /bin/rm -rf "{root}/.venv"
        /bin/mkdir -p "{root}/.venv/bin"
        /bin/cp "{tools}/python-in-venv" "{root}/.venv/bin/python" ;;
    *version_info*) echo "{version} {tools}/python3" ;;
    *) exit 1 ;;
esac
"""

PYTHON_IN_VENV = """#!/bin/sh
echo "venv-python $*" >> "{root}/calls"
case "$*" in
    *"-m pip install"*) echo "pip says: no network"; exit {pip_fails} ;;
    *"-m pip config"*) echo "global.index-url='mirror-of-pip'" ;;
    *"-m pip --version"*) exit 0 ;;
    *sys.prefix*) echo "True {root}/.venv" ;;
esac
"""

UV = """#!/bin/sh
echo "uv $* index=$UV_DEFAULT_INDEX" >> "{root}/calls"
echo "uv says: working"
exit {uv_fails}
"""


@dataclass(frozen=True)
class Checkout:
    """Where the pretended checkout is, and how to use it."""

    root: Path
    tools: Path

    def bootstrap(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run its bootstrap.py with nothing but the pretended tools on PATH."""
        return subprocess.run(
            [sys.executable, "scripts/bootstrap.py", *arguments],
            cwd=self.root,
            env={"PATH": str(self.tools)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def calls(self) -> list[str]:
        """What the pretended tools were asked, in order."""
        calls = self.root / "calls"
        return calls.read_text().splitlines() if calls.exists() else []

    @property
    def installs(self) -> list[str]:
        """The calls that install something."""
        return [call for call in self.calls if " install " in call]


def make_checkout(
    folder: Path,
    *,
    version: str | None = "3.12",
    ensurepip: bool = True,
    uv: bool = True,
    uv_fails: bool = False,
    pip_fails: bool = False,
) -> Checkout:
    """A checkout on a machine with one Python (or none) of that version, with or without ensurepip and uv."""
    root, tools = folder / "checkout", folder / "tools"
    (root / "scripts").mkdir(parents=True)
    (root / "requirements").mkdir()
    tools.mkdir()
    shutil.copy(ROOT / "scripts" / "bootstrap.py", root / "scripts")
    shutil.copy(ROOT / "pyproject.toml", root)
    for compiled in (ROOT / "requirements").glob("*.txt"):
        shutil.copy(compiled, root / "requirements")
    values = {
        "root": root,
        "tools": tools,
        "version": version,
        "without_ensurepip": int(not ensurepip),
        "uv_fails": int(uv_fails),
        "pip_fails": int(pip_fails),
    }
    wanted = {"python-in-venv": PYTHON_IN_VENV}
    if version:
        wanted["python3"] = PYTHON
    if uv:
        wanted["uv"] = UV
    for name, text in wanted.items():
        (tools / name).write_text(text.format(**values))
        (tools / name).chmod(0o755)
    return Checkout(root, tools)
