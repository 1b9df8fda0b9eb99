"""The proposal stage: filing, listening, answering, deciding alone.

Source: lifecycle.md, "Proposal".
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import Field

from changes.commands import Command
from changes.events import Event
from changes.facts import ANSWER_PROPOSAL, ENDORSE_TESTS, SIGN_TESTS, Facts, RouteFacts
from changes.gates import opened, replanned, settled
from changes.joining import CoProposersAsked
from changes.learning import starting_over
from changes.refusals import invalid, not_yours, wrong_stage
from changes.rules import (
    an_author,
    anybody,
    decides,
    evolves,
    in_phase,
    is_open,
    no_blocking_concern,
    only_groundswell,
    seat_at,
)
from changes.state import (
    Change,
    Closing,
    Heard,
    Outcome,
    Phase,
    Proposal,
    ProposalContent,
    ProposalVersion,
    Round,
    SelfDecision,
    Stage,
)
from changes.values import (
    CandidateRef,
    ChangeRef,
    Line,
    Moment,
    Number,
    OptionalText,
    PersonRef,
    ProcessRef,
    Ref,
    TeamRef,
    Text,
)

# ---------------------------------------------------------------------------------------------------- commands


class Submit(Command, ProposalContent, kind="submit", button="Submit the proposal"):
    """File a change. From here on it is on the record."""

    proposer: PersonRef | None = Field(default=None, description="Whose idea it is, when you file for somebody else")
    co_proposers: tuple[PersonRef, ...] = Field(
        default=(), max_length=10, description="Whom you ask to propose it with you"
    )

    @property
    def content(self) -> ProposalContent:
        """The proposal's words."""
        return ProposalContent.model_construct(**{name: getattr(self, name) for name in ProposalContent.model_fields})


class Revision(Command, abstract=True):
    """What an edit may change; a field that is left out stays as it is."""

    title: Line | None = Field(default=None, description="A name people will recognise")
    process: ProcessRef | None = Field(default=None, description="The process that could work better")
    problem: Text | None = Field(default=None, description="What did you see?")
    suggestion: Text | None = Field(default=None, description="What do you suggest?")
    affected_teams: tuple[TeamRef, ...] | None = Field(
        default=None, min_length=1, max_length=50, description="Teams that would notice"
    )
    people_affected: int | None = Field(
        default=None, ge=1, le=1_000_000, description="How many people would work differently"
    )
    cost: Number | None = Field(
        default=None, ge=Decimal(0), description="What it costs, in the organisation's currency"
    )
    reversible: bool | None = Field(default=None, description="It can be undone within a day")
    customer_facing: bool | None = Field(default=None, description="Customers would notice")
    regulated: bool | None = Field(default=None, description="A law or a contract governs this process")
    urgency: Literal["normal", "emergency"] | None = Field(default=None, description="How urgent it is")
    goal: OptionalText | None = Field(default=None, description="The vision goal it serves, if any")
    policy: CandidateRef | None = Field(
        default=None, description="The candidate for the policy that this puts forward, by its content hash"
    )

    def applied_to(self, content: ProposalContent) -> ProposalContent:
        """``content`` with what this revision changes."""
        changed = {name: getattr(self, name) for name in ProposalContent.model_fields}
        return content.having(**{name: value for name, value in changed.items() if value is not None})


class Edit(Revision, kind="edit", button="Edit the proposal"):
    """Change the words. Free for an hour or until the first answer; after that it makes a new version."""

    what_changed: OptionalText = Field(default="", description="What you changed, and why")


class Resubmit(Revision, kind="resubmit", button="Submit again"):
    """Bring a declined or changed proposal back as the same record, to the same people."""

    what_changed: Text = Field(description="What is different now")


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


class LeaveAuthors(Command, kind="leave_authors", button="Take my name off it"):
    """Somebody named you as an author, or you no longer want to be one. The others go on."""

    reason: OptionalText = Field(default="", description="A word for the record")


# ------------------------------------------------------------------------------------------------------ events


class Submitted(Event, kind="submitted", words="submitted the proposal “{title}”"):
    """The change is on record."""

    title: str
    content: ProposalContent
    proposer: Ref
    filer: Ref
    co_proposers: tuple[Ref, ...] = ()
    route: RouteFacts
    free_edit_until: Moment


