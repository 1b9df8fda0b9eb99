"""``make bench``: what a decision costs, against workflows that do the same Temporal work and bare inserts.

One server for all; the kinds of road take short turns, first at 1, then at 10 changes at a time, so that whatever else
the machine does meanwhile it does to all of them. The first turn of each is not counted: it meets its people,
connections and threads. A ratio is the median over the rounds:
(a) a minimal workflow whose update does one local activity that inserts one row;
(b) a workflow with the same number of updates, local activities, activities and timers as (c), each one bare insert,
    with the SDK's defaults; (b') the same without the SDK's sandbox, as our worker runs (docs/decisions/0026);
(b+) the same with as many activities and timers as the budget of 3.5 billable actions a command allows. What (c) saves
    by letting letters gather and timers stand, (b) saves with it; (b+) does not;
(c) Groundswell's main road through the Temporal client;
(d) the same road over HTTP, by a client of HTTP/1.1 with one connection for each change. What the client costs stands
    under "bench", the processor time of this process, where (c) pays for the Temporal client that (d) has in "web";
(e) and (f): (b) and (c) with two worker processes each, as docker-compose.yml runs them.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.table import Table
from sqlalchemy import Engine
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

from benchmarks.comparison import BareRoad, Work
from benchmarks.http_client import kept_alive
from benchmarks.measuring import Run, Shape, Turn, billable_actions, console, cpu_seconds, ratio, shape_of
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
BARE, UNGUARDED, BARE_PAIR = "bare", "bare-unguarded", "bare-pair"
"""Task queues of the bare workflows: in the SDK's sandbox, without it, and in the sandbox of two worker processes."""
OURS, OUR_PAIR = "groundswell", "groundswell-pair"
"""Task queues of Groundswell: of one worker process, and of two."""
BENCH = "bench"
"""This process, among those whose time is counted."""


@dataclass
class Bench:
    """Everything a run needs."""

    client: Client
    server: DevelopmentServer
    engine: Engine
    folder: Path
    roads: int
    """In each turn."""
    rounds: int
    web: str

    def actions(self) -> Counter[str]:
        """The server's count of billable actions so far."""
        return billable_actions(self.server.metrics_url, self.server.namespace)

    def gateway(self, queue: str) -> Gateway:
        """Sends to Groundswell's workers on a task queue."""
        return Gateway(self.client, queue, timedelta(seconds=60))


Road = Callable[[Turn, int], Awaitable[object]]
"""Goes one road of a turn, by its number, and notes how long each decision took."""


@dataclass
class Kind:
    """One kind of road, and the processes whose time it takes."""

    name: str
    parts: dict[str, ChildProcess]
    road: Road


