"""What is wrong with a field, in plain words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from changes.any_moment import MoveDeadline
from changes.decision import HUMAN_COMMANDS
from web.plain_words import field_name, findings, pointer_to


def said(model: type[BaseModel], value: Any) -> list[str]:
    """What is wrong with ``value``."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(value)
    return [finding.message for finding in findings(caught.value.errors(), model=model)]


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("2026-03-02T09:00:00", "must say its time zone, for example 2026-03-02T09:00:00+01:00"),
        ("Monday", "must be a date and time such as 2026-03-02T09:00:00Z"),
        ("3026-03-02T09:00:00Z", "must lie between the years 1970 and 2200"),
        ([], "must be a date and time"),
    ],
)
def test_moments(moment: Any, words: str) -> None:
    [message] = said(MoveDeadline, {"deadline": "gate", "to": moment, "reason": "x"})
    assert message.startswith(f"“to” {words}")


def test_pointers_and_names() -> None:
    assert pointer_to(("tests", 0, "a/b~c")) == "/tests/0/a~1b~0c"
    assert pointer_to(()) == ""
    assert field_name(("tests", 0, "ends")) == "ends of tests 1"
    assert field_name(("waves", 1, "guards", 0, "unit")) == "unit of guards 1 of waves 2"
    assert field_name(("affected_teams", 1)) == "affected_teams 2"
    assert field_name(()) == "The body"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.just(Decimal("NaN")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(kind=st.sampled_from(sorted(HUMAN_COMMANDS)), data=st.data())
def test_whatever_is_sent_the_answer_is_a_sentence(kind: str, data: st.DataObject) -> None:
    command = HUMAN_COMMANDS[kind]
    fields = st.dictionaries(st.sampled_from([*command.model_fields, "other"]), JSON, max_size=4)
    try:
        command.model_validate(data.draw(fields))
    except ValidationError as error:
        for finding in findings(error.errors(), model=command):
            assert finding.message[-1] in ".?"
            assert "Input should" not in finding.message and "input should" not in finding.message, finding
            assert "pydantic" not in finding.message
