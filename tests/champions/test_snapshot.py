"""Bad input put right and counted (section 5), and a fingerprint that only content changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from champions.model import Ground
from champions.snapshot import Snapshot, fingerprint
from tests.champions.grounds import ground, grounds, person, untimed


def shuffled(some: Ground, data: st.DataObject) -> Ground:
    """The same content in another order, ties turned round too."""
    names = ("people", "affected", "units", "already", "asked", "not_again", "excluded")
    update = {name: tuple(data.draw(st.permutations(getattr(some, name)))) for name in names}
    turned = [tie[::-1] if data.draw(st.booleans()) else tie for tie in data.draw(st.permutations(some.ties))]
    return some.model_copy(update=update | {"ties": tuple(turned)})


def test_ties_are_taken_once_and_both_ways() -> None:
    snapshot = Snapshot.of(ground([person("a"), person("b"), person("c")], ["a-b", "a-b", "b-a", "b-c"]))
    assert {ref: sorted(others) for ref, others in snapshot.neighbours.items()} == {
        "a": ["b"],
        "b": ["a", "c"],
        "c": ["b"],
    }
    assert snapshot.notes == ()


def test_ties_that_cannot_be_are_dropped_and_counted_by_reason() -> None:
    people = [person("a"), person("b"), person("gone", active=False)]
    snapshot = Snapshot.of(ground(people, ["a-a", "a-gone", "gone-b", "a-stranger", "a-b"]))
    assert sorted(snapshot.neighbours) == ["a", "b"]
    assert snapshot.notes == (
        "1 tie led to somebody the directory does not know and was left out.",
        "2 ties led to somebody who is no longer active and were left out.",
        "1 tie tied a person to themselves and was left out.",
    )


def test_whoever_left_or_stepped_down_frees_the_place_and_is_not_reached() -> None:
    people = [person("a"), person("b"), person("gone", active=False)]
    snapshot = Snapshot.of(ground(people, already=("a", "b", "gone"), asked=("gone",), not_again=("b",)))
    assert snapshot.champions == {"a"}
    assert snapshot.asked == frozenset()
    assert snapshot.affected == {"a", "b"}


def test_an_accepted_champion_whom_the_list_of_people_leaves_out_keeps_the_place() -> None:
    assert Snapshot.of(ground([person("a")], already=("visitor",))).champions == {"visitor"}


def test_split_persons_are_named_unclear() -> None:
    people = [
        person("Ana"),
        person("ana"),
        person("ben", votes=1),
        person("ben", votes=2),
        person("cem"),
        person("cem"),
    ]
    snapshot = Snapshot.of(ground(people))
    assert snapshot.unclear == {"Ana", "ana", "ben"}
    assert "3 references stand for more than one entry" in snapshot.notes[0]


def test_a_cycle_of_units_is_reported() -> None:
    some = ground([person("a")])
    own_parent = some.units[0].model_copy(update={"parent": "u"})
    (note,) = Snapshot.of(some.model_copy(update={"units": (own_parent,)})).notes
    assert note.startswith("1 unit has a chain of parents that leads back to itself.")


@untimed
@given(grounds(), st.data())
def test_the_order_of_a_ground_does_not_change_its_fingerprint(some: Ground, data: st.DataObject) -> None:
    assert fingerprint(some) == fingerprint(shuffled(some, data))


@untimed
@given(grounds(), grounds())
def test_grounds_with_different_content_have_different_fingerprints(one: Ground, other: Ground) -> None:
    assert one == other or fingerprint(one) != fingerprint(other) or _sorted(one) == _sorted(other)


def _sorted(some: Ground) -> dict[str, object]:
    ties = sorted(sorted(tie) for tie in some.ties)
    units = sorted((unit.ref, unit.name, sorted(unit.members), unit.parent or "") for unit in some.units)
    people = sorted(each.model_dump_json() for each in some.people)
    lists = {name: sorted(getattr(some, name)) for name in ("affected", "already", "asked", "not_again", "excluded")}
    rest = some.model_dump(exclude={"ties", "units", "people", *lists})
    return {"ties": ties, "units": units, "people": people, **lists, **rest}


def test_every_field_counts_for_the_fingerprint() -> None:
    base = ground([person("a"), person("b")], ["a-b"], places=2)
    changed = [
        base.model_copy(update={"ties": ()}),
        base.model_copy(update={"places": 3}),
        base.model_copy(update={"seed": "other"}),
        base.model_copy(update={"asked": ("a",)}),
        base.model_copy(update={"already": ("a",)}),
        base.model_copy(update={"people": (person("a"), person("b", votes=1))}),
    ]
    assert len({fingerprint(each) for each in [base, *changed]}) == len(changed) + 1


def test_a_ground_survives_the_journey_through_json() -> None:
    some = ground([person("a", quiet_until="2026-12-01"), person("b")], ["a-b"], places=2)
    again = Ground.model_validate_json(some.model_dump_json())
    assert again == some
    assert fingerprint(again) == fingerprint(some)
