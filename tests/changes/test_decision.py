"""Deciding as a whole: where each command is possible, what is looked up, who did what, and what is stale."""

from __future__ import annotations

from typing import Any

import pytest

from changes.any_moment import AddComment, Follow, PutOnHold, Withdraw
from changes.concerns import RaiseConcern
from changes.decision import HUMAN_COMMANDS, decide, evolve, evolve_all, offers, refuse_unknown, subject_of
from changes.events import EVENTS
from changes.facts import ANSWER_PROPOSAL, SYSTEM
from changes.hearing import AcceptedForTesting, AcceptForTesting
from changes.passing_time import NoticeTime
from changes.proposal import Edit
from changes.recruiting import AcceptInvitation, Invite
from changes.refusals import Refusal, RefusalKind, Refused
from changes.rollout import PlanRollout
from changes.rules import PHASE_WORDS
from changes.state import ConcernCode, Phase
from tests.changes.road import (
    Road,
    at_champions,
    at_check,
    at_coverage,
    at_endorsement,
    at_learning,
    at_pause,
    at_planning,
    at_rollout,
    at_signing,
    at_testing,
    at_wave,
    filed,
    in_the_window,
    kinds,
)
from tests.changes.world import MONDAY, World, a_wave, proposal

AT_ANY_MOMENT = {"ask_co_proposers", "raise_concern", "hold", "withdraw", "comment", "follow"}
CHAMPIONS = {"nominate", "declare_interest", "plan_champions", "open_places", "invite", "introduce"}
WITH_CHAMPIONS = CHAMPIONS | {"log_conversation", "step_down"}

AT_A_GATE = {"last_call", "move_deadline", "remind", "step_aside"}

POSSIBLE = [
    (
        filed,
        {"accept_for_testing", "ask_for_changes", "decline", "edit", "mark_duplicate", "say_back"} | AT_A_GATE,
    ),
    (in_the_window, {"object"}),
    (at_planning, {"propose_tests"}),
    (
        at_endorsement,
        {"ask_for_changes", "decline", "endorse", "endorse_with_changes", "propose_tests"} | AT_A_GATE,
    ),
    (at_testing, {"conclude", "propose_tests", "record_result", "stop_early"}),
    (at_signing, {"decline", "sign_gate"} | AT_A_GATE),
    (at_champions, CHAMPIONS | {"plan_rollout", "sign_coverage"}),
    (at_coverage, WITH_CHAMPIONS | {"plan_rollout", "sign_coverage"} | AT_A_GATE),
    (at_rollout, WITH_CHAMPIONS | {"plan_rollout", "start_wave"}),
    (at_wave, WITH_CHAMPIONS | {"complete_wave", "report_metric", "roll_back"}),
    (at_pause, WITH_CHAMPIONS | {"plan_rollout", "report_metric", "resume_wave", "roll_back"}),
    (at_learning, {"hold_retrospective", "move_deadline", "record_benefit"}),
    (at_check, {"hold_retrospective", "move_deadline", "record_benefit", "record_effect"}),
]


class TestOffers:
    @pytest.mark.parametrize(("bring", "possible"), POSSIBLE)
    def test_each_stage_offers_its_own_commands_and_no_others(self, bring: Any, possible: set[str]) -> None:
        assert bring().offered() == possible | AT_ANY_MOMENT

    def test_every_command_but_submit_is_offered_somewhere(self) -> None:
        somewhere = set().union(*(possible for _, possible in POSSIBLE)) | AT_ANY_MOMENT
        elsewhere = {
            "answer_why",
            "ask_why",
            "accept_invitation",
            "agree_to_reveal",
            "close",
            "confirm_heard",
            "correct",
            "decide_yourself",
            "decline_invitation",
            "leave_authors",
            "overrule_concern",
            "renew",
            "resolve_concern",
            "respond",
            "resubmit",
            "resume",
            "unfollow",
            "record_review",
            "move_to_newer_policy",
            "name_testers",
            "join_authors",
            "decline_authorship",
        }
        assert set(HUMAN_COMMANDS) - somewhere == elsewhere | {"submit"}

    def test_are_for_the_person_who_looks(self) -> None:
        road = filed()
        assert road.offers("mara") == (
            "say_back",
            "accept_for_testing",
            "ask_for_changes",
            "decline",
            "mark_duplicate",
            "raise_concern",
            "hold",
            "comment",
            "follow",
            "move_deadline",
            "last_call",
            "step_aside",
        )
        assert road.offers("kai") == ("raise_concern", "comment", "follow")
        road.world.alter("kai", active=False)
        assert road.offers("kai") == ()

    def test_come_without_a_command_in_mind(self) -> None:
        road = at_champions()
        facts = road.world.facts(subject_of(road.change, None, "paul", road.now), "paul", road.now)
        assert "invite" in offers(road.change, facts)


