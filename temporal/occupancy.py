"""What a namespace already carries, for those who are about to use it for the first time."""

from __future__ import annotations

from temporalio.client import Client

from temporal.calls import CHANGE_WORKFLOW


async def changes_under_way(client: Client) -> int:
    """How many changes the client's namespace carries now, as far as its visibility store knows."""
    query = f'WorkflowType = "{CHANGE_WORKFLOW}" AND ExecutionStatus = "Running"'
    return (await client.count_workflows(query)).count
