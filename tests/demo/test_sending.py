"""Performing acts in order, all on one change, each with a key of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from changes.any_moment import Follow, Unfollow
from changes.commands import Command
from changes.instruction import Receipt
from demo.road import TOUR, main_road
from demo.sending import Act, perform
from tests.web.office import MONDAY


@dataclass
class Listening:
    """Accepts everything, and remembers it; stops at a certain key."""

    stop_at: str = ""
    heard: list[tuple[str, str, str | None, str]] = field(default_factory=list)

    async def send(self, person: str, command: Command, change: str | None, key: str) -> Receipt:
        if key == self.stop_at:
            raise ConnectionError(key)
        self.heard.append((person, command.kind, change, key))
        return Receipt(
            change=change or "CH-7", version=1, stage="", phase="", happened=(), summary=f"{command.kind} is done."
        )


async def test_a_submission_begins_the_change_that_all_other_acts_are_about() -> None:
    sender = Listening()
    done = [each async for each in perform(main_road(TOUR, MONDAY)[:3], sender, "road")]
    assert sender.heard == [
        ("mara.lind", "submit", None, "road/01"),
        ("jonas.okafor", "say_back", "CH-7", "road/02"),
        ("mara.lind", "confirm_heard", "CH-7", "road/03"),
    ]
    assert [each.number for each in done] == [1, 2, 3]
    assert done[0].receipt.summary == "submit is done."


async def test_a_list_without_a_submission_is_about_the_change_it_is_given() -> None:
    sender = Listening()
    acts = [Act("mara.lind", Follow()), Act("mara.lind", Unfollow())]
    assert [each.number async for each in perform(acts, sender, "more", change="CH-2")] == [1, 2]
    assert [(change, key) for _, _, change, key in sender.heard] == [("CH-2", "more/01"), ("CH-2", "more/02")]


async def test_what_a_sender_raises_ends_the_performance() -> None:
    sender = Listening(stop_at="road/03")
    with pytest.raises(ConnectionError, match="road/03"):
        [each async for each in perform(main_road(TOUR, MONDAY), sender, "road")]
    assert len(sender.heard) == 2
