"""The objective: what it counts, and the two properties that lazy greedy choice stands on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from champions.model import Ground
from tests.champions.grounds import cover_of, ground, person, plain_grounds, untimed, worth


def test_a_colleague_counts_until_two_champions_know_them_and_a_champion_in_full() -> None:
    cover = cover_of(ground([person(ref) for ref in "abcd"], ["a-d", "b-d", "c-d"]))
    gains = []
    for champion in "abc":
        gains.append(cover.gain(champion))
        cover.add(champion)
    # Two points for themselves and one for d, in half points; the third champion adds nothing for d.
    assert gains == [6, 6, 4]
    assert cover.gain("d") == 0
    assert cover.worth == 16


def test_a_vote_is_half_a_point() -> None:
    cover = cover_of(ground([person("a", votes=3), person("b")]))
    assert cover.gain("a") - cover.gain("b") == 3


def test_people_who_are_not_affected_count_only_through_whom_they_reach() -> None:
    cover = cover_of(ground([person("a"), person("b")], ["a-b"], affected=("b",)))
    assert (cover.gain("a"), cover.gain("b")) == (2, 4)


def test_adding_a_champion_twice_changes_nothing() -> None:
    cover = cover_of(ground([person("a", votes=1), person("b")], ["a-b"]))
    cover.add("a")
    before = cover.worth
    cover.add("a")
    assert (cover.worth, cover.gain("a")) == (before, 0)


@untimed
@given(plain_grounds(), st.data())
def test_worth_is_the_sentence_of_the_design(some: Ground, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from([each.ref for each in some.people]), unique=True))
    cover = cover_of(some)
    for champion in chosen:
        cover.add(champion)
    assert cover.worth == worth(some, chosen)


@untimed
@given(plain_grounds(), st.data())
def test_gains_are_never_negative_and_shrink_as_champions_are_added(some: Ground, data: st.DataObject) -> None:
    refs = [each.ref for each in some.people]
    few, more = cover_of(some), cover_of(some)
    for champion in data.draw(st.lists(st.sampled_from(refs))):
        few.add(champion)
        more.add(champion)
    for champion in data.draw(st.lists(st.sampled_from(refs))):
        more.add(champion)
    assert few.worth <= more.worth
    assert all(0 <= more.gain(ref) <= few.gain(ref) for ref in refs)
