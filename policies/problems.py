"""What is wrong with a policy file, and where, in words a newcomer can act on."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from changes.values import enumerated
from policies.conditions import FIELDS
from policies.schema import Policy
from policies.wording import counted, nearest

Path = tuple[str | int, ...]
"""Where something stands in a document: keys and list positions, counted from 0."""


@dataclass(frozen=True, slots=True)
class PolicyProblem:
    """One thing to correct. ``line`` and ``column`` count from 1; ``path`` is like ``routes[2].when``."""

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: "
        return f"{where}{self.path}: {self.message}" if self.path else where + self.message


class PolicyError(Exception):
    """A policy cannot be used. ``problems`` lists everything that was found, in the order of the file."""

    def __init__(self, problems: Iterable[PolicyProblem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.column)))
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def path_in_words(path: Path) -> str:
    """Such as ``routes[2].gates.sign_tests``."""
    words = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return words.removeprefix(".")


def findings(error: ErrorDetails) -> Iterable[tuple[Path, str]]:
    """One validation error of pydantic as places in the document and plain messages.

    The places still hold pydantic's own steps, such as the name of a union's branch; what is not in the document is to
    be skipped when looking it up.
    """
    context = error.get("ctx", {})
    if error["type"] == "not_whole":
        return [(tuple(path), message) for path, message in context["problems"]]
    path = error["loc"]
    if error["type"] == "condition":
        return [_unknown_condition(path, error["input"])]
    if error["type"] == "extra_forbidden":
        return [(path, f'unknown key "{path[-1]}"{nearest(path[-1], keys_at(path[:-1]))}')]
    if error["type"] == "missing":
        return [(path[:-1], f'"{path[-1]}" is missing; please add it')]
    return [(path, _in_words(error, context))]


_EXPECTED = {
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "tuple_type": "must be a list such as [first, second]",
    "model_type": 'must be a group of lines of the form "key: value"',
    "model_attributes_type": 'must be a group of lines of the form "key: value"',
    "string_pattern_mismatch": "must be a reference: letters and digits, then also . _ : -",
    "string_too_short": "must not be empty",
    "string_too_long": "must not be longer than {max_length} characters",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "decimal_max_digits": "must not have more than {max_digits} digits",
    "decimal_max_places": "must not have more than {decimal_places} decimal places",
    "decimal_whole_digits": "must not have more than {whole_digits} digits before the point",
}


def _in_words(error: ErrorDetails, context: Mapping[str, Any]) -> str:
    kind, given = error["type"], error["input"]
    if kind == "literal_error":
        choices = str(context["expected"]).replace("'", '"').replace(" or ", ", ").split(", ")
        return f"must be {enumerated(choices, 'or')}{_not(given)}"
    if kind == "too_short":
        least = context["min_length"]
        return "must not be empty" if least == 1 else f"must have at least {counted(least, 'entry', 'entries')}"
    if kind == "too_long":
        return f"must have at most {counted(context['max_length'], 'entry', 'entries')}"
    if kind in _EXPECTED:
        return _EXPECTED[kind].format(**context) + _not(given)
    return error["msg"]


def _not(given: Any) -> str:
    """What stands there instead, if it is short enough to repeat."""
    if given is None:
        return "; nothing is given"
    if isinstance(given, bool):
        return f", not {str(given).lower()}"
    return f', not "{given}"' if not isinstance(given, dict | tuple | list) and len(str(given)) <= 40 else ""


def _unknown_condition(path: Path, given: Any) -> tuple[Path, str]:
    if isinstance(given, Mapping) and "field" in given:
        asked = given["field"]
        return (*path, "field"), f'there is no field "{asked}" to ask about{nearest(asked, FIELDS)}'
    words = ("field", "all", "any", "not")
    hint = nearest(next(iter(given)), words) if isinstance(given, Mapping) and given else ""
    return path, f'must be a comparison with "field", or one of "all", "any" and "not"{hint}'


def keys_at(path: Path) -> tuple[str, ...]:
    """The keys that a policy may have at a place."""
    here: list[Any] = [Policy]
    for step in path:
        inner = [found for kind in here for found in _step(kind, step)]
        here = inner or here
    return tuple(dict.fromkeys(key for model in here if _is_model(model) for key in _fields(model)))


def _step(kind: Any, step: str | int) -> list[Any]:
    """The kinds of value one step further; nothing if the step is a word of pydantic's own."""
    if _is_model(kind):
        fields = _fields(kind)
        if kind.__name__ == step:
            return [kind]
        return _alternatives(fields[step]) if isinstance(step, str) and step in fields else []
    if get_origin(kind) is tuple and isinstance(step, int):
        return _alternatives(get_args(kind)[0])
    return []


def _alternatives(annotation: Any) -> list[Any]:
    """The kinds of value an annotation allows, without what is only said about them."""
    if get_origin(annotation) is Annotated:
        return _alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [kind for part in get_args(annotation) for kind in _alternatives(part)]
    return [annotation]


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
