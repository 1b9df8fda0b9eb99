"""What may happen at any moment of a change: a hold, a comment, its end, who is missed."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from changes.facts import PolicyRef, Seat
from changes.state.road import Outcome
from changes.values import Moment, Ref, Value


class Hold(Value):
    """The change rests, and why."""

    reason: str
    by: Ref
    at: Moment
    until: Moment | None = None


class Comment(Value):
    """A remark: what works, what would make it better, or a question."""

    by: Ref
    at: Moment
    about: Literal["works", "better", "question"]
    text: str


class Closing(Value):
    """How and why the change ended. Everything stays findable."""

    outcome: Outcome
    reason: str
    way_forward: str = ""
    by: Ref
    at: Moment
    duplicate_of: Ref | None = None


class RevealRequest(Value):
    """Who agreed to have the name behind a pseudonym shown, and whether it may be looked at now."""

    pseudonym: Ref
    agreed: tuple[Ref, ...] = ()
    reasons: tuple[str, ...] = ()
    granted: bool = False


class PolicyChange(Value):
    """What a change of the policy itself puts forward."""

    candidate: PolicyRef
    instead_of: PolicyRef
    """The policy that was in force when it was put forward."""
    what_changes: tuple[str, ...] = ()
    worth_knowing: tuple[str, ...] = ()
    in_force_since: Moment | None = None


class Review(Value):
    """The review afterwards that a short road owes."""

    asked: tuple[Seat, ...]
    """Who is asked; the first is its owner."""
    since: Moment
    """When it was asked for, last."""
    due: Moment
    reminders: tuple[Moment, ...] = ()
    level: int = 0
    """How often it was overdue."""
    joined: dict[str, Moment] = Field(default_factory=dict)
    """Since when each of them is asked."""
    by: Ref | None = None
    at: Moment | None = None
    """When it was done; none while it is owed."""
    justified: str = ""
    findings: str = ""
    consequence: str = ""


class Missing(Value):
    """Somebody with something open here who is not where they were when they took it on."""

    person: Ref
    why: Literal["left", "moved", "away"]
    at: Moment
    """When it was noticed."""
    until: date | None = None
    """The last day of an absence."""
    team: Ref | None = None
    """Where they are now, where they have moved."""
    asked: tuple[Ref, ...] = ()
    """Who was asked to see to what they held: those who carry the change, as of then."""
    speaking: tuple[Ref, ...] = ()
    """Who may speak for the change, where the last of its authors has left."""
