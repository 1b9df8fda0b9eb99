"""How a rule is written: when a command is possible, who may give it, what it decides, and how events change state.

Conditions (``when``) and authority (``who``) are small named functions that refuse or stay silent. The same functions
answer a command and tell a page what may be offered, so a button that is shown works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from changes.commands import Command
from changes.events import Event
from changes.facts import ANSWER_PROPOSAL, SYSTEM, Facts
from changes.refusals import not_yours, wrong_stage
from changes.state import Change, Phase, Stage

Condition = Callable[[Change], None]
Authority = Callable[[Change, Facts], None]
Decide = Callable[[Change, Any, Facts, datetime], Iterable[Event]]
Evolve = Callable[[Change, Any], Change]
C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


@dataclass(frozen=True)
class Rule:
    """One command's rule."""

    when: tuple[Condition, ...]
    who: Authority
    decide: Decide


RULES: dict[type[Command], Rule] = {}
EVOLUTIONS: dict[type[Event], Evolve] = {}


def decides(
    command: type[C], *, when: Iterable[Condition], who: Authority
) -> Callable[
    [Callable[[Change, C, Facts, datetime], Iterable[Event]]],
    Callable[[Change, C, Facts, datetime], Iterable[Event]],
]:
    """Register the rule for ``command``."""

    def register(
        decide: Callable[[Change, C, Facts, datetime], Iterable[Event]],
    ) -> Callable[[Change, C, Facts, datetime], Iterable[Event]]:
        RULES[command] = Rule(tuple(when), who, decide)
        return decide

    return register


def evolves(event: type[E]) -> Callable[[Callable[[Change, E], Change]], Callable[[Change, E], Change]]:
    """Register how ``event`` changes the state."""

    def register(evolve: Callable[[Change, E], Change]) -> Callable[[Change, E], Change]:
        EVOLUTIONS[event] = evolve
        return evolve

    return register


# ----------------------------------------------------------------------------------------------- conditions (when)

PHASE_WORDS = {
    Phase.AWAITING_ANSWER: "waiting for an answer to the proposal",
    Phase.NEEDS_CHANGES: "back with its proposer, who was asked for changes",
    Phase.OVERTAKEN: "back with its proposer, because another policy took force meanwhile",
    Phase.OBJECTION_WINDOW: "decided by its proposer and open to objections",
    Phase.PLANNING_TESTS: "waiting for its tests to be proposed",
    Phase.AWAITING_ENDORSEMENT: "waiting for its tests to be endorsed",
    Phase.RUNNING_TESTS: "being tested",
    Phase.AWAITING_SIGNATURES: "waiting for the gate after the tests to be signed",
    Phase.RECRUITING: "recruiting champions",
    Phase.PREPARING_WAVE: "preparing its next wave",
    Phase.WAVE_RUNNING: "rolling out a wave",
    Phase.WAVE_PAUSED: "paused in a wave",
    Phase.CHECKING_EFFECT: "checking its effect and learning from it",
}
"""Every phase as the end of the sentence "This change is …"."""


def is_open(change: Change) -> None:
    """The change has not ended."""
    if change.closing:
        wrong_stage("change_ended", f"This change has ended ({change.closing.outcome}). Nothing more can happen to it.")


def not_held(change: Change) -> None:
    """The change is not on hold."""
    is_open(change)
    if change.hold:
        wrong_stage("on_hold", f"This change is on hold: {change.hold.reason}. It has to be resumed first.")


def in_phase(*phases: Phase) -> Condition:
    """The change is open, not on hold, and in one of ``phases``."""

    def condition(change: Change) -> None:
        not_held(change)
        if change.phase not in phases:
            wanted = " or ".join(PHASE_WORDS[phase] for phase in phases)
            wrong_stage(
                "wrong_stage", f"This is possible while a change is {wanted}. This one is {PHASE_WORDS[change.phase]}."
            )

    return condition


