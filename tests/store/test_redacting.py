"""What is left of a text without somebody and their words."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from store.redacting import ERASED, SHORT, TELLING, Quotes, Whom


def by_pattern(quotes: list[str], text: str) -> str:
    """The same by one pattern of all, which is slow and easy to believe."""
    known = sorted({one for one in quotes if len(one) >= TELLING}, key=len, reverse=True)
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(one)}(?!\w)" for one in known) or "(?!)")
    return pattern.sub(lambda found: ERASED if len(found[0]) >= len(ERASED) else SHORT, text)


LETTERS = st.text(alphabet="abé_ .9", min_size=1, max_size=14)


@given(quotes=st.lists(LETTERS, max_size=6), between=st.lists(LETTERS, max_size=6))
def test_quotes_are_found_as_whole_words_and_the_longer_first(quotes: list[str], between: list[str]) -> None:
    known = Quotes()
    for one in quotes:
        known.add(one)
    text = "".join(part for pair in zip(between, [*quotes, *quotes], strict=False) for part in pair)
    assert known.taken_out_of(text) == by_pattern(quotes, text)


def test_short_words_are_everybodys() -> None:
    known = Quotes()
    known.add("Yes.")
    assert not known
    known.add("Quetschkommode")
    assert known
    assert (
        known.taken_out_of("Yes. The Quetschkommode, or Quetschkommoden.") == f"Yes. The {ERASED}, or Quetschkommoden."
    )


def test_somebody_who_wrote_much_is_looked_for_as_fast_as_somebody_who_wrote_little() -> None:
    """Counted in looks, not in seconds: one for each place of a text, however many quotes there are."""
    whom = Whom("lea.fontaine", "erased-1", "p-1", ("Léa Fontaine",))
    for number in range(5_000):
        whom.wrote.add(f"Text number {number} of somebody who had much to say. " * 8)
    told = f"Léa Fontaine said: {'Text number 4711 of somebody who had much to say. ' * 8}"
    assert whom.without(told) == f"{ERASED} said: {ERASED}"
