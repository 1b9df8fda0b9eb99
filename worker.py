"""Composes a worker and runs it until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import structlog
from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.asking_again import AskingAgainActivities
from activities.deciding import DecisionActivities
from activities.digesting import DigestActivities
from activities.notifying import NotificationActivities
from activities.posting import PostingActivities
from activities.sealing import SealingActivities
from logs import set_up_logs
from loops import run_program
from notifications.outside import outside_of
from notifications.smtp import MailSettings
from settings import Settings, SettingsWrong, load_settings
from store.authority import Authority
from store.checkpoints import LedgerDamaged, Sealer, require_whole
from store.database import DatabaseUnavailable, open_database, reading
from store.demonstration_clock import DemonstrationClock
from store.keeping import sealer_of
from store.readiness import require_ready
from temporal.connection import TemporalUnavailable, connect, runtime_with_metrics
from temporal.leaving import leave
from temporal.occupancy import work_elsewhere
from temporal.schedules import ensure_schedules, keep_schedules
from workflows.asking_again import AskingAgainWorkflow
from workflows.change import ChangeWorkflow
from workflows.digest import DigestWorkflow
from workflows.housekeeping import HousekeepingWorkflow
from workflows.sealing import SealingWorkflow
from workflows.webhooks import WebhookWorkflow

THREADS = 20
"""Activities that use the database at a time; each holds at most one connection."""
GATHERERS = 200
"""Rounds of mail at a time; most of them only wait for more letters to come."""
GRACE = timedelta(seconds=20)
"""How long work that has begun may take to finish when the worker is told to stop."""

log = structlog.get_logger()


@contextmanager
def composed_worker(client: Client, engine: Engine, settings: Settings) -> Iterator[Worker]:
    """A worker with everything in it, not yet running."""
    authority = Authority()
    clock = DemonstrationClock(engine) if settings.demonstration else None
    mail = MailSettings(url=settings.smtp_url, sender=settings.mail_sender)
    deciding = DecisionActivities(
        engine, authority, settings.actor_secret(), settings.earlier_actor_secrets(), clock=clock
    )
    notifying = NotificationActivities(
        engine,
        authority,
        mail,
        settings.public_url,
        link_secret=settings.actor_secret() if settings.mail_answers else b"",
    )
    digesting = DigestActivities(engine, authority, mail, settings.public_url, settings.actor_secret())
    asking = AskingAgainActivities(client, settings.temporal_task_queue, engine, authority, clock=clock)
    keys = (settings.actor_secret(), *settings.earlier_actor_secrets())
    posting = PostingActivities(
        engine, keys, settings.public_url, outside_of(settings.webhook_networks, settings.demonstration)
    )
    sealing = SealingActivities(sealer_of(settings, engine))
    # As many threads as activities, or the SDK warns; hardly more than THREADS of them are ever made.
    with ThreadPoolExecutor(GATHERERS, thread_name_prefix="activity") as threads:
        yield Worker(
            client,
            task_queue=settings.temporal_task_queue,
            workflows=[
                ChangeWorkflow,
                HousekeepingWorkflow,
                AskingAgainWorkflow,
                SealingWorkflow,
                WebhookWorkflow,
                DigestWorkflow,
            ],
            workflow_runner=UnsandboxedWorkflowRunner(),  # docs/decisions/0026
            activities=[
                *deciding.all(),
                *notifying.all(),
                *asking.all(),
                *posting.all(),
                *digesting.all(),
                *sealing.all(),
            ],
            activity_executor=threads,
            max_concurrent_activities=GATHERERS,
            max_concurrent_local_activities=THREADS,
            # There is no storage beside Temporal's. More than one made the SDK start tasks for each value all the same.
            max_workflow_task_external_storage_concurrency=1,
            max_cached_workflows=settings.max_cached_workflows,
            # After a worker died, its changes wait this long for it before another takes them over (default 10 s).
            sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
            graceful_shutdown_timeout=GRACE,
        )
    notifying.close()
    posting.close()


async def run(settings: Settings) -> None:
    """Run a worker until SIGTERM or SIGINT, then let what has begun finish."""
    engine = open_database(settings.database_url)
    require_ready(engine, settings.demonstration)
    sealer = sealer_of(settings, engine)
    require_whole(engine, sealer.sinks, sealer.witnesses)
    port = settings.metrics_port
    runtime = runtime_with_metrics(port, settings.metrics_host) if port else None
    client = await connect(runtime)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    queue = settings.temporal_task_queue
    await _require_no_work_elsewhere(client, queue)
    zone = _zone(engine)
    await ensure_schedules(client, queue, zone)
    with composed_worker(client, engine, settings) as worker:
        async with worker:
            log.info("worker ready", task_queue=queue, metrics_port=settings.metrics_port)
            keeping = asyncio.create_task(keep_schedules(client, queue, zone, partial(_zone_if_known, engine)))
            await stop.wait()
            keeping.cancel()
            log.info("worker stopping: finishing what has begun")
    await asyncio.to_thread(_seal_the_rest, sealer)
    engine.dispose()


def _seal_the_rest(sealer: Sealer) -> None:
    """A last checkpoint, so that what was decided in the last minute has one. It must not keep us from ending."""
    try:
        sealer.seal()
    except (LedgerDamaged, SettingsWrong, DatabaseUnavailable) as error:
        log.error("the ledger was not sealed at the end", problem=str(error))


async def _require_no_work_elsewhere(client: Client, task_queue: str) -> None:
    """Refuse to leave open changes where they began, unless there are some on our own task queue as well.

    Raises:
        SettingsWrong: the settings name another task queue than that of all of them.
    """
    try:
        elsewhere = await work_elsewhere(client, task_queue)
    except TemporalUnavailable as error:
        log.warning("nobody looked whether there are changes on another task queue", cause=str(error))
        return
    if elsewhere and elsewhere.ours:
        log.error("changes are under way on two task queues", found=elsewhere.found, advice=elsewhere.advice)
    elif elsewhere:
        raise SettingsWrong(f"{elsewhere.found} {elsewhere.advice}")


async def _zone_if_known(engine: Engine) -> str | None:
    try:
        return await asyncio.to_thread(_zone, engine)
    except DatabaseUnavailable:
        return None


def _zone(engine: Engine) -> str:
    """The organisation's clock; UTC while no policy is published."""
    with reading(engine) as connection:
        try:
            return Authority().zone(connection)
        except LookupError:
            return "UTC"


def collect_garbage_seldom() -> None:
    """Look for unreachable circles of objects after 10,000 new ones instead of 700, and in all that is kept rarely.

    A decision makes thousands of short-lived values, and the worker keeps hundreds of changes in memory. Looking
    through them all that often took 0.7 ms of processor time of each decision, growing with the changes kept; now it is
    0.1 ms. What is not in a circle is freed at once as before.
    """
    gc.set_threshold(10_000, 20, 20)


def main() -> None:
    """Start a worker with the settings of the environment."""
    collect_garbage_seldom()
    settings = load_settings()
    set_up_logs(settings.log_format)
    run_program(run(settings))


if __name__ == "__main__":
    main()
    leave(0)
