"""What changed between two versions of somebody's words: word by word, in pieces that a page can colour."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Literal

from changes.state import ProposalContent
from changes.values import Value

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


class Piece(Value):
    """Some words that stayed, came or went."""

    what: Literal["same", "added", "removed"]
    text: str


class Difference(Value):
    """One field that two versions say differently."""

    field: str
    """The field's name, such as ``suggestion``."""
    pieces: tuple[Piece, ...]


def compared(before: str, after: str) -> tuple[Piece, ...]:
    """``before`` turned into ``after``, word by word. The pieces that are not added make ``before``, those not removed
    make ``after``."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    return tuple(_pieces(old, new))


def _pieces(old: list[str], new: list[str]) -> Iterator[Piece]:
    # autojunk would treat frequent words, such as blanks, as noise and tear sentences apart
    for tag, i, k, m, n in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield Piece(what="same", text="".join(old[i:k]))
            continue
        if i < k:
            yield Piece(what="removed", text="".join(old[i:k]))
        if m < n:
            yield Piece(what="added", text="".join(new[m:n]))


def differences(before: ProposalContent, after: ProposalContent) -> tuple[Difference, ...]:
    """The fields in which two versions of a proposal differ, in the order of the form."""
    return tuple(
        Difference(field=name, pieces=compared(_as_text(old), _as_text(new)))
        for name in ProposalContent.model_fields
        if (old := getattr(before, name)) != (new := getattr(after, name))
    )


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
