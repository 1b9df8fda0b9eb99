"""The rollout stage: waves with guards that stop themselves.

Source: lifecycle.md, "Rollout". What was true at planning is checked again at the moment of applying.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from pydantic import Field

from changes.commands import Command
from changes.events import Event
from changes.facts import START_ROLLOUT, Facts
from changes.gates import ask
from changes.learning import plan_effect_checks
from changes.recruiting import gaps
from changes.refusals import invalid, wrong_stage
from changes.rules import anybody, decides, evolves, in_phase, in_stage, no_blocking_concern, seat_at, the_lead
from changes.state import (
    READINGS_KEPT,
    Change,
    Guard,
    InvitationStatus,
    Phase,
    Reading,
    Rollout,
    Stage,
    Wave,
    WaveProgress,
    WaveStatus,
)
from changes.values import Line, Number, Text

# ---------------------------------------------------------------------------------------------------- commands


class PlanRollout(Command, kind="plan_rollout", button="Plan the rollout"):
    """Waves with guards, and a plan to back out. A changed plan needs the gate again."""

    waves: tuple[Wave, ...] = Field(min_length=1, max_length=20, description="The waves, in order")
    back_out_plan: Text = Field(description="How this is undone, by whom, and how long that takes")


class StartWave(Command, kind="start_wave", button="Start the next wave"):
    """Begin the next wave. Champions, load and concerns are checked again at this moment."""

    wave: Line = Field(description="The name of the wave")


class ReportMetric(Command, kind="report_metric", button="Report a metric"):
    """Report a guard's value. A breached guard pauses the wave by itself."""

    metric: Line = Field(description="Which metric")
    value: Number = Field(description="The value now")


class ResumeWave(Command, kind="resume_wave", button="Resume the wave"):
    """Go on after a pause, with the reason."""

    reason: Text = Field(description="What was done about it")


class RollBack(Command, kind="roll_back", button="Roll back"):
    """Undo the running wave, or the whole rollout, by the back-out plan."""

    scope: Literal["wave", "all"] = Field(description="The running wave, or everything")
    reason: Text = Field(description="Why")


class CompleteWave(Command, kind="complete_wave", button="Complete the wave"):
    """Finish the running wave with the adoption it reached."""

    adoption: int = Field(ge=0, le=100, description="Per cent that work the new way")


# ------------------------------------------------------------------------------------------------------ events


class RolloutPlanned(
    Event, kind="rollout_planned", words="planned the rollout in {count} waves (version {plan_version})"
):
    """A new version of the rollout plan."""

    waves: tuple[Wave, ...]
    back_out_plan: str
    plan_version: int
    count: int


class WaveStarted(Event, kind="wave_started", words="started the wave “{wave}”"):
    """A wave began."""

    wave: str


class MetricReported(Event, kind="metric_reported", words="reported {metric}: {value} {unit}, {outcome}"):
    """A guard's value."""

    wave: str
    metric: str
    value: Number
    unit: str
    healthy: bool
    outcome: str


class GuardBreached(Event, kind="guard_breached", words="paused the wave “{wave}”: {because}"):
    """A guard was breached; the wave paused by itself."""

    wave: str
    metric: str
    because: str


class WaveResumed(Event, kind="wave_resumed", words="resumed the wave “{wave}”: {reason}"):
    """The wave goes on."""

    wave: str
    reason: str


class RolledBack(Event, kind="rolled_back", words="rolled back ({scope}): {reason}"):
    """A wave or the whole rollout was undone."""

    scope: Literal["wave", "all"]
    wave: str = ""
    reason: str


class WaveCompleted(Event, kind="wave_completed", words="completed the wave “{wave}” with {adoption} % adoption"):
    """A wave is done."""

    wave: str
    adoption: int


# ------------------------------------------------------------------------------------------------------- rules