class TestDecide:
    def test_stamps_who_and_when(self) -> None:
        road = at_pause()
        road.wait(hours=1)
        by_itself = {"gate_opened", "gate_passed", "guard_breached", "effect_checks_planned", "effect_check_opened"}
        for event in road.events:
            assert event.at == MONDAY
            assert (event.by == SYSTEM) is (event.kind in by_itself), event.kind
        [comment] = road.do("kai", AddComment(about="works", text="Fine."))
        assert (comment.by, comment.at) == ("kai", road.now)

    def test_first_comes_the_submission(self) -> None:
        road = Road()
        with pytest.raises(Refusal) as caught:
            subject_of(None, AcceptForTesting(), "mara", road.now)
        assert caught.value.refused.rule == "unknown_change"
        with pytest.raises(Refusal):
            subject_of(None, None, "mara", road.now)
        refused = decide(None, AcceptForTesting(), road.facts("mara", proposal()), road.now)
        assert isinstance(refused, Refused)
        assert (refused.kind, refused.rule) == (RefusalKind.UNKNOWN, "unknown_change")

    def test_an_edit_of_an_older_version_is_stale(self) -> None:
        road = filed()
        seen = road.change.version
        road.do("kai", Follow())
        refused = road.refused("paul", Edit(title="Other words"), expected_version=seen)
        assert (refused.kind, refused.rule) == (RefusalKind.STALE, "stale_version")
        assert "you saw version 2, it is now at 3" in refused.detail
        road.do("paul", Edit(title="Other words"), expected_version=3)

    def test_a_refusal_changes_nothing(self) -> None:
        road = filed()
        before = road.change.model_dump_json()
        road.refused("kai", AcceptForTesting())
        assert road.change.model_dump_json() == before

    def test_the_same_always_gives_the_same(self) -> None:
        road = at_coverage()
        command = PlanRollout(waves=(a_wave(),), back_out_plan="Back.")
        facts = road.facts("paul", command)
        assert decide(road.change, command, facts, road.now) == decide(road.change, command, facts, road.now)

    def test_unknown_names_come_before_everything_else(self) -> None:
        refused = filed().refused("kai", Invite(people=("bela", "ghost")))
        assert (refused.rule, refused.pointer) == ("unknown_person", "/people/1")
        assert refuse_unknown(Invite(people=("bela",)), ("ghost",)) is None


class TestEvolve:
    def test_begins_with_a_submission(self) -> None:
        with pytest.raises(ValueError, match="accepted_for_testing cannot be the first event"):
            evolve(None, AcceptedForTesting(), "CH-0001")
        assert evolve_all(None, (), "CH-0001") is None

    def test_counts_the_events(self) -> None:
        road = at_check()
        assert road.change.version == len(road.events)
        assert road.change.updated_at == road.events[-1].at
        assert road.change.opened_at == MONDAY
        assert evolve_all(None, road.events, "CH-0001") == road.change

    def test_escalation_and_reminder_of_a_gate_that_is_gone_change_nothing(self) -> None:
        road = filed()
        road.to_next_moment()
        reminded = road.events[-1]
        for _ in range(2):
            road.to_next_moment()
        escalated = road.events[-1]
        assert (reminded.kind, escalated.kind) == ("reminded", "escalated")
        resting = at_planning().change
        for event in (reminded, escalated):
            after = evolve(resting, event)
            assert after.having(version=resting.version, updated_at=resting.updated_at) == resting


class TestSubjectOf:
    def test_a_submission_asks_about_what_is_written(self) -> None:
        command = proposal(proposer="bela", co_proposers=("kai",))
        subject = subject_of(None, command, "fina", MONDAY)
        assert (subject.proposer, subject.filer) == ("bela", "fina")
        assert (subject.co_proposers, "kai" in subject.named) == ((), True), "asked, and no author yet"
        assert (subject.process, subject.affected_teams) == ("returns", ("billing", "support"))
        assert subject.policy is None
        assert set(subject.named) == {"bela", "kai"}
        assert subject.named_processes == ("returns",)
        assert subject_of(None, proposal(), "paul", MONDAY).proposer == "paul"

    def test_an_edit_asks_about_the_words_to_come(self) -> None:
        road = filed()
        subject = subject_of(road.change, Edit(process="invoicing", people_affected=40), "paul", road.now)
        assert (subject.process, subject.people_affected) == ("invoicing", 40)
        assert subject.policy == road.change.policy
        assert subject_of(road.change, Follow(), "kai", road.now).process == "returns"

    def test_a_yes_counts_already(self) -> None:
        road = at_champions()
        road.do("paul", Invite(people=("bela",)))
        assert subject_of(road.change, AcceptInvitation(), "bela", road.now).champions == ("bela",)
        assert subject_of(road.change, None, "bela", road.now).champions == ()

    def test_falling_due_asks_one_level_up(self) -> None:
        road = filed()
        assert road.change.gate is not None
        assert subject_of(road.change, NoticeTime(), SYSTEM, road.now).levels == {}
        due = road.change.gate.due
        assert subject_of(road.change, NoticeTime(), SYSTEM, due).levels == {ANSWER_PROPOSAL: 1}
        assert subject_of(road.change, AcceptForTesting(), "mara", due).levels == {}
        assert subject_of(at_planning().change, NoticeTime(), SYSTEM, due).levels == {}

    def test_everybody_with_a_part_is_looked_up(self) -> None:
        road = at_check()
        road.do("kai", RaiseConcern(title="Fraud", text="No checks.", code=ConcernCode.R09))
        subject = subject_of(road.change, Follow(), "nora", road.now)
        assert {"paul", "tom", "bela", "sina", "kai"} <= set(subject.named)
        assert set(subject.named_teams) == {"billing", "support"}
        assert set(subject.testers) == {"tom"}
        assert subject.endorsers == ("omar",)


def test_every_phase_has_words() -> None:
    assert set(PHASE_WORDS) == set(Phase)


def test_every_event_kind_is_snake_case() -> None:
    assert all(kind.replace("_", "").isalpha() and kind.islower() for kind in EVENTS)


def test_a_withdrawn_change_offers_its_return_only() -> None:
    road = filed(World())
    road.do("kai", Follow())
    road.do("paul", Withdraw(reason="Not now."))
    assert kinds(road.events)[-1] == "withdrawn"
    assert road.offered() == {"resubmit"}
    assert road.rule("paul", PutOnHold(reason="Hm.")) == "change_ended"
