"""Leavers, movers and absentees: what they held is noticed, told, handed on or waits for whoever can name another."""

from __future__ import annotations

from typing import Any

import pytest

from changes.any_moment import PutOnHold
from changes.concerns import AskWhy, OverruleConcern, RaiseConcern
from changes.decision import decide
from changes.events import Event
from changes.facts import Quorum
from changes.hearing import AcceptForTesting, AskForChanges
from changes.holders import HolderBack, HolderGone, NameTesters
from changes.learning import RecordEffect
from changes.passing_time import LookAgain
from changes.proposal import Edit, Resubmit
from changes.recruiting import AcceptInvitation, Invite, SignCoverage
from changes.rollout import StartWave
from changes.state import ConcernCode, EffectOutcome, InvitationStatus, Phase, Verdict
from changes.testing import Conclude, ProposeTests
from changes.waiting import waiting_for
from tests.changes.road import (
    Road,
    at_champions,
    at_check,
    at_coverage,
    at_planning,
    at_testing,
    at_wave,
    filed,
    kinds,
    measured,
    recruited,
    started_short,
)
from tests.changes.world import World, a_test, a_wave, proposal


def left(road: Road, *people: str) -> tuple[Event, ...]:
    """They leave, and Groundswell looks again."""
    for person in people:
        road.world.alter(person, active=False)
    road.wait(hours=1)
    return road.look_again()


def tasks(road: Road, person: str) -> list[str]:
    """The usual command of each thing that waits for somebody."""
    return [task.commands[0] for task in waiting_for(road.change) if task.person == person]


def gone(events: tuple[Event, ...]) -> HolderGone:
    """The one person who was missed."""
    [found] = [event for event in events if isinstance(event, HolderGone)]
    return found


class TestATesterWhoLeft:
    def test_is_noticed_in_words_and_the_lead_can_name_somebody_else(self) -> None:
        road = at_testing()
        event = gone(left(road, "tom"))
        assert (
            event.sentence({"tom": "Tom Reyes"}) == "noticed that Tom Reyes has left. Open because of that: the test T1"
        )
        assert event.asked == ("paul", "omar"), "the author, and the owner of the process"
        assert tasks(road, "tom") == []
        assert tasks(road, "paul") == tasks(road, "omar") == ["name_testers"]

        [named] = road.do("omar", NameTesters(test="T1", testers=("uta", "sina"), reason="They know the desk."))
        assert named.sentence({"uta": "Uta", "sina": "Sina"}) == "named Uta, Sina to run T1. They know the desk."
        assert road.change.round.endorsed, "the test is the same, so what was endorsed stays"
        assert tasks(road, "uta") == ["record_result"]
        assert tasks(road, "paul") == []
        measured(road).do("paul", Conclude(verdict=Verdict.ADOPT))

    def test_is_not_asked_of_somebody_who_left_as_well(self) -> None:
        road = at_testing()
        left(road, "tom")
        event = gone(left(road, "omar"))
        assert event.held == "who else runs T1"
        assert event.asked == ("paul",)
        assert tasks(road, "omar") == []
        assert tasks(road, "paul") == ["name_testers"]

    def test_leaves_it_to_the_others_named_for_it(self) -> None:
        road = at_testing(tests=(a_test("T1", testers=("tom", "uta")),))
        assert gone(left(road, "tom")).held == "the test T1"
        assert tasks(road, "uta") == ["record_result"]
        assert tasks(road, "paul") == [], "somebody is there to run it"

    def test_is_told_of_once(self) -> None:
        road = at_testing()
        left(road, "tom")
        assert road.look_again() == ()

    def test_who_comes_back_runs_it_again(self) -> None:
        road = at_testing()
        left(road, "tom")
        road.world.alter("tom", active=True)
        [back] = road.look_again()
        assert isinstance(back, HolderBack)
        assert tasks(road, "tom") == ["record_result"]
        assert tasks(road, "paul") == []

    def test_is_not_named_in_a_plan(self) -> None:
        road = at_planning()
        road.world.alter("tom", active=False)
        refused = road.refused("paul", ProposeTests(tests=(a_test(),)))
        assert (refused.rule, refused.pointer) == ("not_active", "/tests/0/testers/0")

    @pytest.mark.parametrize(
        ("command", "rule"),
        [
            (NameTesters(test="T2", testers=("uta",)), "unknown_test"),
            (NameTesters(test="T1", testers=("uta", "tom")), "not_active"),
            (NameTesters(test="T1", testers=("omar",)), "endorsed_them"),
        ],
    )
    def test_is_replaced_by_somebody_who_may_and_is_here(self, command: NameTesters, rule: str) -> None:
        road = at_testing()
        left(road, "tom")
        assert road.rule("paul", command) == rule

    def test_others_are_not_replaced_past_the_endorsement(self) -> None:
        assert at_testing().rule("paul", NameTesters(test="T1", testers=("uta",))) == "testers_here"


