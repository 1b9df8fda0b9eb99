"""What one person may see of a change, and of its records. Everything else is open to everybody in the organisation.

Hidden: who named whom, who said how interested they are, who is asked to be a co-proposer, and who said no to an
invitation. A no looks like silence until the time to answer has passed, and like an invitation that passed afterwards
(reference/champions.md 3.4).
"""

from __future__ import annotations

from datetime import datetime

# Which events are secret must not depend on who else was imported.
from changes import decision as _registering  # noqa: F401
from changes.events import EVENTS
from changes.state import Change, Invitation, InvitationStatus

HIDDEN_IN_WORDS = (
    "Everybody in the organisation can read this change and its trail. Except for auditors, nobody sees who said no "
    "to an invitation, who named whom, or how interested somebody is; a person sees their own."
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


DISCREET_COMMANDS = frozenset({"nominate", "declare_interest"})
"""A refused attempt must not give away either who voted or who is interested."""
SECRET_COMMANDS = frozenset({"accept_invitation", "decline_invitation", "decline_authorship"})
"""Refused, these tell that somebody has said no before, or was asked."""
QUIET_COMMANDS = DISCREET_COMMANDS | {"decline_invitation", "decline_authorship"}
"""What else was recorded with one of these tells by its name that it was given, and by its key who gave it."""
NAMING_THE_ASKED = frozenset({"co_proposers_asked"})
"""Events whose line is open and whose content names people who have not answered yet."""
WITHHELD = (
    "What this record says is withheld from you: it is a vote, an interest, an answer or a silence of somebody else. "
    "Its hash and its place in the ledger are here, and an auditor can compare them."
)
"""What stands where a record would, for whoever may not know what it is."""
UNTOLD = (
    "The bytes of this record are withheld from you: they tell of something that only the person it is about may know. "
    "Its hash and its place in the ledger are here, and an auditor can compare them."
)
"""What stands where the bytes would, of a record whose line may be read."""


def is_secret(action: str, outcome: str) -> bool:
    """Whether not even that it happened is for anybody but the person: a no, or a refusal that tells of one."""
    if outcome == "refused":
        return action in SECRET_COMMANDS
    return action in EVENTS and EVENTS[action].secret


def is_discreet(action: str, outcome: str) -> bool:
    """Whether it must not be said who it was."""
    if outcome == "refused":
        return action in DISCREET_COMMANDS
    return action in EVENTS and EVENTS[action].discreet


def is_quiet(action: str, outcome: str) -> bool:
    """Whether it is secret or discreet. Whoever searches all trails and does not see all is told of both alike, and of
    neither which of them it is: the one would tell what the other is."""
    return is_secret(action, outcome) or is_discreet(action, outcome)


def quiet_kinds() -> tuple[frozenset[str], frozenset[str]]:
    """Everything for which :func:`is_quiet` says yes: the events, and the commands that were refused."""
    return frozenset(kind for kind in EVENTS if is_quiet(kind, "applied")), SECRET_COMMANDS | DISCREET_COMMANDS
