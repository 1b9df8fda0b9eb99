from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from policies.conditions import Circumstances, When, evaluate
from policies.reachability import can_hold, comparisons
from tests.policies.test_conditions import any_circumstances, circumstances, trees

WHEN: TypeAdapter[When] = TypeAdapter(When)
REGULATED = {"field": "regulated", "is": True}
OVER_50 = {"field": "people_affected", "over": 50}


@pytest.mark.parametrize(
    ("wanted", "unless", "possible"),
    [
        ("always", [], True),
        ("always", ["always"], False),
        ("always", [REGULATED], True),
        ("always", [REGULATED, {"not": REGULATED}], False),
        (REGULATED, ["always"], False),
        (OVER_50, [{"field": "people_affected", "at_least": 51}], False),
        (OVER_50, [{"field": "people_affected", "over": 51}], True),
        ({"field": "cost", "over": 50}, [{"field": "cost", "at_least": 51}], True),  # 50.5
        ({"field": "people_affected", "over": 1_000_000}, [], False),
        ({"field": "people_affected", "under": 1}, [], False),
        ({"all": [OVER_50, {"field": "people_affected", "under": 51}]}, [], False),
        ({"all": [REGULATED, {"not": REGULATED}]}, [], False),
        ({"field": "process", "in": []}, [], False),
        ({"field": "process", "is_not": "a"}, [{"field": "process", "is": "b"}], True),
        ({"field": "process", "in": ["a", "b"]}, [{"field": "process", "in": ["b", "c", "a"]}], False),
        ({"field": "proposer_role", "is_not": "employee"}, [], False),
        ({"field": "affected_teams", "includes": "a"}, [{"field": "affected_teams", "in": ["b", "a"]}], False),
        ({"field": "affected_teams", "in": ["b", "a"]}, [{"field": "affected_teams", "includes": "a"}], True),
        ({"field": "urgency", "is": "normal"}, [{"field": "urgency", "is_not": "emergency"}], False),
    ],
)
def test_by_example(wanted: Any, unless: list[Any], possible: bool) -> None:
    assert can_hold(WHEN.validate_python(wanted), [WHEN.validate_python(when) for when in unless]) is possible


@given(trees, st.lists(trees, max_size=2), any_circumstances)
def test_a_route_that_a_change_takes_is_never_called_out_of_reach(
    wanted: Any, unless: list[Any], facts: Circumstances
) -> None:
    conditions = [WHEN.validate_python(when) for when in (wanted, *unless)]
    if evaluate(conditions[0], facts).holds and not any(evaluate(when, facts).holds for when in conditions[1:]):
        assert can_hold(conditions[0], conditions[1:])


EVERY_CHANGE = [
    circumstances(
        people_affected=people,
        cost=Decimal(cost),
        reversible=reversible,
        regulated=regulated,
        process=process,
    )
    for people, cost, reversible, regulated, process in itertools.product(
        range(1, 7),
        ("-1", "0", "0.5", "1", "1.5", "2", "2.5", "3", "3.5", "4", "5"),
        (True, False),
        (True, False),
        "pqr",
    )
]
small_leaves = st.one_of(
    st.builds(
        lambda field, operator, value: {"field": field, operator: value},
        st.sampled_from(["people_affected", "cost"]),
        st.sampled_from(["is", "over", "under"]),
        st.integers(0, 4),
    ),
    st.builds(lambda field: {"field": field, "is": True}, st.sampled_from(["reversible", "regulated"])),
    st.builds(lambda ref: {"field": "process", "is": ref}, st.sampled_from("pq")),
)
small_trees = st.recursive(
    small_leaves,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=5,
)


@given(small_trees)
def test_it_agrees_with_trying_every_change(tree: Any) -> None:
    when = WHEN.validate_python(tree)
    assert can_hold(when) is any(evaluate(when, facts).holds for facts in EVERY_CHANGE)


def pigeons(holes: int, *, spread: bool) -> Any:
    """A riddle as a condition: one pigeon more than there are holes, each in a hole, and if spread no two in one."""
    sits = {
        (pigeon, hole): {"field": "affected_teams", "includes": f"p{pigeon}-h{hole}"}
        for pigeon in range(holes + 1)
        for hole in range(holes)
    }
    housed = [{"any": [sits[pigeon, hole] for hole in range(holes)]} for pigeon in range(holes + 1)]
    alone = [
        {"not": {"all": [sits[one, hole], sits[other, hole]]}}
        for hole in range(holes)
        for one, other in itertools.combinations(range(holes + 1), 2)
    ]
    return {"all": housed + (alone if spread else [])}


def test_a_question_too_large_to_answer_claims_nothing() -> None:
    assert not can_hold(WHEN.validate_python(pigeons(3, spread=True)))
    assert can_hold(WHEN.validate_python(pigeons(9, spread=True)))  # cannot hold; to find out would take for ever
    assert can_hold(WHEN.validate_python(pigeons(9, spread=False)))
    teams = [{"field": "affected_teams", "includes": f"t{number}"} for number in range(2000)]
    assert can_hold(WHEN.validate_python({"all": [*teams, {"not": teams[0]}]}))


def test_leaves_are_found_in_every_branch() -> None:
    tree = {"all": [REGULATED, {"any": [OVER_50, {"not": {"field": "cost", "is": 1}}]}]}
    assert [leaf.field for leaf in comparisons(WHEN.validate_python(tree))] == ["regulated", "people_affected", "cost"]
    assert list(comparisons("always")) == []
