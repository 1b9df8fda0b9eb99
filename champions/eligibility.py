"""Who may be invited at all: the hard rules of 3.2, each with a plain reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from champions.model import Candidate, Ground

CAMPAIGNS_IN_12_MONTHS = 2
"""Campaigns a person may join in twelve months (3.2)."""
QUIET_AFTER_CAMPAIGN = timedelta(days=60)
"""Rest after a campaign ended (3.2)."""

NOT_AVAILABLE = "is not available for this campaign"
"""One sentence for declined, expired, stepped down, quiet and closed to invitations, so that none can be told apart."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one campaign on one day, prepared for asking about many people."""

    already: frozenset[str]
    asked: frozenset[str]
    not_again: frozenset[str]
    excluded: frozenset[str]
    today: date
    open_campaigns_allowed: int

    @classmethod
    def of(cls, ground: Ground) -> Rules:
        """The rules as ``ground`` states them."""
        return cls(
            already=frozenset(ground.already),
            asked=frozenset(ground.asked),
            not_again=frozenset(ground.not_again),
            excluded=frozenset(ground.excluded),
            today=ground.today,
            open_campaigns_allowed=ground.open_campaigns_allowed,
        )

    def refusal(self, candidate: Candidate) -> str | None:
        """Why ``candidate`` may not be invited, or none. Reads after their name: "is already a champion …"."""
        return (
            self._outside(candidate)
            or self._taking_part(candidate.ref)
            or self._resting(candidate)
            or self._compromised(candidate)
        )

    def _outside(self, candidate: Candidate) -> str | None:
        """Refusals that come from the person's place in the organisation."""
        if not candidate.active:
            return "is no longer active"
        if candidate.leads_people:
            return "leads people (managers endorse instead)"
        return None

    def _taking_part(self, person: str) -> str | None:
        """Refusals that come from what the person already did in this change."""
        # Declined before accepted: whoever stepped down is free at once, whatever an older list still says.
        if person in self.not_again:
            return NOT_AVAILABLE
        if person in self.already:
            return "is already a champion of this change"
        if person in self.asked:
            return "has been asked and has not answered yet"
        if person in self.excluded:
            return "proposes, tests or decides this change"
        return None

    def _resting(self, candidate: Candidate) -> str | None:
        """Refusals that protect a person's time. Volunteering lifts what they set themselves, never the load cap."""
        if not candidate.volunteered:
            if not candidate.open_to_invitations:
                return NOT_AVAILABLE
            if candidate.quiet_until is not None and self.today < candidate.quiet_until:
                return NOT_AVAILABLE
        if candidate.open_campaigns >= self.open_campaigns_allowed:
            return "has no room for another campaign now"
        if candidate.campaigns_last_12_months >= CAMPAIGNS_IN_12_MONTHS:
            return f"has been in {CAMPAIGNS_IN_12_MONTHS} campaigns in the past 12 months"
        ended = candidate.last_campaign_ended
        if ended is not None and self.today - ended < QUIET_AFTER_CAMPAIGN:
            return f"finished a campaign less than {QUIET_AFTER_CAMPAIGN.days} days ago"
        return None

    def _compromised(self, candidate: Candidate) -> str | None:
        """A conflict of interest closes the invitation, not the door: they may volunteer (3.2)."""
        if candidate.conflicted is None or candidate.volunteered:
            return None
        return f"may join only by volunteering ({candidate.conflicted})"


def eligible(candidate: Candidate, ground: Ground) -> str | None:
    """None when ``candidate`` may be invited, else the plain reason why not (3.2)."""
    return Rules.of(ground).refusal(candidate)
