"""Wakes the workflow of a webhook endpoint: it runs while something waits for it, and ends when nothing does."""

from __future__ import annotations

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from temporal.calls import WAKE, WEBHOOK_WORKFLOW


async def wake_endpoint(client: Client, task_queue: str, endpoint: str, now: bool = False) -> None:
    """Have what waits for ``endpoint`` sent.

    Args:
        now: do not wait for the pause after a failure to pass, because somebody has pressed a button.

    Raises:
        temporalio.service.RPCError: Temporal did not take it; housekeeping wakes it later.
    """
    await client.start_workflow(
        WEBHOOK_WORKFLOW,
        endpoint,
        id=f"webhook-{endpoint}",
        task_queue=task_queue,
        start_signal=WAKE,
        start_signal_args=[now],
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
    )
