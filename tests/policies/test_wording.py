from __future__ import annotations

from datetime import date
from decimal import Decimal

from policies.wording import amount, counted, day_in_words, nearest


def test_numbers_come_with_the_fitting_noun() -> None:
    assert counted(1, "person", "people") == "1 person"
    assert counted(1200, "person", "people") == "1,200 people"


def test_amounts_have_no_needless_zeros() -> None:
    assert amount(Decimal("1200.50")) == "1,200.5"
    assert amount(Decimal("1E+3")) == "1,000"


def test_days_are_written_out() -> None:
    assert day_in_words(date(2026, 5, 2)) == "2 May 2026"


def test_a_misspelt_word_finds_its_neighbour_and_a_strange_one_the_choice() -> None:
    assert nearest("quorm", ["who", "quorum"]) == '; did you mean "quorum"?'
    assert nearest("zzz", ["who", "quorum"]) == "; choose from who or quorum"
    assert nearest("zzz", [f"word{number}" for number in range(20)]) == ""
