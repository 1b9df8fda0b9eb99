"""Sealing: once a minute, sign what is new in the ledger. Started by a schedule."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from temporal import calls, retrying


@workflow.defn(name=calls.SEALING_WORKFLOW)
class SealingWorkflow:
    """One round of sealing."""

    @workflow.run
    async def run(self) -> calls.Sealing:
        """Seal; the next round tries again what this one could not."""
        sealing: calls.Sealing = await workflow.execute_local_activity(
            calls.SEAL,
            result_type=calls.Sealing,
            start_to_close_timeout=retrying.SEALING_ATTEMPT,
            retry_policy=retrying.SEALING,
        )
        return sealing
