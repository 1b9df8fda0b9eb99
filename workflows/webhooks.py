"""The workflow of one webhook endpoint: sends what waits, in order, and waits longer after each failure."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from temporal import calls, retrying

AFTER_AN_ERROR = 300.0
"""Seconds to wait when a round could not be done at all, such as while the database is away."""


@workflow.defn(name=calls.WEBHOOK_WORKFLOW)
class WebhookWorkflow:
    """Runs while something waits for its endpoint. New events wake it; a button does not let it wait."""

    def __init__(self) -> None:
        self._woken = True
        self._hurried = False

    @workflow.run
    async def run(self, endpoint: str) -> None:
        """Send rounds until nothing waits."""
        while self._woken:
            self._woken = self._hurried = False
            posted = await self._round(endpoint)
            if posted.more:
                self._woken = True
            if posted.pause:
                try:
                    await workflow.wait_condition(lambda: self._hurried, timeout=timedelta(seconds=posted.pause))
                except asyncio.TimeoutError:  # noqa: UP041 - the two are one only from 3.11 on, and Temporal says this
                    pass
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(endpoint)

    async def _round(self, endpoint: str) -> calls.Posted:
        try:
            posted: calls.Posted = await workflow.execute_activity(
                calls.POST_EVENTS,
                endpoint,
                result_type=calls.Posted,
                start_to_close_timeout=retrying.POSTING_ATTEMPT,
                retry_policy=retrying.POSTING,
            )
        except ActivityError:
            workflow.logger.warning("a round of webhooks could not be done; it is tried again later")
            return calls.Posted(more=True, pause=AFTER_AN_ERROR)
        return posted

    @workflow.signal(name=calls.WAKE)
    def wake(self, now: bool) -> None:
        """Something waits. ``now`` ends the pause after a failure."""
        self._woken = True
        self._hurried = self._hurried or now
