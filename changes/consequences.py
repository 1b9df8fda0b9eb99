"""What follows from what was decided, whatever led there: a policy in force, a short road told, a review owed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from changes import publishing, review
from changes.events import Event
from changes.facts import SIGN_TESTS, Facts
from changes.gates import GatePassed
from changes.proposal import Edited, Resubmitted, Submitted
from changes.rollout import WaveStarted
from changes.state import Change

FOLLOWED = (Submitted, Edited, Resubmitted, GatePassed, WaveStarted)
"""The events that something may follow from."""


def consequences(before: Change | None, after: Change, events: Sequence[Event], facts: Facts) -> Iterator[Event]:
    """The events that follow by themselves from ``events``, which made ``after`` of ``before``.

    Raises:
        Refusal: what would follow is not possible, so the command is not either.
    """
    for event in events:
        match event:
            case Submitted() | Edited() | Resubmitted():
                yield from review.short_road(before, after, facts)
                yield from publishing.put_forward(event.content, facts)
            case GatePassed(name=name) if name == SIGN_TESTS:
                yield from publishing.take_force(after, facts)
            case WaveStarted():
                yield from review.ask_for_review(after, facts)
            case _:
                pass
