"""What follows from answers: wait, ask for the open places, stop (3.4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from champions.invitations import (
    OFFERS,
    Answers,
    acceptance_percent,
    next_batch_size,
    shown_answers,
    under_recruited,
    what_follows,
)
from tests.champions.grounds import untimed

counts = st.integers(0, 60)


@st.composite
def answers(draw: st.DrawFn) -> Answers:
    accepted = draw(counts)
    return Answers(
        batches=draw(st.integers(0, 10)),
        accepted=accepted,
        left=draw(st.integers(0, accepted)),
        declined=draw(counts),
        expired=draw(counts),
        waiting=draw(counts),
    )


def test_a_new_campaign_asks_for_all_its_places() -> None:
    following = what_follows(12, Answers(), anyone_eligible=True)
    assert (following.step, following.batch) == ("invite", 12)


def test_only_the_open_places_are_asked_for() -> None:
    assert next_batch_size(80, Answers(accepted=56, declined=20, expired=4)) == 24
    assert next_batch_size(80, Answers(accepted=56, left=2, declined=20, waiting=10)) == 16
    assert next_batch_size(3, Answers(accepted=5)) == 0


def test_a_batch_is_answered_before_the_next_is_asked() -> None:
    following = what_follows(10, Answers(batches=1, accepted=4, declined=3, waiting=3), anyone_eligible=True)
    assert (following.step, following.batch) == ("wait", 0)


def test_filled_places_end_the_asking_whatever_the_rate() -> None:
    assert what_follows(5, Answers(batches=9, accepted=5, declined=95), anyone_eligible=False).step == "filled"


@pytest.mark.parametrize(
    ("given_answers", "stops"),
    [
        (Answers(batches=7, accepted=50, declined=50), False),
        (Answers(batches=8, accepted=50, declined=50), True),
        (Answers(batches=8, accepted=50, declined=50, waiting=1), False),
        (Answers(batches=1, accepted=5, declined=14), False),
        (Answers(batches=1, accepted=5, declined=15), True),
        (Answers(batches=1, accepted=6, declined=14), False),
        (Answers(batches=1, accepted=6, declined=10, expired=5), True),
        (Answers(batches=2, accepted=0, declined=19), False),
    ],
)
def test_a_campaign_stops_after_eight_batches_or_below_30_per_cent_of_20_answers(
    given_answers: Answers, stops: bool
) -> None:
    assert (under_recruited(given_answers, anyone_eligible=True) is not None) == stops


def test_nobody_left_to_ask_is_a_finding_once_all_have_answered() -> None:
    assert under_recruited(Answers(waiting=1), anyone_eligible=False) is None
    assert under_recruited(Answers(), anyone_eligible=False) == "Places are open and nobody is left who may be invited."


def test_when_everyone_declines_the_finding_is_to_ask_why() -> None:
    following = what_follows(30, Answers(batches=1, declined=12, expired=18), anyone_eligible=True)
    assert following.step == "under_recruited"
    assert following.finding == "Nobody among 30 people asked wants to champion this change. Hold it and ask why."
    assert following.offers == OFFERS


def test_counts_are_shown_from_ten_invitations_on_and_silence_is_a_no() -> None:
    assert shown_answers(Answers(accepted=4, declined=3, expired=2)) is None
    assert shown_answers(Answers(accepted=4, declined=3, expired=3)) == Answers(accepted=4, declined=6)


def test_the_rate_is_of_answers_and_needs_one() -> None:
    assert acceptance_percent(Answers(waiting=5)) is None
    assert acceptance_percent(Answers(accepted=2, declined=1, waiting=5)) == 66


def test_more_leaving_than_coming_is_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="left: more champions left than ever accepted"):
        Answers(accepted=1, left=2)


@untimed
@given(st.integers(0, 100), answers(), st.booleans())
def test_no_campaign_ever_asks_for_more_than_its_places(places: int, some: Answers, anyone: bool) -> None:
    following = what_follows(places, some, anyone_eligible=anyone)
    assert following.batch == 0 or some.champions + some.waiting + following.batch <= places
    assert (following.step == "invite") == (following.batch > 0)
    assert (following.step == "under_recruited") == (following.finding is not None) == bool(following.offers)
