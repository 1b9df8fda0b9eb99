"""What may happen at any moment: hold and resume, withdraw, comment, follow, move a deadline, renew."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from changes.any_moment import (
    AddComment,
    Follow,
    MoveDeadline,
    PutOnHold,
    Renew,
    Resume,
    Resumed,
    Unfollow,
    Withdraw,
)
from changes.decision import evolve
from changes.hearing import AcceptForTesting, Decline, Object
from changes.passing_time import next_moment
from changes.proposal import Edit
from changes.refusals import RefusalKind
from changes.state import OpenGate, Outcome, Phase
from changes.testing import Endorse, ProposeTests
from tests.changes.road import (
    Road,
    at_champions,
    at_check,
    at_endorsement,
    at_learning,
    at_planning,
    at_signing,
    at_testing,
    at_wave,
    filed,
    in_the_window,
    kinds,
)
from tests.changes.world import MONDAY, a_test

HOLD = PutOnHold(reason="Stocktaking first")
RESUME = Resume(reason="Stocktaking is over.")
WITHDRAW = Withdraw(reason="Somebody else solved it.")
EVERY_STAGE = [
    filed,
    in_the_window,
    at_planning,
    at_endorsement,
    at_testing,
    at_signing,
    at_champions,
    at_wave,
    at_check,
]


def gate_of(road: Road) -> OpenGate:
    assert road.change.gate is not None
    return road.change.gate


def expired(bring: Any = filed) -> Road:
    """Nobody answered for long enough."""
    road: Road = bring()
    while road.change.closing is None:
        road.to_next_moment()
    assert road.change.closing.outcome is Outcome.EXPIRED
    return road


class TestHold:
    @pytest.mark.parametrize("bring", EVERY_STAGE)
    def test_rests_in_any_stage_and_goes_on_from_there(self, bring: Any) -> None:
        road = bring()
        phase = road.change.phase
        road.do("omar", HOLD)
        assert next_moment(road.change) is None
        assert "resume" in road.offers("paul")
        road.do("paul", RESUME)
        assert (road.change.phase, road.change.hold) == (phase, None)

    def test_nothing_is_decided_meanwhile(self) -> None:
        road = filed()
        road.do("paul", HOLD)
        refused = road.refused("mara", AcceptForTesting())
        assert (refused.kind, refused.rule) == (RefusalKind.WRONG_STAGE, "on_hold")
        assert "Stocktaking first" in refused.detail
        assert road.rule("omar", HOLD) == "on_hold"
        road.do("kai", AddComment(about="question", text="Until when?"))

    def test_the_people_at_the_gate_get_their_full_time_again(self) -> None:
        road = filed()
        road.wait(days=4)
        road.do("omar", HOLD)
        road.wait(days=50)
        assert road.notice() == ()
        assert kinds(road.do("omar", RESUME)) == ["resumed", "gate_opened"]
        assert gate_of(road).due == road.now + timedelta(days=5)
        assert gate_of(road).expires == road.now + timedelta(days=30)

    def test_so_do_those_who_may_object(self) -> None:
        road = in_the_window()
        road.do("paul", HOLD)
        road.wait(days=10)
        road.do("paul", RESUME)
        assert road.notice() == ()
        assert next_moment(road.change) == road.now + timedelta(days=2)
        road.do("mara", Object(reason="Not while I was not allowed to answer."))

    def test_without_a_gate_nobody_is_asked(self) -> None:
        road = at_planning()
        road.do("paul", HOLD)
        assert kinds(road.do("paul", RESUME)) == ["resumed"]

    def test_as_it_was_stored_before_it_named_deadlines_moves_none(self) -> None:
        road = in_the_window()
        road.do("paul", HOLD)
        decision = road.change.proposal.self_decision
        after = evolve(road.change, Resumed(reason="Over.", by="paul", at=road.now))
        assert after.hold is None
        assert after.proposal.self_decision == decision

    def test_until_a_date_it_resumes_by_itself(self) -> None:
        road = filed()
        until = road.now + timedelta(days=10)
        road.do("omar", PutOnHold(reason="Stocktaking", until=until))
        assert next_moment(road.change) == until
        road.wait(days=9)
        assert road.notice() == ()
        assert kinds(road.to_next_moment()) == ["resumed", "gate_opened"]
        assert road.events[-2].by == "system"
        assert gate_of(road).due == until + timedelta(days=5)

    def test_not_until_a_moment_that_has_passed(self) -> None:
        refused = filed().refused("paul", PutOnHold(reason="Stocktaking", until=MONDAY))
        assert (refused.rule, refused.pointer) == ("in_the_past", "/until")

    def test_keeps_the_level_it_was_escalated_to(self) -> None:
        road = filed()
        road.now = gate_of(road).due
        road.notice()
        assert [seat.person for seat in gate_of(road).asked] == ["mara", "omar", "vera"]
        road.do("vera", HOLD)
        road.do("vera", RESUME)
        assert (gate_of(road).level, gate_of(road).levels_left) == (1, 1)
        assert [seat.person for seat in gate_of(road).asked] == ["mara", "omar", "vera"]
        road.do("vera", AcceptForTesting())

    @pytest.mark.parametrize("command", [HOLD, RESUME])
    def test_refuses_people_who_are_not_involved(self, command: Any) -> None:
        road = filed()
        if command is RESUME:
            road.do("paul", HOLD)
        assert road.rule("kai", command) == "lead_only"

    def test_refuses_the_wrong_moment(self) -> None:
        assert filed().rule("paul", RESUME) == "not_on_hold"
        road = filed()
        road.do("paul", WITHDRAW)
        assert road.rule("paul", HOLD) == "change_ended"
        assert road.rule("paul", RESUME) == "change_ended"
        for command in (PutOnHold, Resume, Withdraw):
            with pytest.raises(ValidationError):
                command(reason="")


class TestWithdraw:
    @pytest.mark.parametrize("bring", EVERY_STAGE)
    def test_ends_it_in_any_stage_and_it_stays_findable(self, bring: Any) -> None:
        road = bring()
        road.do("paul", WITHDRAW)
        assert road.change.closing is not None
        assert (road.change.closing.outcome, road.change.closing.reason) == (Outcome.WITHDRAWN, WITHDRAW.reason)
        assert next_moment(road.change) is None
        assert road.offered() == {"resubmit"}

    def test_also_from_a_hold(self) -> None:
        road = filed()
        road.do("omar", HOLD)
        road.do("paul", WITHDRAW)
        assert road.change.hold is None

    def test_by_its_authors_only_and_once(self) -> None:
        assert filed().rule("omar", WITHDRAW) == "authors_only"
        road = filed()
        road.do("paul", WITHDRAW)
        assert road.rule("paul", WITHDRAW) == "change_ended"


class TestFollowing:
    def test_comments_say_what_they_are_about(self) -> None:
        road = filed()
        road.do("kai", AddComment(about="better", text="Begin on a Tuesday."))
        [comment] = road.change.comments
        assert (comment.by, comment.about, comment.text) == ("kai", "better", "Begin on a Tuesday.")
        with pytest.raises(ValidationError):
            AddComment.model_validate({"about": "worse", "text": "No."})

    def test_comments_of_nobody_else(self) -> None:
        road = filed()
        assert road.rule("stranger", AddComment(about="works", text="Yes.")) == "not_active"
        road.do("paul", WITHDRAW)
        assert road.rule("kai", AddComment(about="works", text="Yes.")) == "change_ended"

    def test_follow_and_unfollow(self) -> None:
        road = filed()
        road.do("kai", Follow())
        assert "kai" in road.change.followers
        assert road.rule("kai", Follow()) == "following_already"
        road.do("kai", Unfollow())
        assert not road.change.followers
        assert road.rule("kai", Unfollow()) == "not_following"

    def test_people_who_left_follow_nothing(self) -> None:
        road = filed()
        road.do("kai", Follow())
        road.world.alter("kai", active=False)
        road.world.alter("uta", active=False)
        assert road.rule("uta", Follow()) == "not_active"
        assert road.rule("kai", Unfollow()) == "not_active"
        assert "unfollow" not in road.offers("kai")

    def test_not_after_the_end(self) -> None:
        road = filed()
        road.do("kai", Follow())
        road.do("paul", WITHDRAW)
        assert road.rule("uta", Follow()) == "change_ended"
        assert road.rule("kai", Unfollow()) == "change_ended"


class TestMoveDeadline:
    def test_of_a_gate_moves_reminders_and_expiry_along(self) -> None:
        road = filed()
        later = road.now + timedelta(days=20)
        road.do("mara", MoveDeadline(deadline="gate", to=later, reason="Holidays."))
        gate = gate_of(road)
        assert gate.due == later
        assert gate.expires == later + timedelta(days=25)
        assert "moved the deadline of gate to Sun 22 Mar 2026, 09:00 UTC: Holidays." == road.events[-1].sentence()

    def test_of_a_gate_earlier_drops_reminders_behind_it(self) -> None:
        road = filed()
        expires = gate_of(road).expires
        road.do("omar", MoveDeadline(deadline="gate", to=road.now + timedelta(days=3), reason="Urgent."))
        assert gate_of(road).reminders == (road.now + timedelta(days=2, hours=12),)
        assert gate_of(road).expires == expires
        road.to_next_moment()
        assert kinds(road.to_next_moment()) == ["escalated"]

    def test_of_a_gate_not_by_its_authors(self) -> None:
        road = filed()
        command = MoveDeadline(deadline="gate", to=road.now + timedelta(days=9), reason="More time.")
        refused = road.refused("paul", command)
        assert (refused.kind, refused.rule) == (RefusalKind.NOT_YOURS, "own_change")
        assert "move_deadline" not in road.offers("paul")
        assert "move_deadline" in road.offers("omar")

    def test_of_a_gate_not_into_the_past(self) -> None:
        refused = filed().refused("mara", MoveDeadline(deadline="gate", to=MONDAY, reason="Now."))
        assert (refused.rule, refused.pointer) == ("in_the_past", "/to")

    def test_of_an_effect_check_by_those_who_carry_the_change(self) -> None:
        road = at_learning()
        later = road.now + timedelta(days=45)
        road.do("paul", MoveDeadline(deadline="E1", to=later, reason="The summer is quiet."))
        assert [check.opens for check in road.change.learning.checks] == [later, road.now + timedelta(days=90)]
        assert road.rule("kai", MoveDeadline(deadline="E1", to=later, reason="Me too.")) == "lead_only"

    def test_an_effect_check_opens_at_once_when_its_day_has_come(self) -> None:
        road = at_learning()
        events = road.do("paul", MoveDeadline(deadline="E1", to=road.now, reason="We know already."))
        assert kinds(events) == ["deadline_moved", "effect_check_opened"]
        assert road.change.learning.checks[0].opened

    def test_of_which_deadline(self) -> None:
        road = at_learning()
        refused = road.refused("paul", MoveDeadline(deadline="E9", to=road.now, reason="Hm."))
        assert (refused.rule, refused.pointer) == ("unknown_deadline", "/deadline")
        assert "There is: E1, E2." in refused.detail
        refused = filed().refused("mara", MoveDeadline(deadline="E1", to=road.now, reason="Hm."))
        assert "There is: gate." in refused.detail

    def test_where_there_is_none(self) -> None:
        road = at_planning()
        assert road.rule("omar", MoveDeadline(deadline="gate", to=road.now, reason="Hm.")) == "no_deadline"
        with pytest.raises(ValidationError):
            MoveDeadline(deadline="gate", to=road.now, reason="")


class TestRenew:
    @pytest.mark.parametrize("bring", [filed, at_endorsement, at_signing])
    def test_asks_the_same_people_again(self, bring: Any) -> None:
        road = expired(bring)
        phase, asked = road.change.phase, gate_of(road).asked
        assert road.offered() == {"renew"}
        assert kinds(road.do("paul", Renew())) == ["renewed", "gate_opened"]
        assert (road.change.closing, road.change.phase) == (None, phase)
        assert gate_of(road).asked == asked
        assert gate_of(road).due > road.now

    def test_everybody_who_is_asked_can_answer(self) -> None:
        road = expired()
        assert [seat.person for seat in gate_of(road).asked] == ["mara", "omar", "vera"]
        road.do("omar", Renew())
        road.do("vera", AcceptForTesting())

    def test_silence_expires_it_again(self) -> None:
        road = expired()
        road.do("paul", Renew())
        for _ in range(10):
            if road.change.closing:
                break
            road.to_next_moment()
        assert road.change.closing is not None

    def test_refuses_the_wrong_person_and_moment(self) -> None:
        assert expired().rule("kai", Renew()) == "lead_only"
        assert filed().rule("paul", Renew()) == "not_expired"
        road = filed()
        road.do("mara", Decline(reason="No.", way_forward="Later."))
        assert road.rule("paul", Renew()) == "not_expired"


class TestAskingAnew:
    """A gate that is asked anew while it is open keeps the level that silence has brought it to."""

    def escalated(self, bring: Any) -> Road:
        road: Road = bring()
        road.now = gate_of(road).due
        road.notice()
        assert gate_of(road).level == 1
        return road

    def test_by_an_edit(self) -> None:
        road = self.escalated(filed)
        road.do("paul", Edit(title="Other words", what_changed="Other words."))
        assert gate_of(road).level == 1
        road.do("vera", AcceptForTesting())

    def test_by_other_tests(self) -> None:
        road = self.escalated(at_endorsement)
        road.do("paul", ProposeTests(tests=(a_test("T2"),)))
        assert (gate_of(road).level, gate_of(road).levels_left) == (1, 1)
        road.do("vera", Endorse())
        assert road.is_at(Phase.RUNNING_TESTS)