class Edited(Event, kind="edited", words="edited the proposal. {what_changed}"):
    """The words changed; ``free`` edits replace the version, others make a new one."""

    content: ProposalContent
    what_changed: str = ""
    free: bool
    route: RouteFacts


class Resubmitted(Event, kind="resubmitted", words="submitted the proposal again: {what_changed}"):
    """A declined or changed proposal is back."""

    content: ProposalContent
    what_changed: str
    route: RouteFacts


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


class AuthorLeft(Event, kind="author_left", words="is no author of this change any more. {reason}"):
    """A name was taken off a change. Whoever had worked on it still does not decide about it."""

    reason: str = ""
    worked_on_it: bool


# ------------------------------------------------------------------------------------------------------- rules

answering = (in_phase(Phase.AWAITING_ANSWER),)
at_a_gate = (in_phase(Phase.AWAITING_ANSWER, Phase.AWAITING_ENDORSEMENT, Phase.AWAITING_SIGNATURES),)
BACK_WITH_ITS_PROPOSER = (Phase.NEEDS_CHANGES, Phase.OVERTAKEN)
GATES_WITH_PEOPLE = (ANSWER_PROPOSAL, ENDORSE_TESTS, SIGN_TESTS)


def submit(command: Submit, facts: Facts, now: datetime) -> Iterator[Event]:
    """Start a change. Called by :func:`changes.decision.decide`, because there is no state yet.

    Raises:
        Refusal: when the filer or the proposer is not active.
    """
    if not facts.actor.active:
        not_yours("not_active", "Your account is not active any more, so you cannot act in Groundswell.")
    proposer = command.proposer or facts.actor.ref
    for index, person in enumerate((proposer, *command.co_proposers)):
        if not facts.people[person].active:
            pointer = "/proposer" if index == 0 else f"/co_proposers/{index - 1}"
            invalid("not_active", f"{facts.people[person].name} is not active any more.", pointer)
    others = tuple(
        person for person in dict.fromkeys(command.co_proposers) if person not in {proposer, facts.actor.ref}
    )
    named = () if facts.norms.co_proposers_asked else others
    submitted = Submitted(
        title=command.title,
        content=command.content,
        proposer=proposer,
        filer=facts.actor.ref,
        co_proposers=named,
        route=facts.route,
        free_edit_until=facts.norms.free_edit_until,
    )
    yield submitted
    if asked := tuple(person for person in others if person not in {*named, facts.actor.ref}):
        yield CoProposersAsked(people=asked, count=len(asked))
    yield opened(None, facts, ANSWER_PROPOSAL, now)


@decides(Edit, when=[in_phase(Phase.AWAITING_ANSWER, *BACK_WITH_ITS_PROPOSER)], who=an_author)
def _edit(change: Change, command: Edit, facts: Facts, now: datetime) -> Iterator[Event]:
    content = command.applied_to(change.proposal.content)
    if content == change.proposal.content:
        invalid("nothing_changed", "Nothing is different from what is already there.", "")
    free = now < change.proposal.free_edit_until
    if not free and not command.what_changed:
        invalid(
            "say_what_changed",
            "People have already read this. Say what you changed, so that they need not compare.",
            "/what_changed",
        )
    yield Edited(content=content, what_changed=command.what_changed, free=free, route=facts.route)
    if change.phase is Phase.AWAITING_ANSWER:
        yield opened(change, facts, ANSWER_PROPOSAL, now)


def _may_return(change: Change) -> None:
    if change.closing:
        if change.closing.outcome not in {Outcome.DECLINED, Outcome.WITHDRAWN}:
            wrong_stage("not_returnable", f"A change that ended as {change.closing.outcome} cannot be submitted again.")
        return
    in_phase(*BACK_WITH_ITS_PROPOSER)(change)


@decides(Resubmit, when=[_may_return], who=an_author)
def _resubmit(change: Change, command: Resubmit, facts: Facts, now: datetime) -> Iterator[Event]:
    content = command.applied_to(change.proposal.content)
    yield Resubmitted(content=content, what_changed=command.what_changed, route=facts.route)
    yield opened(change, facts, ANSWER_PROPOSAL, now)


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


def worked_on(change: Change, person: str) -> bool:
    """Whether an author has done more than being named: filed it, said yes to being one, written words or tests."""
    rounds = (*change.earlier_rounds, change.round)
    writers = {version.by for version in change.proposal.versions} | {round_.proposed_by for round_ in rounds}
    return person == change.proposal.filer or person in writers or person in change.proposal.joined


