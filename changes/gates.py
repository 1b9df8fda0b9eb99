"""Gates: who is asked, what it takes to pass, and what passing means.

Source: lifecycle.md, "Rules that always hold": silence never approves, nobody answers for their own change, and an
open blocking concern holds the next gate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from changes.events import Event
from changes.facts import ANSWER_PROPOSAL, ENDORSE_TESTS, SIGN_TESTS, START_ROLLOUT, Facts, GateFacts
from changes.quorums import in_words, reached
from changes.rules import evolves, no_blocking_concern
from changes.state import Change, OpenGate, PassedGate, Phase, Stage
from changes.values import Moment

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
        return change.having(rollout=change.rollout.having(signed_version=change.rollout.plan_version))
    return change
