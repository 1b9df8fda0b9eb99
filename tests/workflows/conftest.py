"""Workflow tests run on the time-skipping server with the real activities on a real database."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from temporalio.testing import WorkflowEnvironment

from temporal.plugin import groundswell_plugin
from tests.support.workers import Running, running_worker


@pytest.fixture
async def skipping() -> AsyncIterator[WorkflowEnvironment]:
    """A server that skips time while somebody waits for it.

    One for each test: its clock is global, and what other tests left waiting would keep it from skipping.
    """
    binary = shutil.which("temporal-test-server", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert binary, "temporal-test-server is missing; make test installs it"
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=binary,
        test_server_startup_timeout=timedelta(seconds=30),
        plugins=[groundswell_plugin()],
    )
    async with environment:
        yield environment


@pytest.fixture
async def running(skipping: WorkflowEnvironment, engine: Engine) -> AsyncIterator[Running]:
    """A worker on a fresh database."""
    async with running_worker(skipping.client, engine) as worker:
        yield worker
