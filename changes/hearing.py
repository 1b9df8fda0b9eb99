"""What becomes of a proposal: somebody says back what they heard, answers it, or it is decided alone.

Source: lifecycle.md, "Proposal".
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pydantic import Field

from changes.commands import Command
from changes.events import Event
from changes.facts import ANSWER_PROPOSAL, ENDORSE_TESTS, SIGN_TESTS, Facts
from changes.gates import opened, settled
from changes.refusals import invalid, not_yours, wrong_stage
from changes.rules import an_author, decides, evolves, in_phase, no_blocking_concern, only_groundswell, seat_at
from changes.state import Change, Closing, Heard, Outcome, Phase, Proposal, SelfDecision, Stage
from changes.values import ChangeRef, Moment, OptionalText, Ref, Text

# ---------------------------------------------------------------------------------------------------- commands


class SayBack(Command, kind="say_back", button="Say back what you heard"):
    """Write what you understood, so that the proposer can confirm or correct it."""

    heard: Text = Field(description="What you heard, in your own words")


class ConfirmHeard(Command, kind="confirm_heard", button="Yes, that is what I meant"):
    """Confirm that you were understood."""


class Correct(Command, kind="correct", button="Correct what was heard"):
    """Say what was not understood."""

    correction: Text = Field(description="What you meant")


class AcceptForTesting(Command, kind="accept_for_testing", button="Accept for testing"):
    """Yes, let us test this."""

    note: OptionalText = Field(default="", description="A word to the proposer")


class AskForChanges(Command, kind="ask_for_changes", button="Ask for changes"):
    """Not yet: say what would have to change."""

    what: Text = Field(description="What would have to change")


class Decline(Command, kind="decline", button="Decline"):
    """No, with a reason and a way forward. It stays on record and can be submitted again."""

    reason: Text = Field(description="Why not")
    way_forward: Text = Field(description="What would make it possible, or what else could help")


class MarkDuplicate(Command, kind="mark_duplicate", button="Mark as duplicate"):
    """The same change is already on its way; its followers move along."""

    of: ChangeRef = Field(description="The reference of the other change")
    reason: OptionalText = Field(default="", description="Why they are the same")


class DecideYourself(Command, kind="decide_yourself", button="Decide this yourself"):
    """Go ahead alone, inside the policy's limits. Your manager is told and may object for a while."""


class Object(Command, kind="object", button="Object"):
    """Object to a self-decision, with a reason. The proposal then takes the usual road."""

    reason: Text = Field(description="Why this should not be decided alone")


class TakeOverFollowers(Command, kind="take_over_followers", button="", by_people=False):
    """A duplicate of this change was closed; those who followed it follow this one."""

    duplicate: ChangeRef = Field(description="The change that was marked as a duplicate of this one")


# ------------------------------------------------------------------------------------------------------ events


class SaidBack(Event, kind="said_back", words="said back what they heard: {heard}"):
    """A manager wrote what they heard."""

    heard: str


class HeardConfirmed(Event, kind="heard_confirmed", words="confirmed that this is what they meant"):
    """The proposer was understood."""


class HeardCorrected(Event, kind="heard_corrected", words="corrected what was heard: {correction}"):
    """The proposer was not quite understood."""

    correction: str


class AcceptedForTesting(Event, kind="accepted_for_testing", words="accepted the proposal for testing. {note}"):
    """A yes to the proposal."""

    note: str = ""


class ChangesAsked(Event, kind="changes_asked", words="asked for changes: {what}"):
    """Not yet."""

    what: str


class Declined(Event, kind="declined", words="declined: {reason} A way forward: {way_forward}"):
    """A person's no, with a reason and a way forward."""

    reason: str
    way_forward: str


class MarkedDuplicate(Event, kind="marked_duplicate", words="marked this as the same as {of}. {reason}"):
    """The change goes on under another reference."""

    of: Ref
    reason: str = ""


class SelfDecided(Event, kind="self_decided", words="decided this alone, inside the limits: {because}"):
    """The proposer decided; the window for objections is open."""

    because: tuple[str, ...]
    objection_due: Moment


class Objected(Event, kind="objected", words="objected to deciding this alone: {reason}"):
    """The self-decision does not stand; the proposal takes the usual road."""

    reason: str


