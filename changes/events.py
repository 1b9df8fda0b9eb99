"""The base of every event and the one registry of them.

An event is what has happened; nothing decided is ever deleted. Events are stored for years: add fields only with
defaults, never rename one, never give an old kind a new meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, SerializeAsAny, SerializerFunctionWrapHandler, model_serializer

from changes.commands import names_in
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
        fields = {name: _readable(getattr(self, name), zone) for name in type(self).model_fields}
        several: dict[str, list[str]] = {}
        for pointer, _, ref in names_in(self):
            several.setdefault(pointer.split("/")[1], []).append((names or {}).get(ref, ref))
        fields |= {name: ", ".join(called) for name, called in several.items()}
        sentence = self.words.format_map(fields)
        if self.in_place_of is None:
            return sentence
        return f"{sentence.rstrip()} (in place of {(names or {}).get(self.in_place_of, self.in_place_of)})"


def _readable(value: Any, zone: tzinfo) -> Any:
    if isinstance(value, tuple):
        return ", ".join(str(_readable(item, zone)) for item in value)
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%a %d %b %Y, %H:%M %Z}"
    return value


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