def in_stage(*stages: Stage) -> Condition:
    """The change is open, not on hold, and in one of ``stages``."""

    def condition(change: Change) -> None:
        not_held(change)
        if change.stage not in stages:
            wanted = " or ".join(stages)
            wrong_stage(
                "wrong_stage",
                f"This is possible in the stage {wanted}. This change is {PHASE_WORDS[change.phase]}.",
            )

    return condition


def no_blocking_concern(change: Change) -> None:
    """No open blocking concern holds the gate."""
    if blocking := change.blocking_concerns:
        names = ", ".join(f"{concern.ref} “{concern.title}”" for concern in blocking)
        wrong_stage(
            "blocking_concern",
            f"An open blocking concern holds this gate: {names}. It has to be resolved by who raised it, or overruled.",
        )


def no_policy_in_force(change: Change) -> None:
    """The change has not brought a policy into force; what everybody goes by is not undone by taking it back."""
    if change.policy_change and change.policy_change.in_force_since:
        wrong_stage(
            "policy_in_force",
            "The policy this change put forward is in force. Put forward another one to change it again, and close "
            "this one after its effect checks.",
        )


# ------------------------------------------------------------------------------------------------ authority (who)


def anybody(change: Change, facts: Facts) -> None:
    """Everybody in the organisation who is active."""
    if not facts.actor.active:
        not_yours("not_active", "Your account is not active any more, so you cannot act in Groundswell.")


def only_groundswell(change: Change, facts: Facts) -> None:
    """Only Groundswell itself, never a person."""
    if facts.actor.ref != SYSTEM:
        not_yours("system_only", "Groundswell does this by itself when the time has come.")


def an_author(change: Change, facts: Facts) -> None:
    """The proposer, the filer or a co-proposer; when all of them have left, whoever answers proposals here."""
    anybody(change, facts)
    authors = change.proposal.authors
    if facts.actor.ref not in authors and not _steps_in(change, facts, authors):
        not_yours("authors_only", "Only the people whose change this is can do that: its proposer and co-proposers.")


def the_lead(change: Change, facts: Facts) -> None:
    """An author, or the owner of the process: the people who carry the work of a change; see :func:`an_author`."""
    anybody(change, facts)
    lead = (*change.proposal.authors, facts.process.owner)
    if facts.actor.ref not in lead and not _steps_in(change, facts, lead):
        not_yours(
            "lead_only",
            f"Only its authors or the owner of {facts.process.name} can do that.",
        )


def _steps_in(change: Change, facts: Facts, left: Iterable[str]) -> bool:
    """Whether everybody in ``left`` has left, and the actor was asked to go on or would be, about such a proposal.

    Who was asked, as it stands on record, goes on even where their own edit moves the change to where others answer.
    """
    if any(facts.people[person].active for person in left if person in facts.people):
        return False
    asked = {person for one in change.missing if one.person in change.proposal.authors for person in one.speaking}
    return facts.actor.ref in asked or facts.gates[ANSWER_PROPOSAL].seat_of(facts.actor.ref) is not None


def not_an_author(change: Change, facts: Facts) -> None:
    """Nobody decides their own change (lifecycle.md, rules that always hold)."""
    anybody(change, facts)
    if facts.actor.ref in change.proposal.authors:
        not_yours("own_change", "Nobody decides on their own change. Somebody else has been asked.")


def seat_at(*gates: str) -> Authority:
    """One of the people whom the policy asks, as of now, at the gate that is open and is one of ``gates``."""

    def authority(change: Change, facts: Facts) -> None:
        not_an_author(change, facts)
        open_gate = change.gate
        name = open_gate.name if open_gate and open_gate.name in gates else gates[0]
        gate = facts.gates[name]
        if gate.seat_of(facts.actor.ref):
            return
        for passed_over in gate.passed_over:
            if passed_over.person == facts.actor.ref:
                not_yours("passed_over", f"You cannot answer here: {passed_over.because}.")
        asked = ", ".join(facts.people[seat.person].name for seat in gate.seats if seat.person in facts.people)
        not_yours("not_asked", f"The policy does not ask you here. It asks {asked or 'nobody at the moment'}.")

    return authority
