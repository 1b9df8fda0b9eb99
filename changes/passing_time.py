"""What the passing of time means: reminders, escalation, expiry, windows that close, checks that open.

Silence never approves (lifecycle.md): it reminds, escalates at most as often as the policy says, and in the end
expires with notice. The workflow waits for :func:`next_moment` and then asks :class:`NoticeTime` what it means.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from changes.any_moment import resumed
from changes.commands import Command
from changes.events import Event
from changes.facts import ANSWER_PROPOSAL, ENDORSE_TESTS, SIGN_TESTS, START_ROLLOUT, Facts, Seat
from changes.gates import GATE_WORDS, ask, held_by_concern, passed
from changes.learning import EffectCheckOpened
from changes.recruiting import CampaignEnded, InvitationsExpired, InvitationsReminded
from changes.review import notice_review, review_moments
from changes.rules import decides, evolves, is_open, only_groundswell
from changes.state import Change, Closing, InvitationStatus, OpenGate, Outcome, Phase
from changes.values import Moment, Ref


class NoticeTime(Command, kind="notice_time", button="", by_people=False):
    """Something has fallen due; Groundswell asks what that means."""


class Reminded(Event, kind="reminded", words="reminded {count} people of {what}"):
    """The people at a gate who have not answered were reminded."""

    people: tuple[Ref, ...]
    what: str
    count: int


class Escalated(Event, kind="escalated", words="asked one level up about {what}, because nobody had answered"):
    """A gate went to the managers of those who were asked; they have not lost their say."""

    gate: str
    what: str
    level: int
    asked: tuple[Seat, ...]
    due: Moment
    reminders: tuple[Moment, ...]


class Expired(Event, kind="expired", words="let the change expire, because nobody answered {what}"):
    """Nobody answered, even after escalation. One click renews it."""

    what: str


class ObjectionWindowClosed(
    Event, kind="objection_window_closed", words="closed the window for objections; there were none"
):
    """The self-decision stands."""


def next_moment(change: Change) -> datetime | None:
    """When time next means something for this change; None while it waits for people only."""
    if change.closing:
        return None
    moments: list[datetime] = [*review_moments(change)]
    if change.hold:
        return min([*moments, *([change.hold.until] if change.hold.until else [])], default=None)
    moments += [check.opens for check in change.learning.checks if not check.opened]
    if change.gate:
        moments += change.gate.reminders
        moments.append(change.gate.due if change.gate.levels_left else change.gate.expires)
    for invitation in change.recruiting.invitations:
        if invitation.status is InvitationStatus.SENT:
            moments.append(invitation.reminder or invitation.due)
    moments += [moment for moment in (_window_until(change), _campaign_until(change)) if moment]
    return min(moments, default=None)


def _window_until(change: Change) -> datetime | None:
    """When a self-decision stands; a blocking concern holds it until it is settled."""
    decision = change.proposal.self_decision
    if decision is None or change.phase is not Phase.OBJECTION_WINDOW or held_by_concern(change):
        return None
    return decision.objection_due


def _campaign_until(change: Change) -> datetime | None:
    """When the time for recruiting is over; a gate that would then pass by itself waits for a blocking concern."""
    if change.phase is not Phase.RECRUITING or held_by_concern(change):
        return None
    return change.recruiting.campaign_due


def unanswered(change: Change) -> tuple[str, ...]:
    """The people at the open gate who have not answered it yet."""
    if change.gate is None:
        return ()
    answered = answered_at(change, change.gate.name)
    return tuple(seat.person for seat in change.gate.asked if seat.person not in answered)


def answered_at(change: Change, gate: str) -> tuple[str, ...]:
    """Those whose yes at a gate counts as the change is now."""
    if gate == ENDORSE_TESTS:
        return change.round.counting_endorsers
    if gate == SIGN_TESTS:
        return tuple(answer.person for answer in change.round.signatures)
    if gate == START_ROLLOUT:
        version = change.rollout.plan_version
        return tuple(s.person for s in change.recruiting.signatures if s.about_version == version)
    return change.proposal.acceptances


def falls_to_escalation(change: Change, now: datetime) -> bool:
    """Whether silence at the open gate has lasted long enough to ask one level up."""
    return change.gate is not None and change.gate.levels_left > 0 and now >= change.gate.due


@decides(NoticeTime, when=[is_open], who=only_groundswell)
def _notice_time(change: Change, command: NoticeTime, facts: Facts, now: datetime) -> Iterator[Event]:
    yield from notice_review(change, facts, now)
    if change.hold:
        if change.hold.until and now >= change.hold.until:
            yield from resumed(change, facts, "the hold ended on its date", now)
        return
    yield from _at_gate(change, facts, now)
    yield from _invitations(change, now)
    window, campaign = _window_until(change), _campaign_until(change)
    if window and now >= window:
        yield ObjectionWindowClosed()
        yield passed(facts, ANSWER_PROPOSAL, "decided by its proposer inside the limits; nobody objected")
    if campaign and now >= campaign:
        yield CampaignEnded()
        if change.gate is None:
            yield from ask(change, facts, START_ROLLOUT, now)
    for check in change.learning.checks:
        if not check.opened and now >= check.opens:
            yield EffectCheckOpened(check=check.ref)


def _at_gate(change: Change, facts: Facts, now: datetime) -> Iterator[Event]:
    gate = change.gate
    if gate is None:
        return
    what = GATE_WORDS[gate.name]
    if not gate.levels_left and now >= gate.expires:
        yield Expired(what=what)
    elif falls_to_escalation(change, now):
        asked = facts.gates[gate.name]
        yield Escalated(
            gate=gate.name,
            what=what,
            level=gate.level + 1,
            asked=asked.seats,
            due=asked.due,
            reminders=asked.reminders,
        )
    elif any(now >= reminder for reminder in gate.reminders):
        people = unanswered(change)
        yield Reminded(people=people, what=what, count=len(people))


def _invitations(change: Change, now: datetime) -> Iterator[Event]:
    sent = [i for i in change.recruiting.invitations if i.status is InvitationStatus.SENT]
    if expired := tuple(i.person for i in sent if now >= i.due):
        yield InvitationsExpired(people=expired)
    if remind := tuple(i.person for i in sent if i.reminder and i.reminder <= now < i.due):
        yield InvitationsReminded(people=remind)


@evolves(Reminded)
def _reminded(change: Change, event: Reminded) -> Change:
    if change.gate is None:
        return change
    left = tuple(reminder for reminder in change.gate.reminders if reminder > event.at)
    return change.having(gate=change.gate.having(reminders=left))


@evolves(Escalated)
def _escalated(change: Change, event: Escalated) -> Change:
    if change.gate is None:
        return change
    return change.having(gate=_escalated_gate(change.gate, event))


def _escalated_gate(gate: OpenGate, event: Escalated) -> OpenGate:
    return gate.having(
        asked=event.asked,
        due=event.due,
        expires=max(gate.expires, event.due),
        reminders=event.reminders,
        level=event.level,
        levels_left=gate.levels_left - 1,
    )


@evolves(Expired)
def _expired(change: Change, event: Expired) -> Change:
    closing = Closing(
        outcome=Outcome.EXPIRED,
        reason=f"nobody answered {event.what}",
        way_forward="Renew it, and the same people are asked again.",
        by=event.by,
        at=event.at,
    )
    return change.having(closing=closing)


@evolves(ObjectionWindowClosed)
def _objection_window_closed(change: Change, event: ObjectionWindowClosed) -> Change:
    return change
