"""What one person may see of a change. Everything else about it is open to everybody in the organisation.

Hidden: who named whom, who said how interested they are, who is asked to be a co-proposer, and who said no to an
invitation. A no looks like silence until the time to answer has passed, and like an invitation that passed afterwards
(reference/champions.md 3.4).
"""

from __future__ import annotations

from datetime import datetime

from changes.state import Change, Invitation, InvitationStatus

HIDDEN_IN_WORDS = (
    "Everybody in the organisation can read this change and its trail. Nobody sees who said no to an invitation, "
    "who named whom, or how interested somebody is; a person sees their own."
)


def seen_by(change: Change, viewer: str, now: datetime) -> Change:
    """``change`` as ``viewer`` may see it at ``now``."""
    recruiting = change.recruiting
    own_votes = {person: (viewer,) for person, voters in recruiting.nominations.items() if viewer in voters}
    own_interest = {person: level for person, level in recruiting.interest.items() if person == viewer}
    invitations = tuple(
        invitation if invitation.person == viewer else _veiled(invitation, now) for invitation in recruiting.invitations
    )
    seen = recruiting.having(nominations=own_votes, interest=own_interest, invitations=invitations)
    asked = change.proposal.asked_to_join
    if viewer not in change.proposal.authors:
        asked = tuple(person for person in asked if person == viewer)
    return change.having(recruiting=seen, proposal=change.proposal.having(asked_to_join=asked))


def _veiled(invitation: Invitation, now: datetime) -> Invitation:
    """Told by its due date alone where nobody said yes: a reminder or a time of answering would give a no away."""
    if invitation.status in {InvitationStatus.ACCEPTED, InvitationStatus.STEPPED_DOWN, InvitationStatus.GONE}:
        return invitation
    passed = now >= invitation.due
    looks_like = InvitationStatus.EXPIRED if passed else InvitationStatus.SENT
    answered = invitation.due if passed else None
    return invitation.having(status=looks_like, answered_at=answered, reminder=None, team=None)