def _check_plan(change: Change, command: PlanRollout) -> None:
    affected = set(change.proposal.content.affected_teams)
    seen: set[str] = set()
    for index, wave in enumerate(command.waves):
        if wave.name in seen:
            invalid("wave_name_twice", f"Two waves are called “{wave.name}”.", f"/waves/{index}/name")
        seen.add(wave.name)
        metrics = [guard.metric for guard in wave.guards]
        if len(set(metrics)) < len(metrics):
            invalid("guard_twice", f"“{wave.name}” has two guards on one metric.", f"/waves/{index}/guards")
    fixed = {WaveStatus.RUNNING, WaveStatus.PAUSED, WaveStatus.COMPLETE}
    started = {p.wave.name: p.wave for p in change.rollout.waves if p.status in fixed}
    for name, wave in started.items():
        if wave not in command.waves:
            invalid(
                "started_wave_changed",
                f"“{name}” has already started, so the new plan must keep it as it is.",
                "/waves",
            )
    complete = {p.wave.name for p in change.rollout.waves if p.status is WaveStatus.COMPLETE}
    if all(wave.name in complete for wave in command.waves):
        invalid("nothing_left_to_start", "Every wave of this plan is already complete. Add what comes next.", "/waves")
    covered = {team for wave in command.waves for team in wave.teams}
    if missing := sorted(affected - covered):
        invalid("teams_left_out", f"No wave reaches: {', '.join(missing)}. Add them to a wave.", "/waves")


@decides(PlanRollout, when=[in_phase(Phase.RECRUITING, Phase.PREPARING_WAVE, Phase.WAVE_PAUSED)], who=the_lead)
def _plan_rollout(change: Change, command: PlanRollout, facts: Facts, now: datetime) -> Iterator[Event]:
    _check_plan(change, command)
    yield RolloutPlanned(
        waves=command.waves,
        back_out_plan=command.back_out_plan,
        plan_version=change.rollout.plan_version + 1,
        count=len(command.waves),
    )
    covered = bool(change.recruiting.champions) and not gaps(facts)
    if change.stage is Stage.ROLLOUT or change.gate is not None or covered:
        yield from ask(change, facts, START_ROLLOUT, now)


def _plan_is_signed(change: Change) -> None:
    in_phase(Phase.PREPARING_WAVE)(change)
    if not change.rollout.waves:
        wrong_stage("no_rollout_plan", "There is no rollout plan yet. Plan the waves and how to back out first.")
    if change.rollout.signed_version != change.rollout.plan_version:
        wrong_stage("plan_not_signed", "The rollout plan has changed and has to be signed before a wave can start.")


def _starts_waves(change: Change, facts: Facts) -> None:
    """The lead; a signer of the gate where the plan asks a person to start the wave."""
    upcoming = change.rollout.upcoming
    if upcoming is not None and upcoming.wave.gate == "person":
        return seat_at(START_ROLLOUT)(change, facts)
    return the_lead(change, facts)


@decides(StartWave, when=[_plan_is_signed, no_blocking_concern], who=_starts_waves)
def _start_wave(change: Change, command: StartWave, facts: Facts, now: datetime) -> Iterator[Event]:
    upcoming = change.rollout.upcoming
    if upcoming is None or upcoming.wave.name != command.wave:
        following = f"The next wave is “{upcoming.wave.name}”." if upcoming else "There is no wave left to start."
        invalid("not_the_next_wave", f"“{command.wave}” is not next. {following}", "/wave")
    for team in upcoming.wave.teams:
        running = facts.rollouts.get(team, 0)
        if running >= facts.norms.open_rollouts_per_team:
            name = facts.teams[team].name
            wrong_stage("team_load", f"{name} is already in {running} rollouts. Wait until one of them is done.")
    lost = [ref for ref in change.recruiting.champions if not facts.people[ref].active]
    lost += change.recruiting.with_status(InvitationStatus.GONE)
    if lost and gaps(facts):
        names = ", ".join(facts.people[ref].name for ref in lost)
        wrong_stage("champion_lost", f"Not with us any more: {names}. Recruit a champion in their place first.")
    yield WaveStarted(wave=upcoming.wave.name)


def _current(change: Change) -> WaveProgress:
    current = change.rollout.current
    if current is None:
        wrong_stage("no_wave_running", "No wave is running.")
    return current


