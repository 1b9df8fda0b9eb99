"""Recruiting champions: invitations, conversations and who signed the coverage."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from changes.facts import Recommendation, UnitCoverage
from changes.values import Moment, Ref, Value


class InvitationStatus(StrEnum):
    """Where an invitation stands. Declined and expired look the same to everybody else."""

    SENT = "sent"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    STEPPED_DOWN = "stepped_down"
    GONE = "gone"
    """Accepted, and has left the organisation since."""


class Invitation(Value):
    """One colleague asked to be a champion."""

    person: Ref
    at: Moment
    due: Moment
    reminder: Moment | None = None
    reasons: tuple[str, ...] = ()
    status: InvitationStatus = InvitationStatus.SENT
    answered_at: Moment | None = None
    team: Ref | None = None
    """In which team they were when they were asked."""


class Conversation(Value):
    """A champion's note of a talk with colleagues of a team; never about a single person."""

    by: Ref
    at: Moment
    team: Ref
    people: int
    note: str
    reason_code: str = ""


class Introduction(Value):
    """Somebody introduced two people who can help each other."""

    by: Ref
    at: Moment
    person: Ref
    to: Ref
    why: str


class CoverageSignature(Value):
    """One signature on champion coverage and the rollout plan, with the table it was based on."""

    person: Ref
    at: Moment
    decision: Literal["go", "go_with_conditions", "hold"]
    conditions: str = ""
    coverage: tuple[UnitCoverage, ...] = ()
    about_version: int = 0


class Recruiting(Value):
    """Who was recommended, asked, and said yes."""

    places: int = 0
    plans: tuple[Recommendation, ...] = ()
    invitations: tuple[Invitation, ...] = ()
    nominations: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Who was nominated, by whom."""
    interest: dict[str, str] = Field(default_factory=dict)
    open_places: int = 0
    campaign_due: Moment | None = None
    conversations: tuple[Conversation, ...] = ()
    introductions: tuple[Introduction, ...] = ()
    signatures: tuple[CoverageSignature, ...] = ()
    looked_at: Moment | None = None
    """The last batch of invitations whose answers were looked at."""
    finding: str = ""
    """What the answers say about the change, where no more colleagues should be asked."""
    offers: tuple[str, ...] = ()
    """What may be done about it."""
    planned_at: Moment | None = None
    """When colleagues were recommended last."""
    to_invite: bool = False
    """Whether nobody has been asked since."""

    def with_status(self, status: InvitationStatus) -> tuple[str, ...]:
        """The people whose latest invitation has ``status``."""
        latest = {invitation.person: invitation for invitation in self.invitations}
        return tuple(person for person, invitation in latest.items() if invitation.status is status)

    @property
    def champions(self) -> tuple[str, ...]:
        """Those who accepted and still hold their place."""
        return self.with_status(InvitationStatus.ACCEPTED)
