"""The champions stage: people are asked, answer freely, and somebody signs that every group is covered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from changes.any_moment import PutOnHold, Resume
from changes.concerns import OverruleConcern, RaiseConcern
from changes.decision import decide, subject_of
from changes.facts import START_ROLLOUT, Quorum
from changes.passing_time import next_moment
from changes.recruiting import (
    AcceptInvitation,
    ChampionsPlanned,
    CoverageSigned,
    DeclareInterest,
    DeclineInvitation,
    Introduce,
    Invite,
    LogConversation,
    Nominate,
    OpenPlaces,
    PlanChampions,
    SignCoverage,
    StepDown,
)
from changes.refusals import RefusalKind
from changes.state import ConcernCode, InvitationStatus, Phase, Stage
from tests.changes.road import (
    at_champions,
    at_coverage,
    at_rollout,
    at_signing,
    at_testing,
    kinds,
    planned,
    recruited,
    recruiting_alone,
)
from tests.changes.world import World

BLOCKING = RaiseConcern(title="Fraud", text="Nobody checks receipts.", code=ConcernCode.R09, blocking=True)
GO = SignCoverage(decision="go")


class TestNominate:
    def test_counts_votes_and_never_shows_who(self) -> None:
        road = at_champions()
        road.do("kai", Nominate(person="bela"))
        [event] = road.do("nora", Nominate(person="bela"))
        assert road.change.recruiting.nominations == {"bela": ("kai", "nora")}
        assert event.discreet
        assert "bela" not in event.sentence()
        assert "nora" not in event.sentence()

    @pytest.mark.parametrize(
        ("person", "named", "rule"),
        [("kai", "kai", "own_nomination"), ("kai", "lena", "own_manager"), ("kai", "ghost", "unknown_person")],
    )
    def test_refuses_votes_that_say_nothing(self, person: str, named: str, rule: str) -> None:
        refused = at_champions().refused(person, Nominate(person=named))
        assert (refused.kind, refused.rule, refused.pointer) == (RefusalKind.INVALID, rule, "/person")

    def test_once_per_colleague(self) -> None:
        road = at_champions()
        road.do("kai", Nominate(person="bela"))
        assert road.rule("kai", Nominate(person="bela")) == "named_already"
        road.do("kai", Nominate(person="sina"))

    def test_only_while_champions_matter(self) -> None:
        assert at_testing().rule("kai", Nominate(person="bela")) == "wrong_stage"


class TestDeclareInterest:
    def test_the_last_word_counts(self) -> None:
        road = at_champions()
        road.do("uta", DeclareInterest(level="curious"))
        [event] = road.do("uta", DeclareInterest(level="keen"))
        assert road.change.recruiting.interest == {"uta": "keen"}
        assert event.discreet
        assert "keen" not in event.sentence()

    def test_refuses_other_stages_and_people_who_left(self) -> None:
        assert at_signing().rule("uta", DeclareInterest(level="keen")) == "wrong_stage"
        road = at_champions()
        road.world.alter("uta", active=False)
        assert road.rule("uta", DeclareInterest(level="keen")) == "not_active"


class TestPlanChampions:
    def test_keeps_the_recommendation_as_it_was_made(self) -> None:
        road = at_champions()
        road.do("kai", Nominate(person="fina"))
        road.do("paul", PlanChampions(places=3))
        [plan] = road.change.recruiting.plans
        assert plan.picks[0].person == "fina"
        assert (plan.places, road.change.recruiting.places) == (3, 3)
        assert road.last(ChampionsPlanned).count == 3

    def test_the_look_up_is_told_what_the_picker_must_know(self) -> None:
        road = recruited(at_champions())
        road.do("paul", Invite(people=("fina", "uta")))
        road.do("fina", DeclineInvitation())
        road.do("sina", StepDown())
        road.do("uta", DeclareInterest(level="keen"))
        road.do("kai", DeclareInterest(level="curious"))
        road.do("kai", Nominate(person="uta"))
        road.do("kai", Introduce(person="uta", to="bela", why="Both know returns."))
        picking = subject_of(road.change, PlanChampions(), "paul", road.now).picking
        assert picking is not None
        assert picking.places == 2
        assert set(picking.not_again) == {"fina", "sina"}
        assert picking.volunteers == ("uta",)
        assert picking.votes == {"uta": 1}
        assert picking.introductions == (("uta", "bela"),)
        assert subject_of(road.change, Invite(people=("uta",)), "paul", road.now).picking is None

    def test_refuses_the_wrong_person_and_stage(self) -> None:
        assert at_champions().rule("kai", PlanChampions()) == "lead_only"
        assert at_signing().rule("paul", PlanChampions()) == "wrong_stage"

    def test_without_a_recommendation_is_a_fault_of_the_look_up(self) -> None:
        road = at_champions()
        with pytest.raises(RuntimeError, match="recommendation"):
            decide(road.change, PlanChampions(), road.facts("paul"), road.now)


def test_open_places_are_said_openly() -> None:
    road = at_champions()
    road.do("paul", OpenPlaces(count=2))
    assert road.change.recruiting.open_places == 2
    assert road.rule("kai", OpenPlaces(count=9)) == "lead_only"
    assert at_testing().rule("paul", OpenPlaces(count=1)) == "wrong_stage"


class TestInvite:
    def test_asks_with_the_reasons_of_the_plan(self) -> None:
        road = at_champions()
        road.do("paul", PlanChampions())
        road.do("omar", Invite(people=("bela", "kai")))
        first, second = road.change.recruiting.invitations
        assert first.reasons == ("3 colleagues go to you",)
        assert second.reasons == ()
        assert first.status is InvitationStatus.SENT
        assert first.due == road.now + timedelta(days=3)

    def test_without_a_plan(self) -> None:
        road = at_champions()
        road.do("paul", Invite(people=("kai",)))
        assert road.change.recruiting.with_status(InvitationStatus.SENT) == ("kai",)

    @pytest.mark.parametrize(
        ("person", "why"),
        [
            ("paul", "already has another part"),
            ("tom", "already has another part"),
            ("omar", "already has another part"),
            ("mara", "leads people"),
            ("lena", "leads people"),
        ],
    )
    def test_refuses_who_has_another_part(self, person: str, why: str) -> None:
        refused = at_champions().refused("paul", Invite(people=("bela", person)))
        assert (refused.kind, refused.rule, refused.pointer) == (RefusalKind.INVALID, "not_invitable", "/people/1")
        assert why in refused.detail
        assert "invite somebody else" in refused.detail

    def test_refuses_who_decides_at_the_gate(self) -> None:
        road = at_champions()
        road.world.owners["returns"] = "nora"
        assert "decides at the gate" in road.refused("paul", Invite(people=("nora",))).detail

    @pytest.mark.parametrize(
        ("facts", "why"),
        [
            ({"active": False}, "not active"),
            ({"open_to_invitations": False}, "not available for this campaign"),
        ],
    )
    def test_refuses_who_cannot_be_asked(self, facts: dict[str, bool], why: str) -> None:
        road = at_champions()
        road.world.alter("bela", **facts)
        assert why in road.refused("paul", Invite(people=("bela",))).detail

    def test_refuses_who_is_champion_elsewhere(self) -> None:
        road = at_champions(World(campaigns={"bela": 1}))
        assert "champion of another change" in road.refused("paul", Invite(people=("bela",))).detail

    def test_refuses_the_same_person_twice(self) -> None:
        road = at_champions()
        assert road.rule("paul", Invite(people=("bela", "bela"))) == "named_twice"
        road.do("paul", Invite(people=("bela",)))
        assert "already been asked" in road.refused("paul", Invite(people=("bela",))).detail

    @pytest.mark.parametrize(
        ("days", "detail"),
        [
            (1, "has already been asked. Leave them out and invite somebody else."),
            (4, "is not available for this campaign. Leave them out and invite somebody else."),
        ],
    )
    def test_a_no_and_silence_look_the_same(self, days: int, detail: str) -> None:
        road = at_champions()
        road.do("paul", Invite(people=("fina", "uta")))
        road.do("uta", DeclineInvitation())
        road.wait(days=days)
        road.notice()
        details = [road.refused("paul", Invite(people=(person,))).detail for person in ("fina", "uta")]
        assert [said.split(" ", 2)[2] for said in details] == [detail, detail]

    def test_a_place_given_back_is_not_pressed_on_anybody(self) -> None:
        road = recruited(at_champions())
        assert "already a champion of this change" in road.refused("paul", Invite(people=("sina",))).detail
        road.do("sina", StepDown())
        assert "not available for this campaign" in road.refused("paul", Invite(people=("sina",))).detail

    def test_refuses_the_wrong_person_stage_and_names(self) -> None:
        assert at_champions().rule("kai", Invite(people=("bela",))) == "lead_only"
        assert at_signing().rule("paul", Invite(people=("bela",))) == "wrong_stage"
        assert at_champions().refused("paul", Invite(people=("bela", "ghost"))).pointer == "/people/1"
        with pytest.raises(ValidationError):
            Invite(people=())


class TestAnswers:
    def test_the_last_yes_that_covers_every_team_asks_the_gate(self) -> None:
        road = at_champions()
        road.do("paul", Invite(people=("bela", "sina")))
        assert kinds(road.do("bela", AcceptInvitation())) == ["invitation_accepted"]
        assert kinds(road.do("sina", AcceptInvitation())) == ["invitation_accepted", "gate_opened"]
        assert road.change.gate is not None
        assert road.change.gate.name == START_ROLLOUT
        assert road.is_at(Phase.RECRUITING)
        assert road.change.recruiting.champions == ("bela", "sina")

    def test_a_yes_during_the_rollout_asks_nobody(self) -> None:
        road = at_rollout()
        road.do("paul", Invite(people=("uta",)))
        assert kinds(road.do("uta", AcceptInvitation())) == ["invitation_accepted"]

    def test_a_no_is_secret(self) -> None:
        road = at_champions()
        road.do("paul", Invite(people=("bela",)))
        [event] = road.do("bela", DeclineInvitation())
        assert event.secret
        assert road.change.recruiting.with_status(InvitationStatus.DECLINED) == ("bela",)
        assert road.rule("bela", AcceptInvitation()) == "not_invited"

    def test_silence_is_reminded_once_and_then_counts_as_no(self) -> None:
        road = at_champions()
        road.do("paul", Invite(people=("bela", "sina")))
        road.do("bela", AcceptInvitation())
        assert kinds(road.to_next_moment()) == ["invitations_reminded"]
        assert road.events[-1].sentence() == "reminded colleagues who have not answered yet"
        assert kinds(road.to_next_moment()) == ["invitations_expired"]
        assert road.change.recruiting.with_status(InvitationStatus.EXPIRED) == ("sina",)

    def test_late_is_better_than_never(self) -> None:
        road = at_champions()
        road.do("paul", Invite(people=("bela",)))
        road.wait(days=4)
        assert kinds(road.notice()) == ["invitations_expired"]
        assert road.rule("bela", DeclineInvitation()) == "not_invited"
        road.do("bela", AcceptInvitation())
        assert road.change.recruiting.champions == ("bela",)

    def test_a_champion_steps_down_without_a_reason(self) -> None:
        road = recruited(at_champions())
        road.do("sina", StepDown())
        assert road.change.recruiting.champions == ("bela",)
        assert road.rule("sina", StepDown()) == "not_invited"

    @pytest.mark.parametrize("command", [AcceptInvitation(), DeclineInvitation(), StepDown()])
    def test_refuses_who_was_not_asked_and_other_stages(self, command: Any) -> None:
        refused = at_champions().refused("bela", command)
        assert refused.rule == "not_invited"
        assert "declare your interest" in refused.detail
        assert at_testing().rule("bela", command) == "wrong_stage"

    def test_refuses_an_answer_of_somebody_who_left(self) -> None:
        road = at_champions()
        road.do("paul", Invite(people=("bela",)))
        road.world.alter("bela", active=False)
        assert road.rule("bela", AcceptInvitation()) == "not_active"

    def test_a_hold_gives_everybody_their_time_again(self) -> None:
        road = at_champions()
        road.do("paul", Invite(people=("bela",)))
        road.do("omar", PutOnHold(reason="Stocktaking."))
        road.wait(weeks=7)
        assert road.notice() == ()
        road.do("omar", Resume(reason="Done."))
        assert road.notice() == ()
        assert road.change.recruiting.invitations[0].due == road.now + timedelta(days=3)
        assert road.change.recruiting.campaign_due == road.now + timedelta(weeks=6)

    def test_a_blocking_concern_never_keeps_anybody_from_saying_yes(self) -> None:
        road = recruiting_alone()
        road.do("paul", Invite(people=("bela", "sina")))
        road.do("kai", BLOCKING)
        road.do("bela", AcceptInvitation())
        assert kinds(road.do("sina", AcceptInvitation())) == ["invitation_accepted"]


class TestConversations:
    def test_are_logged_by_champions(self) -> None:
        road = recruited(at_champions())
        note = LogConversation(team="support", people=3, note="They fear fraud.", reason_code=ConcernCode.R09)
        road.do("sina", note)
        [talk] = road.change.recruiting.conversations
        assert (talk.by, talk.team, talk.people, talk.reason_code) == ("sina", "support", 3, "R09")
        assert road.rule("kai", note) == "champions_only"
        assert road.rule("sina", note.having(team="moon")) == "unknown_team"
        assert at_signing().rule("sina", note) == "wrong_stage"

    def test_introductions_link_two_people(self) -> None:
        road = at_champions()
        road.do("kai", Introduce(person="uta", to="bela", why="Both know returns."))
        [pair] = road.change.recruiting.introductions
        assert (pair.by, pair.person, pair.to) == ("kai", "uta", "bela")
        refused = road.refused("kai", Introduce(person="uta", to="uta", why="Hm."))
        assert (refused.rule, refused.pointer) == ("same_person", "/to")
        assert road.rule("kai", Introduce(person="uta", to="ghost", why="Hm.")) == "unknown_person"
        assert at_signing().rule("kai", Introduce(person="uta", to="bela", why="Hm.")) == "wrong_stage"


class TestSignCoverage:
    def test_go_opens_the_rollout_and_keeps_the_table(self) -> None:
        road = at_coverage()
        assert kinds(road.do("omar", GO)) == ["coverage_signed", "gate_passed"]
        assert (road.change.stage, road.change.phase) == (Stage.ROLLOUT, Phase.PREPARING_WAVE)
        assert road.change.recruiting.campaign_due is None
        assert [(unit.team, unit.champions) for unit in road.last(CoverageSigned).coverage] == [
            ("billing", 1),
            ("support", 1),
        ]

    def test_go_needs_a_champion_in_every_team(self) -> None:
        road = planned(at_champions())
        road.do("paul", Invite(people=("bela",)))
        road.do("bela", AcceptInvitation())
        refused = road.refused("omar", GO)
        assert (refused.rule, refused.pointer) == ("units_without_champion", "/decision")
        assert "No champion yet in: Support." in refused.detail

    def test_go_with_conditions_says_how_gaps_are_closed(self) -> None:
        road = planned(at_champions())
        refused = road.refused("omar", SignCoverage(decision="go_with_conditions"))
        assert (refused.rule, refused.pointer) == ("say_what_is_missing", "/conditions")
        road.do("omar", SignCoverage(decision="go_with_conditions", conditions="Support finds somebody by Friday."))
        assert road.change.stage is Stage.ROLLOUT

    def test_go_with_gaps_where_the_policy_does_not_mind(self) -> None:
        road = planned(at_champions(World(cover_every_unit=False)))
        road.do("omar", GO)
        assert road.change.stage is Stage.ROLLOUT

    def test_hold_stays_where_it_is_and_may_be_lifted(self) -> None:
        road = at_coverage()
        assert road.rule("omar", SignCoverage(decision="hold")) == "say_what_is_missing"
        assert kinds(road.do("omar", SignCoverage(decision="hold", conditions="A night shift."))) == ["coverage_signed"]
        assert road.is_at(Phase.RECRUITING)
        road.do("omar", GO)
        assert road.change.stage is Stage.ROLLOUT

    def test_the_last_word_of_each_signer_counts(self) -> None:
        world = World()
        world.quorums[START_ROLLOUT] = Quorum(rule="count", count=2)
        road = at_coverage(world)
        road.do("omar", GO)
        road.do("omar", SignCoverage(decision="hold", conditions="I was too fast."))
        road.world.owners["returns"] = "lena"
        assert kinds(road.do("lena", GO)) == ["coverage_signed"]
        assert road.is_at(Phase.RECRUITING)

    def test_signatures_on_an_earlier_plan_do_not_count(self) -> None:
        world = World()
        world.quorums[START_ROLLOUT] = Quorum(rule="count", count=2)
        road = at_coverage(world)
        road.do("omar", GO)
        planned(road)
        road.world.owners["returns"] = "lena"
        assert kinds(road.do("lena", GO)) == ["coverage_signed"]
        assert [signature.about_version for signature in road.change.recruiting.signatures] == [1, 2]

    def test_even_before_anybody_was_asked(self) -> None:
        road = at_champions()
        assert road.change.gate is None
        road.do("omar", SignCoverage(decision="go_with_conditions", conditions="Plan the waves."))
        assert road.is_at(Phase.PREPARING_WAVE)
        assert road.rule("omar", GO) == "signed_already"

    @pytest.mark.parametrize(("person", "rule"), [("paul", "own_change"), ("mara", "not_asked"), ("bela", "not_asked")])
    def test_refuses_the_wrong_person(self, person: str, rule: str) -> None:
        assert at_coverage().rule(person, GO) == rule

    def test_refuses_the_wrong_stage_and_a_blocking_concern(self) -> None:
        assert at_signing().rule("omar", GO) == "wrong_stage"
        assert at_rollout().rule("omar", GO) == "signed_already"
        road = at_coverage()
        road.do("uta", BLOCKING)
        assert road.rule("omar", GO) == "blocking_concern"
        road.do("vera", OverruleConcern(concern="C1", reason="The till checks."))
        road.do("omar", GO)


class TestCampaign:
    def test_when_its_time_is_over_the_gate_decides_with_what_there_is(self) -> None:
        road = at_champions()
        due = road.change.recruiting.campaign_due
        assert due == next_moment(road.change)
        assert kinds(road.to_next_moment()) == ["campaign_ended", "gate_opened"]
        assert road.change.recruiting.campaign_due is None
        assert road.change.gate is not None

    def test_does_not_ask_twice(self) -> None:
        road = recruited(at_champions())
        assert road.change.recruiting.campaign_due is not None
        asked = road.change.gate
        assert asked is not None
        road.now = road.change.recruiting.campaign_due
        assert "campaign_ended" in kinds(road.notice())
        assert "gate_opened" not in kinds(road.events[-1:])

    def test_of_somebody_who_decided_alone_passes_by_itself(self) -> None:
        road = recruiting_alone()
        assert kinds(road.to_next_moment()) == ["campaign_ended", "gate_passed"]
        assert road.is_at(Phase.PREPARING_WAVE)

    def test_of_somebody_who_decided_alone_waits_for_a_blocking_concern(self) -> None:
        road = recruiting_alone()
        road.do("kai", BLOCKING)
        assert next_moment(road.change) is None
        road.wait(weeks=7)
        assert road.notice() == ()
        road.do("vera", OverruleConcern(concern="C1", reason="The till checks."))
        assert kinds(road.to_next_moment()) == ["campaign_ended", "gate_passed"]
