"""Who stands on a change as an author: asked first, named only once they say yes, free to take their name off.

Source: issue "Governance in full", "co-proposers"; docs/decisions/0028. An author is barred from every gate and stands
on the record for good, so nobody becomes one by being typed into a form.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pydantic import Field

from changes.commands import Command
from changes.events import Event
from changes.facts import Facts
from changes.gates import replanned
from changes.refusals import invalid, not_yours
from changes.review import deciders
from changes.rules import an_author, anybody, decides, evolves, is_open, not_held
from changes.state import Change, Proposal
from changes.values import OptionalText, PersonRef, Ref

MOST_AUTHORS = 11
"""The proposer and ten others."""


class AskCoProposers(Command, kind="ask_co_proposers", button="Ask somebody to propose it with you"):
    """They are asked, and named with the change only if they say yes. Saying no is free and silent."""

    people: tuple[PersonRef, ...] = Field(min_length=1, max_length=10, description="Whom you ask")


class JoinAuthors(Command, kind="join_authors", button="Yes, I propose it with them"):
    """Your name then stands on the change as one of its authors, so you do not decide about it."""


class DeclineAuthorship(Command, kind="decline_authorship", button="No, leave my name out"):
    """Nobody else is told, and no reason is asked. You can still say what you think of it, like everybody."""


class LeaveAuthors(Command, kind="leave_authors", button="Take my name off it"):
    """Somebody named you as an author, or you no longer want to be one. The others go on."""

    reason: OptionalText = Field(default="", description="A word for the record")


class CoProposersAsked(
    Event, kind="co_proposers_asked", words="asked {count} colleagues whether they propose it with them"
):
    """Colleagues were asked to be authors; their names stand in no sentence before they say yes."""

    people: tuple[Ref, ...]
    count: int


class CoProposerJoined(Event, kind="co_proposer_joined", words="proposes this as well"):
    """A yes: one more author."""


class CoProposerUnavailable(
    Event, kind="co_proposer_unavailable", words="is not available as a co-proposer", secret=True
):
    """A no, or somebody who left before answering."""

    person: Ref


class AuthorLeft(Event, kind="author_left", words="is no author of this change any more. {reason}"):
    """A name was taken off a change. Whoever had worked on it still does not decide about it."""

    reason: str = ""
    worked_on_it: bool


# ---------------------------------------------------------------------------------------------------------- rules


@decides(AskCoProposers, when=[not_held], who=an_author)
def _ask(change: Change, command: AskCoProposers, facts: Facts, now: datetime) -> Iterator[Event]:
    people = tuple(dict.fromkeys(command.people))
    for index, person in enumerate(command.people):
        name = facts.people[person].name
        if not facts.people[person].active:
            invalid("not_active", f"{name} is not active any more.", f"/people/{index}")
        if person in change.proposal.authors:
            invalid("author_already", f"{name} is one of its authors already.", f"/people/{index}")
        if person in change.proposal.asked_to_join:
            invalid("asked_already", f"{name} has been asked already.", f"/people/{index}")
    if len(change.proposal.authors) + len(change.proposal.asked_to_join) + len(people) > MOST_AUTHORS:
        invalid("too_many_authors", f"A change has at most {MOST_AUTHORS} authors.", "/people")
    yield CoProposersAsked(people=people, count=len(people))


def _asked(change: Change, facts: Facts) -> None:
    anybody(change, facts)
    if facts.actor.ref not in change.proposal.asked_to_join:
        not_yours("not_asked_to_join", "Nobody has asked you to propose this with them.")


def _asked_and_free(change: Change, facts: Facts) -> None:
    """Whoever answered about it as somebody who was asked does not become one of its authors."""
    _asked(change, facts)
    overruled = {concern.closed_by for concern in change.concerns if concern.status == "overruled"}
    if facts.actor.ref in {*deciders(change), *change.proposal.answered_by, *overruled}:
        not_yours("decided_about_it", "You have answered about this change, so you cannot be one of its authors.")


@decides(JoinAuthors, when=[not_held], who=_asked_and_free)
def _join(change: Change, command: JoinAuthors, facts: Facts, now: datetime) -> Iterator[Event]:
    """The look-up has counted them among the authors already, so a gate that asked them asks the next in line."""
    yield CoProposerJoined()
    yield from replanned(change, facts, now)


@decides(DeclineAuthorship, when=[not_held], who=_asked)
def _decline(change: Change, command: DeclineAuthorship, facts: Facts, now: datetime) -> Iterator[Event]:
    yield CoProposerUnavailable(person=facts.actor.ref)


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


# ------------------------------------------------------------------------------------------------------ evolution


@evolves(CoProposersAsked)
def _co_proposers_asked(change: Change, event: CoProposersAsked) -> Change:
    asked = (*change.proposal.asked_to_join, *event.people)
    return change.having(proposal=change.proposal.having(asked_to_join=asked, asked_to_join_at=event.at))


@evolves(CoProposerJoined)
def _co_proposer_joined(change: Change, event: CoProposerJoined) -> Change:
    proposal = change.proposal.having(
        co_proposers=(*change.proposal.co_proposers, event.by), joined=(*change.proposal.joined, event.by)
    )
    return _asked_no_more(change.having(proposal=proposal), event.by)


@evolves(CoProposerUnavailable)
def _co_proposer_unavailable(change: Change, event: CoProposerUnavailable) -> Change:
    return _asked_no_more(change, event.person)


def _asked_no_more(change: Change, person: str) -> Change:
    asked = tuple(ref for ref in change.proposal.asked_to_join if ref != person)
    return change.having(proposal=change.proposal.having(asked_to_join=asked))


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
