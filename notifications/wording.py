"""Numbers, days and texts as a letter says them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

FULL_LENGTH = 1_500
"""Characters of the words a letter is about, such as the reason of a decline."""
BRIEF_LENGTH = 600
"""Characters of each text in a decision packet; the page has the whole."""


def shortened(text: str, length: int) -> str:
    """``text`` with at most ``length`` characters, cut at a space where there is one, and marked when cut."""
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    words = cut.rpartition(" ")[0]
    return f"{words if len(words) > length // 2 else cut}…"


def one_line(text: str) -> str:
    """``text`` without line breaks of any kind. Headers are folded at more of them than a form refuses."""
    return " ".join(text.split())


def number(value: Decimal) -> str:
    """An exact number without needless zeros: "1,200", "0.5"."""
    return f"{value.normalize():,f}"


def day_in_words(day: date) -> str:
    """A day as in "Thursday 5 March 2026"."""
    return f"{day:%A} {day.day} {day:%B %Y}"


def short_day(moment: datetime, zone: str) -> str:
    """The day of ``moment`` for a subject line: "Thu 5 Mar"."""
    local = moment.astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b}"


def moment_in_words(moment: datetime, zone: str) -> str:
    """A moment as in "Thursday 5 March 2026, 10:00 (Europe/Berlin)"."""
    local = moment.astimezone(ZoneInfo(zone))
    return f"{day_in_words(local)}, {local:%H:%M} ({zone})"
