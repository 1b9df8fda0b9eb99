"""The workflow of a webhook endpoint: waits after failures, is hurried by a button, and ends when nothing waits."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio import activity
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from temporal import calls
from temporal.waking import wake_endpoint
from workflows.webhooks import WebhookWorkflow

QUEUE = "webhooks"


class Rounds:
    """Answers rounds as it is told, and says nothing waits afterwards."""

    def __init__(self, *answers: calls.Posted | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.held = asyncio.Event()
        self.held.set()
        self.begun = asyncio.Event()

    @activity.defn(name=calls.POST_EVENTS)
    async def post_events(self, endpoint: str) -> calls.Posted:
        """One round."""
        self.asked.append(endpoint)
        self.begun.set()
        await self.held.wait()
        answer = self.answers.pop(0) if self.answers else calls.Posted()
        if isinstance(answer, Exception):
            raise answer
        return answer


async def _ended(environment: WorkflowEnvironment) -> bool:
    described = await environment.client.get_workflow_handle("webhook-wh_1").describe()
    return described.status is WorkflowExecutionStatus.COMPLETED


@pytest.mark.temporal
async def test_it_waits_after_failures_and_ends_when_nothing_waits(skipping: WorkflowEnvironment) -> None:
    rounds = Rounds(
        calls.Posted(sent=20, more=True),
        calls.Posted(more=True, pause=5.0),
        calls.Posted(more=True, pause=14_400.0),
        calls.Posted(sent=1),
    )
    async with Worker(skipping.client, task_queue=QUEUE, workflows=[WebhookWorkflow], activities=[rounds.post_events]):
        await wake_endpoint(skipping.client, QUEUE, "wh_1")
        await skipping.sleep(14_000)
        assert rounds.asked == ["wh_1"] * 3 and not await _ended(skipping)
        await skipping.sleep(500)
        assert len(rounds.asked) == 4 and await _ended(skipping)


@pytest.mark.temporal
async def test_a_database_that_is_away_loses_nothing(skipping: WorkflowEnvironment) -> None:
    rounds = Rounds(*[RuntimeError("the database is away")] * 4, calls.Posted(sent=1))
    async with Worker(skipping.client, task_queue=QUEUE, workflows=[WebhookWorkflow], activities=[rounds.post_events]):
        await wake_endpoint(skipping.client, QUEUE, "wh_1")
        await skipping.sleep(200)
        assert len(rounds.asked) == 4 and not await _ended(skipping)
        await skipping.sleep(300)
        assert len(rounds.asked) == 5 and await _ended(skipping)


@pytest.mark.temporal
async def test_new_events_wait_for_the_pause_and_a_button_does_not(skipping: WorkflowEnvironment) -> None:
    rounds = Rounds(calls.Posted(more=True, pause=14_400.0), calls.Posted(sent=1))
    async with Worker(skipping.client, task_queue=QUEUE, workflows=[WebhookWorkflow], activities=[rounds.post_events]):
        began = await skipping.get_current_time()
        await wake_endpoint(skipping.client, QUEUE, "wh_1")
        await rounds.begun.wait()
        await wake_endpoint(skipping.client, QUEUE, "wh_1")
        await wake_endpoint(skipping.client, QUEUE, "wh_1", now=True)
        await skipping.client.get_workflow_handle("webhook-wh_1").result()
        passed = await skipping.get_current_time() - began
    assert len(rounds.asked) == 2 and passed < timedelta(seconds=60)


@pytest.mark.temporal
async def test_an_event_that_comes_during_the_last_round_is_not_forgotten(skipping: WorkflowEnvironment) -> None:
    rounds = Rounds()
    rounds.held.clear()
    async with Worker(skipping.client, task_queue=QUEUE, workflows=[WebhookWorkflow], activities=[rounds.post_events]):
        await wake_endpoint(skipping.client, QUEUE, "wh_1")
        await rounds.begun.wait()
        await wake_endpoint(skipping.client, QUEUE, "wh_1")
        rounds.held.set()
        await skipping.client.get_workflow_handle("webhook-wh_1").result()
    assert len(rounds.asked) == 2
