"""What the passing of time means: reminders, escalation, expiry, windows that close, checks that open.

Silence never approves (lifecycle.md): it reminds, escalates at most as often as the policy says, and in the end
expires with notice. The workflow waits for :func:`next_moment` and then asks :class:`NoticeTime` what it means.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from changes.any_moment import Reminded, resumed
from changes.commands import Command
from changes.events import Event
from changes.facts import ANSWER_PROPOSAL, START_ROLLOUT, Facts, Seat
from changes.gates import (
    GATE_WORDS,
    LastCallEnded,
    ask,
    held_by_concern,
    joined,
    passed,
    replanned,
    settled,
    unanswered,
    yes_at,
)
from changes.held import leading
from changes.holders import noticed
from changes.learning import EffectCheckOpened
from changes.recruiting import CampaignEnded, ChampionsPlanned, InvitationsExpired, InvitationsReminded
from changes.review import notice_review, owed, review_moments
from changes.rules import decides, evolves, is_open, only_groundswell
from changes.state import Change, Closing, InvitationStatus, OpenGate, Outcome, Phase, Stage
from changes.values import Moment, Ref


class NoticeTime(Command, kind="notice_time", button="", by_people=False):
    """Something has fallen due; Groundswell asks what that means."""


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


class LookAgain(Command, kind="look_again", button="", by_people=False):
    """The world around a change may be different: people left, moved, are away, delegated; the calendar changed."""


class DeadlineReckoned(Event, kind="deadline_reckoned", words="reckoned the time for {what} again: until {due}"):
    """The calendar changed, so the deadline of the open gate did."""

    what: str
    due: Moment
    reminders: tuple[Moment, ...]


class AuthorsReminded(Event, kind="authors_reminded", words="reminded the authors: {task}"):
    """The authors owe the next step and were reminded of it."""

    people: tuple[Ref, ...]
    task: str
    following: Moment | None = None
    """When they are reminded again; none when this was the last time."""


class BatchAnswered(Event, kind="batch_answered", words="looked at the answers to the invitations. {finding}"):
    """The time to answer is over: the open places were planned again from those who accepted, or there is a finding."""

    batch: Moment
    finding: str = ""
    offers: tuple[str, ...] = ()


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
        moments += _moments_of(change.gate, expires=owed(change) is None)
    if change.step_reminder and owed_step(change):
        moments.append(change.step_reminder)
    if batch := batch_to_look_at(change):
        moments.append(batch[1])
    for invitation in change.recruiting.invitations:
        if invitation.status is InvitationStatus.SENT:
            moments.append(invitation.reminder or invitation.due)
    moments += [moment for moment in (_window_until(change), _campaign_until(change)) if moment]
    return min(moments, default=None)


def _moments_of(gate: OpenGate, *, expires: bool) -> Iterator[datetime]:
    """While enough have agreed only the end of the last call matters; nobody needs to be reminded any more.

    Args:
        expires: whether silence may end the change; it may not while a review is owed.
    """
    if gate.last_call_until:
        yield gate.last_call_until
        if gate.agreed:
            return
    for reminder in gate.reminders:
        yield max(reminder, gate.quiet_until) if gate.quiet_until else reminder
    if gate.levels_left:
        yield gate.due
    elif expires:
        yield gate.expires


OVERTAKEN_TASK = "Base the policy on the one that took force meanwhile, and submit it again"
MOST_STEP_REMINDERS = 3
"""How often authors are reminded of one step; after that they know."""


def owed_step(change: Change) -> str:
    """What the authors are to do next before anything else can happen; empty where others have the word."""
    if change.closing or change.hold or change.gate:
        return ""
    match change.phase:
        case Phase.NEEDS_CHANGES:
            return "Change the proposal and submit it again"
        case Phase.OVERTAKEN:
            return OVERTAKEN_TASK
        case Phase.PLANNING_TESTS:
            return "Propose the tests"
        case Phase.RUNNING_TESTS if all(test.ref in change.round.finished for test in change.round.tests):
            return "Conclude the tests"
        case Phase.PREPARING_WAVE:
            return "Start the next wave" if change.rollout.waves else "Plan the rollout"
        case Phase.WAVE_PAUSED:
            return "Resume the wave, or roll it back"
        case _:
            return ""


def batch_to_look_at(change: Change) -> tuple[datetime, datetime] | None:
    """The last batch of invitations and when its time is over, where places are open and nobody has looked since.

    A no and silence look the same, so nothing follows from either before the time to answer is over.
    """
    recruiting = change.recruiting
    if change.stage not in {Stage.CHAMPIONS, Stage.ROLLOUT} or not recruiting.invitations or not recruiting.places:
        return None
    batch = max(invitation.at for invitation in recruiting.invitations)
    if recruiting.looked_at and recruiting.looked_at >= batch:
        return None
    if len(recruiting.champions) >= recruiting.places:
        return None
    return batch, max(invitation.due for invitation in recruiting.invitations if invitation.at == batch)


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


def falls_to_escalation(change: Change, now: datetime) -> bool:
    """Whether silence at the open gate has lasted long enough to ask one level up."""
    gate = change.gate
    return gate is not None and not gate.agreed and gate.levels_left > 0 and now >= gate.due


@decides(NoticeTime, when=[is_open], who=only_groundswell)
def _notice_time(change: Change, command: NoticeTime, facts: Facts, now: datetime) -> Iterator[Event]:
    yield from notice_review(change, facts, now)
    if change.hold:
        if change.hold.until and now >= change.hold.until:
            yield from resumed(change, facts, "the hold ended on its date", now)
        return
    yield from _at_gate(change, facts, now)
    yield from _invitations(change, now)
    yield from _open_places(change, facts, now)
    yield from _owed(change, facts, now)
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
    if gate.last_call_until and now >= gate.last_call_until and not change.blocking_concerns:
        closing = tuple(settled(change, facts, gate.name, yes_at(change, gate.name), now, gate.agreed))
        yield from closing or (LastCallEnded(gate=gate.name, what=what),)
    elif gate.agreed:
        return
    elif (reckoned := _reckoned(change, facts, now)) and reckoned.due > now >= gate.due:
        yield reckoned
    elif not gate.levels_left and now >= gate.expires and owed(change) is None:
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
    elif any(now >= reminder for reminder in gate.reminders) and not (gate.quiet_until and now < gate.quiet_until):
        people, quiet = unanswered(change), facts.norms.quiet_until
        yield Reminded(people=people, what=what, count=len(people), quiet_until=quiet)


def _reckoned(change: Change, facts: Facts, now: datetime) -> DeadlineReckoned | None:
    """The deadline by the calendar as it is now, where that is another and no person has moved it."""
    gate, anew = change.gate, facts.asked_anew
    if gate is None or anew is None or anew.name != gate.name or gate.moved or gate.agreed or anew.due == gate.due:
        return None
    reminders = tuple(reminder for reminder in anew.reminders if reminder > now)
    return DeadlineReckoned(what=GATE_WORDS[gate.name], due=anew.due, reminders=reminders)


@decides(LookAgain, when=[], who=only_groundswell)
def _look_again(change: Change, command: LookAgain, facts: Facts, now: datetime) -> Iterator[Event]:
    """Nothing follows where everything is as it was, or after the end; while a change rests, no gate is asked."""
    if change.closing:
        return
    yield from noticed(change, facts, now)
    if change.hold or change.gate is None:
        return
    if reckoned := _reckoned(change, facts, now):
        yield reckoned
    if not change.gate.agreed:
        yield from replanned(change, facts, now)


def _open_places(change: Change, facts: Facts, now: datetime) -> Iterator[Event]:
    found = batch_to_look_at(change)
    if found is None or now < found[1]:
        return
    plan = facts.recommendation
    yield BatchAnswered(
        batch=found[0], finding=plan.finding if plan else "", offers=plan.offers if plan and plan.finding else ()
    )
    if plan is not None and plan.picks and not plan.finding:
        yield ChampionsPlanned(plan=plan, places=plan.places, count=len(plan.picks))


def _owed(change: Change, facts: Facts, now: datetime) -> Iterator[Event]:
    task = owed_step(change)
    if not task or change.step_reminder is None or now < change.step_reminder:
        return
    again = change.step_reminders + 1 < MOST_STEP_REMINDERS
    following = facts.norms.step_reminder if again else None
    yield AuthorsReminded(people=leading(change), task=task, following=following)


def _invitations(change: Change, now: datetime) -> Iterator[Event]:
    sent = [i for i in change.recruiting.invitations if i.status is InvitationStatus.SENT]
    if expired := tuple(i.person for i in sent if now >= i.due):
        yield InvitationsExpired(people=expired)
    if remind := tuple(i.person for i in sent if i.reminder and i.reminder <= now < i.due):
        yield InvitationsReminded(people=remind)


@evolves(Escalated)
def _escalated(change: Change, event: Escalated) -> Change:
    if change.gate is None:
        return change
    return change.having(gate=_escalated_gate(change.gate, event))


def _escalated_gate(gate: OpenGate, event: Escalated) -> OpenGate:
    known = {seat.person for seat in gate.asked}
    return gate.having(
        asked=event.asked,
        joined=joined(gate, (seat.person for seat in event.asked if seat.person not in known), event.at),
        due=event.due,
        expires=max(gate.expires, event.due),
        reminders=event.reminders,
        asked_since=event.at,
        moved=False,
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


@evolves(DeadlineReckoned)
def _deadline_reckoned(change: Change, event: DeadlineReckoned) -> Change:
    gate = change.gate
    if gate is None:
        return change
    expires = max(gate.expires, event.due)
    return change.having(gate=gate.having(due=event.due, reminders=event.reminders, expires=expires))


@evolves(AuthorsReminded)
def _authors_reminded(change: Change, event: AuthorsReminded) -> Change:
    return change.having(step_reminder=event.following, step_reminders=change.step_reminders + 1)


@evolves(BatchAnswered)
def _batch_answered(change: Change, event: BatchAnswered) -> Change:
    recruiting = change.recruiting.having(looked_at=event.batch, finding=event.finding, offers=event.offers)
    return change.having(recruiting=recruiting)
