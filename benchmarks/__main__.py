"""``make bench``: what a decision costs, against workflows that do the same Temporal work and bare inserts.

One server for all runs, one run at a time, each at 1 and at 10 changes at a time:
(a) a minimal workflow whose update does one local activity that inserts one row;
(b) a workflow with the same number of updates, local activities, activities and timers as (c), each one bare insert,
    with the SDK's defaults; (b') the same without the SDK's sandbox, as our worker runs (docs/decisions/0026);
(b+) the same with as many activities and timers as the budget of 3.5 billable actions a command allows. What (c) saves
    by letting letters gather and timers stand, (b) saves with it; (b+) does not;
(c) Groundswell's main road through the Temporal client;
(d) the same road over HTTP.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import os
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

from benchmarks.comparison import BareRoad, Work
from benchmarks.measuring import Run, Shape, billable_actions, cpu_seconds, shape_of
from benchmarks.organisation import Cell, cast_of, organisation
from changes.instruction import Instruction, Receipt, assert_actor
from demo.road import main_road
from demo.sending import Act
from policies.loader import shipped
from settings import DEMONSTRATION_KEY
from store.database import open_database, writing
from store.directory import save_directory
from store.migrating import migrate
from store.numbers import reserve_reference
from store.policies import publish_policy
from store.tokens import make_token
from temporal.child_process import ChildProcess
from temporal.connection import connect
from temporal.development_server import DevelopmentServer
from temporal.gateway import Gateway
from temporal.ports import free_port

CELLS = 10
BARE, UNGUARDED = "bare", "bare-unguarded"
"""Task queues of the bare workflows: in the SDK's sandbox, and without it."""
console = Console()


@dataclass
class Bench:
    """Everything a run needs."""

    client: Client
    server: DevelopmentServer
    engine: Engine
    folder: Path
    roads: int
    web: str

    def gateway(self) -> Gateway:
        """Sends to Groundswell's worker."""
        return Gateway(self.client, "groundswell", timedelta(seconds=60))


