"""Where one can go from every page. A page that deserves a place of its own gets a line here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from changes.permissions import Operation, may
from web.security.sign_in import Visitor

Group = Literal["work", "look up", "demonstration"]


@dataclass(frozen=True)
class Place:
    """A line of the navigation."""

    address: str
    name: str
    icon: str
    """A name in ``icons.html``."""
    group: Group = "work"
    operation: Operation = Operation.READ_CHANGES
    """Shown to whoever may do this; what it leads to is guarded for itself."""
    counts: bool = False
    """Shows how much waits for the reader."""


PLACES = (
    Place("/", "Home", "home"),
    Place("/approvals", "Waiting for me", "inbox", counts=True),
    Place("/changes", "All changes", "list"),
    Place("/overview", "How it goes", "chart", operation=Operation.READ_OVERVIEW),
    Place("/standing-in", "Standing in", "people", operation=Operation.READ_OWN),
    Place("/audit", "Audit trail", "trail", group="look up", operation=Operation.READ_AUDIT),
    Place("/policy", "The policy", "scale", group="look up", operation=Operation.READ_POLICY),
    Place("/people", "People and teams", "people", group="look up", operation=Operation.READ_DIRECTORY),
    Place("/administration", "Administration", "gear", group="look up", operation=Operation.READ_SYSTEM),
    Place("/demo", "Demonstration", "play", group="demonstration", operation=Operation.DEMONSTRATE),
    Place("/demo/mail", "Caught mail", "mail", group="demonstration"),
)


def places_for(visitor: Visitor, group: Group, demonstration: bool) -> tuple[Place, ...]:
    """The places of ``group`` that ``visitor`` is shown."""
    if group == "demonstration" and not demonstration:
        return ()
    return tuple(place for place in PLACES if place.group == group and may(visitor.actor, place.operation).allowed)
