"""Reads off a command what a person is asked: one question for each of its fields.

Nothing here knows a particular command, so a command declared once has a form.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import MaxLen, MinLen
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from changes.values import LINE_LENGTH, Names

Thing = Literal["person", "team", "process", "change", "policy"]


class Kind(StrEnum):
    """How a question is answered."""

    LINE = "line"
    TEXT = "text"
    WHOLE = "whole"
    NUMBER = "number"
    DAY = "day"
    MOMENT = "moment"
    TICK = "tick"
    """A box to tick: yes when ticked, no when not."""
    ONE = "one"
    """One of several."""
    MANY = "many"
    """Any of several."""
    GROUPS = "groups"
    """A list of things with questions of their own, such as tests."""


@dataclass(frozen=True)
class Option:
    """One of the answers on offer."""

    value: str
    label: str


@dataclass(frozen=True)
class Question:
    """One field of a command, as it is asked."""

    name: str
    label: str
    kind: Kind
    required: bool
    empty_counts: bool
    """An empty text is an answer: it clears what was there."""
    longest: int | None = None
    names: Thing | None = None
    """The kind of thing an answer names."""
    options: tuple[Option, ...] = ()
    group: type[BaseModel] | None = None
    """For groups: the model of one of them."""
    fewest: int = 0
    most: int | None = None
    """For groups: how many."""
    default: Any = None


@cache
def questions_of(model: type[BaseModel]) -> tuple[Question, ...]:
    """The questions of ``model``, in the order of its fields.

    A candidate for the policy is no question: it is put forward on the policy pages, where it was read and tried out.
    """
    asked = (_question(name, field) for name, field in model.model_fields.items())
    return tuple(question for question in asked if question.names != "policy")


def thing_called(model: type[BaseModel]) -> str:
    """What one of a group is called: "test", "wave", "guard"."""
    return model.__name__.lower()


@dataclass(frozen=True)
class _Unwrapped:
    """An annotation without its wrappings."""

    core: Any
    marks: tuple[Any, ...]
    nullable: bool


def _unwrap(annotation: Any, marks: tuple[Any, ...] = (), nullable: bool = False) -> _Unwrapped:
    origin = get_origin(annotation)
    if origin is Annotated:
        core, *more = get_args(annotation)
        return _unwrap(core, (*marks, *_flat(more)), nullable)
    if origin in {Union, types.UnionType}:
        inner = [argument for argument in get_args(annotation) if argument is not type(None)]
        if len(inner) == 1:
            return _unwrap(inner[0], marks, nullable=True)
    return _Unwrapped(annotation, marks, nullable)


def _flat(marks: Any) -> Iterator[Any]:
    for mark in marks:
        if isinstance(mark, FieldInfo):
            yield from mark.metadata
        else:
            yield mark


def _question(name: str, field: FieldInfo) -> Question:
    found = _unwrap(field.annotation, tuple(field.metadata))
    inner = _unwrap(get_args(found.core)[0]) if get_origin(found.core) is tuple else None
    marks = (*found.marks, *(inner.marks if inner else ()))
    longest = next((mark.max_length for mark in found.marks if isinstance(mark, MaxLen)), None)
    group = inner.core if inner and isinstance(inner.core, type) and issubclass(inner.core, BaseModel) else None
    kind = Kind.GROUPS if group else Kind.MANY if inner else _kind(found, longest)
    names = next((mark.kind for mark in marks if isinstance(mark, Names)), None)
    if kind is Kind.LINE and names in {"person", "team", "process"}:
        kind = Kind.ONE
    return Question(
        name=name,
        label=field.description or plain_label(name),
        kind=kind,
        required=field.is_required(),
        empty_counts=found.nullable and kind in {Kind.LINE, Kind.TEXT} and _takes_empty(field),
        longest=longest if kind in {Kind.LINE, Kind.TEXT} else None,
        names=names,
        options=_options(found),
        group=group,
        fewest=next((mark.min_length for mark in found.marks if isinstance(mark, MinLen)), 0),
        most=longest if kind in {Kind.GROUPS, Kind.MANY} else None,
        default=None if field.is_required() else field.get_default(call_default_factory=True),
    )


def _kind(found: _Unwrapped, longest: int | None) -> Kind:
    core = found.core
    if get_origin(core) is Literal:
        return Kind.ONE
    if not isinstance(core, type):
        raise TypeError(f"no form can ask for {core!r}")
    if issubclass(core, bool):
        # Three answers where leaving it as it is counts too.
        return Kind.ONE if found.nullable else Kind.TICK
    table: tuple[tuple[type, Kind], ...] = (
        (Enum, Kind.ONE),
        (int, Kind.WHOLE),
        (Decimal, Kind.NUMBER),
        (datetime, Kind.MOMENT),
        (date, Kind.DAY),
    )
    for base, kind in table:
        if issubclass(core, base):
            return kind
    if core is str:
        return Kind.TEXT if longest is None or longest > LINE_LENGTH else Kind.LINE
    if core.__name__ == "AwareDatetime":
        return Kind.MOMENT
    raise TypeError(f"no form can ask for {core!r}")


def _options(found: _Unwrapped) -> tuple[Option, ...]:
    core = found.core
    if get_origin(core) is Literal:
        return tuple(Option(value, plain_label(value)) for value in get_args(core))
    if isinstance(core, type) and issubclass(core, bool) and found.nullable:
        return Option("true", "Yes"), Option("false", "No")
    if isinstance(core, type) and issubclass(core, Enum):
        return tuple(Option(item.value, plain_label(getattr(item, "meaning", item.value))) for item in core)
    return ()


def _takes_empty(field: FieldInfo) -> bool:
    annotation: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    try:
        TypeAdapter(annotation).validate_python("")
    except ValidationError:
        return False
    return True


def plain_label(name: str) -> str:
    """A name of the code as a label: ``go_with_conditions`` is "Go with conditions"."""
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:]
