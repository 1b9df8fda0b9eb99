"""Reads policy files: every problem at once, with file, line and column."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from policies.document import Document, Place, read_document
from policies.problems import PolicyError, PolicyProblem, findings
from policies.schema import Policy

__all__ = ["PolicyError", "PolicyProblem", "load_policy", "parse_policy", "place_in", "shipped"]

SHIPPED = Path(__file__).parent
"""Where the shipped policies stand."""


def load_policy(path: Path) -> Policy:
    """Read a policy file, in UTF-8.

    Raises:
        PolicyError: the file cannot be read, or is not a policy.
    """
    return parse_policy(_text_of(path), str(path))


def parse_policy(text: str, name: str = "policy") -> Policy:
    """Read the text of a policy; ``name`` stands for the file in problems.

    Raises:
        PolicyError: the text is not a policy.
    """
    document = read_document(text.removeprefix("\ufeff"), name)
    if not isinstance(document.content, dict):
        raise PolicyError([document.problem((), 'must consist of lines of the form "key: value"')])
    try:
        return Policy.model_validate(document.content)
    except ValidationError as error:
        raise PolicyError(_problems(error, document)) from None


def place_in(text: str, path: str) -> Place:
    """Line and column of the setting that a finding about a readable policy names; see :meth:`Document.named`."""
    return read_document(text.removeprefix("\ufeff"), "policy").named(path)


def shipped(name: str = "default") -> tuple[Policy, str]:
    """A policy that comes with Groundswell, and its text.

    Raises:
        PolicyError: there is no such policy.
    """
    path = SHIPPED / f"{Path(name).name}.yaml"
    text = _text_of(path)
    return parse_policy(text, path.name), text


def _problems(error: ValidationError, document: Document) -> list[PolicyProblem]:
    """Messages about a value point to the value, those about a key or something missing to the key."""
    problems = []
    errors = error.errors(include_url=False)
    for details in errors:
        if details["type"] == "too_short" and any(_below(details["loc"], other["loc"]) for other in errors):
            continue  # only because the entries there are wrong themselves
        about_key = details["type"] in ("extra_forbidden", "missing", "not_whole")
        for path, message in findings(details):
            place = None if about_key else document.at_value(path)
            problems.append(document.problem(path, message, place))
    return list(dict.fromkeys(problems))


def _below(place: tuple[str | int, ...], other: tuple[str | int, ...]) -> bool:
    return len(other) > len(place) and other[: len(place)] == place


def _text_of(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or "it is not there"
        raise PolicyError([PolicyProblem(str(path), 1, 1, "", f"the file cannot be read: {reason}")]) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place_of(content, error.start)
        message = "the file is not in UTF-8; please save it as UTF-8"
        raise PolicyError([PolicyProblem(str(path), place.line, place.column, "", message)]) from error


def _place_of(content: bytes, position: int) -> Place:
    before = content[:position]
    line_start = before.rfind(b"\n") + 1
    return Place(before.count(b"\n") + 1, len(before[line_start:].decode(errors="replace")) + 1)