def _one_of_several_authors(change: Change, facts: Facts) -> None:
    anybody(change, facts)
    if facts.actor.ref not in change.proposal.authors:
        not_yours("authors_only", "Your name does not stand on this change as an author.")
    if len(change.proposal.authors) == 1:
        not_yours("last_author", "You are its only author. You can withdraw it.")


@decides(LeaveAuthors, when=[is_open], who=_one_of_several_authors)
def _leave_authors(change: Change, command: LeaveAuthors, facts: Facts, now: datetime) -> Iterator[Event]:
    """Named by somebody else and never having touched it, one may decide about it like everybody else."""
    yield AuthorLeft(reason=command.reason, worked_on_it=worked_on(change, facts.actor.ref))
    yield from replanned(change, facts, now)


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


def begin(ref: str, event: Submitted) -> Change:
    """The state after the first event of a change."""
    content = ProposalVersion(number=1, content=event.content, by=event.by, at=event.at)
    return Change(
        ref=ref,
        stage=Stage.PROPOSAL,
        phase=Phase.AWAITING_ANSWER,
        policy=event.route.policy,
        route=event.route.route,
        route_because=event.route.because,
        opened_at=event.at,
        updated_at=event.at,
        phase_since=event.at,
        proposal=Proposal(
            proposer=event.proposer,
            filer=event.filer,
            co_proposers=event.co_proposers,
            versions=(content,),
            free_edit_until=event.free_edit_until,
        ),
    )


def _on_route(change: Change, route: RouteFacts) -> Change:
    return change.having(route=route.route, route_because=route.because)


@evolves(Edited)
def _edited(change: Change, event: Edited) -> Change:
    earlier = change.proposal.versions[:-1] if event.free else change.proposal.versions
    version = ProposalVersion(
        number=len(earlier) + 1, content=event.content, by=event.by, at=event.at, what_changed=event.what_changed
    )
    return _on_route(
        change.having(proposal=change.proposal.having(versions=(*earlier, version), acceptances=())), event.route
    )


@evolves(Resubmitted)
def _resubmitted(change: Change, event: Resubmitted) -> Change:
    version = ProposalVersion(
        number=len(change.proposal.versions) + 1,
        content=event.content,
        by=event.by,
        at=event.at,
        what_changed=event.what_changed,
    )
    proposal = change.proposal.having(
        versions=(*change.proposal.versions, version),
        acceptances=(),
        changes_asked="",
        overtaken_by=None,
        self_decision=None,
    )
    rounds = (*change.earlier_rounds, change.round) if change.round.tests else change.earlier_rounds
    fresh = Round(number=len(rounds) + 1)
    change = change.having(
        stage=Stage.PROPOSAL, proposal=proposal, closing=None, hold=None, earlier_rounds=rounds, round=fresh
    )
    return _on_route(starting_over(change), event.route)


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


@evolves(AuthorLeft)
def _author_left(change: Change, event: AuthorLeft) -> Change:
    proposal = without_author(change.proposal, event.by)
    aside = (*change.stepped_aside, event.by) if event.worked_on_it else change.stepped_aside
    return change.having(proposal=proposal, stepped_aside=tuple(dict.fromkeys(aside)))


def without_author(proposal: Proposal, leaving: str) -> Proposal:
    """The proposal without one of its authors; the next of them takes the place of a proposer or filer who leaves."""
    heir = next(ref for ref in proposal.authors if ref != leaving)
    proposer = heir if proposal.proposer == leaving else proposal.proposer
    filer = heir if proposal.filer == leaving else proposal.filer
    return proposal.having(
        proposer=proposer,
        filer=filer,
        co_proposers=tuple(ref for ref in proposal.co_proposers if ref not in {leaving, proposer}),
    )


@evolves(SelfDecided)
def _self_decided(change: Change, event: SelfDecided) -> Change:
    decision = SelfDecision(because=event.because, at=event.at, objection_due=event.objection_due)
    return change.having(
        gate=None, phase=Phase.OBJECTION_WINDOW, proposal=change.proposal.having(self_decision=decision)
    )


@evolves(Objected)
def _objected(change: Change, event: Objected) -> Change:
    return change.having(proposal=_answered(change, event).having(self_decision=None))
