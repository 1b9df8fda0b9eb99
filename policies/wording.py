"""Numbers and days as a person would say them, shared by every explanation."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from changes.values import enumerated


def counted(number: int, one: str, many: str) -> str:
    """The number with the fitting noun: "1 person", "1,200 people"."""
    return f"{number:,} {one if number == 1 else many}"


def amount(number: Decimal) -> str:
    """An exact number without needless zeros: "1,200", "0.5"."""
    return f"{number.normalize():,f}"


def day_in_words(day: date) -> str:
    """A day as in "12 May 2026"."""
    return f"{day.day} {day:%B %Y}"


def nearest(word: object, known: Iterable[str]) -> str:
    """A hint for a misspelt word, to stand behind a message: the nearest known word, or the known ones if few."""
    spellings = {name.lower(): name for name in known}
    close = difflib.get_close_matches(str(word).lower(), spellings, n=1, cutoff=0.6)
    if close:
        return f'; did you mean "{spellings[close[0]]}"?'
    return f"; choose from {enumerated(spellings.values(), 'or')}" if 0 < len(spellings) <= 12 else ""
