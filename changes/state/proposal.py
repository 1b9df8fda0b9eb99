"""What is proposed, in its versions, and what was heard."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field

from changes.facts import PolicyRef
from changes.values import CandidateRef, Line, Moment, Number, OptionalText, ProcessRef, Ref, TeamRef, Text, Value


class ProposalContent(Value):
    """What a proposer writes: what they saw, what they suggest and whom it touches."""

    title: Line = Field(description="A name people will recognise")
    process: ProcessRef = Field(description="The process that could work better")
    problem: Text = Field(description="What did you see?")
    suggestion: Text = Field(description="What do you suggest?")
    affected_teams: tuple[TeamRef, ...] = Field(min_length=1, max_length=50, description="Teams that would notice")
    people_affected: int = Field(ge=1, le=1_000_000, description="How many people would work differently")
    cost: Number = Field(default=Decimal(0), ge=0, description="What it costs, in the organisation's currency")
    reversible: bool = Field(default=True, description="It can be undone within a day")
    customer_facing: bool = Field(default=False, description="Customers would notice")
    regulated: bool = Field(default=False, description="A law or a contract governs this process")
    urgency: Literal["normal", "emergency"] = Field(default="normal", description="How urgent it is")
    goal: OptionalText = Field(default="", description="The vision goal it serves, if any")
    policy: CandidateRef | None = Field(
        default=None, description="The candidate for the policy that this puts forward, by its content hash"
    )


class ProposalVersion(Value):
    """One version of the words, with who wrote it and what changed."""

    number: int
    content: ProposalContent
    by: Ref
    at: Moment
    what_changed: str = ""


class Heard(Value):
    """What a manager heard, and whether the proposer says that is right."""

    text: str
    by: Ref
    at: Moment
    confirmed: bool | None = None
    correction: str = ""


class SelfDecision(Value):
    """The proposer decided alone, inside the policy's limits."""

    because: tuple[str, ...]
    at: Moment
    objection_due: Moment


class Proposal(Value):
    """The proposal with all its versions; the last one counts."""

    proposer: Ref
    filer: Ref
    co_proposers: tuple[Ref, ...] = ()
    asked_to_join: tuple[Ref, ...] = ()
    """Colleagues who were asked to propose it as well and have not answered; seen by its authors and by themselves."""
    asked_to_join_at: Moment | None = None
    """When the last of them were asked."""
    joined: tuple[Ref, ...] = ()
    """Those who said yes."""
    answered_by: tuple[Ref, ...] = ()
    """Everybody who answered the proposal as somebody who was asked."""
    versions: tuple[ProposalVersion, ...]
    free_edit_until: Moment
    heard: tuple[Heard, ...] = ()
    acceptances: tuple[Ref, ...] = ()
    """Those who said yes to the words as they are now, where the policy wants more than one."""
    changes_asked: str = ""
    overtaken_by: PolicyRef | None = None
    """The policy that took force before the one put forward here; nobody asked for changes."""
    self_decision: SelfDecision | None = None

    @property
    def content(self) -> ProposalContent:
        """The words that count now."""
        return self.versions[-1].content

    @property
    def authors(self) -> tuple[str, ...]:
        """Those for whom this is their own change: proposer, filer and co-proposers."""
        return tuple(dict.fromkeys((self.proposer, self.filer, *self.co_proposers)))
