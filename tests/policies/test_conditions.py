from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from policies.conditions import FIELDS, Circumstances, When, evaluate, in_words

WHEN: TypeAdapter[When] = TypeAdapter(When)


def circumstances(**facts: Any) -> Circumstances:
    usual: dict[str, Any] = {
        "people_affected": 120,
        "cost": Decimal(800),
        "reversible": True,
        "customer_facing": False,
        "regulated": False,
        "urgency": "normal",
        "crosses_teams": True,
        "process": "invoicing",
        "affected_teams": frozenset({"billing", "claims"}),
        "proposer_role": frozenset({"employee"}),
        "process_names": {"invoicing": "Invoicing"},
        "team_names": {"billing": "Billing Support", "claims": "Claims"},
    }
    return Circumstances(**{**usual, **facts})


@pytest.mark.parametrize(
    ("condition", "holds", "because"),
    [
        ("always", True, "it applies to every change"),
        ({"field": "people_affected", "over": 50}, True, "it touches 120 people, over 50"),
        ({"field": "people_affected", "over": 120}, False, "it touches 120 people, not over 120"),
        ({"field": "people_affected", "under": 121}, True, "it touches 120 people, under 121"),
        ({"field": "people_affected", "at_least": 121}, False, "it touches 120 people, under 121"),
        ({"field": "people_affected", "at_most": 120}, True, "it touches 120 people, at most 120"),
        ({"field": "people_affected", "in": [1, 2]}, False, "it touches 120 people, none of 1 or 2"),
        ({"field": "cost", "is": Decimal("800.00")}, True, "it costs 800, exactly 800"),
        ({"field": "cost", "is_not": 800}, False, "it costs 800, exactly 800"),
        ({"field": "reversible", "is": True}, True, "it can be undone"),
        ({"field": "reversible", "is_not": True}, False, "it can be undone"),
        ({"field": "customer_facing", "is": True}, False, "customers will not notice it"),
        ({"field": "regulated", "is": False}, True, "it does not touch regulated work"),
        ({"field": "crosses_teams", "is": True}, True, "it touches more than one team (Billing Support and Claims)"),
        ({"field": "urgency", "is": "emergency"}, False, "it is not an emergency"),
        ({"field": "urgency", "is_not": "emergency"}, True, "it is not an emergency"),
        ({"field": "process", "is": "invoicing"}, True, "it changes Invoicing"),
        ({"field": "process", "is": "settling"}, False, "it changes Invoicing, not settling"),
        ({"field": "process", "in": ["invoicing"]}, True, "it changes Invoicing, one of the processes listed"),
        ({"field": "process", "in": []}, False, "it changes Invoicing, none of the processes listed"),
        ({"field": "affected_teams", "includes": "claims"}, True, "it affects Claims"),
        ({"field": "affected_teams", "in": ["hr", "claims"]}, True, "it affects Claims"),
        ({"field": "affected_teams", "in": ["hr", "it"]}, False, "it does not affect hr and it"),
        ({"field": "proposer_role", "is": "executive"}, False, "the proposer does not have the role executive"),
        ({"field": "proposer_role", "is_not": "executive"}, True, "the proposer does not have the role executive"),
        ({"field": "proposer_role", "includes": "employee"}, True, "the proposer has the role employee"),
        (
            {"all": [{"field": "reversible", "is": True}, {"field": "cost", "over": 500}]},
            True,
            "it can be undone and it costs 800, over 500",
        ),
        ({"all": [{"field": "reversible", "is": True}, {"field": "cost", "over": 900}]}, False,
         "it costs 800, not over 900"),
        ({"any": [{"field": "reversible", "is": False}, {"field": "cost", "over": 500}]}, True,
         "it costs 800, over 500"),
        ({"any": [{"field": "reversible", "is": False}, {"field": "cost", "over": 900}]}, False,
         "it can be undone and it costs 800, not over 900"),
        ({"not": {"any": [{"field": "regulated", "is": True}]}}, True, "it does not touch regulated work"),
    ],
)  # fmt: skip
def test_conditions_decide_and_say_why(condition: Any, holds: bool, because: str) -> None:
    outcome = evaluate(WHEN.validate_python(condition), circumstances())
    assert (outcome.holds, outcome.because) == (holds, because)


