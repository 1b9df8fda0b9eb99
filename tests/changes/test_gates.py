"""Gates: who is asked, what it takes to pass, and what passing means."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changes.facts import ENDORSE_TESTS, GATES, GateFacts, Quorum, Seat
from changes.gates import BEHIND, GATE_WORDS, GateOpened, GatePassed, quorum_reached
from tests.changes.road import at_champions, at_endorsement, at_rollout, filed
from tests.changes.world import MONDAY, World


def gate(quorum: Quorum, *seats: str) -> GateFacts:
    """A gate with ``seats``; "vera for mara" stands in."""
    found = []
    for seat in seats:
        person, _, absent = seat.partition(" for ")
        found.append(Seat(person=person, because="asked", group="all", stands_in_for=absent or None))
    return GateFacts(name=ENDORSE_TESTS, seats=tuple(found), quorum=quorum, due=MONDAY)


ANY = Quorum()
ALL = Quorum(rule="all")
TWO = Quorum(rule="count", count=2)
MOST = Quorum(rule="percent", percent=60, at_least=2)


class TestQuorum:
    @pytest.mark.parametrize(
        ("quorum", "seats", "needed", "words"),
        [
            (ANY, 3, 1, "any one of them is enough"),
            (ANY, 1, 1, "their answer is enough"),
            (ALL, 3, 3, "3 of 3 must say yes"),
            (ALL, 0, 1, "1 of 0 must say yes"),
            (TWO, 3, 2, "2 of 3 must say yes"),
            (MOST, 5, 3, "3 of 5 must say yes"),
            (MOST, 6, 4, "4 of 6 must say yes"),
            (MOST, 2, 2, "2 of 2 must say yes"),
        ],
    )
    def test_counts_and_says_so(self, quorum: Quorum, seats: int, needed: int, words: str) -> None:
        assert quorum.needed(seats) == needed
        assert quorum.in_words(seats) == words

    @settings(deadline=None)
    @given(st.integers(1, 100), st.integers(1, 500))
    def test_per_cent_rounds_up_and_never_beyond_everybody(self, percent: int, seats: int) -> None:
        needed = Quorum(rule="percent", percent=percent).needed(seats)
        assert 1 <= needed <= seats
        assert needed * 100 >= percent * seats
        assert (needed - 1) * 100 < percent * seats


class TestQuorumReached:
    @pytest.mark.parametrize(
        ("facts", "yes", "reached"),
        [
            (gate(ANY, "mara", "omar"), (), False),
            (gate(ANY, "mara", "omar"), ("omar",), True),
            (gate(ALL, "mara", "omar"), ("omar",), False),
            (gate(ALL, "mara", "omar"), ("omar", "omar"), False),
            (gate(ALL, "mara", "omar"), ("omar", "mara"), True),
            # The place has answered, whoever of the two it was.
            (gate(ALL, "vera for mara", "omar"), ("omar", "mara"), True),
            (gate(ALL, "vera for mara", "omar"), ("omar", "vera"), True),
            (gate(TWO, "vera for mara", "omar"), ("mara", "vera"), False),
            # Who was asked once and is not any more counts on, and does not fill the place of another.
            (gate(TWO, "omar", "lena"), ("mara", "omar"), True),
            (gate(ALL, "omar", "lena"), ("mara", "omar"), False),
            (gate(ALL), (), False),
        ],
    )
    def test_by_places(self, facts: GateFacts, yes: tuple[str, ...], reached: bool) -> None:
        assert bool(quorum_reached(facts, yes)) is reached

    def test_says_why(self) -> None:
        assert quorum_reached(gate(TWO, "mara", "omar"), ("mara", "omar")) == "2 said yes, 2 needed"

    @settings(deadline=None)
    @given(
        st.sampled_from([ANY, ALL, TWO, MOST]),
        st.sets(st.sampled_from("abcdef"), min_size=1),
        st.lists(st.sampled_from("abcdefgh"), max_size=8),
        st.sampled_from("abcdefgh"),
    )
    def test_one_more_yes_never_hurts(self, quorum: Quorum, seats: set[str], yes: list[str], more: str) -> None:
        facts = gate(quorum, *sorted(seats))
        if quorum_reached(facts, yes):
            assert quorum_reached(facts, [*yes, more])

    @settings(deadline=None)
    @given(st.sampled_from([ANY, ALL, TWO, MOST]), st.sets(st.sampled_from("abcdef"), min_size=1))
    def test_silence_never_passes(self, quorum: Quorum, seats: set[str]) -> None:
        assert quorum_reached(gate(quorum, *sorted(seats)), ()) is None


def test_every_gate_has_words_and_something_behind_it() -> None:
    assert set(GATE_WORDS) == set(BEHIND) == set(GATES)


def test_opened_and_passed_read_well() -> None:
    road = at_endorsement()
    assert road.last(GateOpened).sentence() == ("asked for the endorsement of the tests: any one of them is enough")
    assert at_rollout().last(GatePassed).sentence() == (
        "passed the signatures on champion coverage and rollout: 1 said yes, 1 needed"
    )


def test_the_record_of_gates_passed_only_grows() -> None:
    assert [passed.name for passed in at_rollout().change.passed] == list(GATES)


def test_the_campaign_begins_behind_the_gate_after_the_tests() -> None:
    road = at_champions()
    assert road.last(GatePassed).campaign_due == road.change.recruiting.campaign_due


def test_a_gate_keeps_the_rule_in_the_words_of_the_day_it_was_asked() -> None:
    world = World()
    world.quorums[GATES[0]] = TWO
    road = filed(world)
    world.quorums[GATES[0]] = ANY
    assert road.change.gate is not None
    assert road.change.gate.rule == "2 of 2 must say yes"
