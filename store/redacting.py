"""What is left of a text, an event or any JSON when somebody and their words are taken out of it; nothing is stored."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from changes.commands import COMMANDS
from changes.events import EVENTS
from changes.values import TEXT_LENGTH

ERASED = "[erased]"
"""What stands where words were."""
SHORT = "[…]"
"""The same where what it takes the place of is shorter: a line must not grow beyond its limit."""
ONE_LINE = frozenset({"title", "summary"})
"""Fields of one line in which people write what they like. A name is none of them: policies, gates and waves are told
apart by theirs, and a change in which they are gone can neither be read nor go on."""
TELLING = 8
"""Characters from which on words of theirs are recognised inside other people's; shorter ones are not only theirs."""


class Quotes:
    """Texts that are looked for in others, however many they are: by their first letters, one look for each place.

    Somebody writes thousands of them in some years, and nobody can record anything while they are looked for: a pattern
    of all took a minute to make from four hundred.
    """

    def __init__(self) -> None:
        self._by_beginning: dict[str, list[str]] = {}

    def __bool__(self) -> bool:
        return bool(self._by_beginning)

    def add(self, words: str) -> None:
        """Look for ``words`` from now on, unless they are so short that others write them as well."""
        alike = self._by_beginning.setdefault(words[:TELLING], []) if len(words) >= TELLING else [words]
        if words not in alike:
            alike.append(words)
            alike.sort(key=len, reverse=True)

    def taken_out_of(self, text: str) -> str:
        """``text`` without those of them that stand in it as whole words; of two that begin alike, the longer."""
        parts, done, place = [], 0, 0
        while self._by_beginning and place <= len(text) - TELLING:
            alike = self._by_beginning.get(text[place : place + TELLING], ())
            if quoted := next((one for one in alike if _stands_at(one, text, place)), ""):
                parts += [text[done:place], _instead_of(quoted)]
                done = place = place + len(quoted)
            else:
                place += 1
        return "".join((*parts, text[done:]))


@dataclass
class Whom:
    """Whoever is erased, and how they are recognised."""

    ref: str
    pseudonym: str
    """The reference that takes the place of theirs."""
    number: str
    """Under which the ledger knows them."""
    called: tuple[str, ...] = ()
    """Their name and address, where nobody else is called so."""
    wrote: Quotes = field(default_factory=Quotes)
    """What of theirs is taken out: others may quote it."""

    def __post_init__(self) -> None:
        """Have the pattern made by which their reference, name and address are found."""
        self._pattern = _pattern(self.ref, self.called)

    @property
    def named(self) -> tuple[str, ...]:
        """All that may stand for them in a text."""
        return (self.ref, *self.called)

    def without(self, text: str) -> str:
        """``text`` where they are neither named nor quoted."""
        return self.wrote.taken_out_of(self._pattern.sub(lambda found: _instead_of(found[0]), text))


def _stands_at(words: str, text: str, place: int) -> bool:
    end = place + len(words)
    around = (text[place - 1 : place] if place else "", text[end : end + 1])
    return text.startswith(words, place) and not any(one.isalnum() or one == "_" for one in around)


def _instead_of(words: str) -> str:
    return ERASED if len(words) >= len(ERASED) else SHORT


def _pattern(ref: str, others: Iterable[str]) -> re.Pattern[str]:
    """Finds whole words only, so that nobody loses a part of their name. A reference that is a number or a very short
    word is found where it stands alone, and nowhere in a text."""
    parts = [rf"(?<!\w){re.escape(one)}(?!\w)" for one in others if one]
    if len(ref) > 4 and not ref.isdigit():
        parts.insert(0, rf"(?<![\w.:-]){re.escape(ref)}(?![\w:-]|\.\w)")
    return re.compile("|".join(parts) or r"(?!)")


def redacted(content: Any, whom: Whom, words: bool = False, field: str = "") -> Any:
    """``content`` with the person's reference replaced and their name taken out, and with ``words`` everything they may
    have written freely, which ``whom`` takes note of."""
    if isinstance(content, dict):
        return {
            whom.pseudonym if name == whom.ref else name: redacted(part, whom, words, name)
            for name, part in content.items()
        }
    if isinstance(content, list):
        return [redacted(part, whom, words, field) for part in content]
    if not isinstance(content, str) or not content:
        return content
    if content == whom.ref:
        return content if content.isdigit() and field in NUMBERS else whom.pseudonym
    if words and field in FREE_TEXT and content != ERASED:
        whom.wrote.add(content)
        return ERASED
    return whom.without(content)


def redacted_text(content: Any, whom: Whom) -> Any:
    """The same for a column, which may hold a text, JSON as a text, or JSON."""
    if not isinstance(content, str):
        return redacted(content, whom)
    try:
        value = json.loads(content)
    except ValueError:
        return redacted(content, whom)
    left = redacted(value, whom)
    return content if left == value else json.dumps(left, ensure_ascii=False, separators=(",", ":"))


def as_json(text: str) -> str:
    """``text`` as it stands inside a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _fields_that(fits: Callable[[FieldInfo], bool], models: Iterable[type[BaseModel]]) -> frozenset[str]:
    """The names of all fields of ``models``, and of the models in them, that fit."""
    found: set[str] = set()
    seen: set[type[BaseModel]] = set()

    def look(model: type[BaseModel]) -> None:
        if model in seen:
            return
        seen.add(model)
        for name, info in model.model_fields.items():
            if fits(info):
                found.add(name)
            for inner in _models_in(info):
                look(inner)

    for model in models:
        look(model)
    return frozenset(found)


def _is_free_text(info: FieldInfo) -> bool:
    return any(getattr(one, "max_length", None) == TEXT_LENGTH for one in info.metadata)


def _is_number(info: FieldInfo | Any) -> bool:
    annotation = getattr(info, "annotation", info)
    return annotation is Decimal or any(_is_number(part) for part in get_args(annotation))


def _models_in(info: FieldInfo | Any) -> list[type[BaseModel]]:
    annotation = getattr(info, "annotation", info)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


FREE_TEXT: frozenset[str] = (
    _fields_that(_is_free_text, COMMANDS.values())
    | ONE_LINE
    | {"text", "note", "reason", "what", "statement", "question", "answer", "way_forward"}
)
"""The names of fields that take what people write."""
NUMBERS: frozenset[str] = _fields_that(_is_number, (*COMMANDS.values(), *EVENTS.values()))
"""The names of fields with a number, which travels as text: that of a person is none of these."""
