"""Concerns: raised by anybody, asked why, answered, and closed by who raised them or overruled one level up."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from changes.concerns import (
    AnswerWhy,
    AskWhy,
    OverruleConcern,
    RaiseConcern,
    ResolveConcern,
    Respond,
)
from changes.hearing import AcceptForTesting, Decline
from changes.refusals import RefusalKind
from changes.state import ConcernCode, ConcernStatus
from changes.waiting import waiting_for
from tests.changes.road import Road, at_endorsement, at_learning, at_planning, at_signing, at_wave, filed, in_the_window
from tests.changes.world import World, proposal

FRAUD = RaiseConcern(
    title="Fraud",
    text="Nobody checks receipts.",
    code=ConcernCode.R09,
    blocking=True,
    would_settle="A second look at big sums",
)
HURRY = RaiseConcern(title="Hurry", text="There is no time.", code=ConcernCode.R05)
WHY = AskWhy(concern="C1", question="What happened before?")
ANSWER = AnswerWhy(concern="C1", answer="Last year we lost money.")
RESPONSE = Respond(concern="C1", text="The till checks receipts now.", changed_something=True)
OVERRULE = OverruleConcern(concern="C1", reason="The till checks receipts.")


def worried(road: Road | None = None) -> Road:
    """Kai has raised a blocking concern."""
    road = road or filed()
    road.do("kai", FRAUD)
    return road


class TestRaise:
    @pytest.mark.parametrize("road", [filed, at_planning, in_the_window, at_signing, at_wave, at_learning])
    def test_in_any_stage_by_anybody(self, road: object) -> None:
        assert callable(road)
        story = road()
        story.do("kai", FRAUD)
        story.do("paul", HURRY)
        assert [(c.ref, c.by, c.blocking) for c in story.change.concerns] == [
            ("C1", "kai", True),
            ("C2", "paul", False),
        ]
        assert [c.ref for c in story.change.blocking_concerns] == ["C1"]

    def test_reads_well_in_the_trail(self) -> None:
        road = worried()
        assert road.events[-1].sentence() == "raised the blocking concern C1 “Fraud”: Nobody checks receipts."
        assert ConcernCode.R09.meaning == "breaks something: safety, customers, law or data"
        assert all(code.meaning for code in ConcernCode)

    def test_needs_a_title_a_text_and_a_known_reason(self) -> None:
        for wrong in ({"title": ""}, {"text": ""}, {"code": "R99"}):
            with pytest.raises(ValidationError):
                RaiseConcern.model_validate(FRAUD.model_dump() | wrong)

    def test_refuses_people_who_left_and_changes_that_ended(self) -> None:
        road = filed()
        road.world.alter("kai", active=False)
        assert road.rule("kai", FRAUD) == "not_active"
        road.do("mara", Decline(reason="No.", way_forward="Later."))
        assert road.rule("uta", FRAUD) == "change_ended"

    def test_a_soft_one_holds_no_gate(self) -> None:
        road = filed()
        road.do("kai", HURRY)
        road.do("mara", AcceptForTesting())


class TestWhy:
    def test_is_asked_by_anybody_and_answered_by_who_raised_it(self) -> None:
        road = worried()
        road.do("paul", WHY)
        road.do("nora", AskWhy(concern="C1", question="How much?"))
        road.do("kai", ANSWER)
        first, second = road.change.concerns[0].whys
        assert (first.by, first.question, first.answer) == ("paul", "What happened before?", "Last year we lost money.")
        assert second.answered_at == road.now
        road.do("uta", AskWhy(concern="C1", question="And now?"))
        road.do("kai", AnswerWhy(concern="C1", answer="Not yet."))
        assert [why.answer for why in road.change.concerns[0].whys] == [
            "Last year we lost money.",
            "Last year we lost money.",
            "Not yet.",
        ]

    def test_not_of_oneself(self) -> None:
        refused = worried().refused("kai", WHY)
        assert (refused.kind, refused.rule) == (RefusalKind.NOT_YOURS, "own_concern")

    def test_answers_follow_questions(self) -> None:
        road = worried()
        refused = road.refused("kai", ANSWER)
        assert (refused.rule, refused.pointer) == ("nothing_asked", "/concern")
        road.do("paul", WHY)
        assert road.rule("paul", ANSWER) == "raiser_only"
        road.do("kai", ANSWER)
        assert road.rule("kai", ANSWER) == "nothing_asked"

    def test_the_answer_belongs_to_who_raised_that_concern(self) -> None:
        road = worried()
        road.do("uta", HURRY)
        road.do("paul", WHY)
        assert road.rule("uta", ANSWER) == "raiser_only"

    def test_of_which_concern(self) -> None:
        road = filed()
        refused = road.refused("paul", WHY)
        assert (refused.kind, refused.rule) == (RefusalKind.INVALID, "no_concern_open")
        worried(road)
        refused = road.refused("paul", WHY.having(concern="C7"))
        assert (refused.rule, refused.pointer) == ("unknown_concern", "/concern")
        assert "There are: C1." in refused.detail


class TestRespond:
    @pytest.mark.parametrize("person", ["paul", "omar", "mara"])
    def test_by_those_who_carry_the_change_or_are_asked(self, person: str) -> None:
        road = worried()
        road.do(person, RESPONSE)
        [response] = road.change.concerns[0].responses
        assert (response.by, response.changed_something) == (person, True)
        assert road.change.concerns[0].status is ConcernStatus.OPEN

    def test_refuses_others(self) -> None:
        assert worried().rule("nora", RESPONSE) == "lead_only"

    def test_refuses_closed_concerns(self) -> None:
        road = worried()
        road.do("uta", HURRY)
        road.do("kai", ResolveConcern(concern="C1"))
        refused = road.refused("paul", RESPONSE)
        assert (refused.rule, refused.pointer) == ("concern_closed", "/concern")
        assert "already resolved" in refused.detail


class TestResolve:
    def test_opens_the_gate_again(self) -> None:
        road = worried()
        assert road.rule("mara", AcceptForTesting()) == "blocking_concern"
        road.do("kai", ResolveConcern(concern="C1", because="The till checks."))
        concern = road.change.concerns[0]
        assert (concern.status, concern.closed_by, concern.closed_because) == (
            ConcernStatus.RESOLVED,
            "kai",
            "The till checks.",
        )
        road.do("mara", AcceptForTesting())

    @pytest.mark.parametrize("person", ["paul", "omar", "vera"])
    def test_only_by_who_raised_it(self, person: str) -> None:
        assert worried().rule(person, ResolveConcern(concern="C1")) == "raiser_only"

    def test_every_concern_has_its_own_voice(self) -> None:
        road = worried()
        road.do("uta", HURRY)
        assert road.rule("uta", ResolveConcern(concern="C1")) == "raiser_only"
        assert road.rule("kai", ResolveConcern(concern="C2")) == "raiser_only"

    def test_a_proposer_cannot_close_the_concerns_of_others(self) -> None:
        road = worried()
        assert road.rule("paul", OVERRULE) == "own_change"
        assert "resolve_concern" not in road.offers("paul")


class TestOverrule:
    def test_one_level_above_the_gate_and_the_dissent_stays(self) -> None:
        road = worried(at_endorsement())
        road.do("vera", OVERRULE)
        concern = road.change.concerns[0]
        assert (concern.status, concern.closed_by) == (ConcernStatus.OVERRULED, "vera")
        assert concern.text == "Nobody checks receipts."
        assert not concern.holds_gates

    @pytest.mark.parametrize(
        ("person", "rule"), [("omar", "one_level_up"), ("lena", "one_level_up"), ("paul", "own_change")]
    )
    def test_refuses_others(self, person: str, rule: str) -> None:
        refused = worried().refused(person, OVERRULE)
        assert (refused.kind, refused.rule) == (RefusalKind.NOT_YOURS, rule)

    def test_not_for_ones_own_change(self) -> None:
        road = worried(filed(submit=proposal(co_proposers=("vera",))))
        assert road.rule("vera", OVERRULE) == "own_change"

    def test_not_ones_own_concern(self) -> None:
        road = filed()
        road.do("vera", FRAUD)
        assert road.rule("vera", OVERRULE) == "own_concern"
        road.do("vera", ResolveConcern(concern="C1"))

    def test_by_the_head_where_nobody_stands_above(self) -> None:
        world = World(owners={"returns": "vera", "invoicing": "mara"})
        road = worried(filed(world, proposal(affected_teams=("billing",))))
        assert road.rule("mara", OVERRULE) == "one_level_up"
        road.do("vera", OVERRULE)

    def test_needs_a_reason_and_an_open_concern(self) -> None:
        with pytest.raises(ValidationError):
            OverruleConcern(concern="C1", reason="")
        assert filed().rule("vera", OVERRULE) == "no_concern_open"


class TestWhoMustAnswer:
    """reference/champions.md 3.7: each reason has somebody who owes the answer."""

    @pytest.mark.parametrize(
        ("code", "owing"),
        [
            ("R01", ("paul",)),
            ("R02", ("paul",)),
            ("R03", ("omar", "mara")),
            ("R04", ("paul", "omar")),
            ("R05", ("omar", "mara")),
            ("R06", ("omar", "mara")),
            ("R07", ("paul",)),
            ("R08", ("omar", "mara")),
            ("R09", ("mara", "omar")),
            ("R10", ("paul", "omar")),
            ("R11", ()),
        ],
    )
    def test_follows_from_the_reason(self, code: str, owing: tuple[str, ...]) -> None:
        road = filed()
        road.do("kai", RaiseConcern(title="Worry", text="Hm.", code=ConcernCode(code)))
        assert road.change.concerns[0].must_answer == owing
        waiting = {task.person for task in waiting_for(road.change) if "respond" in task.commands}
        assert waiting == set(owing)

    def test_what_breaks_something_always_blocks(self) -> None:
        road = filed()
        road.do("kai", RaiseConcern(title="Fraud", text="Hm.", code=ConcernCode.R09))
        assert road.change.blocking_concerns

    def test_by_when_somebody_should_ask_why_is_kept_with_it(self) -> None:
        road = filed()
        road.do("kai", RaiseConcern(title="Worry", text="Hm.", code=ConcernCode.R01))
        assert road.change.concerns[0].ask_by == road.now + timedelta(days=3)