class TestATesterWhoMovedOrIsAway:
    def test_keeps_it_and_the_lead_hears_of_it(self) -> None:
        road = at_testing()
        road.world.alter("tom", team="depot")
        event = gone(road.look_again())
        assert (event.why, event.team) == ("moved", "depot")
        assert tasks(road, "tom") == ["record_result"]
        assert tasks(road, "paul") == ["name_testers"]
        road.do("paul", NameTesters(test="T1", testers=("tom",), reason="He still can."))
        assert road.look_again() == ()
        assert tasks(road, "paul") == []

    def test_is_missed_while_away_only_where_nobody_else_runs_it(self) -> None:
        road = at_testing(tests=(a_test("T1", testers=("tom", "uta")),))
        road.world.alter("tom", away=True)
        assert road.look_again() == ()
        road.world.alter("uta", away=True)
        events = road.look_again()
        assert kinds(events) == ["holder_gone", "holder_gone"]
        assert events[0].sentence({"tom": "Tom"}).startswith("noticed that Tom is away until 31 December 2026.")
        assert tasks(road, "tom") == ["record_result"], "it waits until they are back"
        assert tasks(road, "paul") == ["name_testers"]

    def test_who_leaves_for_good_is_told_of_again(self) -> None:
        road = at_testing()
        road.world.alter("tom", away=True)
        assert gone(road.look_again()).why == "away"
        assert gone(left(road, "tom")).why == "left"
        assert tasks(road, "tom") == []


class TestAChampionWhoLeft:
    def test_opens_the_place_which_is_planned_again_in_the_same_breath(self) -> None:
        road = recruited(at_champions())
        events = left(road, "bela")
        assert kinds(events) == ["holder_gone", "champions_planned"]
        assert road.change.recruiting.champions == ("sina",)
        assert road.change.recruiting.with_status(InvitationStatus.GONE) == ("bela",)
        assert "invite" in tasks(road, "paul")
        road.do("paul", Invite(people=("fina",)))
        road.do("fina", AcceptInvitation())
        assert "invite" not in tasks(road, "paul")

    def test_holds_the_next_wave_until_somebody_has_the_place(self) -> None:
        road = at_coverage()
        road.do("omar", SignCoverage(decision="go"))
        left(road, "bela")
        assert road.rule("paul", StartWave(wave="Pilot")) == "champion_lost"
        assert tasks(road, "paul")[0] == "invite"

    def test_where_nobody_can_be_recommended_the_lead_looks_for_somebody(self) -> None:
        road = recruited(at_champions())
        left(road, "bela", "fina", "sina", "uta", "tom")
        assert "plan_champions" in tasks(road, "paul")

    def test_in_silence_where_they_had_not_answered(self) -> None:
        road = at_champions()
        road.do("paul", Invite(people=("bela",)))
        [expired] = left(road, "bela")
        assert expired.kind == "invitations_expired"
        assert tasks(road, "bela") == []

    def test_who_moved_stays_champion_and_is_told_of(self) -> None:
        road = at_wave()
        road.world.alter("bela", team="depot")
        road.wait(hours=1)
        assert gone(road.look_again()).held == "a champion's place"
        assert "bela" in road.change.recruiting.champions
        assert "plan_champions" in tasks(road, "paul")

    def test_who_is_away_is_told_of_where_their_team_has_no_other(self) -> None:
        road = at_wave()
        road.world.alter("bela", away=True)
        assert gone(road.look_again()).why == "away"


class TestConcerns:
    def test_go_to_whoever_may_overrule_them_when_their_raiser_has_left(self) -> None:
        road = at_planning()
        road.do("kai", RaiseConcern(title="Fraud", text="No checks.", code=ConcernCode.R09, blocking=True))
        road.do("paul", AskWhy(concern="C1", question="Why?"))
        event = gone(left(road, "kai"))
        assert event.held == "the concern C1, which only they can resolve"
        assert event.overruling == ("vera",)
        assert tasks(road, "kai") == []
        assert tasks(road, "vera") == ["overrule_concern"]
        assert tasks(road, "omar") == ["respond"]
        road.do("vera", OverruleConcern(concern="C1", reason="It was about the old form."))
        assert tasks(road, "vera") == []

    def test_owed_an_answer_by_leavers_are_answered_by_the_lead(self) -> None:
        road = at_planning()
        road.do("kai", RaiseConcern(title="Fraud", text="No checks.", code=ConcernCode.R09, blocking=True))
        assert tasks(road, "omar") == ["respond"]
        assert gone(left(road, "omar")).held == "an answer to the concern C1"
        assert tasks(road, "omar") == []
        assert "respond" in tasks(road, "paul")

    def test_of_somebody_anonymous_are_never_told_of(self) -> None:
        """That somebody anonymous has left would tell who it was."""
        road = at_planning()
        nobody = "anon-1"
        road.do(nobody, RaiseConcern(title="Fraud", text="No checks.", code=ConcernCode.R09, blocking=True))
        assert road.look_again() == ()


