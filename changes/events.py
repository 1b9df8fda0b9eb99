"""The base of every event and the one registry of them.

An event is what has happened; nothing decided is ever deleted. Events are stored for years: add fields only with
defaults, never rename one, never give an old kind a new meaning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from functools import cache
from string import Formatter
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, get_args, get_origin

from pydantic import AwareDatetime, BeforeValidator, SerializeAsAny, SerializerFunctionWrapHandler, model_serializer

from changes.commands import named_fields
from changes.facts import SYSTEM
from changes.values import Moment, PersonRef, Ref, Value

EVENTS: dict[str, type[Event]] = {}
"""Every event by its kind."""


class Event(Value):
    """Base of all events. ``by`` and ``at`` are stamped by :func:`changes.decision.decide`."""

    kind: ClassVar[str]
    words: ClassVar[str]
    """What a person reads in the trail after the actor's name; ``{field}`` is filled in."""
    discreet: ClassVar[bool]
    """True where the trail must not show who it was, such as a vote for a colleague."""
    secret: ClassVar[bool]
    """True where the trail must not even show that it happened: saying no to an invitation is free and silent."""

    by: Ref = SYSTEM
    at: Moment = datetime(1970, 1, 1, tzinfo=UTC)
    in_place_of: PersonRef | None = None
    """Whose place it was answered in, by a delegation or because they were away; both names are on the record."""
    remind_at: Moment | None = None
    """When the authors are reminded of the step they owe from here on."""

    def __init_subclass__(
        cls, *, kind: str = "", words: str = "", discreet: bool = False, secret: bool = False
    ) -> None:
        super().__init_subclass__()
        if not kind:
            raise TypeError(f"{cls.__name__} needs a kind")
        if kind in EVENTS:
            raise TypeError(f"two events are called {kind!r}")
        cls.kind, cls.words, cls.discreet, cls.secret = kind, words, discreet, secret
        EVENTS[kind] = cls

    @model_serializer(mode="wrap")
    def _with_kind(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content = handler(self)
        for seldom in ("in_place_of", "remind_at"):
            if content.get(seldom) is None:
                content.pop(seldom, None)
        return {"kind": self.kind, **content}

    def sentence(self, names: Mapping[str, str] | None = None, zone: tzinfo = UTC) -> str:
        """What happened, without the actor, in plain words.

        Args:
            names: people and teams by name, where it knows them.
            zone: the clock on which times are told.
        """
        return _told(type(self), self.__dict__, names or {}, zone)


def sentence_of(content: Mapping[str, Any], names: Mapping[str, str], zone: tzinfo = UTC) -> str:
    """The sentence of an event in its stored form, without reading the event back: a page of the trail has fifty, and
    what is known to be as it was written has been validated already.

    Raises:
        ValueError: this is no event as they are stored.
    """
    event = _kind_of(content)
    if event is None:
        raise ValueError(f"there is no event called {content.get('kind')!r}")
    return _told(event, content, names, zone)


def named_in(content: Mapping[str, Any]) -> set[str]:
    """The people and teams whom the sentence of a stored event calls by their names."""
    event = _kind_of(content)
    fields = [blank.field for blank in _blanks(event) if blank.named] if event else []
    found = [part for field in (*fields, "in_place_of") for part in _parts_of(content.get(field))]
    return {ref for ref in found if isinstance(ref, str)}


def _kind_of(content: Mapping[str, Any]) -> type[Event] | None:
    kind = content.get("kind")
    return EVENTS.get(kind) if isinstance(kind, str) else None


class _Blank(NamedTuple):
    """A piece of an event's words and the field that is filled in behind it."""

    before: str
    field: str
    """Empty behind the last piece."""
    named: bool
    """The field holds references of people or teams."""
    moment: bool
    choice: bool
    """The field holds one of a few values that are named in code."""
    default: Any


@cache
def _blanks(event: type[Event]) -> tuple[_Blank, ...]:
    named = {field for field, kind in named_fields(event) if kind}
    blanks = []
    for before, field, _, _ in Formatter().parse(event.words):
        if not field:
            blanks.append(_Blank(before, "", named=False, moment=False, choice=False, default=""))
            continue
        declared = event.model_fields[field]
        default = _MISSING if declared.is_required() else declared.get_default(call_default_factory=True)
        kind = declared.annotation
        blanks.append(_Blank(before, field, field in named, _is_moment(kind), _is_choice(kind), default))
    return tuple(blanks)


_MISSING = object()


def _is_moment(annotation: Any) -> bool:
    return annotation in {datetime, AwareDatetime} or any(_is_moment(argument) for argument in get_args(annotation))


def _is_choice(annotation: Any) -> bool:
    if isinstance(annotation, type):
        return issubclass(annotation, StrEnum)
    return get_origin(annotation) is Literal or any(map(_is_choice, get_args(annotation)))


def _told(event: type[Event], content: Mapping[str, Any], names: Mapping[str, str], zone: tzinfo) -> str:
    said = []
    for before, field, named, moment, choice, default in _blanks(event):
        said.append(before)
        if not field:
            continue
        value = content.get(field, default)
        if value is _MISSING:
            raise ValueError(f"{event.kind} has no {field}")
        if named:
            value = [names.get(part, part) for part in _parts_of(value)]
        elif moment:
            value = _on_the_clock(value, zone)
        elif choice:
            value = str(value).replace("_", " ")
        said.append(", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))
    sentence = "".join(said)
    stood_in_for = content.get("in_place_of")
    if stood_in_for is None:
        return sentence
    return f"{sentence.rstrip()} (in place of {names.get(stood_in_for, stood_in_for)})"


def _parts_of(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def _on_the_clock(value: Any, zone: tzinfo) -> str:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return f"{moment.astimezone(zone):%a %d %b %Y, %H:%M %Z}"


def event_from(data: Any) -> Any:
    """Read an event back from its stored form; an unknown kind is an error, never skipped."""
    if not isinstance(data, dict):
        return data
    content = dict(data)
    kind = content.pop("kind", None)
    if kind not in EVENTS:
        raise ValueError(f"there is no event called {kind!r}")
    return EVENTS[kind].model_validate(content)


AnyEvent = Annotated[SerializeAsAny[Event], BeforeValidator(event_from)]
"""Any event, stored with its kind."""
