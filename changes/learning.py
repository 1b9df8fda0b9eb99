"""The learning stage: did it work, what surprised us, and what changes because of it.

Source: lifecycle.md, "Learning". Effect checks open by themselves, with an owner who is not an endorser.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from pydantic import Field

from changes.commands import Command
from changes.events import Event
from changes.facts import Facts
from changes.refusals import invalid, not_yours, wrong_stage
from changes.review import no_review_owed
from changes.rules import anybody, decides, evolves, in_stage, no_blocking_concern, the_lead
from changes.state import (
    Benefit,
    Change,
    Closing,
    EffectCheck,
    EffectOutcome,
    Outcome,
    Phase,
    Retrospective,
    Rollout,
    Stage,
    WaveStatus,
)
from changes.testing import another_round
from changes.values import Line, Number, OptionalText, Ref, Text

# ---------------------------------------------------------------------------------------------------- commands


class RecordEffect(Command, kind="record_effect", button="Record the effect"):
    """Effective, ineffective or inconclusive, with the numbers."""

    check: Ref = Field(description="Which effect check, for example E1")
    outcome: EffectOutcome = Field(description="What you found")
    value: Number | None = Field(default=None, description="The number it rests on")
    numbers: Text = Field(description="The numbers behind it and where they come from")
    next_step: Literal["adapt", "roll_back", "accept"] | None = Field(
        default=None, description="If it is ineffective: adapt it, roll it back, or accept it"
    )
    reason: OptionalText = Field(default="", description="Why that step; needed to accept an ineffective change")


class RecordBenefit(Command, kind="record_benefit", button="Record a benefit"):
    """Target, forecast and actual of one benefit."""

    name: Line = Field(description="Which benefit")
    unit: Line = Field(description="In which unit")
    target: Number = Field(description="What you aimed at")
    forecast: Number | None = Field(default=None, description="What you expect now")
    actual: Number | None = Field(default=None, description="What was reached")


class HoldRetrospective(Command, kind="hold_retrospective", button="Record the retrospective"):
    """What we predicted and what happened, what surprised us, and what changes because of it."""

    prediction_and_result: Text = Field(description="What we predicted, and what happened")
    surprises: OptionalText = Field(default="", description="What surprised us")
    consequence: Literal["standard_change", "policy_edit", "test_template", "none"] = Field(
        description="What changes because of it"
    )
    because: Text = Field(description="Say what exactly; for none, say why")


class Close(Command, kind="close", button="Close the change"):
    """Finish the change. It stays findable with everything in it."""

    summary: Text = Field(description="The outcome in a few words")


# ------------------------------------------------------------------------------------------------------ events


class EffectChecksPlanned(Event, kind="effect_checks_planned", words="planned {count} effect checks"):
    """The rollout is done; the checks will open by themselves."""

    checks: tuple[EffectCheck, ...]
    count: int


class EffectCheckOpened(Event, kind="effect_check_opened", words="opened the effect check {check}"):
    """It is time to look at the effect."""

    check: Ref


class EffectRecorded(Event, kind="effect_recorded", words="found the change {outcome}: {numbers} {reason}"):
    """What an effect check found."""

    check: Ref
    outcome: EffectOutcome
    value: Number | None = None
    numbers: str
    next_step: str = ""
    reason: str = ""


class BenefitRecorded(Event, kind="benefit_recorded", words="recorded the benefit {name}: target {target} {unit}"):
    """A benefit."""

    name: str
    unit: str
    target: Number
    forecast: Number | None = None
    actual: Number | None = None


class RetrospectiveHeld(
    Event, kind="retrospective_held", words="recorded the retrospective; consequence: {consequence}. {because}"
):
    """What was learned, and its consequence."""

    prediction_and_result: str
    surprises: str = ""
    consequence: Literal["standard_change", "policy_edit", "test_template", "none"]
    because: str


class Closed(Event, kind="closed", words="closed the change as {outcome}: {summary}"):
    """The end of the road."""

    summary: str
    outcome: Outcome


# ------------------------------------------------------------------------------------------------------- rules

learning = (in_stage(Stage.LEARNING),)


def plan_effect_checks(change: Change, facts: Facts) -> EffectChecksPlanned:
    """The checks that the policy asks for, with an owner who endorsed nothing."""
    last = max((int(check.ref[1:]) for check in change.learning.checks), default=0)
    checks = tuple(
        EffectCheck(ref=f"E{number}", opens=opens, owner=_check_owner(change, facts))
        for number, opens in enumerate(facts.norms.effect_checks, start=last + 1)
    )
    return EffectChecksPlanned(checks=checks, count=len(checks))


def _check_owner(change: Change, facts: Facts) -> str:
    return next_check_owner(change, facts) or change.proposal.proposer


def next_check_owner(change: Change, facts: Facts) -> str | None:
    """The process owner, a champion or the proposer: the first who endorsed or signed nothing and is active."""
    answered = {answer.person for round_ in (*change.earlier_rounds, change.round) for answer in round_.endorsements}
    answered |= {answer.person for answer in change.round.signatures}
    for person in (facts.process.owner, *change.recruiting.champions, change.proposal.proposer):
        if person not in answered and _is_here(facts, person):
            return person
    return None


def _a_check_is_open(change: Change) -> None:
    in_stage(Stage.LEARNING)(change)
    if not any(check.opened and check.outcome is None for check in change.learning.checks):
        wrong_stage("no_check_open", "No effect check is open. They open by themselves when their time has come.")


def _open_for(change: Change, facts: Facts) -> tuple[str, ...]:
    """The open checks of the actor; of an owner who has left, those who carry the change, so that it can be closed."""
    lead = facts.actor.ref in {*change.proposal.authors, facts.process.owner}
    return tuple(
        check.ref
        for check in change.learning.checks
        if check.opened
        and check.outcome is None
        and (check.owner == facts.actor.ref or (lead and not _is_here(facts, check.owner)))
    )


def _is_here(facts: Facts, person: str) -> bool:
    known = facts.people.get(person)
    return known is not None and known.active


def _owns_open_check(change: Change, facts: Facts) -> None:
    anybody(change, facts)
    if _open_for(change, facts):
        return
    owners = {c.owner for c in change.learning.checks if c.outcome is None}
    names = ", ".join(sorted(facts.people[owner].name for owner in owners if owner in facts.people))
    not_yours("check_owner_only", f"The owner of the effect check records it: {names}.")


@decides(RecordEffect, when=[_a_check_is_open], who=_owns_open_check)
def _record_effect(change: Change, command: RecordEffect, facts: Facts, now: datetime) -> Iterator[Event]:
    yours = _open_for(change, facts)
    if command.check not in yours:
        invalid("unknown_check", f"“{command.check}” is not open for you. Open for you: {', '.join(yours)}.", "/check")
    if command.outcome is EffectOutcome.INEFFECTIVE:
        if command.next_step is None:
            invalid("next_step_needed", "An ineffective change is adapted, rolled back or accepted.", "/next_step")
        if command.next_step == "accept" and not command.reason:
            invalid("reason_to_accept", "Say why an ineffective change should stay.", "/reason")
    elif command.next_step is not None:
        invalid("next_step_only_if_ineffective", "A next step belongs to an ineffective change only.", "/next_step")
    yield EffectRecorded(
        check=command.check,
        outcome=command.outcome,
        value=command.value,
        numbers=command.numbers,
        next_step=command.next_step or "",
        reason=command.reason,
    )


@decides(RecordBenefit, when=learning, who=the_lead)
def _record_benefit(change: Change, command: RecordBenefit, facts: Facts, now: datetime) -> Iterator[Event]:
    yield BenefitRecorded(**command.model_dump())


@decides(HoldRetrospective, when=learning, who=the_lead)
def _hold_retrospective(change: Change, command: HoldRetrospective, facts: Facts, now: datetime) -> Iterator[Event]:
    yield RetrospectiveHeld(**command.model_dump())


def _ready_to_close(change: Change) -> None:
    in_stage(Stage.LEARNING)(change)
    if missing := [check.ref for check in change.learning.checks if check.outcome is None]:
        wrong_stage("checks_missing", f"Still without a finding: effect check {', '.join(missing)}.")
    if change.learning.retrospective is None:
        wrong_stage(
            "no_retrospective", "Record the retrospective first: it says what changes because of what was learned."
        )


@decides(Close, when=[_ready_to_close, no_blocking_concern, no_review_owed], who=the_lead)
def _close(change: Change, command: Close, facts: Facts, now: datetime) -> Iterator[Event]:
    undone = any(wave.status is WaveStatus.ROLLED_BACK for wave in change.rollout.waves)
    yield Closed(summary=command.summary, outcome=Outcome.ROLLED_BACK if undone else Outcome.ADOPTED)


# --------------------------------------------------------------------------------------------------- evolution


@evolves(EffectChecksPlanned)
def _effect_checks_planned(change: Change, event: EffectChecksPlanned) -> Change:
    checks = (*change.learning.checks, *event.checks)
    return change.having(
        gate=None,
        stage=Stage.LEARNING,
        phase=Phase.CHECKING_EFFECT,
        learning=change.learning.having(checks=checks),
    )


def _with_check(change: Change, ref: str, **updates: object) -> Change:
    checks = tuple(check.having(**updates) if check.ref == ref else check for check in change.learning.checks)
    return change.having(learning=change.learning.having(checks=checks))


@evolves(EffectCheckOpened)
def _effect_check_opened(change: Change, event: EffectCheckOpened) -> Change:
    return _with_check(change, event.check, opened=True, opened_at=event.at)


@evolves(EffectRecorded)
def _effect_recorded(change: Change, event: EffectRecorded) -> Change:
    change = _with_check(
        change,
        event.check,
        outcome=event.outcome,
        value=event.value,
        numbers=event.numbers,
        next_step=event.next_step,
        at=event.at,
    )
    match event.next_step:
        case "adapt":
            return another_round(starting_over(change))
        case "roll_back":
            waves = tuple(wave.having(status=WaveStatus.ROLLED_BACK) for wave in change.rollout.waves)
            remaining = tuple(check for check in change.learning.checks if check.outcome is not None)
            return change.having(
                rollout=change.rollout.having(waves=waves), learning=change.learning.having(checks=remaining)
            )
        case _:
            return change


def starting_over(change: Change) -> Change:
    """The state before any rollout: no waves, no campaign, no checks that nobody recorded. The trail keeps them.

    Signatures on the last plan stay on record and do not count for the next: it begins as a version of its own.
    """
    version = change.rollout.plan_version + (1 if change.recruiting.signatures else 0)
    checks = tuple(check for check in change.learning.checks if check.outcome is not None)
    return change.having(
        rollout=Rollout(plan_version=version),
        recruiting=change.recruiting.having(campaign_due=None),
        learning=change.learning.having(checks=checks),
    )


@evolves(BenefitRecorded)
def _benefit_recorded(change: Change, event: BenefitRecorded) -> Change:
    benefit = Benefit(
        name=event.name,
        unit=event.unit,
        target=event.target,
        forecast=event.forecast,
        actual=event.actual,
        by=event.by,
        at=event.at,
    )
    kept = tuple(known for known in change.learning.benefits if known.name != event.name)
    return change.having(learning=change.learning.having(benefits=(*kept, benefit)))


@evolves(RetrospectiveHeld)
def _retrospective_held(change: Change, event: RetrospectiveHeld) -> Change:
    retrospective = Retrospective(
        prediction_and_result=event.prediction_and_result,
        surprises=event.surprises,
        consequence=event.consequence,
        because=event.because,
        by=event.by,
        at=event.at,
    )
    return change.having(learning=change.learning.having(retrospective=retrospective))


@evolves(Closed)
def _closed(change: Change, event: Closed) -> Change:
    closing = Closing(outcome=event.outcome, reason=event.summary, by=event.by, at=event.at)
    return change.having(closing=closing, gate=None)
