"""Reading what a run cost: latencies, processor time of processes, billable actions, history events, queries."""

from __future__ import annotations

import os
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from rich.console import Console
from sqlalchemy import Engine, event
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

FLUSH_SECONDS = 2.5
"""The server writes its action counter about once a second; reading earlier loses the tail (temporal.md, 2)."""
console = Console(width=None if sys.stdout.isatty() else 120)
"""Where results are printed; a file is as wide as the tables, and a screen as wide as it is."""
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Turn:
    """The figures of one turn of a run."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)
    """Seconds of processor time by process."""

    def cpu_of(self, part: str) -> float:
        """Seconds of all processes whose name begins with ``part``; 0.0 where there is none."""
        return sum(seconds for name, seconds in self.cpu.items() if name.startswith(part))

    @property
    def rate(self) -> float:
        """Decisions a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: int) -> float:
        """Latency in milliseconds."""
        return statistics.quantiles(self.latencies, n=100)[percent - 1] * 1_000


@dataclass
class Run:
    """The figures of one kind of road: its turns, which alternate with those of the others."""

    name: str
    at_a_time: int
    turns: list[Turn] = field(default_factory=list)
    actions: Counter[str] = field(default_factory=Counter)
    """Billable actions of the first turn."""

    @property
    def all(self) -> Turn:
        """All turns as one."""
        return Turn(
            sum(turn.seconds for turn in self.turns),
            [latency for turn in self.turns for latency in turn.latencies],
            {part: sum(turn.cpu[part] for turn in self.turns) for part in self.turns[0].cpu},
        )

    @property
    def actions_each(self) -> float:
        """Billable actions for each decision."""
        return sum(self.actions.values()) / len(self.turns[0].latencies)


@dataclass(frozen=True)
class Ratio:
    """How one run compares with another: turn by turn, because what else the machine does changes from turn to turn."""

    turns: tuple[float, ...]

    def __str__(self) -> str:
        """The median, and between which two values the turns were."""
        return f"{statistics.median(self.turns):.2f} [{min(self.turns):.2f}..{max(self.turns):.2f}]"


def ratio(run: Run, floor: Run, figure: Callable[[Turn], float]) -> Ratio:
    """A figure of ``run`` in parts of the same figure of ``floor``."""
    pairs = zip(run.turns, floor.turns, strict=True)
    return Ratio(tuple(figure(ours) / figure(theirs) for ours, theirs in pairs))


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def billable_actions(metrics_url: str, namespace: str) -> Counter[str]:
    """The server's own counter of actions by kind, of one namespace."""
    time.sleep(FLUSH_SECONDS)
    found: Counter[str] = Counter()
    for line in httpx2.get(metrics_url).text.splitlines():
        match = re.match(r"action\{(.*)\} ([0-9.e+]+)$", line)
        if match and f'namespace="{namespace}"' in match[1]:
            kind = re.search(r'action_type="([^"]*)"', match[1])
            found[kind[1] if kind else "?"] += int(float(match[2]))
    return found


@dataclass(frozen=True)
class Shape:
    """How much Temporal work a workflow did, from its own history."""

    updates: int
    local_activities: int
    activities: int
    timers: int
    events: int


async def shape_of(client: Client, workflow_id: str) -> Shape:
    """Count the work in the history of a workflow."""
    kinds: Counter[int] = Counter()
    async for entry in client.get_workflow_handle(workflow_id).fetch_history_events():
        kinds[entry.event_type] += 1
    return Shape(
        updates=kinds[EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED],
        local_activities=kinds[EventType.EVENT_TYPE_MARKER_RECORDED],
        activities=kinds[EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED],
        timers=kinds[EventType.EVENT_TYPE_TIMER_STARTED],
        events=sum(kinds.values()),
    )


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """The SQL that is executed meanwhile, without the beginnings and ends of transactions."""
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if not re.match(r"\s*(BEGIN|COMMIT|ROLLBACK|PRAGMA|SET)\b", statement):
            seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)
