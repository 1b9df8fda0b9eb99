"""What was recorded happened, also where the worker never heard that it was: everything that follows from it follows.

An answer is lost when a worker dies between the commit and the end of its task, or a connection is cut at COMMIT.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from changes.any_moment import AddComment, Follow
from changes.hearing import MarkDuplicate
from changes.passing_time import next_moment
from store.authority import Authority, LookedUp
from tests.support.examples import OWNER, PROPOSER, submit
from tests.support.losing import losing_the_answer_to
from tests.support.waiting import eventually
from tests.support.workers import Running

pytestmark = pytest.mark.temporal

SILENCE = [
    "submitted",
    "gate_opened",
    *("reminded", "reminded", "escalated") * 2,
    "reminded",
    "reminded",
    "expired",
]


def actions(running: Running, ref: str) -> list[str]:
    return [entry.action for entry in running.trail(ref)]


async def timers(client: Client, ref: str) -> int:
    history = await client.get_workflow_handle(ref).fetch_history()
    return Counter(event.event_type for event in history.events)[EventType.EVENT_TYPE_TIMER_STARTED]


@pytest.mark.parametrize("command", ["submit", "notice_time"])
async def test_silence_goes_on_to_its_end(running: Running, skipping: WorkflowEnvironment, command: str) -> None:
    change = running.change()
    with losing_the_answer_to(command):
        receipt = await change.send(PROPOSER, submit())
        assert receipt.happened == ("submitted", "gate_opened")
        await skipping.sleep(timedelta(days=200))
        await eventually(lambda: "expired" in actions(running, change.change))
    assert actions(running, change.change) == SILENCE
    assert await timers(running.client, change.change) < 15
    assert len(running.mail.rounds) > 5


async def test_a_duplicate_still_sends_its_followers_along(running: Running) -> None:
    first, second = running.change("CH-1"), running.change("CH-2")
    await first.send(PROPOSER, submit())
    await second.send(PROPOSER, submit(title="Answer returns the same day"))
    await second.send("lea.fontaine", Follow())
    with losing_the_answer_to("mark_duplicate"):
        await second.send(OWNER, MarkDuplicate(of="CH-1", reason="The same desk."))
    await eventually(lambda: "lea.fontaine" in running.state("CH-1").followers)


async def test_what_is_said_next_is_decided_on_what_was_recorded(running: Running) -> None:
    change = running.change()
    await change.send(PROPOSER, submit())
    with losing_the_answer_to("comment"):
        first = await change.send(OWNER, AddComment(about="works", text="One."))
    assert (await change.send(OWNER, AddComment(about="works", text="Two."))).version == first.version + 1
    assert [comment.text for comment in running.state(change.change).comments] == ["One.", "Two."]


async def test_time_that_is_noticed_in_vain_is_noticed_again_less_and_less_often(
    running: Running, skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who is asked is not in the directory any more: nothing can follow until an administrator mends that."""
    change = running.change()
    await change.send(PROPOSER, submit())
    moment = next_moment(running.state(change.change))
    assert moment is not None
    monkeypatch.setattr(Authority, "look_up", lambda *_: LookedUp(unknown=(PROPOSER,)))
    await skipping.sleep(moment - await skipping.get_current_time() + timedelta(hours=12))
    refused = [entry for entry in running.trail(change.change) if entry.outcome == "refused"]
    assert [entry.action for entry in refused] == ["notice_time"], "once: the same again is no news"
    assert await timers(running.client, change.change) < 30
    monkeypatch.undo()
    await skipping.sleep(timedelta(hours=2))
    await eventually(lambda: "reminded" in actions(running, change.change))