def _guard_named(progress: WaveProgress, metric: str) -> Guard:
    for guard in progress.wave.guards:
        if guard.metric == metric:
            return guard
    names = ", ".join(guard.metric for guard in progress.wave.guards)
    invalid("unknown_metric", f"“{metric}” is not a guard of this wave. Its guards are: {names}.", "/metric")


def _reporters(change: Change, facts: Facts) -> None:
    """Those who carry the change or work in it: authors, the process owner, champions and testers."""
    if facts.actor.ref in {*change.recruiting.champions, *change.round.testers}:
        return anybody(change, facts)
    return the_lead(change, facts)


@decides(ReportMetric, when=[in_phase(Phase.WAVE_RUNNING, Phase.WAVE_PAUSED)], who=_reporters)
def _report_metric(change: Change, command: ReportMetric, facts: Facts, now: datetime) -> Iterator[Event]:
    progress = _current(change)
    guard = _guard_named(progress, command.metric)
    healthy = guard.operator.holds(command.value, guard.threshold)
    yield MetricReported(
        wave=progress.wave.name,
        metric=guard.metric,
        value=command.value,
        unit=guard.unit,
        healthy=healthy,
        outcome="healthy" if healthy else "outside its threshold",
    )
    if progress.status is WaveStatus.RUNNING and not healthy and _bad_in_a_row(progress, guard) + 1 >= guard.readings:
        limit = f"{guard.operator.replace('_', ' ')} {guard.threshold} {guard.unit}"
        yield GuardBreached(
            wave=progress.wave.name,
            metric=guard.metric,
            because=f"{guard.metric} is {command.value} {guard.unit}, it should be {limit}",
        )


def _bad_in_a_row(progress: WaveProgress, guard: Guard) -> int:
    count = 0
    for reading in reversed(progress.readings):
        if reading.metric == guard.metric:
            if reading.healthy:
                break
            count += 1
    return count


def _paused_and_signed(change: Change) -> None:
    in_phase(Phase.WAVE_PAUSED)(change)
    if change.rollout.signed_version != change.rollout.plan_version:
        wrong_stage("plan_not_signed", "The rollout plan has changed and has to be signed before the wave can go on.")


@decides(ResumeWave, when=[_paused_and_signed, no_blocking_concern], who=the_lead)
def _resume_wave(change: Change, command: ResumeWave, facts: Facts, now: datetime) -> Iterator[Event]:
    yield WaveResumed(wave=_current(change).wave.name, reason=command.reason)


def _lead_or_gate(change: Change, facts: Facts) -> None:
    """Stopping must be easy: the lead or anybody who could sign the rollout gate."""
    if facts.gates[START_ROLLOUT].seat_of(facts.actor.ref):
        return anybody(change, facts)
    return the_lead(change, facts)


def _something_rolled_out(change: Change) -> None:
    """Stopping must be easy: a hold does not keep anybody from rolling back."""
    in_stage(Stage.ROLLOUT)(change.having(hold=None))
    if all(p.status is WaveStatus.PLANNED for p in change.rollout.waves):
        wrong_stage("nothing_rolled_out", "No wave has started yet, so there is nothing to roll back.")


@decides(RollBack, when=[_something_rolled_out], who=_lead_or_gate)
def _roll_back(change: Change, command: RollBack, facts: Facts, now: datetime) -> Iterator[Event]:
    if command.scope == "wave":
        yield RolledBack(scope="wave", wave=_current(change).wave.name, reason=command.reason)
    else:
        yield RolledBack(scope="all", reason=command.reason)


