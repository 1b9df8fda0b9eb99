"""What a namespace already carries, for those who are about to use it for the first time or in another way."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio.client import Client
from temporalio.service import RPCError

from temporal.calls import CHANGE_WORKFLOW, WEBHOOK_WORKFLOW
from temporal.connection import TemporalUnavailable


async def changes_under_way(client: Client) -> int:
    """How many changes the client's namespace carries now, as far as its visibility store knows."""
    query = f'WorkflowType = "{CHANGE_WORKFLOW}" AND ExecutionStatus = "Running"'
    return (await client.count_workflows(query)).count


@dataclass(frozen=True)
class WorkElsewhere:
    """What is under way on a task queue that the settings do not name. Each goes on where it began."""

    changes: int
    """Changes, and webhook endpoints for which something waits."""
    task_queue: str
    """One of the queues; hardly ever are there two."""

    present: str
    """The queue that the settings name."""
    ours: int
    """What is under way on that one: where there is something, leaving it would be no better."""

    @property
    def found(self) -> str:
        """What is wrong."""
        what = "1 change or webhook is" if self.changes == 1 else f"{self.changes} changes or webhooks are"
        return (
            f"{what} under way on the task queue “{self.task_queue}”, and GROUNDSWELL_TEMPORAL_TASK_QUEUE names "
            f"“{self.present}”, so nobody would go on with them."
        )

    @property
    def advice(self) -> str:
        """What to do."""
        if self.ours:
            return (
                f"{self.ours} on “{self.present}” go on. Let a second worker look after “{self.task_queue}” until "
                "nothing is open there. If they belong to another installation, give this one a Temporal namespace of "
                "its own."
            )
        return (
            f"Set it back to “{self.task_queue}”; it can be another when nothing is open. If they belong to another "
            "installation, give this one a Temporal namespace of its own."
        )


async def work_elsewhere(client: Client, task_queue: str) -> WorkElsewhere | None:
    """What is under way on other queues than ``task_queue``, as far as the namespace's visibility store knows.

    Raises:
        TemporalUnavailable: it does not answer. All the rest may well work.
    """
    ours = task_queue.replace("\\", "\\\\").replace("'", "\\'")
    under_way = f"ExecutionStatus = 'Running' AND WorkflowType IN ('{CHANGE_WORKFLOW}', '{WEBHOOK_WORKFLOW}')"
    elsewhere, here = f"{under_way} AND TaskQueue != '{ours}'", f"{under_way} AND TaskQueue = '{ours}'"
    try:
        async for one in client.list_workflows(elsewhere, limit=1):
            there = (await client.count_workflows(elsewhere)).count
            return WorkElsewhere(there, one.task_queue, task_queue, (await client.count_workflows(here)).count)
    except RPCError as error:
        raise TemporalUnavailable(f"Temporal does not list what is under way: {error.message}") from error
    return None
