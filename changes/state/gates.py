"""A gate that is open or was passed: who is asked, who answered."""

from __future__ import annotations

from pydantic import Field

from changes.facts import Seat
from changes.values import Moment, Ref, Value


class Answer(Value):
    """One person's answer at a gate; stale answers are kept and marked, and no longer count."""

    person: Ref
    kind: str
    at: Moment
    note: str = ""
    about_version: int = 0
    stale: bool = False


class OpenGate(Value):
    """A gate that is waiting for people, as it was asked."""

    name: str
    opened_at: Moment
    due: Moment
    expires: Moment
    reminders: tuple[Moment, ...] = ()
    asked: tuple[Seat, ...]
    rule: str
    """The quorum in words, as it was when the gate opened."""
    level: int = 0
    asked_since: Moment | None = None
    """Since when the time to answer runs, where that is not since it was opened."""
    moved: bool = False
    """Whether a person moved the deadline; it is then no longer reckoned anew."""
    quiet_until: Moment | None = None
    """Until when nobody is nudged about it again."""
    last_call_until: Moment | None = None
    """While a last call runs: until when. The gate does not close before."""
    agreed: str = ""
    """Why the gate will close after the last call: the quorum that was reached."""
    reopened: bool = False
    """Whether a blocking concern ended a last call; another follows once it is settled."""
    joined: dict[str, Moment] = Field(default_factory=dict)
    """Since when those are asked who came later than the others."""
    levels_left: int = 0
    """How often silence may still be escalated; then only expiry is left. Silence never approves."""


class PassedGate(Value):
    """A gate that was passed, and why."""

    name: str
    at: Moment
    because: str