class FollowersMoved(Event, kind="followers_moved", words="took over {count} followers of {duplicate}"):
    """Those who wanted to hear of a duplicate hear of this change from now on."""

    duplicate: Ref
    people: tuple[Ref, ...]
    count: int


# ------------------------------------------------------------------------------------------------------- rules

answering = (in_phase(Phase.AWAITING_ANSWER),)
at_a_gate = (in_phase(Phase.AWAITING_ANSWER, Phase.AWAITING_ENDORSEMENT, Phase.AWAITING_SIGNATURES),)
GATES_WITH_PEOPLE = (ANSWER_PROPOSAL, ENDORSE_TESTS, SIGN_TESTS)


@decides(SayBack, when=answering, who=seat_at(ANSWER_PROPOSAL))
def _say_back(change: Change, command: SayBack, facts: Facts, now: datetime) -> Iterator[Event]:
    yield SaidBack(heard=command.heard)


def _something_was_heard(change: Change) -> None:
    in_phase(Phase.AWAITING_ANSWER)(change)
    if not change.proposal.heard or change.proposal.heard[-1].confirmed is not None:
        wrong_stage("nothing_said_back", "Nobody has said back what they heard since you last answered.")


@decides(ConfirmHeard, when=[_something_was_heard], who=an_author)
def _confirm_heard(change: Change, command: ConfirmHeard, facts: Facts, now: datetime) -> Iterator[Event]:
    yield HeardConfirmed()


@decides(Correct, when=[_something_was_heard], who=an_author)
def _correct(change: Change, command: Correct, facts: Facts, now: datetime) -> Iterator[Event]:
    yield HeardCorrected(correction=command.correction)


def _has_not_accepted(change: Change, facts: Facts) -> None:
    seat_at(ANSWER_PROPOSAL)(change, facts)
    if facts.actor.ref in change.proposal.acceptances:
        not_yours("already_accepted", "You have already accepted this proposal. Others are asked as well.")


@decides(AcceptForTesting, when=[*answering, no_blocking_concern], who=_has_not_accepted)
def _accept(change: Change, command: AcceptForTesting, facts: Facts, now: datetime) -> Iterator[Event]:
    yield AcceptedForTesting(note=command.note)
    accepted = (*change.proposal.acceptances, facts.actor.ref)
    alone = f"{facts.actor.name} accepted it for testing" if len(accepted) == 1 else ""
    yield from settled(change, facts, ANSWER_PROPOSAL, accepted, now, alone)


@decides(
    AskForChanges,
    when=[in_phase(Phase.AWAITING_ANSWER, Phase.AWAITING_ENDORSEMENT)],
    who=seat_at(ANSWER_PROPOSAL, ENDORSE_TESTS),
)
def _ask_for_changes(change: Change, command: AskForChanges, facts: Facts, now: datetime) -> Iterator[Event]:
    yield ChangesAsked(what=command.what)


@decides(Decline, when=at_a_gate, who=seat_at(*GATES_WITH_PEOPLE))
def _decline(change: Change, command: Decline, facts: Facts, now: datetime) -> Iterator[Event]:
    yield Declined(reason=command.reason, way_forward=command.way_forward)


@decides(MarkDuplicate, when=answering, who=seat_at(ANSWER_PROPOSAL))
def _mark_duplicate(change: Change, command: MarkDuplicate, facts: Facts, now: datetime) -> Iterator[Event]:
    if command.of == change.ref:
        invalid("duplicate_of_itself", "A change cannot be a duplicate of itself. Name the other change.", "/of")
    yield MarkedDuplicate(of=command.of, reason=command.reason)


@decides(TakeOverFollowers, when=[], who=only_groundswell)
def _take_over_followers(change: Change, command: TakeOverFollowers, facts: Facts, now: datetime) -> Iterator[Event]:
    """Once, however often it is asked for: whoever follows already is left out, and nobody left means nothing."""
    known = {*change.followers, *change.proposal.authors}
    if people := tuple(person for person in facts.followers_of_duplicate if person not in known):
        yield FollowersMoved(duplicate=command.duplicate, people=people, count=len(people))


