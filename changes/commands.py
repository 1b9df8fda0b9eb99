"""The base of every command and the one registry of them.

A command is what a person asks for; its fields are what the person fills in. Who asks, with which idempotency key,
travels beside it (``temporal.messages``). Pages, API, command line and workflow are all generated from this
registry, so a command declared once exists everywhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar, get_args, get_origin

from pydantic import BaseModel

from changes.values import Names, Value

COMMANDS: dict[str, type[Command]] = {}
"""Every command by its kind."""


class Command(Value):
    """Base of all commands. Subclasses say their kind and the words on their button::

    class Endorse(Command, kind="endorse", button="Endorse the tests"): ...
    """

    kind: ClassVar[str]
    button: ClassVar[str]
    by_people: ClassVar[bool]
    """False for what only Groundswell itself does, such as noticing that time has passed."""

    def __init_subclass__(
        cls, *, kind: str = "", button: str = "", by_people: bool = True, abstract: bool = False
    ) -> None:
        super().__init_subclass__()
        if abstract:
            return
        if not kind:
            raise TypeError(f"{cls.__name__} needs a kind")
        if kind in COMMANDS:
            raise TypeError(f"two commands are called {kind!r}")
        cls.kind, cls.button, cls.by_people = kind, button, by_people
        COMMANDS[kind] = cls

    def fingerprint(self) -> str:
        """SHA-256 over kind and content: the same key with another fingerprint is another command."""
        body = json.dumps([self.kind, self.model_dump(mode="json")], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(body.encode()).hexdigest()


@cache
def named_fields(model: type[BaseModel]) -> tuple[tuple[str, str | None], ...]:
    """``(field, kind of thing named)`` for the fields of ``model``; None marks nested models to walk into."""
    found: list[tuple[str, str | None]] = []
    for name, field in model.model_fields.items():
        direct: str | None = next((mark.kind for mark in field.metadata if isinstance(mark, Names)), None)
        kind = direct or _kind_inside(field.annotation)
        if kind or _holds_models(field.annotation):
            found.append((name, kind))
    return tuple(found)


def _kind_inside(annotation: Any) -> str | None:
    for mark in getattr(annotation, "__metadata__", ()):
        if isinstance(mark, Names):
            return mark.kind
    if get_origin(annotation) is not None:
        for argument in get_args(annotation):
            if kind := _kind_inside(argument):
                return kind
    return None


def _holds_models(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return True
    return any(_holds_models(argument) for argument in get_args(annotation))


def names_in(value: BaseModel, at: str = "") -> Iterator[tuple[str, str, str]]:
    """Everything ``value`` names, as ``(JSON Pointer, kind of thing, reference)``."""
    for field, kind in named_fields(type(value)):
        content = getattr(value, field)
        items = enumerate(content) if isinstance(content, tuple) else ((None, content),)
        for index, item in items:
            pointer = f"{at}/{field}" if index is None else f"{at}/{field}/{index}"
            if isinstance(item, BaseModel):
                yield from names_in(item, pointer)
            elif kind and isinstance(item, str):
                yield pointer, kind, item
