"""Concerns: coded, asked about, answered, resolved or overruled."""

from __future__ import annotations

from enum import StrEnum

from changes.values import Moment, Ref, Value


class ConcernCode(StrEnum):
    """Why people hold back, coded per change, never per person (reference/champions.md 3.7)."""

    R01 = "R01"
    R02 = "R02"
    R03 = "R03"
    R04 = "R04"
    R05 = "R05"
    R06 = "R06"
    R07 = "R07"
    R08 = "R08"
    R09 = "R09"
    R10 = "R10"
    R11 = "R11"

    @property
    def meaning(self) -> str:
        """The code in plain words."""
        return _MEANINGS[self]


_MEANINGS = {
    ConcernCode.R01: "nobody told us why",
    ConcernCode.R02: "does not fix our problem",
    ConcernCode.R03: "costs us work, role, status or pay",
    ConcernCode.R04: "we cannot do it yet: skill, tool or access is missing",
    ConcernCode.R05: "no time, too many changes",
    ConcernCode.R06: "leaders are not behind it",
    ConcernCode.R07: "decided without us",
    ConcernCode.R08: "earlier promises were broken",
    ConcernCode.R09: "breaks something: safety, customers, law or data",
    ConcernCode.R10: "worse here: site, shift, language or disability",
    ConcernCode.R11: "rather not say, or something else",
}


class Why(Value):
    """Somebody asked why; the answer belongs to the person who raised the concern."""

    by: Ref
    at: Moment
    question: str
    answer: str = ""
    answered_at: Moment | None = None


class Response(Value):
    """What was changed because of a concern, or why not."""

    by: Ref
    at: Moment
    text: str
    changed_something: bool


class ConcernStatus(StrEnum):
    """Where a concern stands."""

    OPEN = "open"
    RESOLVED = "resolved"
    OVERRULED = "overruled"


class Concern(Value):
    """A named worry with a reason; an open blocking one holds the next gate."""

    ref: Ref
    title: str
    text: str
    code: ConcernCode
    blocking: bool
    would_settle: str
    by: Ref
    at: Moment
    status: ConcernStatus = ConcernStatus.OPEN
    whys: tuple[Why, ...] = ()
    responses: tuple[Response, ...] = ()
    closed_by: Ref | None = None
    closed_because: str = ""
    must_answer: tuple[Ref, ...] = ()
    """Who owes an answer to a reason like this one (reference/champions.md 3.7)."""
    ask_by: Moment | None = None
    """By when somebody should have asked why; a measure, not a deadline."""
    left_to: tuple[Ref, ...] = ()
    """Who may settle it by overruling it, once whoever raised it has left."""

    @property
    def holds_gates(self) -> bool:
        """Whether this concern keeps the next gate shut."""
        return self.blocking and self.status is ConcernStatus.OPEN