@pytest.mark.parametrize(
    "wrong",
    [
        {"field": "people_affected", "over": "many"},
        {"field": "people_affected", "over": True},
        {"field": "people_affected", "includes": 5},
        {"field": "reversible", "is": "yes"},
        {"field": "reversible", "over": 1},
        {"field": "urgency", "is": "soon"},
        {"field": "process", "over": "a"},
        {"field": "affected_teams", "is": "claims"},
        {"field": "proposer_role", "is": "boss"},
        {"field": "cost"},
        {"field": "cost", "over": None},
        {"field": "cost", "over": 1, "under": 5},
        {"field": "shoe_size", "is": 43},
        {"field": ["cost"], "is": 43},
        {"all": []},
        {"all": [{"field": "cost", "is": 1}], "any": []},
        {"not": "always"},
        {"not": [{"field": "cost", "is": 1}]},
        {},
        [],
        None,
        5,
        "sometimes",
    ],
)
def test_a_condition_that_cannot_be_meant_is_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        WHEN.validate_python(wrong)


leaves = st.one_of(
    st.builds(
        lambda field, operator, value: {"field": field, operator: value},
        st.sampled_from(["people_affected", "cost"]),
        st.sampled_from(["is", "is_not", "over", "under", "at_least", "at_most"]),
        st.integers(0, 4),
    ),
    st.builds(
        lambda field, operator, value: {"field": field, operator: value},
        st.sampled_from(["reversible", "customer_facing", "regulated", "crosses_teams"]),
        st.sampled_from(["is", "is_not"]),
        st.booleans(),
    ),
    st.builds(lambda word: {"field": "urgency", "is": word}, st.sampled_from(["normal", "emergency"])),
    st.builds(lambda refs: {"field": "process", "in": refs}, st.lists(st.sampled_from(["p", "q"]), max_size=2)),
    st.builds(lambda ref: {"field": "affected_teams", "includes": ref}, st.sampled_from(["a", "b"])),
    st.builds(lambda role: {"field": "proposer_role", "is_not": role}, st.sampled_from(["employee", "executive"])),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=6,
)
"""Any condition over few values, as YAML would give it."""
any_circumstances = st.builds(
    circumstances,
    people_affected=st.integers(1, 5),
    cost=st.sampled_from([Decimal(text) for text in ("-1", "0", "0.5", "1", "2", "2.5", "3", "4", "9")]),
    reversible=st.booleans(),
    customer_facing=st.booleans(),
    regulated=st.booleans(),
    crosses_teams=st.booleans(),
    urgency=st.sampled_from(["normal", "emergency"]),
    process=st.sampled_from(["p", "q", "r"]),
    affected_teams=st.frozensets(st.sampled_from(["a", "b"])),
    proposer_role=st.sampled_from([frozenset({"employee"}), frozenset({"employee", "executive"})]),
)


@given(trees, any_circumstances)
def test_not_turns_the_answer_and_keeps_the_facts(tree: Any, facts: Circumstances) -> None:
    plain, turned = (evaluate(WHEN.validate_python(when), facts) for when in (tree, {"not": tree}))
    assert turned.holds is not plain.holds
    assert turned.because == plain.because
    assert plain.because


@given(trees)
def test_a_condition_survives_being_written_out(tree: Any) -> None:
    when = WHEN.validate_python(tree)
    assert WHEN.validate_json(WHEN.dump_json(when)) == when


def test_conditions_are_short_in_words() -> None:
    tree = {
        "all": [
            {"not": {"field": "regulated", "is": True}},
            {"any": [{"field": "people_affected", "at_least": 50}, {"field": "process", "in": ["a", "b"]}]},
        ]
    }
    said = in_words(WHEN.validate_python(tree))
    assert said == "all of (not (regulated is true), any of (people_affected at least 50, process in (a, b)))"
    assert in_words("always") == "always"


def test_every_field_of_the_lifecycle_can_be_asked_about() -> None:
    assert set(FIELDS) <= set(Circumstances.__dataclass_fields__)
