"""What the command line prints: lines, tables and JSON on standard output, what went wrong on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH_OF_A_PIPE = 200
"""Columns where the output is no terminal, so that whoever reads it gets whole lines."""


def console(wrong: bool = False) -> Console:
    """A console on the present standard output, or on standard error for what went wrong."""
    stream = sys.stderr if wrong else sys.stdout
    return Console(stderr=wrong, highlight=False, width=None if stream.isatty() else WIDTH_OF_A_PIPE)


def say(text: str, style: str = "") -> None:
    """Print ``text`` as it is: an address is never broken in two, and brackets mean nothing."""
    console().print(Text(text, style=style), soft_wrap=True)


def complain(text: str) -> None:
    """Print what went wrong."""
    console(wrong=True).print(Text(text), soft_wrap=True)


def print_json(content: Any) -> None:
    """Print ``content`` for programs: JSON, nothing else."""
    print(json.dumps(content, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], empty: str) -> None:
    """Print rows under their headings; ``empty`` where there are none."""
    found = list(rows)
    if not found:
        say(empty)
        return
    console().print(table(columns, found))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Rows under their headings, the first column never broken."""
    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        made.add_column(column, no_wrap=number == 0)
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    return made


def moment(iso: str | None) -> str:
    """A moment of the interface as a clock on this wall shows it: "Tue 24 Nov, 14:05"."""
    if not iso:
        return ""
    local = datetime.fromisoformat(iso).astimezone()
    year = "" if local.year == datetime.now().astimezone().year else f" {local.year}"
    return f"{local:%a} {local.day} {local:%b}{year}, {local:%H:%M}"
