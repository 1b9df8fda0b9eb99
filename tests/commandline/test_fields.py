"""How fields are typed: each shape of a JSON schema, and what was typed as JSON values."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Literal

import pytest
from pydantic import AwareDatetime, BaseModel, Field

from changes.values import Number, PersonRef
from commandline.exits import WRONG, Stopped
from commandline.fields import Shape, parameter_of, shape_of, typed


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Part(BaseModel):
    size: int


class Everything(BaseModel):
    text: str = Field(description="Some words")
    person: PersonRef
    number: Number = Decimal(0)
    whole: int | None = None
    yes: bool = False
    maybe: bool | None = None
    colour: Colour
    colour_or_none: Colour | None = None
    word: Literal["a", "b"] = "a"
    people: tuple[PersonRef, ...] = ()
    people_or_none: tuple[PersonRef, ...] | None = None
    part: Part | None = None
    parts: tuple[Part, ...] = ()
    when: AwareDatetime | None = None


SCHEMA = Everything.model_json_schema()
SHAPES = {
    "text": Shape.TEXT,
    "person": Shape.TEXT,
    "number": Shape.TEXT,
    "whole": Shape.WHOLE_NUMBER,
    "yes": Shape.YES_OR_NO,
    "maybe": Shape.YES_OR_NO,
    "colour": Shape.CHOICE,
    "colour_or_none": Shape.CHOICE,
    "word": Shape.CHOICE,
    "people": Shape.SEVERAL,
    "people_or_none": Shape.SEVERAL,
    "part": Shape.DOCUMENT,
    "parts": Shape.DOCUMENT,
    "when": Shape.TEXT,
}


@pytest.mark.parametrize("name", SHAPES)
def test_each_field_has_the_shape_that_people_would_type(name: str) -> None:
    shape, choices = shape_of(SCHEMA["properties"][name], SCHEMA["$defs"])
    assert shape is SHAPES[name]
    assert choices == {"colour": ("red", "blue"), "colour_or_none": ("red", "blue"), "word": ("a", "b")}.get(name, ())


def test_every_field_of_the_example_is_looked_at() -> None:
    assert set(SHAPES) == set(Everything.model_fields)


def test_help_says_what_a_field_is_whether_it_is_needed_and_how_a_moment_is_written() -> None:
    text = parameter_of("text", SCHEMA["properties"]["text"], SCHEMA["$defs"], needed=True)
    assert text.annotation.__metadata__[0].help == "Some words. (needed)"
    when = parameter_of("when", SCHEMA["properties"]["when"], SCHEMA["$defs"], needed=False)
    assert when.annotation.__metadata__[0].metavar == "2026-12-31T12:00Z"


def test_what_was_typed_becomes_json_and_what_was_left_out_stays_out() -> None:
    given = {
        "text": "words",
        "number": "0.1",
        "whole": 3,
        "yes": False,
        "maybe": None,
        "colour": Colour.BLUE,
        "people": ["a", "b"],
        "people_or_none": [],
        "parts": '[{"size": 1}]',
    }
    assert typed(given, SCHEMA) == {
        "text": "words",
        "number": "0.1",
        "whole": 3,
        "yes": False,
        "colour": "blue",
        "people": ["a", "b"],
        "parts": [{"size": 1}],
    }


def test_a_document_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "parts.json"
    file.write_text('[{"size": 2}]')
    assert typed({"parts": f"@{file}"}, SCHEMA) == {"parts": [{"size": 2}]}


@pytest.mark.parametrize(
    ("value", "words"), [("{", "--parts: is not JSON"), ("@/no/such/file", "/no/such/file cannot be read")]
)
def test_a_document_that_cannot_be_read_is_said_in_words(value: str, words: str) -> None:
    with pytest.raises(Stopped, match=words) as stopped:
        typed({"parts": value}, SCHEMA)
    assert stopped.value.code == WRONG
