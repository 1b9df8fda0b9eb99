"""The snapshot a recruitment plan is made from, and the plan itself."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from changes.values import Ref, Value

SMALLEST_GROUP = 5
"""People. A smaller unit identifies its members in every figure, so it joins its parent (section 5)."""
SMALLEST_COUNT = 3
"""People. No number is shown that fewer stand behind (3.5)."""


class Candidate(Value):
    """A person as a campaign may see them: no rank, grade, performance or inferred interest (3.3, section 6)."""

    ref: Ref
    unit: Ref | None = None
    """Their one home unit. Further teams count only through ties (section 5)."""
    site: str = ""
    active: bool = True
    open_to_invitations: bool = True
    quiet_until: date | None = None
    """The first day on which they may be asked again."""
    leads_people: bool = False
    open_campaigns: int = Field(default=0, ge=0)
    campaigns_last_12_months: int = Field(default=0, ge=0)
    last_campaign_ended: date | None = None
    volunteered: bool = False
    votes: int = Field(default=0, ge=0)
    """Colleagues who named them: one vote a person, none from their own reports (section 5)."""
    conflicted: str | None = None
    """Why they may join only by volunteering, such as "reports to the proposer" (3.2)."""


class Unit(Value):
    """A unit with the people in it. A parent may list the members of its sub-units or leave them out."""

    ref: Ref
    name: str
    members: tuple[Ref, ...] = ()
    parent: Ref | None = None


class Ground(Value):
    """Everything a plan is made from. The order inside the collections means nothing."""

    people: tuple[Candidate, ...]
    affected: tuple[Ref, ...]
    """The people the change reaches."""
    ties: tuple[tuple[Ref, Ref], ...] = ()
    """Pairs of people who both consented to the tie (3.1)."""
    units: tuple[Unit, ...] = ()
    places: int = Field(ge=0)
    """All places of the campaign, filled ones included."""
    already: tuple[Ref, ...] = ()
    """Those who accepted. Each holds a place."""
    asked: tuple[Ref, ...] = ()
    """Those whose invitation is out. Each holds a place, because a sent invitation is never withdrawn (3.4)."""
    not_again: tuple[Ref, ...] = ()
    """Those who declined, let the invitation expire or stepped down in this campaign."""
    excluded: tuple[Ref, ...] = ()
    """The proposer, the testers and the gate owners."""
    saturation: Literal[1, 2, 3] = 2
    """How many champions a colleague can usefully know: 1 awareness, 2 default, 3 works only when others do it too."""
    seed: str
    """The campaign's own text, so that equal scores fall differently in every campaign."""
    today: date
    cover_every_unit: bool = True
    open_campaigns_allowed: int = Field(default=1, ge=1)
    hours_per_week: int = Field(default=2, ge=1)
    weeks: int = Field(default=6, ge=1)


class Recommendation(Value):
    """One person to invite, with what the invitee is told first and the planner after them (3.5)."""

    person: Ref
    reasons: tuple[str, ...]
    """Sentences addressed to the invitee. Numbers only, never a colleague's name."""
    reach: int
    """Affected colleagues with a tie to this person; 0 also stands for fewer than three."""
    only_this: int
    """Those of them with no other champion; 0 also stands for fewer than three."""
    teams: int
    """Home units of the colleagues reached; 0 where ``reach`` is."""
    unit: Ref | None


class UnmetUnit(Value):
    """An affected unit that this plan leaves without a champion, and why."""

    unit: Ref
    reason: str


class Plan(Value):
    """Whom to invite for the open places, in order, and what the plan cannot do."""

    picks: tuple[Recommendation, ...]
    unmet: tuple[UnmetUnit, ...]
    units_without_tie: tuple[Ref, ...]
    """Units of five or more in which nobody has a tie to any champion, accepted, asked or picked."""
    places: int
    ground_sha256: str
    status: Literal["ready", "under_recruited", "nothing_to_recruit"]
    notes: tuple[str, ...]
