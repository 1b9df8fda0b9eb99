"""What Groundswell is held against: workflows that do the same Temporal work and nothing but one insert each time.

Run as a program it is the worker of these workflows: ``python -m benchmarks.comparison TASK_QUEUE DATABASE``. On a task
queue whose name ends with "unguarded" they run without the SDK's sandbox.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from pydantic import BaseModel
from temporalio import activity, workflow
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

with workflow.unsafe.imports_passed_through():
    from sqlalchemy import Engine, text

    from store.database import open_database, writing
    from temporal import retrying
    from temporal.connection import connect


class Work(BaseModel):
    """What one update does: so many inserts by local activities, and perhaps an activity and a new timer."""

    local_activities: int = 1
    activity: bool = False
    timer: bool = False


@workflow.defn(name="BareRoad")
class BareRoad:
    """Takes updates of bare inserts until it is told to end."""

    def __init__(self) -> None:
        """Nothing has happened."""
        self._ended = False
        self._tasks: list[asyncio.Task[int]] = []
        self._timer: asyncio.Task[None] | None = None

    @workflow.run
    async def run(self) -> None:
        """Wait for the end."""
        await workflow.wait_condition(lambda: self._ended)
        await workflow.wait_condition(lambda: all(task.done() for task in self._tasks))
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.update
    async def work(self, work: Work) -> int:
        """Do one update's inserts."""
        row = 0
        for _ in range(work.local_activities):
            row = await workflow.execute_local_activity(
                insert_row, start_to_close_timeout=retrying.RECORDING_ATTEMPT, retry_policy=retrying.RECORDING
            )
        if work.activity:
            self._tasks.append(asyncio.create_task(self._insert_later()))
        if work.timer:
            if self._timer:
                self._timer.cancel()
            self._timer = asyncio.create_task(workflow.sleep(timedelta(days=3)))
        return row

    @workflow.update
    async def end(self) -> None:
        """No more updates will come."""
        self._ended = True

    async def _insert_later(self) -> int:
        return await workflow.execute_activity(
            insert_row, start_to_close_timeout=retrying.DELIVERING_ATTEMPT, retry_policy=retrying.DELIVERING
        )


_engine: list[Engine] = []


@activity.defn
def insert_row() -> int:
    """Insert one row in one durable transaction."""
    with writing(_engine[0]) as connection:
        connection.execute(text("INSERT INTO bare (body) VALUES (:body)"), {"body": "x" * 600})
    return 1


async def main(task_queue: str, database: str) -> None:
    """Run the worker until SIGTERM."""
    engine = open_database(database)
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS bare (number INTEGER PRIMARY KEY, body TEXT)"))
    _engine.append(engine)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    unguarded = task_queue.endswith("unguarded")
    with ThreadPoolExecutor(20) as threads:
        worker = Worker(
            await connect(),
            task_queue=task_queue,
            workflows=[BareRoad],
            activities=[insert_row],
            activity_executor=threads,
            workflow_runner=UnsandboxedWorkflowRunner() if unguarded else SandboxedWorkflowRunner(),
        )
        async with worker:
            await stop.wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
