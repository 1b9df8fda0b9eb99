"""The proposal stage: filing, listening, answering, deciding alone."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from changes.any_moment import Withdraw
from changes.commands import COMMANDS
from changes.concerns import OverruleConcern, RaiseConcern
from changes.facts import ANSWER_PROPOSAL, SYSTEM, Quorum
from changes.hearing import (
    AcceptForTesting,
    AskForChanges,
    ConfirmHeard,
    Correct,
    DecideYourself,
    Decline,
    MarkDuplicate,
    Object,
    SayBack,
)
from changes.passing_time import NoticeTime, next_moment
from changes.proposal import Edit, Edited, Resubmit
from changes.refusals import RefusalKind
from changes.state import ConcernCode, Outcome, Phase, Stage
from tests.changes.road import (
    Road,
    at_endorsement,
    at_planning,
    at_rollout,
    at_signing,
    at_testing,
    at_wave,
    decided_alone,
    filed,
    in_the_window,
    kinds,
    looked_back,
)
from tests.changes.world import MONDAY, World, proposal

DECLINE = Decline(reason="There is no money this year.", way_forward="Try it with one desk, which costs nothing.")
BLOCKING = RaiseConcern(title="Fraud", text="Nobody checks receipts.", code=ConcernCode.R09, blocking=True)


class TestSubmit:
    def test_puts_the_change_on_record_and_asks_the_people_the_policy_names(self) -> None:
        road = filed()
        assert kinds(road.events) == ["submitted", "gate_opened"]
        change = road.change
        assert (change.ref, change.stage, change.phase) == ("CH-0001", Stage.PROPOSAL, Phase.AWAITING_ANSWER)
        assert change.title == "Answer returns within a day"
        assert change.proposal.authors == ("paul",)
        assert change.policy.version == 3
        assert change.gate is not None
        assert [seat.person for seat in change.gate.asked] == ["mara", "omar"]
        assert change.gate.rule == "any one of them is enough"
        assert road.events[0].by == "paul"
        assert road.events[1].by == SYSTEM
        assert all(event.at == MONDAY for event in road.events)

    def test_for_somebody_else_makes_it_both_their_change(self) -> None:
        road = filed(submit=proposal(proposer="bela", co_proposers=("kai", "bela", "kai", "fina")), filer="fina")
        assert road.change.proposal.proposer == "bela"
        assert road.change.proposal.filer == "fina"
        assert road.change.proposal.authors == ("bela", "fina", "kai")

    def test_a_manager_proposes_under_the_same_rules(self) -> None:
        road = filed(filer="omar")
        assert road.change.gate is not None
        # Vera is Omar's manager; she also stands in for him as owner of the process.
        assert [seat.person for seat in road.change.gate.asked] == ["vera"]
        assert road.rule("omar", AcceptForTesting()) == "own_change"

    @pytest.mark.parametrize(
        ("submit", "gone", "pointer"),
        [
            (proposal(proposer="bela"), "bela", "/proposer"),
            (proposal(co_proposers=("kai", "nora")), "nora", "/co_proposers/1"),
        ],
    )
    def test_refuses_authors_who_have_left(self, submit: Any, gone: str, pointer: str) -> None:
        road = Road()
        road.world.alter(gone, active=False)
        refused = road.refused("paul", submit)
        assert (refused.kind, refused.rule, refused.pointer) == (RefusalKind.INVALID, "not_active", pointer)

    def test_refuses_a_filer_who_has_left(self) -> None:
        road = Road()
        road.world.alter("paul", active=False)
        assert road.rule("paul", proposal()) == "not_active"
        assert road.rule("stranger", proposal()) == "not_active"

    @pytest.mark.parametrize(
        ("submit", "rule", "pointer"),
        [
            (proposal(process="flying"), "unknown_process", "/process"),
            (proposal(affected_teams=("billing", "moon")), "unknown_team", "/affected_teams/1"),
            (proposal(proposer="nobody"), "unknown_person", "/proposer"),
            (proposal(co_proposers=("kai", "ghost")), "unknown_person", "/co_proposers/1"),
        ],
    )
    def test_refuses_names_that_nobody_knows(self, submit: Any, rule: str, pointer: str) -> None:
        refused = Road().refused("paul", submit)
        assert (refused.rule, refused.pointer) == (rule, pointer)
        assert "Check the name" in refused.detail

    def test_happens_once(self) -> None:
        refused = filed().refused("paul", proposal())
        assert (refused.kind, refused.rule) == (RefusalKind.WRONG_STAGE, "submitted_already")

    @pytest.mark.parametrize(
        "field",
        [
            {"title": ""},
            {"title": "x" * 201},
            {"problem": "x" * 4001},
            {"people_affected": 0},
            {"affected_teams": []},
            {"cost": "-1"},
            {"urgency": "yesterday"},
            {"colour": "blue"},
        ],
    )
    def test_bad_input_names_its_field(self, field: dict[str, Any]) -> None:
        good = proposal().model_dump(mode="json")
        with pytest.raises(ValidationError) as caught:
            COMMANDS["submit"].model_validate(good | field)
        assert [error["loc"][0] for error in caught.value.errors()] == list(field)


class TestEdit:
    def test_is_free_within_the_hour_and_replaces_the_words(self) -> None:
        road = filed()
        road.wait(minutes=59)
        road.do("paul", Edit(title="Answer returns at once"))
        assert [version.number for version in road.change.proposal.versions] == [1]
        assert road.change.title == "Answer returns at once"
        assert road.change.proposal.content.problem == proposal().problem

    def test_later_makes_a_new_version_and_says_what_changed(self) -> None:
        road = filed()
        road.wait(minutes=61)
        refused = road.refused("paul", Edit(title="Answer returns at once"))
        assert (refused.rule, refused.pointer) == ("say_what_changed", "/what_changed")
        road.do("paul", Edit(title="Answer returns at once", what_changed="A shorter time."))
        assert [version.number for version in road.change.proposal.versions] == [1, 2]
        assert road.change.proposal.versions[1].what_changed == "A shorter time."

    def test_is_not_free_once_somebody_has_answered(self) -> None:
        road = filed()
        road.do("mara", SayBack(heard="You want to be faster."))
        assert road.rule("paul", Edit(title="Other words")) == "say_what_changed"

    @pytest.mark.parametrize(
        "answer", [AskForChanges(what="Name the desk."), DECLINE], ids=["changes asked", "declined"]
    )
    def test_is_not_free_after_an_answer_and_a_new_submission(self, answer: Any) -> None:
        road = filed()
        road.do("mara", answer)
        road.do("paul", Resubmit(title="Desk 2 decides", what_changed="Named the desk."))
        assert road.rule("paul", Edit(title="Desk 3 decides")) == "say_what_changed"
        assert len(road.change.proposal.versions) == 2

    def test_is_not_free_after_an_objection(self) -> None:
        road = in_the_window()
        road.do("mara", Object(reason="It touches us too."))
        assert road.rule("paul", Edit(title="Other words")) == "say_what_changed"

    def test_gives_those_who_read_it_their_full_time_again(self) -> None:
        road = filed()
        road.wait(days=4)
        road.do("paul", Edit(title="Other words", what_changed="Other words."))
        assert road.change.gate is not None
        assert (road.change.gate.due - road.now).days == 5

    def test_asks_others_when_the_process_is_another(self) -> None:
        road = filed()
        road.do("paul", Edit(process="invoicing", affected_teams=("billing",)))
        assert road.change.gate is not None
        assert [seat.person for seat in road.change.gate.asked] == ["mara"]
        assert road.change.gate.rule == "their answer is enough"

    def test_while_changes_are_asked_for_asks_nobody(self) -> None:
        road = filed()
        road.do("mara", AskForChanges(what="Name the desk."))
        assert kinds(road.do("paul", Edit(title="Desk 2 decides", what_changed="Named the desk."))) == ["edited"]
        assert road.is_at(Phase.NEEDS_CHANGES)

    def test_can_empty_the_goal_but_no_needed_field(self) -> None:
        road = filed(submit=proposal().having(goal="Fast answers"))
        road.do("paul", Edit(goal=""))
        assert road.change.proposal.content.goal == ""
        assert road.change.title == proposal().title

    def test_refuses_what_changes_nothing(self) -> None:
        refused = filed().refused("paul", Edit(title=proposal().title))
        assert (refused.kind, refused.rule) == (RefusalKind.INVALID, "nothing_changed")

    def test_refuses_others_and_later_stages(self) -> None:
        assert filed().rule("mara", Edit(title="My words")) == "authors_only"
        assert at_planning().rule("paul", Edit(title="My words")) == "wrong_stage"

    def test_refuses_unknown_names(self) -> None:
        assert filed().refused("paul", Edit(process="flying")).pointer == "/process"


class TestListening:
    def test_what_was_heard_is_confirmed(self) -> None:
        road = filed()
        road.do("mara", SayBack(heard="You want the desk to decide."))
        assert road.rule("kai", ConfirmHeard()) == "authors_only"
        road.do("paul", ConfirmHeard())
        heard = road.change.proposal.heard[-1]
        assert (heard.by, heard.confirmed) == ("mara", True)
        assert road.rule("paul", ConfirmHeard()) == "nothing_said_back"

    def test_what_was_heard_is_corrected_and_said_again(self) -> None:
        road = filed()
        assert road.rule("paul", Correct(correction="No.")) == "nothing_said_back"
        road.do("omar", SayBack(heard="You want more people."))
        road.do("paul", Correct(correction="Only small returns."))
        road.do("omar", SayBack(heard="The desk decides small returns."))
        road.do("paul", ConfirmHeard())
        assert [(heard.confirmed, heard.correction) for heard in road.change.proposal.heard] == [
            (False, "Only small returns."),
            (True, ""),
        ]

    def test_only_those_asked_say_back(self) -> None:
        road = filed()
        assert road.rule("paul", SayBack(heard="Me.")) == "own_change"
        assert road.rule("lena", SayBack(heard="I heard.")) == "not_asked"
        assert at_planning().rule("mara", SayBack(heard="Late.")) == "wrong_stage"


class TestAccept:
    def test_opens_the_testing_stage(self) -> None:
        road = filed()
        events = road.do("omar", AcceptForTesting(note="Good idea."))
        assert kinds(events) == ["accepted_for_testing", "gate_passed"]
        assert (road.change.stage, road.change.phase, road.change.gate) == (
            Stage.TESTING,
            Phase.PLANNING_TESTS,
            None,
        )
        assert [passed.name for passed in road.change.passed] == [ANSWER_PROPOSAL]

    @pytest.mark.parametrize(
        ("person", "rule"), [("paul", "own_change"), ("lena", "not_asked"), ("bela", "not_asked"), ("x", "not_active")]
    )
    def test_refuses_the_wrong_person(self, person: str, rule: str) -> None:
        refused = filed().refused(person, AcceptForTesting())
        assert (refused.kind, refused.rule) == (RefusalKind.NOT_YOURS, rule)

    def test_says_who_is_asked(self) -> None:
        assert "It asks Mara Okoye, Omar Haddad." in filed().refused("lena", AcceptForTesting()).detail

    def test_refuses_every_author(self) -> None:
        road = filed(submit=proposal(proposer="paul", co_proposers=("mara",)), filer="omar")
        for author in ("paul", "mara", "omar"):
            assert road.rule(author, AcceptForTesting()) == "own_change"
        road.do("vera", AcceptForTesting())

    def test_when_nobody_can_be_asked_the_refusal_says_so(self) -> None:
        road = filed(filer="vera", submit=proposal(process="returns"))
        road.world.alter("omar", active=False)
        assert "nobody at the moment" in road.refused("mara", AcceptForTesting()).detail

    def test_is_judged_by_the_directory_as_it_is_now(self) -> None:
        road = filed()
        road.world.alter("mara", active=False)
        assert road.rule("mara", AcceptForTesting()) == "not_active"
        road.do("vera", AcceptForTesting())

    def test_waits_for_a_blocking_concern(self) -> None:
        road = filed()
        road.do("kai", BLOCKING)
        refused = road.refused("mara", AcceptForTesting())
        assert refused.rule == "blocking_concern"
        assert "C1 “Fraud”" in refused.detail

    def test_happens_once(self) -> None:
        refused = at_planning().refused("omar", AcceptForTesting())
        assert (refused.kind, refused.rule) == (RefusalKind.WRONG_STAGE, "wrong_stage")
        assert "waiting for an answer to the proposal" in refused.detail


class TestAskForChanges:
    def test_gives_it_back_and_it_returns_to_the_same_people(self) -> None:
        road = filed()
        before = road.change.gate
        road.do("mara", AskForChanges(what="Name the desk."))
        assert (road.change.phase, road.change.gate) == (Phase.NEEDS_CHANGES, None)
        assert road.change.proposal.changes_asked == "Name the desk."
        assert road.rule("omar", AcceptForTesting()) == "wrong_stage"
        road.do("paul", Resubmit(suggestion="Desk 2 decides.", what_changed="Named the desk."))
        assert road.is_at(Phase.AWAITING_ANSWER)
        assert road.change.proposal.changes_asked == ""
        assert before is not None
        assert road.change.gate is not None
        assert road.change.gate.asked == before.asked
        assert [version.what_changed for version in road.change.proposal.versions] == ["", "Named the desk."]
        road.do("mara", AcceptForTesting())

    def test_at_the_tests_gives_back_the_tests_only(self) -> None:
        road = at_endorsement()
        road.do("omar", AskForChanges(what="Use a bigger sample."))
        assert (road.change.stage, road.change.phase) == (Stage.TESTING, Phase.PLANNING_TESTS)
        assert road.change.proposal.changes_asked == "Use a bigger sample."

    def test_refuses_the_wrong_person_and_stage(self) -> None:
        command = AskForChanges(what="Something.")
        assert filed().rule("paul", command) == "own_change"
        assert filed().rule("nora", command) == "not_asked"
        assert at_testing().rule("omar", command) == "wrong_stage"

    def test_needs_words(self) -> None:
        with pytest.raises(ValidationError):
            AskForChanges(what="   ")


class TestDecline:
    @pytest.mark.parametrize("bring", [filed, at_endorsement, at_signing])
    def test_ends_the_change_with_a_reason_and_a_way_forward(self, bring: Any) -> None:
        road = bring()
        road.do("omar", DECLINE)
        closing = road.change.closing
        assert closing is not None
        assert (closing.outcome, closing.by) == (Outcome.DECLINED, "omar")
        assert closing.reason == DECLINE.reason
        assert closing.way_forward == DECLINE.way_forward
        assert road.change.gate is None
        assert next_moment(road.change) is None

    @pytest.mark.parametrize("bring", [filed, at_endorsement, at_signing])
    def test_is_not_the_end(self, bring: Any) -> None:
        road = bring()
        tests = road.change.round.tests
        road.do("omar", DECLINE)
        road.do("paul", Resubmit(what_changed="One desk only."))
        assert road.change.closing is None
        assert (road.change.stage, road.change.phase) == (Stage.PROPOSAL, Phase.AWAITING_ANSWER)
        assert [earlier.tests for earlier in road.change.earlier_rounds] == ([tests] if tests else [])
        assert road.change.round.tests == ()
        road.do("omar", AcceptForTesting())

    @pytest.mark.parametrize("missing", ["reason", "way_forward"])
    def test_needs_both(self, missing: str) -> None:
        with pytest.raises(ValidationError) as caught:
            Decline.model_validate(DECLINE.model_dump() | {missing: " "})
        assert caught.value.errors()[0]["loc"] == (missing,)

    def test_refuses_the_wrong_person_and_stage(self) -> None:
        assert filed().rule("paul", DECLINE) == "own_change"
        assert filed().rule("tom", DECLINE) == "not_asked"
        assert at_testing().rule("omar", DECLINE) == "wrong_stage"

    def test_nothing_happens_to_a_declined_change_but_a_new_submission(self) -> None:
        road = filed()
        road.do("omar", DECLINE)
        refused = road.refused("mara", AcceptForTesting())
        assert refused.rule == "change_ended"
        assert "declined" in refused.detail
        assert road.offered() == {"resubmit"}


class TestDuplicate:
    def test_ends_the_change_under_the_other_reference(self) -> None:
        road = filed()
        road.do("mara", MarkDuplicate(of="CH-0002"))
        closing = road.change.closing
        assert closing is not None
        assert (closing.outcome, closing.duplicate_of) == (Outcome.DUPLICATE, "CH-0002")
        assert closing.reason == "the same as CH-0002"
        assert road.rule("paul", Resubmit(what_changed="It is not.")) == "not_returnable"

    def test_of_what(self) -> None:
        road = filed()
        refused = road.refused("mara", MarkDuplicate(of="CH-0001"))
        assert (refused.rule, refused.pointer) == ("duplicate_of_itself", "/of")
        refused = road.refused("mara", MarkDuplicate(of="CH-9999"))
        assert (refused.rule, refused.pointer) == ("unknown_change", "/of")

    def test_refuses_the_wrong_person_and_stage(self) -> None:
        assert filed().rule("paul", MarkDuplicate(of="CH-0002")) == "own_change"
        assert filed().rule("kai", MarkDuplicate(of="CH-0002")) == "not_asked"
        assert at_planning().rule("mara", MarkDuplicate(of="CH-0002")) == "wrong_stage"


class TestDecideYourself:
    def test_opens_a_window_for_objections(self) -> None:
        road = in_the_window()
        assert kinds(road.events)[-1:] == ["self_decided"]
        assert (road.change.phase, road.change.gate) == (Phase.OBJECTION_WINDOW, None)
        decision = road.change.proposal.self_decision
        assert decision is not None
        assert next_moment(road.change) == decision.objection_due
        assert "decide_yourself" not in road.offered()

    def test_stands_when_nobody_objects_in_time(self) -> None:
        road = in_the_window()
        road.wait(days=1)
        assert road.notice() == ()
        assert kinds(road.to_next_moment()) == ["objection_window_closed", "gate_passed"]
        assert road.is_at(Phase.PLANNING_TESTS)
        assert "nobody objected" in road.change.passed[0].because

    def test_an_objection_brings_it_back_to_the_usual_road(self) -> None:
        road = in_the_window()
        assert road.rule("paul", Object(reason="Me.")) == "own_change"
        assert road.rule("kai", Object(reason="Me.")) == "not_asked"
        assert kinds(road.do("mara", Object(reason="It touches Support."))) == ["objected", "gate_opened"]
        assert road.is_at(Phase.AWAITING_ANSWER)
        assert road.change.proposal.self_decision is None
        road.do("mara", AcceptForTesting())
        assert road.rule("mara", Object(reason="Late.")) == "wrong_stage"

    def test_an_objection_needs_a_reason(self) -> None:
        with pytest.raises(ValidationError):
            Object(reason="")

    def test_only_inside_the_limits_and_the_refusal_explains_them(self) -> None:
        road = filed()
        refused = road.refused("paul", DecideYourself())
        assert (refused.kind, refused.rule) == (RefusalKind.NOT_YOURS, "beyond_limits")
        assert "limits of the role employee. It touches 8 people." in refused.detail
        assert "decide_yourself" not in road.offers("paul")

    def test_only_by_the_proposer(self) -> None:
        road = filed(World(may_decide_alone=True), proposal(proposer="bela", co_proposers=("kai",)), "fina")
        for person in ("fina", "kai"):
            assert road.rule(person, DecideYourself()) == "proposer_only"
            assert "decide_yourself" not in road.offers(person)
        assert road.rule("mara", DecideYourself()) == "authors_only"
        assert "decide_yourself" in road.offers("bela")
        road.do("bela", DecideYourself())

    def test_not_against_a_blocking_concern_nor_twice(self) -> None:
        road = filed(World(may_decide_alone=True))
        road.do("kai", BLOCKING)
        assert road.rule("paul", DecideYourself()) == "blocking_concern"
        assert in_the_window().rule("paul", DecideYourself()) == "wrong_stage"

    def test_a_blocking_concern_in_the_window_holds_it_until_it_is_settled(self) -> None:
        road = in_the_window()
        road.do("kai", BLOCKING)
        road.wait(days=3)
        assert road.notice() == ()
        assert next_moment(road.change) is None
        assert road.is_at(Phase.OBJECTION_WINDOW)
        road.do("vera", OverruleConcern(concern="C1", reason="Receipts are checked by the till."))
        assert kinds(road.to_next_moment()) == ["objection_window_closed", "gate_passed"]

    def test_meets_no_gate_with_people_later_on(self) -> None:
        road = decided_alone()
        assert road.is_at(Phase.PLANNING_TESTS)
        assert "accept_for_testing" not in road.offered()

    def test_people_cannot_close_the_window(self) -> None:
        road = in_the_window()
        road.wait(days=3)
        assert road.rule("paul", NoticeTime()) == "system_only"


class TestResubmit:
    @pytest.mark.parametrize("bring", [filed, at_testing, at_rollout])
    def test_brings_a_withdrawn_change_back(self, bring: Any) -> None:
        road = bring()
        road.do("paul", Withdraw(reason="Not now."))
        road.do("paul", Resubmit(what_changed="Now."))
        assert road.change.closing is None
        assert road.is_at(Phase.AWAITING_ANSWER)

    def test_of_a_change_that_was_rolling_out_starts_the_road_anew(self) -> None:
        road = at_wave()
        road.do("paul", Withdraw(reason="Not now."))
        road.do("paul", Resubmit(what_changed="Now."))
        assert road.change.rollout.waves == ()
        assert road.change.recruiting.campaign_due is None
        assert next_moment(road.change) == road.change.gate.reminders[0] if road.change.gate else None

    def test_refuses_others_and_wrong_moments(self) -> None:
        road = filed()
        assert road.rule("paul", Resubmit(what_changed="Nothing.")) == "wrong_stage"
        road.do("omar", DECLINE)
        assert road.rule("bela", Resubmit(what_changed="Mine now.")) == "authors_only"
        with pytest.raises(ValidationError):
            Resubmit.model_validate({"title": "No word about what changed"})

    def test_not_of_a_finished_change(self) -> None:
        road = looked_back(at_rollout_undone())
        road.do("paul", COMMANDS["close"].model_validate({"summary": "Undone."}))
        assert road.rule("paul", Resubmit(what_changed="Again.")) == "not_returnable"


def at_rollout_undone() -> Road:
    road = at_wave()
    road.do("omar", COMMANDS["roll_back"].model_validate({"scope": "all", "reason": "Too slow."}))
    return road


def test_free_edits_are_marked_in_the_trail() -> None:
    road = filed()
    road.do("paul", Edit(title="Other words"))
    assert road.last(Edited).free


def test_the_answer_to_a_proposal_keeps_to_the_quorum() -> None:
    road = filed(world=World(quorums={**World().quorums, ANSWER_PROPOSAL: Quorum(rule="all")}))
    road.do("mara", AcceptForTesting())
    assert road.change.phase is Phase.AWAITING_ANSWER
    assert road.rule("mara", AcceptForTesting()) == "already_accepted"
    road.do("omar", AcceptForTesting())
    assert road.change.passed[-1].name == ANSWER_PROPOSAL
