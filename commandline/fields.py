"""The option by which a field of a command is typed, made from the field's JSON schema."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from commandline.exits import WRONG, Stopped

NEEDED = "(needed)"


class Shape(Enum):
    """How the value of a field is typed."""

    TEXT = "text"
    WHOLE_NUMBER = "whole number"
    YES_OR_NO = "yes or no"
    CHOICE = "choice"
    SEVERAL = "several"
    DOCUMENT = "document"


def shape_of(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> tuple[Shape, tuple[str, ...]]:
    """How a field with this JSON schema is typed, and the choices where there are some."""
    schema = _without_none(schema, definitions)
    kind = schema.get("type")
    if "enum" in schema:
        return Shape.CHOICE, tuple(schema["enum"])
    if kind == "array":
        inner, _ = shape_of(schema["items"], definitions)
        return (Shape.DOCUMENT if inner is Shape.DOCUMENT else Shape.SEVERAL), ()
    if kind == "object":
        return Shape.DOCUMENT, ()
    return {"integer": Shape.WHOLE_NUMBER, "boolean": Shape.YES_OR_NO}.get(str(kind), Shape.TEXT), ()


def _without_none(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema itself, behind references and beside "or nothing". A number that is also text is typed as text."""
    if "$ref" in schema:
        return _without_none(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    alternatives = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    if not alternatives:
        return schema
    if len(alternatives) > 1:
        return {"type": "string"}
    return _without_none(alternatives[0], definitions)


_EXAMPLES = {"date-time": "2026-12-31T12:00Z", "date": "2026-12-31"}


def parameter_of(
    name: str, schema: Mapping[str, Any], definitions: Mapping[str, Any], needed: bool
) -> inspect.Parameter:
    """The option that fills one field."""
    shape, choices = shape_of(schema, definitions)
    option = f"--{name.replace('_', '-')}"
    words = [str(schema.get("description", ""))]
    metavar: str | None = None
    annotation: Any = str | None
    match shape:
        case Shape.CHOICE:
            annotation = Enum(name, {choice: choice for choice in choices}, type=str) | None  # type: ignore[operator]
        case Shape.WHOLE_NUMBER:
            annotation, metavar = int | None, "N"
        case Shape.YES_OR_NO:
            annotation = bool | None
            option = f"{option}/--no-{name.replace('_', '-')}"
        case Shape.SEVERAL:
            annotation, metavar = list[str] | None, "TEXT"
            words.append("May be given several times.")
        case Shape.DOCUMENT:
            metavar = "JSON|@FILE"
            words.append("As JSON, or @FILE to read it from a file.")
        case Shape.TEXT:
            metavar = _EXAMPLES.get(str(_without_none(schema, definitions).get("format", "")), "TEXT")
    if needed:
        words.append(NEEDED)
    help_text = " ".join(word if word.endswith((".", "?", ")", "…")) else f"{word}." for word in words if word)
    info = typer.Option(option, metavar=metavar, help=help_text, show_default=False)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[annotation, info])


def typed(given: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed, as JSON values; what was left out is left out."""
    content: dict[str, Any] = {}
    for name, value in given.items():
        if value is None or value == []:
            continue
        shape, _ = shape_of(schema["properties"][name], schema.get("$defs", {}))
        if shape is Shape.DOCUMENT:
            text = read_text(value[1:]) if value.startswith("@") else value
            content[name] = read_json(text, f"--{name.replace('_', '-')}")
        else:
            content[name] = value.value if isinstance(value, Enum) else value
    return content


def read_text(file: str) -> str:
    """The text of a file.

    Raises:
        Stopped: it cannot be read.
    """
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Stopped(f"The file {file} cannot be read: {error}", WRONG) from error


def read_json(text: str, option: str) -> Any:
    """The value that ``text`` writes in JSON.

    Raises:
        Stopped: it is not JSON; the message names the option.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise Stopped(f"{option}: is not JSON: {error}", WRONG) from error