async def one_turn(kind: Kind, at_a_time: int, roads: int) -> Turn:
    """Go ``roads`` roads of a kind, ``at_a_time`` together."""
    turn = Turn()
    processes = {BENCH: os.getpid(), **{part: process.pid for part, process in kind.parts.items()}}
    cpu = {part: cpu_seconds(process) for part, process in processes.items()}
    began = time.perf_counter()
    for _ in range(max(roads // at_a_time, 1)):
        await asyncio.gather(*(kind.road(turn, number) for number in range(at_a_time)))
    turn.seconds = time.perf_counter() - began
    await asyncio.sleep(1.5)  # mail and endings that still run belong to the bill, and not to the next
    turn.cpu = {part: cpu_seconds(process) - cpu[part] for part, process in processes.items()}
    return turn


async def measured(bench: Bench, kinds: Sequence[Kind], at_a_time: int) -> list[Run]:
    """Have all kinds take turns: what else the machine does is then the same for all. Every second round goes back."""
    runs = [Run(kind.name, at_a_time) for kind in kinds]
    pairs = list(zip(kinds, runs, strict=True))
    for kind in kinds:  # a worker runs for months; what it does the first few hundred times for the first time is over
        await one_turn(kind, at_a_time, bench.roads)
    for number in range(bench.rounds):
        for kind, run in pairs if number % 2 == 0 else reversed(pairs):
            before = bench.actions() if number == 0 else Counter()
            run.turns.append(await one_turn(kind, at_a_time, bench.roads))
            if number == 0:
                run.actions = bench.actions() - before
    return runs


async def bare_minimum(bench: Bench, turn: Turn, updates: int) -> None:
    """(a): one workflow, ``updates`` updates of one local activity."""
    await _bare(bench, turn, [Work() for _ in range(updates)])


async def bare_road(bench: Bench, turn: Turn, shape: Shape, queue: str = BARE) -> None:
    """(b), (b') and (e): one workflow of the same shape as the main road."""
    each, more = divmod(shape.local_activities, shape.updates)
    work = [
        Work(
            local_activities=each + (1 if number < more else 0),
            activity=number < shape.activities,
            timer=number < shape.timers,
        )
        for number in range(shape.updates)
    ]
    await _bare(bench, turn, work, queue)


def within_budget(shape: Shape) -> Shape:
    """The road with an activity for each command and a new timer for four in ten: 3.5 billable actions each."""
    return dataclasses.replace(shape, activities=shape.updates, timers=round(shape.updates * 0.4))


async def _bare(bench: Bench, turn: Turn, work: list[Work], queue: str = BARE) -> None:
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
        turn.latencies.append(time.perf_counter() - began)
    await handle.execute_update(BareRoad.end)


async def road_by_temporal(bench: Bench, turn: Turn, cell: Cell, queue: str = OURS) -> str:
    """(c) and (f): the main road through the gateway, as the web process uses it."""
    gateway = bench.gateway(queue)
    key = uuid.uuid4().hex
    with writing(bench.engine) as connection:
        change = reserve_reference(connection, f"{cell.colleague(0)}/{key}", datetime.now(UTC))
    for number, act in enumerate(main_road(cast_of(cell), datetime.now(UTC))):
        began = time.perf_counter()
        answer = await gateway.send(act.command, _instruction(act, change, f"{key}-{number}"), begins=number == 0)
        turn.latencies.append(time.perf_counter() - began)
        if not isinstance(answer, Receipt):
            raise SystemExit(f"{act.person} was refused {act.command.kind}: {answer.detail}")
    return change


def _instruction(act: Act, change: str, key: str) -> Instruction:
    claim = assert_actor(DEMONSTRATION_KEY.encode(), act.person, "api", datetime.now(UTC), change, key, act.command)
    return Instruction(change=change, key=key, assertion=claim)


async def road_by_http(bench: Bench, turn: Turn, cell: Cell, tokens: dict[str, str]) -> None:
    """(d): the main road over HTTP."""
    key, change = uuid.uuid4().hex, ""
    async with kept_alive(bench.web) as http:
        for number, act in enumerate(main_road(cast_of(cell), datetime.now(UTC))):
            path = f"/api/v1/changes/{change}/{act.command.kind}" if change else "/api/v1/changes"
            began = time.perf_counter()
            answer = await http.post(
                path,
                act.command.model_dump(mode="json", exclude_unset=True),
                {
                    "Authorization": f"Bearer {tokens[act.person]}",
                    "Idempotency-Key": f"{key}-{number}",
                    "If-Match": "*",
                },
            )
            turn.latencies.append(time.perf_counter() - began)
            if answer.status >= 300:
                raise SystemExit(f"{act.person} could not {act.command.kind}: {answer.body.decode()}")
            change = answer.json()["change"]


@asynccontextmanager
async def installation(folder: Path, roads: int, rounds: int) -> AsyncIterator[tuple[Bench, dict[str, ChildProcess]]]:
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
            "worker 1 of 2": ["-m", "worker"],
            "worker 2 of 2": ["-m", "worker"],
            "bare worker": ["-m", "benchmarks.comparison", BARE, f"sqlite:///{folder / 'bare.db'}"],
            "unguarded": ["-m", "benchmarks.comparison", UNGUARDED, f"sqlite:///{folder / 'unguarded.db'}"],
            "bare 1 of 2": ["-m", "benchmarks.comparison", BARE_PAIR, f"sqlite:///{folder / 'pair.db'}"],
            "bare 2 of 2": ["-m", "benchmarks.comparison", BARE_PAIR, f"sqlite:///{folder / 'pair.db'}"],
            "web": ["-m", "cli", "web", "--port", str(port)],
        }
        queues = {"worker 1 of 2": OUR_PAIR, "worker 2 of 2": OUR_PAIR}
        children: dict[str, ChildProcess] = {}
        try:
            for name, arguments in programs.items():
                children[name] = await ChildProcess.start(
                    name,
                    [sys.executable, *arguments],
                    log_file=folder / f"{name}.log",
                    environment={**environment, "GROUNDSWELL_TEMPORAL_TASK_QUEUE": queues.get(name, OURS)},
                )
            client = await connect()
            bench = Bench(client, server, engine, folder, roads, rounds, f"http://127.0.0.1:{port}")
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


async def run_all(roads: int, rounds: int, only: str) -> None:
    """Run everything and print it."""
    with tempfile.TemporaryDirectory(prefix="groundswell-bench-") as name:
        async with installation(Path(name), roads, rounds) as (bench, parts):
            tokens = _tokens(bench)
            warm = Turn()
            change = await road_by_temporal(bench, warm, Cell(0))
            await bench.client.get_workflow_handle(change).result()
            shape = await shape_of(bench.client, change)
            kinds = [kind for kind in _kinds(bench, parts, shape, tokens) if not only or kind.name.split()[0] in only]
            for kind in kinds:
                await kind.road(warm, 0)
            console.print(
                f"The main road: {shape.updates} commands, {shape.local_activities} local activities, "
                f"{shape.activities} activities, {shape.timers} timers, {shape.events} history events."
            )
            runs = {at_a_time: await measured(bench, kinds, at_a_time) for at_a_time in (1, 10)}
    _print_figures([run for some in runs.values() for run in some])
    for some in runs.values():
        _print_ratios({run.name.split()[0]: run for run in some})
    if ours := next((run for run in runs[1] if run.name.startswith("c ")), None):
        _print_actions(ours, shape)


def _kinds(bench: Bench, parts: dict[str, ChildProcess], shape: Shape, tokens: dict[str, str]) -> list[Kind]:
    """Neighbours here are neighbours in time."""
    server = {"server": parts["server"]}
    bare, unguarded = {"worker": parts["bare worker"], **server}, {"worker": parts["unguarded"], **server}
    ours = {"worker": parts["worker"], **server}
    bare_pair = {"worker": parts["bare 1 of 2"], "worker 2": parts["bare 2 of 2"], **server}
    our_pair = {"worker": parts["worker 1 of 2"], "worker 2": parts["worker 2 of 2"], **server}
    whole = within_budget(shape)
    return [
        Kind("a  minimal", bare, lambda turn, _: bare_minimum(bench, turn, shape.updates)),
        Kind("b+ whole budget", bare, lambda turn, _: bare_road(bench, turn, whole)),
        Kind("b' same runner", unguarded, lambda turn, _: bare_road(bench, turn, shape, UNGUARDED)),
        Kind("b  same shape", bare, lambda turn, _: bare_road(bench, turn, shape)),
        Kind("c  Temporal", ours, lambda turn, number: road_by_temporal(bench, turn, Cell(number))),
        Kind(
            "d  HTTP",
            {**ours, "web": parts["web"]},
            lambda turn, number: road_by_http(bench, turn, Cell(number), tokens),
        ),
        Kind("e  b with two", bare_pair, lambda turn, _: bare_road(bench, turn, shape, BARE_PAIR)),
        Kind("f  c with two", our_pair, lambda turn, number: road_by_temporal(bench, turn, Cell(number), OUR_PAIR)),
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
    "grpc_ExecuteMultiOperation": "started workflows, together with the first update",
}


def _print_figures(runs: list[Run]) -> None:
    table = Table(title="What a decision costs", caption="CPU in ms per decision; actions are the server's own counter")
    for column in ("run", "at once", "per s", "p50 ms", "p95 ms", "worker", "server", "web", BENCH, "actions"):
        table.add_column(column, justify="left" if column == "run" else "right", no_wrap=True)
    for run in runs:
        everything = run.all
        cpu = [
            f"{spent / len(everything.latencies) * 1e3:.1f}" if (spent := everything.cpu_of(part)) else ""
            for part in ("worker", "server", "web", BENCH)
        ]
        table.add_row(
            run.name,
            str(run.at_a_time),
            f"{everything.rate:.1f}",
            f"{everything.percentile(50):.1f}",
            f"{everything.percentile(95):.1f}",
            *cpu,
            f"{run.actions_each:.2f}",
        )
    console.print(table)


def _print_ratios(runs: dict[str, Run]) -> None:
    """The medians of what turns next to each other say, and the smallest and largest."""
    aims = "aim 0.85 or more", "aim 1.25 or less"
    compared = (("c", "b", *aims), ("f", "e", *aims), ("c", "b'", "", ""), ("c", "b+", "", ""))
    console.print(f"{next(iter(runs.values())).at_a_time} at a time:")
    for name, other, throughput, latency in compared:
        ours, floor = runs.get(name), runs.get(other)
        if ours and floor:
            console.print(f"  {name}/{other} throughput {ratio(ours, floor, _rate)}  {throughput}")
            console.print(f"  {name}/{other} p50        {ratio(ours, floor, _median)}  {latency}")
    ours = runs.get("c")
    if ours is None:
        return
    if floor := runs.get("a"):
        console.print(f"  c/a p50        {ratio(ours, floor, _median)}")
    if over_http := runs.get("d"):
        pairs = zip(over_http.turns, ours.turns, strict=True)
        added = statistics.median(_median(theirs) - _median(own) for theirs, own in pairs)
        console.print(f"  HTTP adds {added:+.1f} ms to p50  aim 10 or less")


def _rate(turn: Turn) -> float:
    return turn.rate


def _median(turn: Turn) -> float:
    return turn.percentile(50)


def _print_actions(ours: Run, shape: Shape) -> None:
    console.print(f"Actions per command on the main road: {ours.actions_each:.2f} (aim 3.5 or less), spent on:")
    for kind, count in ours.actions.most_common():
        console.print(f"  {count / len(ours.turns[0].latencies):.2f}  {SPENT_ON.get(kind, kind)}")
    console.print(f"History events per command: {shape.events / shape.updates:.1f}")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--roads", type=int, default=5, help="changes in each turn, at least as many as at a time")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each kind; a ratio is the median over them")
    parser.add_argument("--only", default="", help="kinds to run, such as bc; everything where it is left out")
    given = parser.parse_args()
    asyncio.run(run_all(given.roads, given.rounds, given.only))


if __name__ == "__main__":
    main()
