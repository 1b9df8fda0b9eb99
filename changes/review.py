"""The review afterwards: what a change owes that took a short road, such as an emergency.

Source: issue "Governance in full", "Emergency route"; docs/decisions/0017. It is asked for when the first wave starts,
of somebody who decided nothing about the change; silence widens the circle and never ends it; nothing closes before.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from pydantic import Field

from changes.commands import Command
from changes.events import Event
from changes.facts import Facts, Seat
from changes.refusals import not_yours, wrong_stage
from changes.rules import decides, evolves, is_open, not_an_author
from changes.state import Change, Outcome, Review
from changes.values import Moment, Ref, Text

# ---------------------------------------------------------------------------------------------------- commands


class RecordReview(Command, kind="record_review", button="Record the review"):
    """Say whether the short road was right, and what changes because of it."""

    justified: Literal["yes", "partly", "no"] = Field(description="Was it right to take the short road?")
    findings: Text = Field(description="What you found: what was decided, by whom, and how it turned out")
    consequence: Text = Field(description="What changes because of it; if nothing, why not")


# ------------------------------------------------------------------------------------------------------ events


class ShortRoadTaken(
    Event,
    kind="short_road_taken",
    words="ATTENTION: this takes the short road “{route}”, with little time for each answer. "
    "It must be reviewed afterwards",
):
    """Loud on purpose: those whom the policy names hear of it at once."""

    route: str
    told: tuple[Ref, ...]


class ReviewAsked(
    Event, kind="review_asked", words="ATTENTION: a review is owed, because a wave has started. {because}"
):
    """The clock of the review runs."""

    because: str
    asked: tuple[Seat, ...]
    due: Moment
    reminders: tuple[Moment, ...]


class ReviewReminded(Event, kind="review_reminded", words="reminded of the review that is owed"):
    """Those who are asked were reminded."""

    people: tuple[Ref, ...]


class ReviewOverdue(
    Event, kind="review_overdue", words="ATTENTION: the review is overdue; it is asked of more people, one level up"
):
    """Nobody reviewed in time. The circle widens, and the time starts anew; it never runs out."""

    level: int
    asked: tuple[Seat, ...]
    due: Moment
    reminders: tuple[Moment, ...]


class Reviewed(
    Event,
    kind="reviewed",
    words="reviewed it: was the short road right? {justified}. {findings} What changes because of it: {consequence}",
):
    """The review is done."""

    justified: Literal["yes", "partly", "no"]
    findings: str
    consequence: str


# ------------------------------------------------------------------------------------------------------- rules


def owed(change: Change) -> Review | None:
    """The review that is still to be done; none if there is none, or it is done."""
    return change.review if change.review and change.review.at is None else None


def no_review_owed(change: Change) -> None:
    """The review afterwards is done, or none was asked for."""
    review = owed(change)
    if review is not None:
        wrong_stage(
            "review_first",
            "This change took a short road and has started, so it must be reviewed before it ends. "
            f"The review is due on {review.due:%d %B %Y}.",
        )


def short_road(before: Change | None, after: Change, facts: Facts) -> Iterator[Event]:
    """Say it loudly when a change takes a route that must be reviewed afterwards."""
    if facts.review is not None and (before is None or before.route != after.route):
        yield ShortRoadTaken(route=after.route, told=facts.told)


def ask_for_review(change: Change, facts: Facts) -> Iterator[Event]:
    """Ask for the review, once, as soon as something has been rolled out."""
    gate = facts.review
    if gate is None or change.review is not None:
        return
    owner = gate.seats[:1]
    because = f"{owner[0].because}." if owner else "Nobody can be asked at the moment."
    yield ReviewAsked(because=because, asked=owner, due=gate.due, reminders=gate.reminders)


def review_moments(change: Change) -> tuple[datetime, ...]:
    """When time next means something for the review."""
    review = owed(change)
    return (*review.reminders, review.due) if review else ()


def falls_to_more(change: Change, now: datetime) -> bool:
    """Whether the review is overdue, so that more people have to be looked up."""
    review = owed(change)
    return review is not None and now >= review.due


def notice_review(change: Change, facts: Facts, now: datetime) -> Iterator[Event]:
    """What passing time means for the review."""
    review = owed(change)
    if review is None:
        return
    if now >= review.due:
        gate = facts.review
        yield ReviewOverdue(
            level=review.level + 1,
            asked=gate.seats if gate else review.asked,
            due=gate.due if gate else now + (review.due - review.since),
            reminders=gate.reminders if gate else (),
        )
    elif any(now >= reminder for reminder in review.reminders):
        yield ReviewReminded(people=tuple(seat.person for seat in review.asked))


def _review_is_owed(change: Change) -> None:
    if change.closing is None or change.closing.outcome is not Outcome.EXPIRED:
        is_open(change)
    if owed(change) is None:
        wrong_stage("no_review_owed", "No review is owed for this change.")


def _a_reviewer(change: Change, facts: Facts) -> None:
    """Whom the policy names as reviewers, or who was asked; never an author, nor anybody who decided about it."""
    not_an_author(change, facts)
    review = owed(change)
    if facts.actor.ref in deciders(change):
        not_yours("decided_about_it", "You decided about this change, so somebody else reviews it.")
    asked = {seat.person for seat in (*(review.asked if review else ()), *(facts.review.seats if facts.review else ()))}
    if facts.actor.ref not in asked:
        names = ", ".join(facts.people[person].name for person in sorted(asked) if person in facts.people)
        not_yours("reviewers_only", f"The review is asked of {names or 'nobody at the moment'}.")


@decides(RecordReview, when=[_review_is_owed], who=_a_reviewer)
def _record_review(change: Change, command: RecordReview, facts: Facts, now: datetime) -> Iterator[Event]:
    yield Reviewed(justified=command.justified, findings=command.findings, consequence=command.consequence)


def deciders(change: Change) -> tuple[str, ...]:
    """Everybody whose yes is on record at one of the change's gates."""
    rounds = (*change.earlier_rounds, change.round)
    said = (
        *change.proposal.acceptances,
        *(answer.person for round_ in rounds for answer in (*round_.endorsements, *round_.signatures)),
        *(signature.person for signature in change.recruiting.signatures),
    )
    return tuple(dict.fromkeys(said))


