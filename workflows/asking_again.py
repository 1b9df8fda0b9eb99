"""Looking whether open gates would ask other people now: when somebody delegated, left or came back, and now and then.

Source: lifecycle.md, "Rules that always hold": an approver who left or is absent is replaced from their line.
"""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from temporal import calls, retrying


@workflow.defn(name=calls.ASKING_AGAIN_WORKFLOW)
class AskingAgainWorkflow:
    """Looks, and once more if somebody asked for it meanwhile."""

    def __init__(self) -> None:
        """Begin with one look."""
        self._wanted = True

    @workflow.run
    async def run(self) -> calls.AskedAgain:
        """Tell each change about which something is different to look again."""
        answer = calls.AskedAgain()
        while self._wanted:
            self._wanted = False
            answer = await workflow.execute_activity(
                calls.ASK_AGAIN,
                result_type=calls.AskedAgain,
                start_to_close_timeout=retrying.LOOKING_ATTEMPT,
                heartbeat_timeout=retrying.DELIVERING_ATTEMPT,
                retry_policy=retrying.DELIVERING,
            )
        return answer

    @workflow.signal(name=calls.LOOK_AGAIN)
    def look_again(self) -> None:
        """Something has changed since this look began."""
        self._wanted = True
