"""The rollout in waves, with the guards that stop it."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from changes.state.road import Operator
from changes.values import Line, Moment, Number, Ref, TeamRef, Value


class Guard(Value):
    """A metric with a threshold; a wave whose guard is breached pauses by itself."""

    metric: Line = Field(description="What is watched")
    unit: Line = Field(description="In which unit")
    operator: Operator = Field(description="Healthy while the value is at least, at most, over or under …")
    threshold: Number = Field(description="… this number")
    readings: int = Field(default=1, ge=1, le=20, description="Bad readings in a row before the wave pauses")


class Wave(Value):
    """One wave of the rollout plan."""

    name: Line = Field(description="A name such as Pilot")
    teams: tuple[TeamRef, ...] = Field(min_length=1, max_length=200, description="Teams that start in this wave")
    guards: tuple[Guard, ...] = Field(min_length=1, max_length=20, description="What must stay healthy")
    smallest_adoption: int | None = Field(
        default=None, ge=0, le=100, description="Per cent that must have adopted before the next wave"
    )
    gate: Literal["automatic", "person"] = Field(
        default="automatic", description="Whether a signer of the gate must start it"
    )


class Reading(Value):
    """One reported value of a guard's metric."""

    metric: str
    value: Number
    by: Ref
    at: Moment
    healthy: bool


class WaveStatus(StrEnum):
    """Where a wave stands."""

    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETE = "complete"
    ROLLED_BACK = "rolled_back"


READINGS_KEPT = 200
"""Of each guard, the newest. A system may report for months, and what a change is must stay small enough to be handed
on; every reading stays in the trail."""


class WaveProgress(Value):
    """A wave of the plan with what has happened in it."""

    wave: Wave
    status: WaveStatus = WaveStatus.PLANNED
    started_at: Moment | None = None
    readings: tuple[Reading, ...] = ()
    """The oldest first; of each guard at most :data:`READINGS_KEPT`."""
    pauses: tuple[str, ...] = ()
    adoption: int | None = None


class Rollout(Value):
    """The rollout plan, its back-out plan and the progress of its waves."""

    plan_version: int = 0
    signed_version: int = 0
    waves: tuple[WaveProgress, ...] = ()
    back_out_plan: str = ""
    starters: tuple[Ref, ...] = ()
    """Who may start a wave that waits for a person, where whoever signed the plan has left."""

    @property
    def current(self) -> WaveProgress | None:
        """The wave that is running or paused."""
        return next((wave for wave in self.waves if wave.status in {WaveStatus.RUNNING, WaveStatus.PAUSED}), None)

    @property
    def upcoming(self) -> WaveProgress | None:
        """The first wave that can be started."""
        return next((wave for wave in self.waves if wave.status in {WaveStatus.PLANNED, WaveStatus.ROLLED_BACK}), None)
