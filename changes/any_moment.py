"""What may happen at any moment: hold and resume, withdraw, comment, follow, move a deadline, renew.

Source: lifecycle.md, "At any moment from submission on" and "Time".
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from pydantic import Field

from changes.commands import Command
from changes.events import Event
from changes.facts import Facts
from changes.gates import GATE_WORDS, LastCallMade, opened, replanned, unanswered
from changes.learning import EffectCheckOpened
from changes.refusals import invalid, not_yours, wrong_stage
from changes.review import no_review_owed
from changes.rules import (
    an_author,
    anybody,
    decides,
    evolves,
    is_open,
    no_blocking_concern,
    no_policy_in_force,
    not_held,
    the_lead,
)
from changes.state import Change, Closing, Comment, Hold, Invitation, InvitationStatus, OpenGate, Outcome, Phase
from changes.values import Moment, OptionalText, Ref, Text

# ---------------------------------------------------------------------------------------------------- commands


class PutOnHold(Command, kind="hold", button="Put on hold"):
    """Let the change rest, with a reason and, if you can, until when."""

    reason: Text = Field(description="Why it should rest")
    until: Moment | None = Field(default=None, description="Until when; it then resumes by itself")


class Resume(Command, kind="resume", button="Resume"):
    """Go on after a hold. Deadlines start anew."""

    reason: Text = Field(description="Why it can go on")


class Withdraw(Command, kind="withdraw", button="Withdraw"):
    """Take the change back, with a reason. It stays findable."""

    reason: Text = Field(description="Why you take it back")


class AddComment(Command, kind="comment", button="Comment"):
    """Say what works, what would make it better, or ask."""

    about: Literal["works", "better", "question"] = Field(
        description="What works, what would make it better, or a question"
    )
    text: Text = Field(description="Your comment")


class Follow(Command, kind="follow", button="Follow"):
    """Hear about what happens to this change."""


class Unfollow(Command, kind="unfollow", button="Stop following"):
    """Hear no more about this change."""


class MoveDeadline(Command, kind="move_deadline", button="Move a deadline"):
    """Move the deadline of the open gate, or the day an effect check opens, with a reason."""

    deadline: Ref = Field(description="“gate”, or an effect check such as E1")
    to: Moment = Field(description="The new moment")
    reason: Text = Field(description="Why")


class Remind(Command, kind="remind", button="Remind those who are asked"):
    """Ask again, in a friendly way, those who have not answered yet. Nobody is reminded twice within a few hours."""


class MakeLastCall(Command, kind="last_call", button="Make the last call"):
    """Say that the gate will close, so that whoever still has something to settle says so now."""

    reason: OptionalText = Field(default="", description="A word to everybody")


class StepAside(Command, kind="step_aside", button="I have a conflict of interest"):
    """You are asked here, but should not decide about this change. Somebody else is asked in your place."""

    reason: Text = Field(description="Which conflict; as much as you want everybody to know")


class Renew(Command, kind="renew", button="Renew"):
    """Take up a change that expired because nobody answered. The same people are asked again."""


# ------------------------------------------------------------------------------------------------------ events


class HeldBack(Event, kind="put_on_hold", words="put the change on hold: {reason}"):
    """The change rests."""

    reason: str
    until: Moment | None = None


class Resumed(Event, kind="resumed", words="resumed the change: {reason}"):
    """The change goes on; an open gate is asked anew."""

    reason: str
    objection_due: Moment | None = None
    invitation_due: Moment | None = None
    invitation_reminder: Moment | None = None
    campaign_due: Moment | None = None


class Withdrawn(Event, kind="withdrawn", words="withdrew the change: {reason}"):
    """Taken back by its author."""

    reason: str


class Commented(Event, kind="commented", words="commented: {text}"):
    """A remark."""

    about: Literal["works", "better", "question"]
    text: str


class Followed(Event, kind="followed", words="follows this change"):
    """Somebody wants to hear about it."""


class Unfollowed(Event, kind="unfollowed", words="does not follow this change any more"):
    """Somebody has heard enough."""


class DeadlineMoved(Event, kind="deadline_moved", words="moved the deadline of {deadline} to {to}: {reason}"):
    """A person moved a deadline."""

    deadline: Ref
    to: Moment
    reason: str


class Reminded(Event, kind="reminded", words="reminded {count} people of {what}"):
    """The people at a gate who have not answered were reminded."""

    people: tuple[Ref, ...]
    what: str
    count: int
    quiet_until: Moment | None = None


class SteppedAside(Event, kind="stepped_aside", words="stepped aside for a conflict of interest: {reason}"):
    """Somebody who was asked does not decide about this change."""

    reason: str


class Renewed(Event, kind="renewed", words="renewed the change"):
    """Taken up again after it expired."""


# ------------------------------------------------------------------------------------------------------- rules


def _involved(change: Change, facts: Facts) -> None:
    """The people who carry the change, and those who are asked at its gates."""
    if any(gate.seat_of(facts.actor.ref) for gate in facts.gates.values()):
        return anybody(change, facts)
    return the_lead(change, facts)


@decides(PutOnHold, when=[not_held], who=_involved)
def _hold(change: Change, command: PutOnHold, facts: Facts, now: datetime) -> Iterator[Event]:
    if command.until and command.until <= now:
        invalid("in_the_past", "That moment has passed. Name a later one, or leave it out.", "/until")
    yield HeldBack(reason=command.reason, until=command.until)


def _is_held(change: Change) -> None:
    is_open(change)
    if change.hold is None:
        wrong_stage("not_on_hold", "This change is not on hold.")


@decides(Resume, when=[_is_held], who=_involved)
def _resume(change: Change, command: Resume, facts: Facts, now: datetime) -> Iterator[Event]:
    yield from resumed(change, facts, command.reason, now)


def resumed(change: Change, facts: Facts, reason: str, now: datetime) -> Iterator[Event]:
    """The events of going on after a hold: whoever could not answer meanwhile gets their full time again."""
    yield Resumed(
        reason=reason,
        objection_due=facts.empowerment.objection_due,
        invitation_due=facts.norms.invitation_due,
        invitation_reminder=facts.norms.invitation_reminder,
        campaign_due=facts.norms.campaign_due,
    )
    if change.gate:
        yield opened(change, facts, change.gate.name, now)


@decides(Withdraw, when=[is_open, no_review_owed, no_policy_in_force], who=an_author)
def _withdraw(change: Change, command: Withdraw, facts: Facts, now: datetime) -> Iterator[Event]:
    yield Withdrawn(reason=command.reason)


@decides(AddComment, when=[is_open], who=anybody)
def _comment(change: Change, command: AddComment, facts: Facts, now: datetime) -> Iterator[Event]:
    yield Commented(about=command.about, text=command.text)


def _not_following(change: Change, facts: Facts) -> None:
    anybody(change, facts)
    if facts.actor.ref in change.followers:
        not_yours("following_already", "You already follow this change.")


def _following(change: Change, facts: Facts) -> None:
    anybody(change, facts)
    if facts.actor.ref not in change.followers:
        not_yours("not_following", "You do not follow this change.")


@decides(Follow, when=[is_open], who=_not_following)
def _follow(change: Change, command: Follow, facts: Facts, now: datetime) -> Iterator[Event]:
    yield Followed()


@decides(Unfollow, when=[is_open], who=_following)
def _unfollow(change: Change, command: Unfollow, facts: Facts, now: datetime) -> Iterator[Event]:
    yield Unfollowed()


def _has_a_deadline(change: Change) -> None:
    not_held(change)
    if change.gate is None and not any(not check.opened for check in change.learning.checks):
        wrong_stage("no_deadline", "This change has no deadline that could be moved now.")


def _may_move_deadline(change: Change, facts: Facts) -> None:
    _involved(change, facts)
    if change.gate and facts.actor.ref in change.proposal.authors:
        not_yours("own_change", "Whoever is asked, or the process owner, moves a gate's deadline; not its authors.")


@decides(MoveDeadline, when=[_has_a_deadline], who=_may_move_deadline)
def _move_deadline(change: Change, command: MoveDeadline, facts: Facts, now: datetime) -> Iterator[Event]:
    moved = DeadlineMoved(deadline=command.deadline, to=command.to, reason=command.reason)
    if command.deadline == "gate" and change.gate:
        if command.to <= now:
            invalid("in_the_past", "That moment has passed. People need time to answer.", "/to")
        yield moved
        return
    waiting = [check.ref for check in change.learning.checks if not check.opened]
    if command.deadline not in waiting:
        names = ", ".join((["gate"] if change.gate else []) + waiting)
        invalid("unknown_deadline", f"“{command.deadline}” is not a deadline now. There is: {names}.", "/deadline")
    yield moved
    if command.to <= now:
        yield EffectCheckOpened(check=command.deadline)


def _a_gate_is_open(change: Change) -> None:
    not_held(change)
    if change.gate is None:
        wrong_stage("nobody_asked", "Nobody is asked for an answer at the moment.")


def _somebody_is_silent(change: Change) -> None:
    _a_gate_is_open(change)
    if not unanswered(change):
        wrong_stage("nobody_silent", "Everybody who was asked has answered.")


def _waits(change: Change, facts: Facts) -> None:
    """Whoever waits for the answer: the lead, and those who follow."""
    if facts.actor.ref in change.followers:
        return anybody(change, facts)
    return the_lead(change, facts)


@decides(Remind, when=[_somebody_is_silent], who=_waits)
def _remind(change: Change, command: Remind, facts: Facts, now: datetime) -> Iterator[Event]:
    gate, people = change.gate, unanswered(change)
    assert gate is not None  # noqa: S101 - said by _somebody_is_silent
    if gate.quiet_until and now < gate.quiet_until:
        invalid(
            "reminded_lately",
            f"They were reminded a short while ago. You can remind them again from {gate.quiet_until:%H:%M} UTC on.",
            "",
        )
    yield Reminded(people=people, what=GATE_WORDS[gate.name], count=len(people), quiet_until=facts.norms.quiet_until)


def _no_last_call_yet(change: Change) -> None:
    _a_gate_is_open(change)
    if change.gate and change.gate.last_call_until:
        wrong_stage("last_call_already", "The last call has been made already.")


@decides(MakeLastCall, when=[_no_last_call_yet, no_blocking_concern], who=_involved)
def _make_last_call(change: Change, command: MakeLastCall, facts: Facts, now: datetime) -> Iterator[Event]:
    gate, until = change.gate, facts.norms.last_call_until
    assert gate is not None  # noqa: S101 - said by _no_last_call_yet
    assert until is not None  # noqa: S101 - a look-up always says it
    yield LastCallMade(gate=gate.name, what=GATE_WORDS[gate.name], until=until, because=command.reason)


def _is_asked(change: Change, facts: Facts) -> None:
    anybody(change, facts)
    if change.gate is None or all(seat.person != facts.actor.ref for seat in change.gate.asked):
        not_yours("not_asked", "You are not asked here, so there is nothing to step aside from.")


@decides(StepAside, when=[_a_gate_is_open], who=_is_asked)
def _step_aside(change: Change, command: StepAside, facts: Facts, now: datetime) -> Iterator[Event]:
    """The look-up has left them out already, so the gate moves on to the next in line in the same breath."""
    yield SteppedAside(reason=command.reason)
    yield from replanned(change, facts, now)


def _is_expired(change: Change) -> None:
    if change.closing is None or change.closing.outcome is not Outcome.EXPIRED:
        wrong_stage("not_expired", "Only a change that expired without an answer can be renewed.")


@decides(Renew, when=[_is_expired], who=_involved)
def _renew(change: Change, command: Renew, facts: Facts, now: datetime) -> Iterator[Event]:
    yield Renewed()
    if change.gate:
        yield opened(change, facts, change.gate.name, now)


# --------------------------------------------------------------------------------------------------- evolution


@evolves(Reminded)
def _reminded(change: Change, event: Reminded) -> Change:
    if change.gate is None:
        return change
    left = tuple(reminder for reminder in change.gate.reminders if reminder > event.at)
    return change.having(gate=change.gate.having(reminders=left, quiet_until=event.quiet_until))


@evolves(SteppedAside)
def _stepped_aside(change: Change, event: SteppedAside) -> Change:
    return change.having(stepped_aside=(*change.stepped_aside, event.by))


@evolves(HeldBack)
def _put_on_hold(change: Change, event: HeldBack) -> Change:
    return change.having(hold=Hold(reason=event.reason, by=event.by, at=event.at, until=event.until))


@evolves(Resumed)
def _resumed(change: Change, event: Resumed) -> Change:
    held_at = change.hold.at if change.hold else event.at
    proposal, recruiting = change.proposal, change.recruiting
    if proposal.self_decision and event.objection_due and change.phase is Phase.OBJECTION_WINDOW:
        decision = proposal.self_decision.having(objection_due=event.objection_due)
        proposal = proposal.having(self_decision=decision)
    if event.invitation_due:
        recruiting = recruiting.having(
            campaign_due=event.campaign_due if recruiting.campaign_due else None,
            invitations=tuple(_asked_anew(invitation, event, held_at) for invitation in recruiting.invitations),
        )
    return change.having(hold=None, proposal=proposal, recruiting=recruiting, running_since=event.at)


def _asked_anew(invitation: Invitation, event: Resumed, held_at: datetime) -> Invitation:
    """The invitation with its full time; one that was declined too, so that it goes on looking like silence."""
    if invitation.status not in {InvitationStatus.SENT, InvitationStatus.DECLINED} or invitation.due <= held_at:
        return invitation
    reminder = event.invitation_reminder if invitation.reminder else None
    return invitation.having(due=event.invitation_due, reminder=reminder)


@evolves(Withdrawn)
def _withdrawn(change: Change, event: Withdrawn) -> Change:
    closing = Closing(outcome=Outcome.WITHDRAWN, reason=event.reason, by=event.by, at=event.at)
    return change.having(closing=closing, gate=None, hold=None)


@evolves(Commented)
def _commented(change: Change, event: Commented) -> Change:
    comment = Comment(by=event.by, at=event.at, about=event.about, text=event.text)
    return change.having(comments=(*change.comments, comment))


@evolves(Followed)
def _followed(change: Change, event: Followed) -> Change:
    return change.having(followers=(*change.followers, event.by))


@evolves(Unfollowed)
def _unfollowed(change: Change, event: Unfollowed) -> Change:
    return change.having(followers=tuple(person for person in change.followers if person != event.by))


@evolves(DeadlineMoved)
def _deadline_moved(change: Change, event: DeadlineMoved) -> Change:
    if event.deadline == "gate" and change.gate:
        return change.having(gate=_moved(change.gate, event.to))
    checks = tuple(c.having(opens=event.to) if c.ref == event.deadline else c for c in change.learning.checks)
    return change.having(learning=change.learning.having(checks=checks))


def _moved(gate: OpenGate, due: datetime) -> OpenGate:
    """The gate with a new deadline; reminders after it make no sense, and expiry never comes before it."""
    return gate.having(
        moved=True,
        due=due,
        expires=max(gate.expires, due + (gate.expires - gate.due)),
        reminders=tuple(reminder for reminder in gate.reminders if reminder < due),
    )


@evolves(Renewed)
def _renewed(change: Change, event: Renewed) -> Change:
    return change.having(closing=None, running_since=event.at)