def _may_decide_alone(change: Change, facts: Facts) -> None:
    an_author(change, facts)
    if facts.actor.ref != change.proposal.proposer:
        not_yours("proposer_only", "Only the proposer can decide this alone.")
    if not facts.empowerment.allowed:
        reasons = " ".join(f"{reason.rstrip('.')}." for reason in facts.empowerment.because)
        not_yours("beyond_limits", f"This goes beyond what you may decide alone. {reasons}")


@decides(DecideYourself, when=[*answering, no_blocking_concern], who=_may_decide_alone)
def _decide_yourself(change: Change, command: DecideYourself, facts: Facts, now: datetime) -> Iterator[Event]:
    yield SelfDecided(because=facts.empowerment.because, objection_due=facts.empowerment.objection_due)


@decides(Object, when=[in_phase(Phase.OBJECTION_WINDOW)], who=seat_at(ANSWER_PROPOSAL))
def _object(change: Change, command: Object, facts: Facts, now: datetime) -> Iterator[Event]:
    yield Objected(reason=command.reason)
    yield opened(change, facts, ANSWER_PROPOSAL, now)


# --------------------------------------------------------------------------------------------------- evolution


def _answered(change: Change, event: Event) -> Proposal:
    """The proposal after an answer: from the first one on, an edit is a new version."""
    answered_by = tuple(dict.fromkeys((*change.proposal.answered_by, event.by)))
    free_edit_until = min(change.proposal.free_edit_until, event.at)
    return change.proposal.having(free_edit_until=free_edit_until, answered_by=answered_by)


@evolves(SaidBack)
def _said_back(change: Change, event: SaidBack) -> Change:
    heard = (*change.proposal.heard, Heard(text=event.heard, by=event.by, at=event.at))
    return change.having(proposal=_answered(change, event).having(heard=heard))


def _answer_heard(change: Change, confirmed: bool, correction: str) -> Change:
    *earlier, last = change.proposal.heard
    answered = last.having(confirmed=confirmed, correction=correction)
    return change.having(proposal=change.proposal.having(heard=(*earlier, answered)))


@evolves(HeardConfirmed)
def _heard_confirmed(change: Change, event: HeardConfirmed) -> Change:
    return _answer_heard(change, True, "")


@evolves(HeardCorrected)
def _heard_corrected(change: Change, event: HeardCorrected) -> Change:
    return _answer_heard(change, False, event.correction)


@evolves(AcceptedForTesting)
def _accepted(change: Change, event: AcceptedForTesting) -> Change:
    acceptances = (*change.proposal.acceptances, event.by)
    return change.having(proposal=_answered(change, event).having(acceptances=acceptances))


@evolves(ChangesAsked)
def _changes_asked(change: Change, event: ChangesAsked) -> Change:
    phase = Phase.NEEDS_CHANGES if change.stage is Stage.PROPOSAL else Phase.PLANNING_TESTS
    return change.having(
        gate=None, phase=phase, proposal=_answered(change, event).having(acceptances=(), changes_asked=event.what)
    )


@evolves(Declined)
def _declined(change: Change, event: Declined) -> Change:
    closing = Closing(
        outcome=Outcome.DECLINED, reason=event.reason, way_forward=event.way_forward, by=event.by, at=event.at
    )
    return change.having(gate=None, closing=closing, proposal=_answered(change, event))


@evolves(MarkedDuplicate)
def _marked_duplicate(change: Change, event: MarkedDuplicate) -> Change:
    closing = Closing(
        outcome=Outcome.DUPLICATE,
        reason=event.reason or f"the same as {event.of}",
        by=event.by,
        at=event.at,
        duplicate_of=event.of,
    )
    return change.having(gate=None, closing=closing)


@evolves(FollowersMoved)
def _followers_moved(change: Change, event: FollowersMoved) -> Change:
    return change.having(followers=(*change.followers, *event.people))


@evolves(SelfDecided)
def _self_decided(change: Change, event: SelfDecided) -> Change:
    decision = SelfDecision(because=event.because, at=event.at, objection_due=event.objection_due)
    return change.having(
        gate=None, phase=Phase.OBJECTION_WINDOW, proposal=change.proposal.having(self_decision=decision)
    )


@evolves(Objected)
def _objected(change: Change, event: Objected) -> Change:
    return change.having(proposal=_answered(change, event).having(self_decision=None))
