"""The weekly digest. Started by a schedule, on Mondays at seven by the organisation's clock."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from temporal import calls, retrying


@workflow.defn(name=calls.DIGEST_WORKFLOW)
class DigestWorkflow:
    """One week's digests."""

    @workflow.run
    async def run(self) -> calls.Delivery:
        """Write them all, then send them; what the mail server does not take is tried for half a day."""
        await workflow.execute_activity(
            calls.WRITE_DIGESTS,
            result_type=int,
            start_to_close_timeout=retrying.DIGESTING_ATTEMPT,
            retry_policy=retrying.DIGESTING,
        )
        delivery: calls.Delivery = await workflow.execute_activity(
            calls.SEND_DIGESTS,
            result_type=calls.Delivery,
            start_to_close_timeout=retrying.DIGESTING_ATTEMPT,
            retry_policy=retrying.DIGESTING,
        )
        return delivery
