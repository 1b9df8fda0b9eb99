"""Similar proposals are found by what they are about, not by filler words."""

from __future__ import annotations

import pytest

from changes.similarity import essence, ranked

KNOWN = {
    "CH-1": essence("Answer returns within a day. The service desk decides clear cases itself."),
    "CH-2": essence("New coffee machine for the second floor"),
    "CH-3": essence("Rücksendungen schneller beantworten"),
    "CH-4": essence("Invoices are sent by e-mail instead of paper"),
}


def best(text: str) -> list[str]:
    return [ref for ref, _ in ranked(text, KNOWN.items(), 5)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("answering returns the same day", "CH-1"),
        ("Returns: let the desk decide the clear cases", "CH-1"),
        ("retruns within a day", "CH-1"),
        ("Rucksendungen schneller", "CH-3"),
        ("send invoices by email, not on paper", "CH-4"),
    ],
)
def test_what_is_alike_comes_first(text: str, found: str) -> None:
    assert best(text)[:1] == [found]


@pytest.mark.parametrize("text", ["", "   ", "the and of to", "Parking places for bicycles", "!!!", "🚲"])
def test_what_is_about_something_else_finds_nothing(text: str) -> None:
    assert best(text) == []


def test_the_essence_is_short_folded_and_bare() -> None:
    assert essence("The ÄRGER with the “Übergabe”!") == "arger ubergabe"
    assert len(essence("x" * 100_000)) <= 600


def test_scores_lie_between_the_threshold_and_a_hundred() -> None:
    [(ref, score), *_] = ranked("Answer returns within a day", KNOWN.items(), 1)
    assert ref == "CH-1"
    assert 45 <= score <= 100
