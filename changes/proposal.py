"""Filing a proposal, editing it and bringing it back.

Source: lifecycle.md, "Proposal".
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import Field

from changes.authors import CoProposersAsked
from changes.commands import Command
from changes.events import Event
from changes.facts import ANSWER_PROPOSAL, Facts, RouteFacts
from changes.gates import opened
from changes.learning import starting_over
from changes.refusals import invalid, not_yours, wrong_stage
from changes.rules import an_author, decides, evolves, in_phase
from changes.state import Change, Outcome, Phase, Proposal, ProposalContent, ProposalVersion, Round, Stage
from changes.values import CandidateRef, Line, Moment, Number, OptionalText, PersonRef, ProcessRef, Ref, TeamRef, Text

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


# ------------------------------------------------------------------------------------------------------- rules

BACK_WITH_ITS_PROPOSER = (Phase.NEEDS_CHANGES, Phase.OVERTAKEN)


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
