"""Speaking without one's name: pseudonyms, what may be done under one, and how a name may come out.

A pseudonym stands for one person on one change. Everything that is recorded, sent or shown knows the pseudonym only;
who it is stands in one table, read to find out who may act (``store.pseudonyms``). See docs/decisions/0013.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pydantic import Field

from changes.commands import Command
from changes.events import Event
from changes.facts import Facts, PersonFacts
from changes.refusals import invalid, not_yours, wrong_stage
from changes.rules import anybody, decides, evolves
from changes.state import Change, RevealRequest
from changes.values import NAMELESS, PSEUDONYM_PREFIX, Ref, Text, is_pseudonym

IN_WORDS = (
    "Your name is not written down with it: not in the change, its trail, mail, exports or the program that carries "
    "it. Everybody sees “somebody who stays anonymous”. You read answers and reply on these pages, signed in as "
    "yourself; no mail is sent to you about it. Your name can only come out if {reveal} agree and give a reason, and "
    "you then see who did. Whoever runs this installation could read the one table that says who you are. What you "
    "write, and the hour, may tell people who know you."
)
"""Who can see what, in plain words, shown before anybody speaks anonymously; ``{reveal}`` names who may reveal."""

SPOKEN_ANONYMOUSLY = frozenset(
    {
        "submit",
        "edit",
        "resubmit",
        "confirm_heard",
        "correct",
        "withdraw",
        "renew",
        "propose_tests",
        "conclude",
        "raise_concern",
        "ask_why",
        "answer_why",
        "respond",
        "resolve_concern",
        "comment",
    }
)
"""What may be done under a pseudonym: saying something, and what only the author can do. Never a decision about others,
and nothing that counts people."""


def pseudonym_facts(ref: str, active: bool = True) -> PersonFacts:
    """What the rules may know about somebody who stays anonymous: nothing."""
    return PersonFacts(ref=ref, name=NAMELESS, active=active, open_to_invitations=False)


def moment_of(actor: str, now: datetime, change: Change | None) -> datetime:
    """The moment that is written for what ``actor`` does ``now``: for somebody who stays anonymous the hour only,
    because a minute beside a log of who was signed in would name them; never before what happened to ``change`` last.
    """
    if not is_pseudonym(actor):
        return now
    hour = full_hour(now)
    return max(hour, change.updated_at) if change else hour


def full_hour(moment: datetime) -> datetime:
    """The hour in which ``moment`` lies."""
    return moment.replace(minute=0, second=0, microsecond=0)


def check_anonymity(command: Command, facts: Facts) -> None:
    """Look whether this may be done under a pseudonym; for people under their own name there is nothing to look at.

    Raises:
        Refusal: the policy wants names, or this is nothing that is done without one.
    """
    check_kind_spoken(command.kind, facts)
    if command.kind == "submit" and is_pseudonym(facts.actor.ref):
        for field in ("proposer", "co_proposers"):
            if getattr(command, field):
                invalid("names_with_a_pseudonym", "An anonymous proposal names no other authors.", f"/{field}")


def check_kind_spoken(kind: str, facts: Facts) -> None:
    """The same for a kind of command, whatever it says: what is not refused here may be offered.

    Raises:
        Refusal: the policy wants names, or this is nothing that is done without one.
    """
    if not is_pseudonym(facts.actor.ref):
        return
    if kind not in SPOKEN_ANONYMOUSLY:
        not_yours("needs_a_name", "This cannot be done anonymously. Do it under your own name, or leave it.")
    if kind == "submit" and not facts.norms.anonymous_proposals:
        not_yours("anonymity_refused", "The policy does not allow anonymous proposals. Use your own name.")
    if kind == "raise_concern" and not facts.norms.anonymous_concerns:
        not_yours("anonymity_refused", "The policy does not allow anonymous concerns. Use your own name.")


class AgreeToReveal(Command, kind="agree_to_reveal", button="Agree to have a name shown"):
    """Agree that the name behind a pseudonym is shown to those who agreed, with the reason. It takes more than one."""

    pseudonym: Ref = Field(description="Whose name, as it stands in the change")
    reason: Text = Field(description="Why it has to be known; whoever it is about will read this")


class RevealAgreed(Event, kind="reveal_agreed", words="agreed to have the name of somebody anonymous shown: {reason}"):
    """One yes to a reveal."""

    pseudonym: Ref
    reason: str


class RevealGranted(Event, kind="reveal_granted", words="showed the name of somebody anonymous to those who agreed"):
    """Enough have agreed; they may look. The name itself is written nowhere."""

    pseudonym: Ref


def pseudonyms_in(change: Change) -> tuple[str, ...]:
    """Everybody who speaks anonymously on this change."""
    found = (change.proposal.proposer, *(concern.by for concern in change.concerns))
    return tuple(dict.fromkeys(ref for ref in found if is_pseudonym(ref)))


def _somebody_anonymous(change: Change) -> None:
    if not pseudonyms_in(change):
        wrong_stage("nobody_anonymous", "Nobody speaks anonymously on this change.")


def _may_reveal(change: Change, facts: Facts) -> None:
    anybody(change, facts)
    if facts.reveal is None or facts.reveal.seat_of(facts.actor.ref) is None:
        asked = ", ".join(seat.because for seat in facts.reveal.seats) if facts.reveal else ""
        not_yours(
            "not_asked", f"The policy does not let you reveal a name. It names: {asked or 'nobody at the moment'}."
        )


@decides(AgreeToReveal, when=[_somebody_anonymous], who=_may_reveal)
def _agree_to_reveal(change: Change, command: AgreeToReveal, facts: Facts, now: datetime) -> Iterator[Event]:
    if command.pseudonym not in pseudonyms_in(change):
        invalid("unknown_pseudonym", "Nobody on this change has that pseudonym. Copy it from the change.", "/pseudonym")
    known = change.reveal_of(command.pseudonym)
    if facts.actor.ref in known.agreed:
        invalid("agreed_already", "You have already agreed to this.", "/pseudonym")
    if known.granted:
        invalid("revealed_already", "This name has been shown to those who agreed.", "/pseudonym")
    yield RevealAgreed(pseudonym=command.pseudonym, reason=command.reason)
    assert facts.reveal is not None  # noqa: S101 - said by _may_reveal
    yes = {*known.agreed, facts.actor.ref} & {seat.person for seat in facts.reveal.seats}
    # At least two, whatever a policy says: one person alone never learns a name.
    if len(yes) >= max(2, facts.reveal.quorum.needed(len(facts.reveal.seats))):
        yield RevealGranted(pseudonym=command.pseudonym)


@evolves(RevealAgreed)
def _reveal_agreed(change: Change, event: RevealAgreed) -> Change:
    known = change.reveal_of(event.pseudonym)
    agreed = known.having(agreed=(*known.agreed, event.by), reasons=(*known.reasons, event.reason))
    return _with_reveal(change, agreed)


@evolves(RevealGranted)
def _reveal_granted(change: Change, event: RevealGranted) -> Change:
    return _with_reveal(change, change.reveal_of(event.pseudonym).having(granted=True))


def _with_reveal(change: Change, request: RevealRequest) -> Change:
    others = tuple(other for other in change.reveals if other.pseudonym != request.pseudonym)
    return change.having(reveals=(*others, request))


__all__ = [
    "IN_WORDS",
    "NAMELESS",
    "PSEUDONYM_PREFIX",
    "SPOKEN_ANONYMOUSLY",
    "AgreeToReveal",
    "RevealAgreed",
    "RevealGranted",
    "check_anonymity",
    "check_kind_spoken",
    "is_pseudonym",
    "pseudonym_facts",
    "pseudonyms_in",
]
