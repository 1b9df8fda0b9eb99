"""Gates: who is asked, what it takes to pass, and what passing means.

Source: lifecycle.md, "Rules that always hold": silence never approves, nobody answers for their own change, and an
open blocking concern holds the next gate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from changes.events import Event
from changes.facts import ANSWER_PROPOSAL, ENDORSE_TESTS, SIGN_TESTS, START_ROLLOUT, Facts, GateFacts, Seat
from changes.quorums import in_words, reached
from changes.rules import evolves, no_blocking_concern
from changes.state import Change, OpenGate, PassedGate, Phase, Stage
from changes.values import Moment, Ref

GATE_WORDS = {
    ANSWER_PROPOSAL: "the answer to the proposal",
    ENDORSE_TESTS: "the endorsement of the tests",
    SIGN_TESTS: "the signatures after the tests",
    START_ROLLOUT: "the signatures on champion coverage and rollout",
}

WAITING_AT = {
    ANSWER_PROPOSAL: Phase.AWAITING_ANSWER,
    ENDORSE_TESTS: Phase.AWAITING_ENDORSEMENT,
    SIGN_TESTS: Phase.AWAITING_SIGNATURES,
}
"""The phase an open gate puts a change in; the rollout gate is asked while other work goes on."""

BEHIND = {
    ANSWER_PROPOSAL: (Stage.TESTING, Phase.PLANNING_TESTS),
    ENDORSE_TESTS: (Stage.TESTING, Phase.RUNNING_TESTS),
    SIGN_TESTS: (Stage.CHAMPIONS, Phase.RECRUITING),
    START_ROLLOUT: (Stage.ROLLOUT, Phase.PREPARING_WAVE),
}
"""Where a change is once a gate is passed."""


class GateOpened(Event, kind="gate_opened", words="asked for {what}: {rule}"):
    """People were asked at a gate."""

    gate: OpenGate
    what: str
    rule: str


class GatePassed(Event, kind="gate_passed", words="passed {what}: {because}"):
    """A gate was passed: enough people said yes, or the policy asks nobody here."""

    name: str
    what: str
    because: str
    campaign_due: Moment | None = None
    """Behind the gate after the tests: until when champions are recruited."""


class GateReplanned(Event, kind="gate_replanned", words="asked other people for {what}. {because}"):
    """Who is asked has changed: somebody left, moved, is away, delegated, came back, or has a conflict."""

    gate: str
    what: str
    asked: tuple[Seat, ...]
    rule: str
    due: Moment
    reminders: tuple[Moment, ...]
    anew: bool
    """Whether the time to answer starts again, because nobody of those asked before is left."""
    came: tuple[Ref, ...] = ()
    left: tuple[Ref, ...] = ()
    because: str = ""


class LastCallMade(Event, kind="last_call_made", words="made the last call on {what}, until {until}. {because}"):
    """Whoever still has something that must be settled says so now; afterwards the gate closes."""

    gate: str
    what: str
    until: Moment
    because: str = ""
    """The quorum that was reached; empty where somebody called before it was."""


class LastCallEnded(Event, kind="last_call_ended", words="the last call on {what} is over"):
    """The last call was over before enough had said yes; the gate goes on."""

    gate: str
    what: str


class GateReopened(Event, kind="gate_reopened", words="opened {what} again, because of the blocking concern {concern}"):
    """A new blocking concern ended a last call; another follows once it is settled."""

    gate: str
    what: str
    concern: Ref


def held_by_concern(change: Change) -> bool:
    """Whether a blocking concern holds what would otherwise pass by itself, because its proposer decided alone."""
    return change.proposal.self_decision is not None and bool(change.blocking_concerns)


def ask(change: Change, facts: Facts, name: str, now: datetime) -> Iterator[Event]:
    """Open gate ``name``, or pass it where the proposer decided alone inside the policy's limits."""
    if change.proposal.self_decision:
        no_blocking_concern(change)
        yield passed(facts, name, "its proposer decided this alone, inside the limits of the policy")
    else:
        yield opened(change, facts, name, now)


def opened(change: Change | None, facts: Facts, name: str, now: datetime) -> GateOpened:
    """The event that asks the people whom the policy names now. Asked anew, a gate keeps the level it came to."""
    gate = facts.gates[name]
    level = change.gate.level if change and change.gate and change.gate.name == name else 0
    rule = in_words(gate.quorum, gate.seats)
    return GateOpened(
        gate=OpenGate(
            name=name,
            opened_at=now,
            due=gate.due,
            expires=facts.norms.expires,
            reminders=gate.reminders,
            asked=gate.seats,
            rule=rule,
            level=level,
            levels_left=max(facts.norms.escalation_levels - level, 0),
        ),
        what=GATE_WORDS[name],
        rule=rule,
    )


def settled(
    change: Change, facts: Facts, name: str, yes: Iterable[str], now: datetime, because: str = ""
) -> Iterator[Event]:
    """What follows when the people in ``yes`` have said yes: nothing yet, a last call, or that the gate is passed.

    Args:
        change: the state before this command.
        yes: everybody who said yes, the latest included.
        because: better words for why, where somebody has them.
    """
    reached = quorum_reached(facts.gates[name], yes)
    if reached is None:
        return
    gate = change.gate if change.gate and change.gate.name == name else None
    if gate and gate.last_call_until and now < gate.last_call_until:
        return
    called = gate is not None and gate.last_call_until is not None
    until = facts.norms.last_call_until
    if (facts.gates[name].last_call or (gate and gate.reopened)) and not called and until is not None:
        if gate is None:
            yield opened(change, facts, name, now)
        yield LastCallMade(gate=name, what=GATE_WORDS[name], until=until, because=because or reached)
        return
    yield passed(facts, name, because or reached)


