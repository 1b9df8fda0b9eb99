"""One change goes all the way through a real workflow, a real database and the real rules."""

from __future__ import annotations

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from store.database import reading
from store.trail import trail
from tests.support.examples import IN_ROLLOUT, LEARNING, TO_ROLLOUT, champions_of_the_service_desk, effect
from tests.support.waiting import eventually
from tests.support.workers import Running

pytestmark = pytest.mark.temporal


async def test_the_main_road(running: Running, skipping: WorkflowEnvironment) -> None:
    change = running.change()
    for person, command in (*TO_ROLLOUT, *champions_of_the_service_desk("lea.fontaine"), *IN_ROLLOUT):
        receipt = await change.send(person, command)
    assert (receipt.stage, receipt.phase) == ("learning", "checking_effect")
    state = running.state(change.change)
    owner = state.learning.checks[0].owner
    for number, check in enumerate(state.learning.checks):
        await skipping.sleep(check.opens - await skipping.get_current_time())
        await eventually(lambda number=number: running.state(change.change).learning.checks[number].opened)  # type: ignore[misc]
        await change.send(owner, effect(check.ref))
    for person, command in LEARNING:
        receipt = await change.send(person, command)
    assert receipt.outcome == "adopted"

    handle = running.client.get_workflow_handle(change.change)
    await handle.result()
    assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED
    with reading(running.engine) as connection:
        entries = trail(connection, change.change, "mara.lind")
    assert running.state(change.change).version == len(entries)
    assert [entry.action for entry in entries][-1] == "closed"
    assert "guard_breached" in [entry.action for entry in entries]
