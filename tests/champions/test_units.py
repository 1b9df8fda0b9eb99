"""Units as floors and reports see them: one home a person, small units joined upward."""

from __future__ import annotations

from typing import Any

import pytest

from champions.model import Candidate, Unit
from champions.units import Groups, group
from tests.champions.grounds import person, team


def grouped(people: list[Candidate], *units: Unit, affected: list[str] | None = None) -> Groups:
    refs = affected if affected is not None else [each.ref for each in people]
    return group(units, {each.ref: each for each in people}, refs)


def unit(ref: str, parent: str | None = None, **fields: Any) -> Unit:
    return Unit(ref=ref, name=ref.upper(), parent=parent, **fields)


def test_a_unit_of_five_stands_alone_and_one_of_four_joins_its_parent() -> None:
    groups = grouped([*team("a", 5), *team("b", 4), *team("top", 1)], unit("a", "top"), unit("b", "top"), unit("top"))
    assert groups.size == {"a": 5, "top": 5}
    assert (groups.of("a1"), groups.of("b1")) == ("a", "top")


def test_joining_goes_on_upward_until_five_are_together() -> None:
    chain = [unit("c", "b"), unit("b", "a"), unit("a")]
    groups = grouped([*team("a", 3), *team("b", 1), *team("c", 1)], *chain)
    assert groups.size == {"a": 5}
    assert {groups.of(ref) for ref in ("a1", "b1", "c1")} == {"a"}


def test_two_small_teams_make_one_group_of_a_parent_without_people() -> None:
    groups = grouped([*team("a", 3), *team("b", 3)], unit("a", "top"), unit("b", "top"), unit("top"))
    assert groups.size == {"top": 6}
    assert groups.shown("top")


def test_a_small_unit_without_parent_keeps_its_floor_and_is_never_printed() -> None:
    groups = grouped(team("a", 4), unit("a", "unknown"))
    assert groups.size == {"a": 4}
    assert not groups.shown("a")


def test_only_affected_people_make_a_unit_affected() -> None:
    groups = grouped([*team("a", 6), *team("b", 6)], unit("a"), unit("b"), affected=["a1", "a2", "a3", "a4", "a5"])
    assert groups.size == {"a": 5}
    assert groups.of("b1") == "b"


def test_a_person_in_several_teams_counts_once_at_home() -> None:
    people = [*team("a", 5), *team("b", 5)]
    groups = grouped(people, unit("a", members=("b1", "b2")), unit("b", members=("a1",)))
    assert groups.size == {"a": 5, "b": 5}


def test_people_the_directory_gives_no_home_stay_without_one() -> None:
    groups = grouped([person("x", None), *team("a", 5)], unit("a", members=("x",)))
    assert groups.of("x") is None
    assert groups.size == {"a": 5}


def test_an_unknown_home_falls_back_to_the_deepest_unit_that_lists_the_person() -> None:
    members = ("x", "stranger")
    groups = grouped(
        [person("x", "sold-off"), *team("a", 5)],
        unit("top", members=members),
        unit("a", "top", members=members),
        affected=["x", "stranger", "a1", "a2", "a3"],
    )
    assert (groups.of("x"), groups.of("stranger")) == ("a", "a")
    assert groups.size == {"a": 5}


@pytest.mark.parametrize(
    ("units", "in_cycle"),
    [
        ([unit("a", "a")], 1),
        ([unit("a", "b"), unit("b", "a")], 2),
        ([unit("a", "b"), unit("b", "c"), unit("c", "b")], 2),
    ],
)
def test_a_cycle_of_parents_ends_and_is_counted(units: list[Unit], in_cycle: int) -> None:
    groups = grouped(team("a", 2), *units)
    assert groups.in_cycle == in_cycle
    assert sum(groups.size.values()) == 2


def test_a_unit_listed_twice_is_one_unit_in_either_order() -> None:
    twice = [unit("a", members=("x",)), unit("a", members=("y",))]
    for order in (twice, twice[::-1]):
        assert grouped([], *order, affected=["x", "y"]).size == {"a": 2}