class TestAuthorsWhoLeft:
    def test_leave_it_to_the_others(self) -> None:
        road = filed(submit=proposal(co_proposers=("bela",)))
        road.do("mara", AskForChanges(what="Name the desk."))
        assert gone(left(road, "paul")).held == "the next step of its authors"
        assert tasks(road, "paul") == []
        assert tasks(road, "bela") == ["resubmit"]

    def test_all_of_them_leave_it_to_those_who_answer_proposals(self) -> None:
        road = filed()
        road.do("mara", AskForChanges(what="Name the desk."))
        event = gone(left(road, "paul"))
        assert event.speaking == ("mara", "omar")
        assert tasks(road, "mara") == ["resubmit"]
        road.do("mara", Resubmit(what_changed="The desk is named."))

    def test_whoever_speaks_for_them_may_move_it_to_a_process_of_somebody_else(self) -> None:
        road = filed()
        road.do("mara", AskForChanges(what="It is about invoices."))
        left(road, "paul")
        road.do("omar", Edit(process="invoicing", what_changed="The process."))
        assert tasks(road, "omar") == ["resubmit"]
        assert road.rule("lena", Edit(title="Mine", what_changed="The name.")) == "authors_only"

    def test_all_of_them_leave_the_work_to_the_owner_of_the_process(self) -> None:
        road = filed()
        road.do("mara", AcceptForTesting())
        assert gone(left(road, "paul")).asked == ("omar",)
        assert tasks(road, "omar") == ["propose_tests"]
        road.do("omar", ProposeTests(tests=(a_test(),)))

    def test_and_whoever_took_it_on_is_noticed_as_well(self) -> None:
        road = filed()
        road.do("mara", AcceptForTesting())
        left(road, "paul")
        assert kinds(left(road, "omar")) == ["holder_gone"]
        assert tasks(road, "omar") == []
        assert tasks(road, "mara") == ["propose_tests"]
        assert "propose_tests" in road.offers("mara")


class TestLaterItems:
    def test_an_effect_check_is_handed_on(self) -> None:
        road = at_check()
        assert tasks(road, "bela") == ["record_effect"]
        events = left(road, "bela")
        assert "check_handed_on" in kinds(events)
        owner = road.change.learning.checks[0].owner
        assert owner != "bela"
        assert "record_effect" in tasks(road, owner)
        road.do(owner, RecordEffect(check="E1", outcome=EffectOutcome.EFFECTIVE, numbers="20 hours"))

    def test_a_review_is_asked_of_the_next_in_line(self) -> None:
        road = started_short()
        assert tasks(road, "lena") == ["record_review"]
        [handed] = [event for event in left(road, "lena") if event.kind == "review_handed_on"]
        assert handed.sentence({"nora": "Nora", "lena": "Lena"}) == "asked Nora to review, because Lena is not here"
        assert tasks(road, "nora") == ["record_review"]
        assert tasks(road, "lena") == []

    def test_a_wave_that_a_person_starts_waits_for_its_signers(self) -> None:
        world = World(quorums=World().quorums | {"start_rollout": Quorum()})
        road = at_coverage(world, a_wave("Pilot", ("billing", "support"), by_person=True))
        road.do("omar", SignCoverage(decision="go"))
        assert tasks(road, "omar") == ["start_wave"]
        assert tasks(road, "paul") == []
        assert gone(left(road, "omar")).held == "the start of the wave “Pilot”"
        assert tasks(road, "vera") == ["start_wave"]
        road.do("vera", StartWave(wave="Pilot"))


def test_what_is_noticed_while_a_change_rests_waits_for_it_to_go_on() -> None:
    road = at_testing()
    road.do("paul", PutOnHold(reason="Stocktaking"))
    assert gone(left(road, "tom")).why == "left"
    assert road.is_at(Phase.RUNNING_TESTS)
    assert waiting_for(road.change) == ()


def test_look_ups_of_earlier_releases_decide_as_they_did() -> None:
    """Kept histories hold facts without whereabouts; nothing may follow from them."""
    road = at_testing()
    road.world.alter("tom", active=False)
    command = LookAgain()
    earlier: Any = road.facts("system", command).having(whereabouts={})
    assert decide(road.change, command, earlier, road.now) == ()
