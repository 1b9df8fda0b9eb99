"""Numbers, days and texts as a letter says them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changes.values import enumerated
from notifications.wording import day_in_words, moment_in_words, number, one_line, short_day, shortened


@pytest.mark.parametrize(
    ("value", "words"), [("1200", "1,200"), ("0.500000", "0.5"), ("100", "100"), ("-3.0", "-3"), ("0", "0")]
)
def test_numbers_have_no_needless_zeros(value: str, words: str) -> None:
    assert number(Decimal(value)) == words


def test_enumerations() -> None:
    assert enumerated([]) == ""
    assert enumerated(["a"]) == "a"
    assert enumerated(["a", "b", "c"]) == "a, b and c"


def test_days_and_moments_name_weekday_and_zone() -> None:
    summer = datetime(2026, 7, 3, 22, 30, tzinfo=UTC)
    assert moment_in_words(summer, "Europe/Berlin") == "Saturday 4 July 2026, 00:30 (Europe/Berlin)"
    assert short_day(summer, "America/New_York") == "Fri 3 Jul"
    assert day_in_words(date(2026, 3, 5)) == "Thursday 5 March 2026"


def test_a_cut_falls_between_words_and_is_marked() -> None:
    assert shortened("one two three", 13) == "one two three"
    assert shortened("one two three", 12) == "one two…"
    assert shortened("x" * 20, 10) == "x" * 9 + "…"


@given(st.text(max_size=60), st.integers(min_value=1, max_value=50))
def test_a_shortened_text_is_never_longer_and_begins_the_same(text: str, length: int) -> None:
    cut = shortened(text, length)
    assert len(cut) <= length or (cut == text and len(text) <= length)
    assert text.startswith(cut.removesuffix("…"))


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1
