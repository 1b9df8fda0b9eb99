"""Says what is wrong with a field in words a person understands; the same on page, API and command line.

One function turns pydantic's findings into sentences. The subject of a sentence is the field: its name in the API, its
label on a page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel

Location = tuple[str | int, ...]
"""Where a value stands: names of fields and numbers of list items, from the outside in."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong."""

    pointer: str
    """JSON Pointer (RFC 6901) to the field."""
    code: str
    """A stable name of what is wrong."""
    message: str
    """A sentence or two: what is wrong and what to do."""


def pointer_to(location: Iterable[str | int]) -> str:
    """The JSON Pointer to ``location``; empty for the whole."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def field_name(location: Location) -> str:
    """A field as the API calls it: ``ends of tests 1``, counted from one as people do."""
    if not location:
        return "The body"
    *holders, last = location
    if isinstance(last, int) and holders:
        return f"{field_name(tuple(holders))} {last + 1}"
    names = [str(last)]
    number = ""
    for part in reversed(holders):
        if isinstance(part, int):
            number = f" {part + 1}"
        else:
            names.append(f"{part}{number}")
            number = ""
    return " of ".join(names)


def findings(
    errors: Sequence[Mapping[str, Any]],
    subject: Callable[[Location], str] = field_name,
    model: type[BaseModel] | None = None,
) -> list[Finding]:
    """What is wrong, from pydantic's errors.

    Args:
        errors: ``ValidationError.errors()``, with locations from the body downward.
        subject: what to call the field at a location.
        model: the model that was filled in, to suggest the right name for a misspelt field.
    """
    return [
        Finding(
            pointer=pointer_to(error["loc"]),
            code=_CODES.get(error["type"], error["type"]),
            message=_sentence(error, subject, model),
        )
        for error in errors
        if not _only_follows(error, errors)
    ]


def _only_follows(error: Mapping[str, Any], errors: Sequence[Mapping[str, Any]]) -> bool:
    """A list counts as too short when its items are wrong themselves; saying so too would only confuse."""
    place = error["loc"]
    return error["type"] == "too_short" and any(
        len(other["loc"]) > len(place) and other["loc"][: len(place)] == place for other in errors
    )


_CODES = {"extra_forbidden": "unknown_field", "model_type": "not_an_object", "model_attributes_type": "not_an_object"}


def _sentence(error: Mapping[str, Any], subject: Callable[[Location], str], model: type[BaseModel] | None) -> str:
    location: Location = tuple(error["loc"])
    if error["type"] == "extra_forbidden":
        return _unknown_field(location, model)
    if error["type"] in _CODES:
        return "The body must be a JSON object." if not location else f"“{subject(location)}” must be a JSON object."
    return f"“{subject(location)}” {_predicate(error)}."


def _unknown_field(location: Location, model: type[BaseModel] | None) -> str:
    name = str(location[-1])
    close = get_close_matches(name, _names_at(model, location[:-1]), n=1)
    hint = f" Did you mean “{close[0]}”?" if close else ""
    return f"There is no field called “{name}”.{hint}"


def _names_at(model: type[BaseModel] | None, location: Location) -> Sequence[str]:
    """The field names of the model that stands at ``location`` within ``model``."""
    for part in location:
        if model is None:
            return ()
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation)
    return tuple(model.model_fields) if model else ()


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_in(argument) for argument in getattr(annotation, "__args__", ()))
    return next((model for model in inner if model), None)


def _predicate(error: Mapping[str, Any]) -> str:
    """What is wrong, as the rest of a sentence that begins with the field."""
    kind: str = error["type"]
    details: Mapping[str, Any] = error.get("ctx", {})
    if kind in _TYPES:
        return f"must be {_TYPES[kind]}"
    match kind:
        case "missing":
            return "is missing"
        case "string_too_long":
            length = len(error["input"]) if isinstance(error.get("input"), str) else None
            has = f"; this has {length:,}" if length else ""
            return f"can have at most {_counted(details['max_length'], 'character')}{has}"
        case "string_too_short":
            return f"must have at least {_counted(details['min_length'], 'character')}"
        case "too_long":
            return f"can have at most {_counted(details['max_length'], 'entry')}; this has {details['actual_length']:,}"
        case "too_short":
            return f"needs at least {_counted(details['min_length'], 'entry')}"
        case "string_pattern_mismatch":
            return "must be a reference: letters, digits, dots, colons, hyphens or underscores, without blanks"
        case "greater_than_equal":
            return f"must be {details['ge']:,} or more"
        case "less_than_equal":
            return f"must be {details['le']:,} or less"
        case "decimal_max_places":
            return f"can have at most {_counted(details['decimal_places'], 'digit')} after the point"
        case "decimal_max_digits":
            return f"can have at most {_counted(details['max_digits'], 'digit')}"
        case "decimal_whole_digits":
            return f"can have at most {_counted(details['whole_digits'], 'digit')} before the point"
        case "literal_error" | "enum":
            return f"must be one of: {str(details['expected']).replace(chr(39), '').replace(' or ', ', ')}"
        case "timezone_aware":
            return "must say its time zone, for example 2026-03-02T09:00:00+01:00 or 2026-03-02T08:00:00Z"
        case _:
            message = str(error["msg"])
            return message[:1].lower() + message[1:].rstrip(".")


def _counted(number: int, thing: str) -> str:
    plural = f"{thing.removesuffix('y')}ies" if thing.endswith("y") else f"{thing}s"
    return f"{number:,} {thing if number == 1 else plural}"


_WHOLE = "a whole number, such as 12"
_NUMBER = "a number, such as 12 or 12.5"
_DAY = "a date such as 2026-03-02"
_MOMENT = "a date and time such as 2026-03-02T09:00:00Z"
_TYPES = {
    "string_type": "text",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": "a smaller number",
    "int_from_float": _WHOLE,
    "decimal_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "is_instance_of": _NUMBER,
    "finite_number": _NUMBER,
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "date_type": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": _DAY,
    "datetime_type": _MOMENT,
    "datetime_parsing": _MOMENT,
    "datetime_from_date_parsing": _MOMENT,
    "datetime_object_invalid": _MOMENT,
    "tuple_type": "a list",
    "list_type": "a list",
    "json_type": "JSON",
}
"""What a value of each wrong type should have been."""
