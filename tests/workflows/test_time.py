"""Months of waiting, skipped: reminders, escalation, expiry, renewal, windows and holds at the right moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from temporalio.testing import WorkflowEnvironment

from changes.any_moment import MoveDeadline, PutOnHold, Renew
from changes.facts import SYSTEM
from changes.hearing import AcceptForTesting, DecideYourself, Object
from changes.recruiting import Invite
from tests.support.examples import CHAMPION, MANAGER, OWNER, PROPOSER, TO_CHAMPIONS, submit
from tests.support.waiting import eventually
from tests.support.workers import Running

pytestmark = pytest.mark.temporal


async def skip_until(skipping: WorkflowEnvironment, moment: datetime) -> None:
    """Let time pass until just after ``moment``."""
    await skipping.sleep(moment - await skipping.get_current_time() + timedelta(seconds=2))


def actions(running: Running, ref: str) -> list[str]:
    """What was recorded about a change, in order."""
    return [entry.action for entry in running.trail(ref)]


async def test_silence_reminds_escalates_twice_and_expires_and_one_click_renews(
    running: Running, skipping: WorkflowEnvironment
) -> None:
    change = running.change()
    await change.send(PROPOSER, submit())
    await skipping.sleep(timedelta(days=200))  # everything that silence means, and nothing else
    await eventually(lambda: "expired" in actions(running, change.change))
    assert actions(running, change.change) == [
        "submitted",
        "gate_opened",
        "reminded",
        "reminded",
        "escalated",
        "reminded",
        "reminded",
        "escalated",
        "reminded",
        "reminded",
        "expired",
    ]
    state = running.state(change.change)
    assert state.closing is not None and state.closing.outcome == "expired"
    assert state.passed == (), "silence never approves"

    renewed = await change.send(PROPOSER, Renew())
    assert renewed.phase == "awaiting_answer"
    assert (await change.send(MANAGER, AcceptForTesting())).stage == "testing"


async def test_reminders_fall_into_working_time(running: Running, skipping: WorkflowEnvironment) -> None:
    change = running.change()
    await change.send(PROPOSER, submit())
    gate = running.state(change.change).gate
    assert gate is not None
    await skip_until(skipping, gate.reminders[0])
    await eventually(lambda: "reminded" in actions(running, change.change))
    reminded = next(entry for entry in running.trail(change.change) if entry.action == "reminded")
    assert abs(reminded.occurred_at - gate.reminders[0]) < timedelta(minutes=1)
    assert reminded.occurred_at.weekday() < 5


async def test_escalation_asks_one_level_up(running: Running, skipping: WorkflowEnvironment) -> None:
    change = running.change()
    await change.send(PROPOSER, submit())
    gate = running.state(change.change).gate
    assert gate is not None
    await skip_until(skipping, gate.due)
    await eventually(lambda: "escalated" in actions(running, change.change))
    asked = {seat.person for seat in running.state(change.change).gate.asked}  # type: ignore[union-attr]
    assert asked >= {MANAGER, OWNER} and len(asked) > 2
    above = next(iter(asked - {MANAGER, OWNER}))
    assert (await change.send(above, AcceptForTesting())).stage == "testing"


async def test_a_moved_deadline_moves_the_timer(running: Running, skipping: WorkflowEnvironment) -> None:
    change = running.change()
    await change.send(PROPOSER, submit())
    now = await skipping.get_current_time()
    earlier = now + timedelta(hours=3)
    await change.send(OWNER, MoveDeadline(deadline="gate", to=earlier, reason="The audit is tomorrow."))
    await skip_until(skipping, earlier)
    await eventually(lambda: "escalated" in actions(running, change.change))
    escalated = next(entry for entry in running.trail(change.change) if entry.action == "escalated")
    assert abs(escalated.occurred_at - earlier) < timedelta(minutes=1)


async def test_a_hold_ends_on_its_date_and_deadlines_start_anew(
    running: Running, skipping: WorkflowEnvironment
) -> None:
    change = running.change()
    await change.send(PROPOSER, submit())
    before = running.state(change.change).gate
    until = await skipping.get_current_time() + timedelta(days=40)
    await change.send(MANAGER, PutOnHold(reason="After the season.", until=until))
    await skip_until(skipping, until)
    await eventually(lambda: "resumed" in actions(running, change.change))
    assert "reminded" not in actions(running, change.change), "nobody is reminded while a change rests"
    after = running.state(change.change).gate
    assert before is not None and after is not None and after.due > before.due


async def test_a_self_decision_stands_when_nobody_objects(running: Running, skipping: WorkflowEnvironment) -> None:
    change = running.change()
    small = submit(affected_teams=("service-desk",), people_affected=5, cost=Decimal(50), customer_facing=False)
    await change.send(PROPOSER, small)
    decided = await change.send(PROPOSER, DecideYourself())
    assert decided.phase == "objection_window"
    decision = running.state(change.change).proposal.self_decision
    assert decision is not None
    await skip_until(skipping, decision.objection_due)
    await eventually(lambda: running.state(change.change).stage == "testing")
    assert actions(running, change.change)[-2:] == ["objection_window_closed", "gate_passed"]


async def test_an_objection_in_time_brings_the_usual_road(running: Running) -> None:
    change = running.change()
    small = submit(affected_teams=("service-desk",), people_affected=5, cost=Decimal(50), customer_facing=False)
    await change.send(PROPOSER, small)
    await change.send(PROPOSER, DecideYourself())
    receipt = await change.send(MANAGER, Object(reason="Let us hear the returns desk first."))
    assert receipt.phase == "awaiting_answer"


async def test_an_invitation_passes_in_silence(running: Running, skipping: WorkflowEnvironment) -> None:
    change = running.change()
    await running.give(change, TO_CHAMPIONS)
    await change.send(PROPOSER, Invite(people=(CHAMPION,)))
    invitation = running.state(change.change).recruiting.invitations[0]
    await skip_until(skipping, invitation.due)
    await eventually(lambda: "invitations_expired" in actions(running, change.change))
    entry = next(entry for entry in running.trail(change.change) if entry.action == "invitations_expired")
    assert CHAMPION not in entry.sentence and entry.actor == SYSTEM


async def test_time_is_measured_by_the_workflow(running: Running, skipping: WorkflowEnvironment) -> None:
    change = running.change()
    await change.send(PROPOSER, submit())
    entry = running.trail(change.change)[0]
    assert abs(entry.occurred_at - await skipping.get_current_time()) < timedelta(minutes=5)
    assert abs(entry.recorded_at - datetime.now(UTC)) < timedelta(minutes=5)