async def measured(
    bench: Bench,
    name: str,
    at_a_time: int,
    workers: dict[str, ChildProcess],
    one: Callable[[Run, int], Awaitable[None]],
) -> Run:
    """Run ``one`` road ``bench.roads`` times, ``at_a_time`` together, and count what it cost."""
    run = Run(name, at_a_time)
    rounds = max(bench.roads // at_a_time, 1)
    before = billable_actions(bench.server.metrics_url, bench.server.namespace)
    cpu = {part: cpu_seconds(process.pid) for part, process in workers.items()}
    began = time.perf_counter()
    for _ in range(rounds):
        await asyncio.gather(*(one(run, number) for number in range(at_a_time)))
    run.seconds = time.perf_counter() - began
    await asyncio.sleep(1)  # mail and endings that still run belong to the bill
    run.cpu = {part: cpu_seconds(process.pid) - cpu[part] for part, process in workers.items()}
    run.actions = billable_actions(bench.server.metrics_url, bench.server.namespace) - before
    return run


async def bare_minimum(bench: Bench, run: Run, updates: int) -> None:
    """(a): one workflow, ``updates`` updates of one local activity."""
    await _bare(bench, run, [Work() for _ in range(updates)])


async def bare_road(bench: Bench, run: Run, shape: Shape, queue: str = BARE) -> None:
    """(b) and (b'): one workflow of the same shape as the main road."""
    each, more = divmod(shape.local_activities, shape.updates)
    work = [
        Work(
            local_activities=each + (1 if number < more else 0),
            activity=number < shape.activities,
            timer=number < shape.timers,
        )
        for number in range(shape.updates)
    ]
    await _bare(bench, run, work, queue)


def within_budget(shape: Shape) -> Shape:
    """The road with an activity for each command and a new timer for four in ten: 3.5 billable actions each."""
    return dataclasses.replace(shape, activities=shape.updates, timers=round(shape.updates * 0.4))


async def _bare(bench: Bench, run: Run, work: list[Work], queue: str = BARE) -> None:
    name = f"bare-{uuid.uuid4().hex}"
    start: WithStartWorkflowOperation[BareRoad, None] = WithStartWorkflowOperation(
        "BareRoad", id=name, task_queue=queue, id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING
    )
    handle = bench.client.get_workflow_handle_for(BareRoad.run, name)
    for number, piece in enumerate(work):
        began = time.perf_counter()
        if number == 0:
            await bench.client.execute_update_with_start_workflow(BareRoad.work, piece, start_workflow_operation=start)
        else:
            await handle.execute_update(BareRoad.work, piece)
        run.latencies.append(time.perf_counter() - began)
    await handle.execute_update(BareRoad.end)


async def road_by_temporal(bench: Bench, run: Run, cell: Cell) -> str:
    """(c): the main road through the gateway, as the web process uses it."""
    gateway = bench.gateway()
    key = uuid.uuid4().hex
    with writing(bench.engine) as connection:
        change = reserve_reference(connection, f"{cell.colleague(0)}/{key}", datetime.now(UTC))
    for number, act in enumerate(main_road(cast_of(cell), datetime.now(UTC))):
        began = time.perf_counter()
        answer = await gateway.send(act.command, _instruction(act, change, f"{key}-{number}"), begins=number == 0)
        run.latencies.append(time.perf_counter() - began)
        if not isinstance(answer, Receipt):
            raise SystemExit(f"{act.person} was refused {act.command.kind}: {answer.detail}")
    return change


def _instruction(act: Act, change: str, key: str) -> Instruction:
    claim = assert_actor(DEMONSTRATION_KEY.encode(), act.person, "api", datetime.now(UTC), change, key, act.command)
    return Instruction(change=change, key=key, assertion=claim)


async def road_by_http(bench: Bench, run: Run, cell: Cell, tokens: dict[str, str]) -> None:
    """(d): the main road over HTTP."""
    import httpx2

    key, change = uuid.uuid4().hex, ""
    async with httpx2.AsyncClient(base_url=bench.web, timeout=60) as http:
        for number, act in enumerate(main_road(cast_of(cell), datetime.now(UTC))):
            path = f"/api/v1/changes/{change}/{act.command.kind}" if change else "/api/v1/changes"
            began = time.perf_counter()
            answer = await http.post(
                path,
                json=act.command.model_dump(mode="json", exclude_unset=True),
                headers={
                    "Authorization": f"Bearer {tokens[act.person]}",
                    "Idempotency-Key": f"{key}-{number}",
                    "If-Match": "*",
                },
            )
            run.latencies.append(time.perf_counter() - began)
            if answer.status_code >= 300:
                raise SystemExit(f"{act.person} could not {act.command.kind}: {answer.text}")
            change = answer.json()["change"]


@asynccontextmanager
async def installation(folder: Path, roads: int) -> AsyncIterator[tuple[Bench, dict[str, ChildProcess]]]:
    """A server, a filled database, Groundswell's worker and web process, and the worker of the bare workflows."""
    database = f"sqlite:///{folder / 'bench.db'}"
    engine = open_database(database)
    migrate(engine)
    policy, policy_text = shipped()
    with writing(engine) as connection:
        save_directory(connection, organisation(CELLS), datetime.now(UTC))
        publish_policy(connection, policy, policy_text, datetime.now(UTC))
    async with DevelopmentServer(folder / "temporal.db") as server:
        port, mail_port = free_port(), free_port()
        environment = {
            **os.environ,
            "TEMPORAL_ADDRESS": server.address,
            "DATABASE_URL": database,
            "GROUNDSWELL_SMTP_URL": f"smtp://127.0.0.1:{mail_port}",
            "GROUNDSWELL_METRICS_PORT": "0",
            "GROUNDSWELL_LOCAL": str(folder),
        }
        os.environ["TEMPORAL_ADDRESS"] = server.address
        programs = {
            "mail sink": ["-m", "benchmarks.mail_sink", str(mail_port)],
            "worker": ["-m", "worker"],
            "bare worker": ["-m", "benchmarks.comparison", BARE, f"sqlite:///{folder / 'bare.db'}"],
            "unguarded": ["-m", "benchmarks.comparison", UNGUARDED, f"sqlite:///{folder / 'unguarded.db'}"],
            "web": ["-m", "cli", "web", "--port", str(port)],
        }
        children: dict[str, ChildProcess] = {}
        try:
            for name, arguments in programs.items():
                children[name] = await ChildProcess.start(
                    name, [sys.executable, *arguments], log_file=folder / f"{name}.log", environment=environment
                )
            client = await connect()
            bench = Bench(client, server, engine, folder, roads, f"http://127.0.0.1:{port}")
            await _until_ready(bench)
            yield bench, {**children, "server": server.process}
        finally:
            for child in children.values():
                await child.stop()
            engine.dispose()


async def _until_ready(bench: Bench) -> None:
    import httpx2

    async with httpx2.AsyncClient() as http:
        for _ in range(300):
            try:
                if (await http.get(f"{bench.web}/readyz")).status_code == 200:
                    return
            except httpx2.HTTPError:
                pass
            await asyncio.sleep(0.1)
    raise SystemExit("the installation did not become ready; see its logs in " + str(bench.folder))


async def run_all(roads: int) -> None:
    """Run everything and print it."""
    with tempfile.TemporaryDirectory(prefix="groundswell-bench-") as name:
        async with installation(Path(name), roads) as (bench, parts):
            tokens = _tokens(bench)
            warm = Run("warm-up", 1)
            change = await road_by_temporal(bench, warm, Cell(0))
            await bench.client.get_workflow_handle(change).result()
            shape = await shape_of(bench.client, change)
            await bare_road(bench, warm, shape)
            await bare_road(bench, warm, shape, UNGUARDED)
            await road_by_http(bench, warm, Cell(0), tokens)
            console.print(
                f"The main road: {shape.updates} commands, {shape.local_activities} local activities, "
                f"{shape.activities} activities, {shape.timers} timers, {shape.events} history events."
            )
            runs = [run for at_a_time in (1, 10) for run in await _runs(bench, parts, shape, tokens, at_a_time)]
    _print(runs, shape)


async def _runs(
    bench: Bench, parts: dict[str, ChildProcess], shape: Shape, tokens: dict[str, str], at_a_time: int
) -> list[Run]:
    async def temporal_road(run: Run, number: int) -> None:
        await road_by_temporal(bench, run, Cell(number))

    bare = {"worker": parts["bare worker"], "server": parts["server"]}
    unguarded = {"worker": parts["unguarded"], "server": parts["server"]}
    ours = {"worker": parts["worker"], "server": parts["server"]}
    return [
        await measured(bench, "a  minimal", at_a_time, bare, lambda run, _: bare_minimum(bench, run, shape.updates)),
        await measured(bench, "b  same shape", at_a_time, bare, lambda run, _: bare_road(bench, run, shape)),
        await measured(
            bench, "b' same runner", at_a_time, unguarded, lambda run, _: bare_road(bench, run, shape, UNGUARDED)
        ),
        await measured(
            bench, "b+ whole budget", at_a_time, bare, lambda run, _: bare_road(bench, run, within_budget(shape))
        ),
        await measured(bench, "c  Temporal", at_a_time, ours, temporal_road),
        await measured(
            bench,
            "d  HTTP",
            at_a_time,
            {**ours, "web": parts["web"]},
            lambda run, number: road_by_http(bench, run, Cell(number), tokens),
        ),
    ]


def _tokens(bench: Bench) -> dict[str, str]:
    now, lasts = datetime.now(UTC), timedelta(hours=2)
    people = {act.person for cell in map(Cell, range(CELLS)) for act in main_road(cast_of(cell), now)}
    with writing(bench.engine) as connection:
        return {person: make_token(connection, person, "bench", lasts, now) for person in sorted(people)}


SPENT_ON = {
    "message_UpdateWorkflowExecution_Acceptance": "accepted updates (one for each command)",
    "command_BatchMarkers": "markers (look-up and record of a command together)",
    "command_ScheduleActivityTask": "activities (mail, in rounds)",
    "command_StartTimer": "timers (only when the next moment comes earlier)",
    "grpc_StartWorkflowExecution": "started workflows",
}


def _print(runs: list[Run], shape: Shape) -> None:
    table = Table(title="What a decision costs", caption="CPU in ms per decision; actions are the server's own counter")
    for column in (
        "run",
        "at a time",
        "decisions/s",
        "p50 ms",
        "p95 ms",
        "CPU worker",
        "CPU server",
        "CPU web",
        "actions",
    ):
        table.add_column(column, justify="left" if column == "run" else "right")
    for run in runs:
        cpu = [
            f"{run.cpu[part] / len(run.latencies) * 1e3:.1f}" if part in run.cpu else ""
            for part in ("worker", "server", "web")
        ]
        table.add_row(
            run.name,
            str(run.at_a_time),
            f"{run.rate:.1f}",
            f"{run.percentile(50):.1f}",
            f"{run.percentile(95):.1f}",
            *cpu,
            f"{run.actions_each:.2f}",
        )
    console.print(table)
    for at_a_time in (1, 10):
        a, b, same, budget, c, d = (run for run in runs if run.at_a_time == at_a_time)
        console.print(
            f"{at_a_time:>2} at a time: c/b throughput {c.rate / b.rate:.2f} (aim 0.85), "
            f"c/b p50 {c.percentile(50) / b.percentile(50):.2f} (aim 1.25 or less), "
            f"c/b' throughput {c.rate / same.rate:.2f}, p50 {c.percentile(50) / same.percentile(50):.2f}, "
            f"c/b+ throughput {c.rate / budget.rate:.2f}, p50 {c.percentile(50) / budget.percentile(50):.2f}, "
            f"c/a p50 {c.percentile(50) / a.percentile(50):.2f}, "
            f"HTTP adds {d.percentile(50) - c.percentile(50):+.1f} ms to p50 (aim 10 or less)"
        )
    ours = next(run for run in runs if run.name.startswith("c"))
    console.print(f"Actions per command on the main road: {ours.actions_each:.2f} (aim 3.5 or less), spent on:")
    for kind, count in Counter(ours.actions).most_common():
        console.print(f"  {count / len(ours.latencies):.2f}  {SPENT_ON.get(kind, kind)}")
    console.print(f"History events per command: {shape.events / shape.updates:.1f}")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--roads", type=int, default=20, help="changes per run (default 20)")
    asyncio.run(run_all(parser.parse_args().roads))


if __name__ == "__main__":
    main()
