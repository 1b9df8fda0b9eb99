"""Housekeeping: now and then, send what mail could not take when it was due. Started by a schedule."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from temporal import calls, retrying


@workflow.defn(name=calls.HOUSEKEEPING_WORKFLOW)
class HousekeepingWorkflow:
    """One round of housekeeping."""

    @workflow.run
    async def run(self) -> calls.Delivery:
        """Send leftovers; the next round tries again what this one could not."""
        delivery: calls.Delivery = await workflow.execute_activity(
            calls.DELIVER_LEFTOVERS,
            result_type=calls.Delivery,
            start_to_close_timeout=retrying.DELIVERING_ATTEMPT,
            retry_policy=retrying.DELIVERING,
        )
        return delivery
