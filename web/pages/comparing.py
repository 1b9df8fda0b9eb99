"""What changed between two texts, word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

MOST_WORDS = 4_000
"""Longer texts are compared line by line, which takes as long as reading them and no longer."""


@dataclass(frozen=True)
class Piece:
    """A stretch of text that stayed, came or went."""

    kind: Literal["same", "gone", "new"]
    text: str


def compared(before: str, after: str) -> tuple[Piece, ...]:
    """``after`` with what came and went since ``before``."""
    apart = r"\s+|\S+" if len(before) + len(after) < MOST_WORDS * 6 else r"[^\n]*\n|[^\n]+"
    return tuple(_joined(list(_pieces(re.findall(apart, before), re.findall(apart, after)))))


def _pieces(old: list[str], new: list[str]) -> Iterator[Piece]:
    for tag, start, end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield Piece("same", "".join(old[start:end]))
            continue
        if end > start:
            yield Piece("gone", "".join(old[start:end]))
        if new_end > new_start:
            yield Piece("new", "".join(new[new_start:new_end]))


def _joined(pieces: list[Piece]) -> Iterator[Piece]:
    """Two changed words with a blank between them read as one change."""
    gone, new = "", ""
    for number, piece in enumerate(pieces):
        if piece.kind == "gone":
            gone += piece.text
        elif piece.kind == "new":
            new += piece.text
        elif piece.text.isspace() and (gone or new) and number + 1 < len(pieces):
            gone, new = gone + piece.text, new + piece.text
        else:
            yield from _change(gone, new)
            gone, new = "", ""
            yield piece
    yield from _change(gone, new)


def _change(gone: str, new: str) -> Iterator[Piece]:
    if gone == new:
        if gone:
            yield Piece("same", gone)
        return
    if gone:
        yield Piece("gone", gone)
    if new:
        yield Piece("new", new)