@decides(CompleteWave, when=[in_phase(Phase.WAVE_RUNNING), no_blocking_concern], who=the_lead)
def _complete_wave(change: Change, command: CompleteWave, facts: Facts, now: datetime) -> Iterator[Event]:
    progress = _current(change)
    smallest = progress.wave.smallest_adoption
    smallest = facts.norms.smallest_adoption if smallest is None else smallest
    if command.adoption < smallest:
        invalid(
            "adoption_too_low",
            f"The plan asks for at least {smallest} % before going on. Give it more time, or roll back.",
            "/adoption",
        )
    unread = [g.metric for g in progress.wave.guards if all(r.metric != g.metric for r in progress.readings)]
    if unread:
        wrong_stage("guard_never_read", f"Nobody has reported: {', '.join(unread)}. A guard has to be read once.")
    yield WaveCompleted(wave=progress.wave.name, adoption=command.adoption)
    rest = [p for p in change.rollout.waves if p.status is not WaveStatus.COMPLETE and p is not progress]
    if not rest:
        yield plan_effect_checks(change, facts)


# --------------------------------------------------------------------------------------------------- evolution


@evolves(RolloutPlanned)
def _rollout_planned(change: Change, event: RolloutPlanned) -> Change:
    kept = {p.wave.name: p for p in change.rollout.waves if p.status is not WaveStatus.PLANNED}
    # A wave that was rolled back may come back with other guards or teams; what was read in it stays with it.
    waves = tuple(
        kept[wave.name].having(wave=wave) if wave.name in kept else WaveProgress(wave=wave) for wave in event.waves
    )
    rollout = change.rollout.having(plan_version=event.plan_version, waves=waves, back_out_plan=event.back_out_plan)
    return change.having(rollout=rollout)


def _with_wave(rollout: Rollout, name: str, **updates: object) -> Rollout:
    waves = tuple(p.having(**updates) if p.wave.name == name else p for p in rollout.waves)
    return rollout.having(waves=waves)


@evolves(WaveStarted)
def _wave_started(change: Change, event: WaveStarted) -> Change:
    rollout = _with_wave(change.rollout, event.wave, status=WaveStatus.RUNNING, started_at=event.at)
    return change.having(rollout=rollout, phase=Phase.WAVE_RUNNING)


@evolves(MetricReported)
def _metric_reported(change: Change, event: MetricReported) -> Change:
    progress = next(p for p in change.rollout.waves if p.wave.name == event.wave)
    reading = Reading(metric=event.metric, value=event.value, by=event.by, at=event.at, healthy=event.healthy)
    kept = list(progress.readings)
    of_this_guard = [one for one in kept if one.metric == event.metric]
    for oldest in of_this_guard[: max(len(of_this_guard) - READINGS_KEPT + 1, 0)]:
        kept.remove(oldest)
    return change.having(rollout=_with_wave(change.rollout, event.wave, readings=(*kept, reading)))


@evolves(GuardBreached)
def _guard_breached(change: Change, event: GuardBreached) -> Change:
    progress = next(p for p in change.rollout.waves if p.wave.name == event.wave)
    rollout = _with_wave(change.rollout, event.wave, status=WaveStatus.PAUSED, pauses=(*progress.pauses, event.because))
    return change.having(rollout=rollout, phase=Phase.WAVE_PAUSED)


@evolves(WaveResumed)
def _wave_resumed(change: Change, event: WaveResumed) -> Change:
    rollout = _with_wave(change.rollout, event.wave, status=WaveStatus.RUNNING)
    return change.having(rollout=rollout, phase=Phase.WAVE_RUNNING)


@evolves(RolledBack)
def _rolled_back(change: Change, event: RolledBack) -> Change:
    if event.scope == "wave":
        rollout = _with_wave(change.rollout, event.wave, status=WaveStatus.ROLLED_BACK)
        return change.having(rollout=rollout, phase=Phase.PREPARING_WAVE)
    waves = tuple(
        p if p.status is WaveStatus.PLANNED else p.having(status=WaveStatus.ROLLED_BACK) for p in change.rollout.waves
    )
    return change.having(
        gate=None,
        stage=Stage.LEARNING,
        phase=Phase.CHECKING_EFFECT,
        rollout=change.rollout.having(waves=waves),
    )


@evolves(WaveCompleted)
def _wave_completed(change: Change, event: WaveCompleted) -> Change:
    rollout = _with_wave(change.rollout, event.wave, status=WaveStatus.COMPLETE, adoption=event.adoption)
    return change.having(rollout=rollout, phase=Phase.PREPARING_WAVE)
