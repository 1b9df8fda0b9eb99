"""Who is told what: the shape of an answer, the scene it is read from, and the register of answers per event."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from changes.events import Event
from changes.facts import SYSTEM
from changes.state import Change, OpenGate

AUTHOR = "author"
ASKED = "asked"
ASKED_BEFORE = "asked before"
CHAMPION = "champion"
CONCERNED = "concerned"
ENDORSER = "endorser"
FOLLOWER = "follower"
INTRODUCED = "introduced"
INVITED = "invited"
LISTENER = "listener"
OWNER = "effect check owner"
REVIEWER = "reviewer"
SIGNER = "signer"
TESTER = "tester"
WATCHING = "watching"
WONDERING = "asked why"
"""The part for which somebody is told; the foot of each letter says it (peers.md, "why you got this")."""


@dataclass(frozen=True, slots=True)
class Telling:
    """One person is to hear one thing. Several may fall on one person; :mod:`notifications.notices` keeps one."""

    person: str
    kind: str
    part: str
    by: str
    data: dict[str, str]


@dataclass(frozen=True, slots=True)
class Scene:
    """One command's events with the change before and after them."""

    before: Change | None
    after: Change
    events: tuple[Event, ...]

    @property
    def giver(self) -> str:
        """Who gave the command; Groundswell itself when time passed."""
        return next((event.by for event in self.events if event.by != SYSTEM), SYSTEM)

    @property
    def authors(self) -> tuple[str, ...]:
        """Those whose change it is."""
        return self.after.proposal.authors

    @property
    def gate(self) -> OpenGate | None:
        """The gate that is open, or was until now."""
        return self.after.gate or (self.before.gate if self.before else None)

    @property
    def at_the_gate(self) -> tuple[str, ...]:
        """The people asked at that gate."""
        return tuple(seat.person for seat in self.gate.asked) if self.gate else ()

    @property
    def signers(self) -> tuple[str, ...]:
        """Those who signed champion coverage and the rollout plan."""
        return tuple(dict.fromkeys(signature.person for signature in self.after.recruiting.signatures))

    def event(self, kind: type[E]) -> E | None:
        """The event of ``kind`` among what happened, if there is one."""
        return next((event for event in self.events if isinstance(event, kind)), None)


E = TypeVar("E", bound=Event)
Tellings = Iterator[Telling]
Hearers = Callable[[Scene, Any], Tellings]

HEARERS: dict[type[Event], Hearers] = {}
"""For each event that is told: who hears what."""
SILENT: dict[type[Event], str] = {}
"""For each event that is deliberately not told: why not."""


def tells(event: type[E]) -> Callable[[Callable[[Scene, E], Tellings]], Callable[[Scene, E], Tellings]]:
    """Register who hears of ``event``."""

    def register(hearers: Callable[[Scene, E], Tellings]) -> Callable[[Scene, E], Tellings]:
        HEARERS[event] = hearers
        return hearers

    return register


def tell(event: Event, kind: str, data: dict[str, str], *groups: tuple[Iterable[str], str]) -> Tellings:
    """Tell every person of ``groups``, each a pair of people and their part, what ``event`` means."""
    for people, part in groups:
        for person in people:
            yield Telling(person, kind, part, event.by, data)
