"""Histories of released command orders are followed by today's workflow without a difference."""

from __future__ import annotations

import gzip
from collections import Counter

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from temporal.plugin import groundswell_plugin
from tests.histories.roads import FOLDER, ROADS, VERSION
from workflows.change import ChangeWorkflow

KEPT = sorted(path.name.removesuffix(".json.gz") for path in FOLDER.glob("*.json.gz"))


def kept(name: str) -> WorkflowHistory:
    return WorkflowHistory.from_json("CH-1", gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()).decode())


def test_every_road_has_a_history() -> None:
    assert {f"{name}-{VERSION}" for name in ROADS} <= set(KEPT)


@pytest.mark.parametrize("name", KEPT)
async def test_the_workflow_still_follows(name: str) -> None:
    replayer = Replayer(workflows=[ChangeWorkflow], plugins=[groundswell_plugin()])
    await replayer.replay_workflow(kept(name))


def test_timers_are_few() -> None:
    """A timer costs an action; one is set only when the next moment comes earlier than the one that is set."""
    kinds = Counter(event.event_type for event in kept(f"main-road-{VERSION}").events)
    updates = kinds[EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED]
    assert updates > 20
    assert kinds[EventType.EVENT_TYPE_TIMER_STARTED] <= updates / 3