# --------------------------------------------------------------------------------------------------- evolution


@evolves(ShortRoadTaken)
def _short_road_taken(change: Change, event: ShortRoadTaken) -> Change:
    return change


@evolves(ReviewAsked)
def _review_asked(change: Change, event: ReviewAsked) -> Change:
    review = Review(asked=event.asked, since=event.at, due=event.due, reminders=event.reminders)
    review = review.having(joined=joined(review, event.at))
    return change.having(review=review)


def _with_review(change: Change, **updates: object) -> Change:
    return change.having(review=change.review.having(**updates)) if change.review else change


def joined(review: Review, at: datetime) -> dict[str, datetime]:
    """Since when each of those who are asked is asked, where the rest are asked from ``at`` on."""
    return {seat.person: review.joined.get(seat.person, at) for seat in review.asked}


@evolves(ReviewReminded)
def _review_reminded(change: Change, event: ReviewReminded) -> Change:
    left = tuple(moment for moment in (change.review.reminders if change.review else ()) if moment > event.at)
    return _with_review(change, reminders=left)


@evolves(ReviewOverdue)
def _review_overdue(change: Change, event: ReviewOverdue) -> Change:
    change = _with_review(
        change, asked=event.asked, since=event.at, due=event.due, reminders=event.reminders, level=event.level
    )
    return _with_review(change, joined=joined(change.review, event.at)) if change.review else change


@evolves(Reviewed)
def _reviewed(change: Change, event: Reviewed) -> Change:
    return _with_review(
        change,
        by=event.by,
        at=event.at,
        justified=event.justified,
        findings=event.findings,
        consequence=event.consequence,
    )
