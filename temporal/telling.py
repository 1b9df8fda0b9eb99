"""Telling changes, and whoever looks after them, that something around them may be different."""

from __future__ import annotations

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from temporal.calls import ASKING_AGAIN_NOW, ASKING_AGAIN_WORKFLOW, CHANGE_WORKFLOW, LOOK_AGAIN, LOOK_AT_THE_CLOCK
from temporal.start import ChangeStart


async def tell_to_look_again(
    client: Client, task_queue: str, change: str, duplicate: str = "", *, demonstration: bool = False
) -> None:
    """Have a change look again; one whose workflow does not run any more is started, and reads its records."""
    await client.start_workflow(
        CHANGE_WORKFLOW,
        ChangeStart(change=change, demonstration=demonstration),
        id=change,
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        static_summary=change,
        start_signal=LOOK_AGAIN,
        start_signal_args=[duplicate],
    )


async def ask_again(client: Client, task_queue: str) -> None:
    """Have all open gates looked at, now."""
    await client.start_workflow(
        ASKING_AGAIN_WORKFLOW,
        id=ASKING_AGAIN_NOW,
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        start_signal=LOOK_AGAIN,
    )


async def tell_to_look_at_the_clock(client: Client, task_queue: str, change: str) -> None:
    """Have a change of the demonstration look how far ahead its clock is."""
    await client.start_workflow(
        CHANGE_WORKFLOW,
        ChangeStart(change=change, demonstration=True),
        id=change,
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        static_summary=change,
        start_signal=LOOK_AT_THE_CLOCK,
    )
