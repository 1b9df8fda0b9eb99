"""A workflow that an operator resets in Temporal decides nothing twice: what was recorded answers for itself."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import Engine
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client

from changes.any_moment import AddComment
from store.database import reading
from store.reading import change_state
from temporal.development_server import DevelopmentServer
from temporal.plugin import groundswell_plugin
from tests.support.examples import PROPOSER, TO_CHAMPIONS
from tests.support.ledgers import check_the_whole_ledger, records
from tests.support.workers import running_worker

pytestmark = [pytest.mark.temporal, pytest.mark.slow]


@pytest.mark.parametrize("to", ["the beginning", "the middle"])
async def test_a_reset_workflow_records_no_decision_twice(
    temporal_server: DevelopmentServer, engine: Engine, to: str
) -> None:
    client = await Client.connect(temporal_server.address, plugins=[groundswell_plugin()])
    async with running_worker(client, engine) as running:
        change = running.change()
        for number, (person, command) in enumerate(TO_CHAMPIONS):
            await change.send(person, command, key=f"step-{number}")
        before, state = recorded(engine), running.state(change.change)
        handle = client.get_workflow_handle(change.change)
        history = await handle.fetch_history()
        completed = [
            event.event_id
            for event in history.events
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
        ]
        first_run = (await handle.describe()).run_id
        await client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=change.change, run_id=first_run),
                reason="a test",
                workflow_task_finish_event_id=completed[0 if to == "the beginning" else len(completed) // 2],
                request_id=str(uuid.uuid4()),
            )
        )
        assert (await handle.describe()).run_id != first_run
        # Temporal gives the new run the commands that came after the point it was reset to, once more.
        receipt = await change.send(PROPOSER, AddComment(about="works", text="The checklist is short."))
        assert receipt.version == state.version + 1
        after = recorded(engine)
        assert after[: len(before)] == before and len(after) == len(before) + 1
        again = await change.send(*TO_CHAMPIONS[1], key="step-1")
        assert again.change == change.change
        assert recorded(engine) == after
        with reading(engine) as connection:
            assert check_the_whole_ledger(connection) == len(after)
            kept = change_state(connection, change.change)
        assert kept is not None and kept.version == state.version + 1


def recorded(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return [str(row["idem_key"]) for row in records(connection)]
