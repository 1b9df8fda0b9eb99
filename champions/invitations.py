"""What follows from the answers to invitations: wait, ask for the open places, or stop as under-recruited (3.4)."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from changes.values import Value

MOST_BATCHES = 8
"""Batches of invitations after which a campaign stops asking (3.4)."""
LOWEST_ACCEPTANCE = 30
"""Per cent of answers that must be a yes, once there are enough of them (3.4)."""
ENOUGH_ANSWERS = 20
"""Answers before the acceptance rate may stop a campaign (3.4)."""
SHOWN_FROM = 10
"""Invitations below which no count of answers is shown to anybody (3.4)."""
OFFERS = (
    "Make an open call for volunteers.",
    "Start with a smaller wave.",
    "Cover larger units, so that fewer need a champion of their own.",
)
"""What a planner may do about an under-recruited campaign (3.4)."""


class Answers(Value):
    """How one campaign's invitations were answered: counts only, never who."""

    batches: int = Field(default=0, ge=0)
    accepted: int = Field(default=0, ge=0)
    """Said yes, those who left since included."""
    left: int = Field(default=0, ge=0)
    """Said yes and stepped down or left the organisation since. Their places are open again."""
    declined: int = Field(default=0, ge=0)
    expired: int = Field(default=0, ge=0)
    waiting: int = Field(default=0, ge=0)
    """Sent and not yet answered."""

    @model_validator(mode="after")
    def _no_more_leave_than_came(self) -> Self:
        if self.left > self.accepted:
            raise ValueError("left: more champions left than ever accepted; please correct one of the two counts")
        return self

    @property
    def answered(self) -> int:
        """Answers so far. Silence counts like a no, as it looks like one to everybody (3.4)."""
        return self.accepted + self.declined + self.expired

    @property
    def invited(self) -> int:
        """Invitations sent so far."""
        return self.answered + self.waiting

    @property
    def champions(self) -> int:
        """Those who accepted and are still there."""
        return self.accepted - self.left


class NextStep(Value):
    """What a campaign does next, with the finding and the offers where it stops."""

    step: Literal["filled", "wait", "invite", "under_recruited"]
    batch: int = 0
    """Invitations to send now."""
    finding: str | None = None
    """A sentence for the gate about the change, never about a person."""
    offers: tuple[str, ...] = ()


def acceptance_percent(answers: Answers) -> int | None:
    """Per cent of answers that were a yes, rounded down; none before the first answer."""
    return answers.accepted * 100 // answers.answered if answers.answered else None


def shown_answers(answers: Answers) -> Answers | None:
    """The counts as anybody may see them: none below ten invitations, and silence told as a no (3.4)."""
    if answers.invited < SHOWN_FROM:
        return None
    return answers.model_copy(update={"declined": answers.declined + answers.expired, "expired": 0})


def next_batch_size(places: int, answers: Answers) -> int:
    """Invitations to send now: the open places only, nobody is asked for a place that may be taken (3.4)."""
    return max(places - answers.champions - answers.waiting, 0)


def under_recruited(answers: Answers, *, anyone_eligible: bool) -> str | None:
    """Why a campaign with open places should stop asking, as a finding about the change; none if it may go on (3.4)."""
    # In exact numbers: a rounded 30% must neither stop nor save a campaign.
    too_few_yes = answers.answered >= ENOUGH_ANSWERS and answers.accepted * 100 < LOWEST_ACCEPTANCE * answers.answered
    if too_few_yes and answers.accepted == 0:
        return f"Nobody among {answers.answered} people asked wants to champion this change. Hold it and ask why."
    if too_few_yes:
        return (
            f"{answers.accepted} of {answers.answered} people asked said yes, fewer than {LOWEST_ACCEPTANCE}%. "
            "Ask why before asking more."
        )
    if answers.waiting:
        return None
    if answers.batches >= MOST_BATCHES:
        return f"Places are still open after {answers.batches} batches of invitations."
    if not anyone_eligible:
        return "Places are open and nobody is left who may be invited."
    return None


def what_follows(places: int, answers: Answers, *, anyone_eligible: bool) -> NextStep:
    """The next step of a campaign with ``places`` places in all."""
    if answers.champions >= places:
        return NextStep(step="filled")
    finding = under_recruited(answers, anyone_eligible=anyone_eligible)
    if finding is not None:
        return NextStep(step="under_recruited", finding=finding, offers=OFFERS)
    # A batch is answered before the next is planned, because each is planned from the accepted set.
    batch = 0 if answers.waiting else next_batch_size(places, answers)
    return NextStep(step="invite", batch=batch) if batch else NextStep(step="wait")
