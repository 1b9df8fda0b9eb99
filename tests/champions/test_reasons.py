"""The sentences a person is asked with, and what the planner is told (3.5)."""

from __future__ import annotations

from champions.choosing import plan
from champions.model import Recommendation
from tests.champions.grounds import ground, person, team


def only(made_from: list[str], **fields: int) -> Recommendation:
    """The recommendation of ``x`` with ties to the people named."""
    people = [*team("a", 5), *team("b", 5), person("x", "a", votes=2, **fields)]
    some = ground(people, [f"x-{ref}" for ref in made_from], cover_every_unit=False)
    (pick,) = plan(some).picks
    assert pick.person == "x"
    return pick


def test_the_whole_explanation_of_a_well_connected_person() -> None:
    pick = only(["a1", "a2", "a3", "b1"], campaigns_last_12_months=1)
    assert pick.reasons == (
        "4 colleagues in 2 teams go to you or work with you.",
        "4 of them have no other champion.",
        "A has no other champion.",
        "You have championed 1 change in the past year.",
        "It takes about 2 hours a week for 6 weeks.",
        "Saying no has no effect, and nobody is told.",
    )
    assert (pick.reach, pick.only_this, pick.teams, pick.unit) == (4, 4, 2, "a")


def test_fewer_than_three_people_give_no_number() -> None:
    pick = only(["a1", "b1"])
    assert (pick.reach, pick.only_this, pick.teams) == (0, 0, 0)
    assert not any("go to" in reason for reason in pick.reasons)


def test_whoever_has_nothing_to_be_told_is_told_so() -> None:
    people = [person("x", "a", votes=2), person("y", "a")]
    (pick,) = plan(ground(people)).picks
    assert pick.reasons[0] == "Fewer than three colleagues have said that they work with you, so no number is shown."


def test_nominations_are_told_as_a_number_from_three_on() -> None:
    named = "3 colleagues named you as somebody they go to."
    assert named in plan(ground([*team("a", 5), person("x", "a", votes=3)])).picks[0].reasons
    assert "named you" not in " ".join(plan(ground([*team("a", 5), person("x", "a", votes=2)])).picks[0].reasons)


def test_colleagues_with_another_champion_are_not_only_this_ones() -> None:
    people = team("a", 8)
    ties = [f"a1-a{number}" for number in range(3, 9)] + [f"a2-a{number}" for number in range(5, 8)]
    made = plan(ground(people, ties, places=2, already=("a2",)))
    assert [(pick.person, pick.reach, pick.only_this) for pick in made.picks] == [("a1", 6, 3)]
    assert "A has no other champion." not in made.picks[0].reasons


def test_a_fellow_champion_is_reached_and_needs_no_champion() -> None:
    people = team("a", 8)
    (pick,) = plan(ground(people, [f"a1-a{number}" for number in range(2, 6)], places=2, already=("a2",))).picks
    assert (pick.person, pick.reach, pick.only_this) == ("a1", 4, 3)


def test_no_colleague_is_named_in_any_reason() -> None:
    people = [person(f"colleague-{number}", "a", votes=1) for number in range(9)]
    ties = [f"{one.ref}-{other.ref}".replace("colleague-", "c") for one in people for other in people]
    renamed = [each.model_copy(update={"ref": each.ref.replace("colleague-", "c")}) for each in people]
    for pick in plan(ground(renamed, ties, places=4)).picks:
        assert not any(each.ref in " ".join(pick.reasons) for each in renamed)


def test_the_planner_is_told_what_is_not_known() -> None:
    people = team("a", 10)
    notes = plan(ground(people, ["a1-a2", "a1-a3", "a1-a4"])).notes
    known = "30% of the people affected have a consented tie to a champion of this plan."
    assert f"{known} What reaches the others is not known." in notes
    few = plan(ground(people, ["a1-a2"])).notes
    assert any(note.startswith("Fewer than three of the people affected") for note in few)
    assert not any("covered" in note for note in (*notes, *few))


def test_people_without_a_unit_are_to_be_written_to_directly() -> None:
    people = [*team("a", 5, votes=1), *[person(f"free{number}", None) for number in range(3)]]
    assert any(note.startswith("3 of the people affected have no unit here.") for note in plan(ground(people)).notes)
    assert not any("no unit here" in note for note in plan(ground(people[:7])).notes)


def test_a_site_of_five_without_a_champion_is_named_and_a_smaller_one_is_not() -> None:
    people = [*team("a", 5, votes=1, site="Oslo"), *team("b", 5, site="Lisbon"), *team("c", 4, site="Fohr")]
    notes = plan(ground(people, cover_every_unit=False)).notes
    assert "No champion works at Lisbon." in notes
    assert not any("Fohr" in note for note in notes)
