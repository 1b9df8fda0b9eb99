"""Sending a command to the workflow of its change, from the web process.

A running workflow gets an update. Where none runs (a new change, one that has ended, or a Temporal server that lost
its memory) the same update starts one; the workflow then rebuilds the change from its records.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from changes.commands import Command
from changes.instruction import Instruction, Receipt
from changes.refusals import Refused
from temporal.calls import CHANGE_WORKFLOW, REFUSED
from temporal.start import ChangeStart

PATIENCE = timedelta(seconds=20)
"""How long a sender waits for a decision. It may still be made later; the same key then finds its answer."""
HITCHES = {RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.ABORTED, RPCStatusCode.UNAVAILABLE}
"""What passes by itself: a workflow task that failed once, a run that ended meanwhile, a server that restarts."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
"""Seconds between attempts."""


class NotNow(Exception):
    """The decision could not be made in time. Nothing is lost: send the same command with the same key again."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("Groundswell is busy or not complete right now. Nothing is lost; please try again shortly.")
        self.retry_after = retry_after
        """Seconds after which trying again makes sense."""


class CommandFailed(Exception):
    """The workflow could not apply the command for a reason that is our fault; it is in the worker's log."""


class Gateway:
    """Sends commands to workflows."""

    def __init__(
        self, client: Client, task_queue: str, patience: timedelta = PATIENCE, *, demonstration: bool = False
    ) -> None:
        """Send over ``client``; changes that begin in the demonstration look at its clock first."""
        self._demonstration = demonstration
        self._client = client
        self._task_queue = task_queue
        self._patience = patience

    async def send(self, command: Command, instruction: Instruction, begins: bool = False) -> Receipt | Refused:
        """Send ``command`` and wait until its decision is durable.

        Args:
            begins: the command files a new change, so there is no workflow yet.

        Raises:
            NotNow: Temporal, the worker or the database is away, or the change is too busy.
            CommandFailed: the worker failed on it.
        """
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                return await self._deliver_in_spite_of_hitches(command, instruction, begins)
        except WorkflowUpdateFailedError as error:
            return _refusal(error)
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
            raise NotNow(retry_after=5) from error
        except RPCError as error:
            if error.status is RPCStatusCode.RESOURCE_EXHAUSTED:
                raise NotNow(retry_after=1) from error
            raise NotNow(retry_after=5) from error

    async def _deliver_in_spite_of_hitches(
        self, command: Command, instruction: Instruction, begins: bool
    ) -> Receipt | Refused:
        """Try again where the server asks for it, such as while a workflow continues as new.

        Safe, because the key makes a command that had arrived after all happen once.
        """
        pause = FIRST_PAUSE
        while True:
            try:
                return await self._deliver(command, instruction, begins)
            except RPCError as error:
                if error.status not in HITCHES:
                    raise
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _deliver(self, command: Command, instruction: Instruction, begins: bool) -> Receipt | Refused:
        if not begins:
            try:
                handle = self._client.get_workflow_handle(instruction.change)
                receipt: Receipt = await handle.execute_update(
                    command.kind, args=[command, instruction], id=_update_id(command, instruction), result_type=Receipt
                )
                return receipt
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
        start: WithStartWorkflowOperation[Any, None] = WithStartWorkflowOperation(
            CHANGE_WORKFLOW,
            ChangeStart(change=instruction.change, demonstration=self._demonstration),
            id=instruction.change,
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            static_summary=instruction.change,
        )
        begun: Receipt = await self._client.execute_update_with_start_workflow(
            command.kind,
            args=[command, instruction],
            id=_update_id(command, instruction),
            start_workflow_operation=start,
            result_type=Receipt,
        )
        return begun


def _update_id(command: Command, instruction: Instruction) -> str:
    """The same for the same command with the same key. Other words with that key are another update, which is refused:
    Temporal would answer it with what became of the first one, unread.
    """
    return f"{instruction.key}/{command.fingerprint()[:16]}"


def _refusal(error: WorkflowUpdateFailedError) -> Refused:
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type == REFUSED:
        return Refused.model_validate(cause.details[0])
    raise CommandFailed(str(cause)) from error
