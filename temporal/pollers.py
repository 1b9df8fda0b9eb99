"""Whether anybody works: a worker that has looked for tasks lately."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

LATELY = timedelta(seconds=90)
"""A poll lasts up to a minute before it is sent anew; the server forgets pollers after five minutes only."""


async def worker_polls(client: Client, task_queue: str, within: timedelta = timedelta(seconds=3)) -> bool:
    """Whether a worker has looked for workflow tasks lately; False as well when the server does not say so in time."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=task_queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    try:
        found = await client.workflow_service.describe_task_queue(request, timeout=within)
    except RPCError:
        return False
    now = datetime.now(UTC)
    return any(now - poller.last_access_time.ToDatetime(UTC) < LATELY for poller in found.pollers)
