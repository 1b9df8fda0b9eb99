"""Coverage in the terms of the rollout gate (3.8), and places for a campaign."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from champions.coverage import coverage, places_for, units_to_cover
from champions.model import SMALLEST_GROUP, Ground
from tests.champions.grounds import ground, grounds, person, team, untimed


def test_each_unit_tells_members_champions_and_ratio() -> None:
    some = ground([*team("a", 6), *team("b", 5)], places=2)
    found = coverage(some, ["a1"])
    assert [(unit.unit, unit.name, unit.members, unit.champions, unit.ratio, unit.covered) for unit in found.units] == [
        ("a", "A", 6, 1, 6, True),
        ("b", "B", 5, 0, None, False),
    ]
    assert (found.people, found.champions, found.places) == (11, 1, 2)
    assert (found.units_percent, found.places_percent, found.ratio) == (50, 50, 11)


def test_gaps_name_what_is_missing_and_what_the_gate_makes_of_it() -> None:
    found = coverage(ground([*team("a", 6), *team("b", 5)], places=2), ["a1"], people_per_champion=5)
    assert [(gap.evidence, gap.effect, gap.text) for gap in found.gaps] == [
        ("units_with_champion", "hold", "1 of 2 units have no accepted champion: B (5 people)."),
        ("places_filled", "conditions", "1 of 2 places are filled, fewer than 80%."),
        (
            "champions_per_person",
            "conditions",
            "One champion for 11 people; one for 5 is planned, so 2 more would be needed.",
        ),
    ]


def test_no_gap_where_everything_is_there() -> None:
    found = coverage(ground([*team("a", 6), *team("b", 5)], places=2), ["a1", "b1"], people_per_champion=6)
    assert found.gaps == ()
    assert (found.units_percent, found.places_percent) == (100, 100)


def test_one_missing_unit_in_twenty_does_not_hold_the_gate() -> None:
    people = [each for number in range(20) for each in team(f"u{number}x", 5)]
    accepted = [f"u{number}x1" for number in range(19)]
    found = coverage(ground(people, places=19), accepted)
    assert [gap.effect for gap in found.gaps] == ["conditions"]
    assert [gap.effect for gap in coverage(ground(people, places=18), accepted[:18]).gaps] == ["hold"]


def test_who_left_or_stepped_down_does_not_count() -> None:
    some = ground([*team("a", 5), person("gone", "a", active=False)], places=3, not_again=("a2",))
    assert coverage(some, ["a1", "a1", "a2", "gone"]).champions == 1


def test_more_champions_than_places_fill_them_once() -> None:
    found = coverage(ground(team("a", 6), places=2), ["a1", "a2", "a3"])
    assert (found.champions, found.places_percent, found.gaps) == (3, 100, ())


def test_people_already_on_the_ground_do_not_count_unless_given() -> None:
    assert coverage(ground(team("a", 5), already=("a1",)), []).champions == 0


def test_a_group_below_five_is_in_no_figure() -> None:
    found = coverage(ground([*team("a", 5), *team("b", 4)], places=2), ["a1"])
    assert [unit.unit for unit in found.units] == ["a"]
    assert found.gaps[0].evidence == "places_filled"


def test_an_empty_ground_has_an_empty_coverage() -> None:
    found = coverage(ground([], places=0), [])
    assert (found.units, found.gaps, found.ratio, found.units_percent, found.places_percent) == ((), (), None, 100, 100)


@untimed
@given(grounds(), st.lists(st.sampled_from(["p0", "p1", "p2", "stranger"])))
def test_no_printed_unit_is_small_and_no_declined_person_counts(some: Ground, accepted: list[str]) -> None:
    found = coverage(some, accepted)
    assert all(unit.members >= SMALLEST_GROUP for unit in found.units)
    assert sum(unit.champions for unit in found.units) <= found.champions <= len(set(accepted) - set(some.not_again))
    assert found == coverage(some.model_copy(update={"not_again": some.not_again[::-1]}), accepted[::-1])


@pytest.mark.parametrize(
    ("people", "per_champion", "units", "places"),
    [
        (2_000, 25, 47, 80),
        (2_000, 25, 90, 90),
        (26, 25, 1, 2),
        (8, 25, 1, 1),
        (3, 6, 5, 3),
        (1, 25, 1, 0),
        (0, 25, 0, 0),
    ],
)
def test_places_follow_from_people_and_units(people: int, per_champion: int, units: int, places: int) -> None:
    assert places_for(people, per_champion, units) == places


def test_a_champion_for_nobody_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="people_per_champion"):
        places_for(10, 0, 1)


def test_units_to_cover_are_those_with_a_floor() -> None:
    assert units_to_cover(ground([*team("b", 5), *team("a", 7), person("x", None)])) == ("a", "b")
