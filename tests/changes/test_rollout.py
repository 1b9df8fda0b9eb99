"""The rollout stage: waves that stop themselves, and that people resume, complete or roll back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from changes.concerns import RaiseConcern, ResolveConcern
from changes.facts import START_ROLLOUT
from changes.recruiting import AcceptInvitation, Invite, SignCoverage
from changes.refusals import RefusalKind
from changes.rollout import (
    CompleteWave,
    GuardBreached,
    PlanRollout,
    ReportMetric,
    ResumeWave,
    RollBack,
    StartWave,
)
from changes.state import READINGS_KEPT, ConcernCode, Phase, Stage, WaveStatus
from tests.changes.road import (
    PILOT,
    REST,
    Road,
    at_champions,
    at_coverage,
    at_learning,
    at_pause,
    at_rollout,
    at_testing,
    at_wave,
    complete,
    kinds,
    planned,
    recruited,
    recruiting_alone,
    report,
    start,
)
from tests.changes.world import a_guard, a_wave

BLOCKING = RaiseConcern(title="Fraud", text="Nobody checks receipts.", code=ConcernCode.R09, blocking=True)
RESUME = ResumeWave(reason="The form is repaired.")
BACK = RollBack(scope="wave", reason="Too slow.")
ALL_BACK = RollBack(scope="all", reason="Too slow.")


def plan(*waves: Any) -> PlanRollout:
    return PlanRollout(waves=waves, back_out_plan="Go back to the old form.")


def statuses(road: Road) -> list[WaveStatus]:
    return [progress.status for progress in road.change.rollout.waves]


class TestPlanRollout:
    def test_is_there_before_the_first_wave(self) -> None:
        road = at_champions()
        assert kinds(road.do("paul", plan(PILOT, REST))) == ["rollout_planned"]
        assert (road.change.rollout.plan_version, road.change.rollout.signed_version) == (1, 0)
        assert statuses(road) == [WaveStatus.PLANNED, WaveStatus.PLANNED]
        assert road.change.rollout.back_out_plan

    def test_asks_the_gate_when_every_team_has_a_champion(self) -> None:
        road = recruited(at_champions())
        assert kinds(road.do("paul", plan(PILOT, REST))) == ["rollout_planned", "gate_opened"]

    def test_needs_a_back_out_plan_a_wave_and_a_guard(self) -> None:
        with pytest.raises(ValidationError):
            PlanRollout(waves=(PILOT,), back_out_plan="")
        with pytest.raises(ValidationError):
            PlanRollout(waves=(), back_out_plan="Back.")
        with pytest.raises(ValidationError):
            PlanRollout.model_validate({"waves": [PILOT.model_dump() | {"guards": []}], "back_out_plan": "Back."})

    @pytest.mark.parametrize(
        ("waves", "rule", "pointer"),
        [
            ((PILOT, PILOT), "wave_name_twice", "/waves/1/name"),
            ((PILOT,), "teams_left_out", "/waves"),
            ((a_wave(guards=(a_guard(), a_guard(threshold="9"))),), "guard_twice", "/waves/0/guards"),
            ((a_wave(teams=("billing", "support", "moon")),), "unknown_team", "/waves/0/teams/2"),
        ],
    )
    def test_refuses_a_plan_that_cannot_work(self, waves: Any, rule: str, pointer: str) -> None:
        refused = at_champions().refused("paul", plan(*waves))
        assert (refused.kind, refused.rule, refused.pointer) == (RefusalKind.INVALID, rule, pointer)

    def test_a_changed_plan_needs_the_gate_again(self) -> None:
        road = at_rollout()
        assert kinds(road.do("paul", plan(a_wave("One go")))) == ["rollout_planned", "gate_opened"]
        refused = road.refused("paul", StartWave(wave="One go"))
        assert refused.rule == "plan_not_signed"
        assert "start_wave" not in road.offered()
        road.do("omar", SignCoverage(decision="go"))
        assert road.change.rollout.signed_version == 2
        road.do("paul", StartWave(wave="One go"))

    def test_a_wave_that_has_started_stays_as_it_is(self) -> None:
        road = at_pause()
        refused = road.refused("paul", plan(a_wave("Pilot", ("billing",), smallest_adoption=1), REST))
        assert (refused.rule, refused.pointer) == ("started_wave_changed", "/waves")
        road.do("paul", plan(PILOT, a_wave("Later", ("support",))))
        assert statuses(road) == [WaveStatus.PAUSED, WaveStatus.PLANNED]
        assert road.change.rollout.waves[0].readings

    def test_changed_in_a_pause_the_wave_can_go_on_once_it_is_signed(self) -> None:
        road = at_pause()
        road.do("paul", plan(PILOT, a_wave("Later", ("support",))))
        assert road.rule("paul", RESUME) == "plan_not_signed"
        road.do("omar", SignCoverage(decision="go"))
        assert road.is_at(Phase.WAVE_PAUSED)
        assert road.rule("paul", StartWave(wave="Later")) == "wrong_stage"
        road.do("paul", RESUME)
        complete(road)
        assert statuses(road) == [WaveStatus.COMPLETE, WaveStatus.PLANNED]

    def test_leaves_something_to_start(self) -> None:
        road = at_wave(None, a_wave("Pilot"), a_wave("More"))
        complete(road)
        refused = road.refused("paul", plan(a_wave("Pilot")))
        assert (refused.kind, refused.rule, refused.pointer) == (RefusalKind.INVALID, "nothing_left_to_start", "/waves")

    def test_refuses_the_wrong_person_and_stage(self) -> None:
        assert at_champions().rule("kai", plan(PILOT, REST)) == "lead_only"
        assert at_testing().rule("paul", plan(PILOT, REST)) == "wrong_stage"
        assert at_wave().rule("paul", plan(PILOT, REST)) == "wrong_stage"


class TestStartWave:
    def test_begins_the_next_wave(self) -> None:
        road = at_rollout()
        assert kinds(road.do("omar", StartWave(wave="Pilot"))) == ["wave_started"]
        assert road.is_at(Phase.WAVE_RUNNING)
        assert road.change.rollout.current is not None
        assert road.change.rollout.current.started_at == road.now

    def test_only_the_next(self) -> None:
        refused = at_rollout().refused("paul", StartWave(wave="Everybody else"))
        assert (refused.rule, refused.pointer) == ("not_the_next_wave", "/wave")
        assert "The next wave is “Pilot”." in refused.detail

    def test_by_a_signer_where_the_plan_says_so(self) -> None:
        road = at_rollout(None, a_wave(by_person=True))
        assert road.rule("paul", StartWave(wave="Pilot")) == "own_change"
        assert road.rule("kai", StartWave(wave="Pilot")) == "not_asked"
        assert "start_wave" not in road.offers("paul")
        road.do("omar", StartWave(wave="Pilot"))

    def test_refuses_the_wrong_person_and_stage(self) -> None:
        road = at_rollout()
        assert road.rule("kai", StartWave(wave="Pilot")) == "lead_only"
        assert "start_wave" not in road.offers("kai")
        assert at_coverage().rule("paul", StartWave(wave="Pilot")) == "wrong_stage"
        assert at_wave().rule("paul", StartWave(wave="Pilot")) == "wrong_stage"

    def test_needs_a_plan(self) -> None:
        road = recruited(at_champions())
        road.do("omar", SignCoverage(decision="go"))
        refused = road.refused("paul", StartWave(wave="Pilot"))
        assert refused.rule == "no_rollout_plan"
        assert "Plan the waves and how to back out first." in refused.detail

    def test_waits_for_a_blocking_concern(self) -> None:
        road = at_rollout()
        road.do("uta", BLOCKING)
        assert road.rule("paul", StartWave(wave="Pilot")) == "blocking_concern"
        road.do("uta", ResolveConcern(concern="C1"))
        road.do("paul", StartWave(wave="Pilot"))

    def test_looks_at_the_load_of_the_teams_again(self) -> None:
        road = at_rollout()
        road.world.rollouts = {"billing": 2}
        refused = road.refused("paul", StartWave(wave="Pilot"))
        assert (refused.kind, refused.rule) == (RefusalKind.WRONG_STAGE, "team_load")
        assert "Billing is already in 2 rollouts." in refused.detail

    def test_looks_at_the_champions_again(self) -> None:
        road = at_rollout()
        road.world.alter("bela", active=False)
        refused = road.refused("paul", StartWave(wave="Pilot"))
        assert refused.rule == "champion_lost"
        assert "Bela Kis" in refused.detail

    def test_a_lost_champion_can_be_replaced(self) -> None:
        road = at_rollout()
        road.world.alter("bela", active=False)
        road.do("paul", Invite(people=("fina",)))
        road.do("fina", AcceptInvitation())
        road.do("paul", StartWave(wave="Pilot"))


class TestReportMetric:
    @pytest.mark.parametrize("person", ["paul", "omar", "bela", "tom"])
    def test_by_those_who_carry_it_or_work_in_it(self, person: str) -> None:
        road = at_wave()
        assert kinds(report(road, "5", person=person)) == ["metric_reported"]
        assert road.is_at(Phase.WAVE_RUNNING)

    def test_a_breached_guard_pauses_by_itself_and_says_so(self) -> None:
        road = at_wave()
        assert kinds(report(road, "5.5", person="bela")) == ["metric_reported", "guard_breached"]
        assert (road.change.phase, statuses(road)[0]) == (Phase.WAVE_PAUSED, WaveStatus.PAUSED)
        breach = road.last(GuardBreached)
        assert breach.by == "system"
        assert breach.because == "Complaints is 5.5 a day, it should be at most 5 a day"
        assert road.change.rollout.waves[0].pauses == (breach.because,)

    def test_a_guard_may_need_several_bad_readings_in_a_row(self) -> None:
        wave = a_wave(guards=(a_guard(readings=3), a_guard("Queue", "10", readings=2)))
        road = at_wave(None, wave)
        for value, metric in [
            ("9", "Complaints"),
            ("9", "Complaints"),
            ("1", "Complaints"),
            ("9", "Complaints"),
            ("20", "Queue"),
            ("9", "Complaints"),
        ]:
            assert kinds(report(road, value, metric)) == ["metric_reported"]
        assert kinds(report(road, "9")) == ["metric_reported", "guard_breached"]

    def test_readings_in_a_pause_are_kept(self) -> None:
        road = at_pause()
        assert kinds(report(road, "9")) == ["metric_reported"]
        assert [reading.healthy for reading in road.change.rollout.waves[0].readings] == [False, False]

    def test_a_system_may_report_for_months_and_the_change_stays_small(self) -> None:
        road = at_wave(None, a_wave(guards=(a_guard(), a_guard("Queue", "10"))))
        report(road, "7", "Queue")
        for number in range(READINGS_KEPT + 30):
            report(road, f"{number % 5}", "Complaints")
        readings = road.change.rollout.waves[0].readings
        assert [one.metric for one in readings].count("Complaints") == READINGS_KEPT
        assert (readings[0].metric, readings[0].value) == ("Queue", Decimal(7)), (
            "another guard's only one is no older one"
        )
        assert readings[1].value == 30 % 5 and readings[-1].value == (READINGS_KEPT + 29) % 5
        assert len(road.change.model_dump_json()) < 100_000

    def test_refuses_others_unknown_metrics_and_other_stages(self) -> None:
        command = ReportMetric(metric="Complaints", value=Decimal(1))
        assert at_wave().rule("kai", command) == "lead_only"
        refused = at_wave().refused("paul", command.having(metric="Weather"))
        assert (refused.rule, refused.pointer) == ("unknown_metric", "/metric")
        assert "Its guards are: Complaints." in refused.detail
        assert at_rollout().rule("paul", command) == "wrong_stage"

    def test_champions_and_testers_who_left_report_nothing(self) -> None:
        road = at_wave()
        road.world.alter("bela", active=False)
        assert road.rule("bela", ReportMetric(metric="Complaints", value=Decimal(1))) == "not_active"


class TestResumeWave:
    def test_with_a_reason(self) -> None:
        road = at_pause()
        road.do("paul", RESUME)
        assert (road.change.phase, statuses(road)[0]) == (Phase.WAVE_RUNNING, WaveStatus.RUNNING)
        with pytest.raises(ValidationError):
            ResumeWave(reason="")

    def test_refuses_the_wrong_person_stage_and_a_blocking_concern(self) -> None:
        road = at_pause()
        assert road.rule("kai", RESUME) == "lead_only"
        road.do("uta", BLOCKING)
        assert road.rule("paul", RESUME) == "blocking_concern"
        assert at_wave().rule("paul", RESUME) == "wrong_stage"


class TestRollBack:
    @pytest.mark.parametrize("bring", [at_wave, at_pause])
    def test_of_the_wave_lets_it_be_started_again(self, bring: Any) -> None:
        road = bring()
        road.do("omar", BACK)
        assert (road.change.phase, statuses(road)) == (
            Phase.PREPARING_WAVE,
            [WaveStatus.ROLLED_BACK, WaveStatus.PLANNED],
        )
        start(road)
        assert statuses(road)[0] is WaveStatus.RUNNING

    def test_of_everything_leads_to_learning(self) -> None:
        road = at_wave()
        complete(road)
        road.do("paul", ALL_BACK)
        assert (road.change.stage, road.change.phase) == (Stage.LEARNING, Phase.CHECKING_EFFECT)
        assert statuses(road) == [WaveStatus.ROLLED_BACK, WaveStatus.PLANNED]
        assert road.change.gate is None

    def test_by_whoever_could_sign_as_well(self) -> None:
        road = at_wave()
        road.world.owners["returns"] = "lena"
        road.do("lena", BACK)

    def test_of_what(self) -> None:
        road = at_wave()
        complete(road)
        refused = road.refused("paul", BACK)
        assert (refused.kind, refused.rule) == (RefusalKind.WRONG_STAGE, "no_wave_running")
        road = at_rollout()
        assert road.rule("paul", ALL_BACK) == "nothing_rolled_out"
        assert "roll_back" not in road.offered()

    def test_refuses_the_wrong_person_and_stage(self) -> None:
        assert at_wave().rule("kai", BACK) == "lead_only"
        assert at_learning().rule("paul", ALL_BACK) == "wrong_stage"

    def test_closes_the_gate_of_a_changed_plan(self) -> None:
        road = at_pause()
        road.do("paul", plan(PILOT, a_wave("Later", ("support",))))
        assert road.change.gate is not None
        assert road.change.gate.name == START_ROLLOUT
        road.do("omar", ALL_BACK)
        assert road.change.gate is None


class TestCompleteWave:
    def test_the_last_one_plans_the_effect_checks(self) -> None:
        road = at_wave()
        assert kinds(complete(road)) == ["wave_completed"]
        assert road.is_at(Phase.PREPARING_WAVE)
        start(road)
        assert kinds(complete(road)) == ["wave_completed", "effect_checks_planned"]
        assert (road.change.stage, road.change.phase) == (Stage.LEARNING, Phase.CHECKING_EFFECT)
        assert [progress.adoption for progress in road.change.rollout.waves] == [80, 80]

    def test_a_wave_rolled_back_must_be_finished_too(self) -> None:
        road = at_wave()
        road.do("paul", BACK)
        start(road)
        complete(road)
        start(road)
        assert kinds(complete(road)) == ["wave_completed", "effect_checks_planned"]

    @pytest.mark.parametrize(("smallest", "adoption"), [(None, 49), (90, 89)])
    def test_needs_the_adoption_of_the_plan_or_the_policy(self, smallest: int | None, adoption: int) -> None:
        road = at_wave(None, a_wave(smallest_adoption=smallest))
        report(road, "1")
        refused = road.refused("paul", CompleteWave(adoption=adoption))
        assert (refused.rule, refused.pointer) == ("adoption_too_low", "/adoption")
        assert f"at least {adoption + 1} %" in refused.detail
        road.do("paul", CompleteWave(adoption=adoption + 1))

    def test_a_plan_may_ask_for_no_adoption(self) -> None:
        road = at_wave(None, a_wave(smallest_adoption=0))
        report(road, "1")
        road.do("paul", CompleteWave(adoption=0))

    def test_every_guard_is_read_once(self) -> None:
        road = at_wave(None, a_wave(guards=(a_guard(), a_guard("Queue"))))
        report(road, "1")
        refused = road.refused("paul", CompleteWave(adoption=80))
        assert (refused.kind, refused.rule) == (RefusalKind.WRONG_STAGE, "guard_never_read")
        assert "Nobody has reported: Queue." in refused.detail

    def test_refuses_the_wrong_person_stage_and_a_blocking_concern(self) -> None:
        command = CompleteWave(adoption=80)
        road = at_wave()
        report(road, "1")
        assert road.rule("bela", command) == "lead_only"
        road.do("uta", BLOCKING)
        assert road.rule("paul", command) == "blocking_concern"
        assert at_pause().rule("paul", command) == "wrong_stage"


def test_somebody_who_decided_alone_changes_the_plan_alone() -> None:
    road = planned(recruited(recruiting_alone()))
    assert road.is_at(Phase.PREPARING_WAVE)
    start(road)
    report(road, "9")
    assert kinds(road.do("paul", plan(PILOT, a_wave("Later", ("support",))))) == ["rollout_planned", "gate_passed"]
    assert road.is_at(Phase.WAVE_PAUSED)
    road.do("paul", RESUME)


def test_a_wave_that_was_rolled_back_may_be_planned_anew() -> None:
    road = at_pause()
    road.do("omar", RollBack(scope="wave", reason="Too slow."))
    better = PILOT.having(guards=(a_guard("Queue", "10"),))
    planned(road, better, REST)
    assert road.change.rollout.waves[0].wave == better
    assert road.change.rollout.waves[0].readings, "what was read in it stays"
    assert road.is_at(Phase.PREPARING_WAVE)
    road.do("omar", SignCoverage(decision="go"))
    start(road)
    assert road.is_at(Phase.WAVE_RUNNING)