def unanswered(change: Change) -> tuple[str, ...]:
    """The people at the open gate who have not answered it yet."""
    if change.gate is None:
        return ()
    answered = _answered_at(change, change.gate.name)
    return tuple(seat.person for seat in change.gate.asked if seat.person not in answered)


def _answered_at(change: Change, gate: str) -> tuple[str, ...]:
    if gate == ENDORSE_TESTS:
        return change.round.counting_endorsers
    if gate == SIGN_TESTS:
        return tuple(answer.person for answer in change.round.signatures)
    if gate == START_ROLLOUT:
        version = change.rollout.plan_version
        return tuple(s.person for s in change.recruiting.signatures if s.about_version == version)
    return change.proposal.acceptances


def yes_at(change: Change, name: str) -> tuple[str, ...]:
    """Those whose yes counts at a gate as the change is now."""
    match name:
        case "answer_proposal":
            return change.proposal.acceptances
        case "endorse_tests":
            return change.round.counting_endorsers
        case "sign_tests":
            return tuple(answer.person for answer in change.round.signatures)
        case _:
            version = change.rollout.plan_version
            signed = {s.person: s for s in change.recruiting.signatures if s.about_version == version}
            return tuple(person for person, signature in signed.items() if signature.decision != "hold")


def replanned(change: Change, facts: Facts, now: datetime) -> Iterator[Event]:
    """What follows where the open gate would ask other people now than it asked; nothing where it would not."""
    gate = change.gate
    if gate is None:
        return
    as_of_now = facts.gates[gate.name]
    before, after = _sitting(gate.asked), _sitting(as_of_now.seats)
    if before == after:
        return
    came = tuple(person for person in after if person not in before)
    left = tuple(person for person in before if person not in after)
    anew = not set(before) & set(after)
    yield GateReplanned(
        gate=gate.name,
        what=GATE_WORDS[gate.name],
        asked=as_of_now.seats,
        rule=in_words(as_of_now.quorum, as_of_now.seats),
        due=as_of_now.due if anew else gate.due,
        reminders=as_of_now.reminders if anew else gate.reminders,
        anew=anew,
        came=came,
        left=left,
        because=". ".join(seat.because for seat in as_of_now.seats if seat.person in came),
    )
    if not change.blocking_concerns:
        yield from settled(change, facts, gate.name, yes_at(change, gate.name), now)


def _sitting(seats: Iterable[Seat]) -> dict[str, str | None]:
    return {seat.person: seat.stands_in_for for seat in seats}


def passed(facts: Facts, name: str, because: str) -> GatePassed:
    """The event that a gate was passed."""
    due = facts.norms.campaign_due if name == SIGN_TESTS else None
    return GatePassed(name=name, what=GATE_WORDS[name], because=because, campaign_due=due)


def quorum_reached(gate: GateFacts, yes: Iterable[str]) -> str | None:
    """Why the gate is passed by the people in ``yes``, or None while it is not; see :func:`changes.quorums.reached`."""
    return reached(gate.quorum, gate.seats, yes)


@evolves(GateOpened)
def _gate_opened(change: Change, event: GateOpened) -> Change:
    return change.having(gate=event.gate, phase=WAITING_AT.get(event.gate.name, change.phase))


@evolves(GatePassed)
def _gate_passed(change: Change, event: GatePassed) -> Change:
    stage, phase = BEHIND[event.name]
    gates = (*change.passed, PassedGate(name=event.name, at=event.at, because=event.because))
    change = change.having(gate=None, stage=stage, phase=phase, passed=gates)
    if event.name == ENDORSE_TESTS:
        return change.having(round=change.round.having(endorsed=True))
    if event.name == SIGN_TESTS:
        return change.having(recruiting=change.recruiting.having(campaign_due=event.campaign_due))
    if event.name == START_ROLLOUT:
        # A plan changed in a pause: the paused wave is still there to be resumed.
        phase = Phase.WAVE_PAUSED if change.rollout.current else phase
        change = change.having(phase=phase, recruiting=change.recruiting.having(campaign_due=None))
        rollout = change.rollout.having(signed_version=change.rollout.plan_version, starters=())
        return change.having(rollout=rollout)
    return change


def _with_gate(change: Change, **updates: object) -> Change:
    return change.having(gate=change.gate.having(**updates)) if change.gate else change


@evolves(GateReplanned)
def _gate_replanned(change: Change, event: GateReplanned) -> Change:
    gate = change.gate
    if gate is None:
        return change
    if event.anew:
        expires = max(gate.expires, event.due)
        gate = gate.having(due=event.due, reminders=event.reminders, expires=expires, asked_since=event.at, moved=False)
    return change.having(
        gate=gate.having(asked=event.asked, rule=event.rule, joined=joined(gate, event.came, event.at))
    )


def joined(gate: OpenGate, came: Iterable[str], at: datetime) -> dict[str, datetime]:
    """Since when those are asked who came later than the others, with who comes now."""
    return {**gate.joined, **dict.fromkeys(came, at)}


@evolves(LastCallMade)
def _last_call_made(change: Change, event: LastCallMade) -> Change:
    return _with_gate(change, last_call_until=event.until, agreed=event.because)


@evolves(LastCallEnded)
def _last_call_ended(change: Change, event: LastCallEnded) -> Change:
    return _with_gate(change, last_call_until=None, agreed="", reopened=False)


@evolves(GateReopened)
def _gate_reopened(change: Change, event: GateReopened) -> Change:
    return _with_gate(change, last_call_until=None, agreed="", reopened=True)
