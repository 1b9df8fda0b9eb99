"""Forms made from commands: questions, answers, and what becomes of them."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changes.decision import HUMAN_COMMANDS
from changes.proposal import Edit, Submit
from changes.recruiting import Invite
from changes.rollout import PlanRollout
from changes.state import Test, Wave
from changes.testing import EndorseWithChanges, ProposeTests
from directory.demonstration import FOLDER
from directory.importing import read_directory
from directory.model import Directory, Person
from tests.web.office import LEA, a_test, a_wave, proposal
from web.forms.answers import Posted, blank, body, known, read, with_another, without, without_blank_groups
from web.forms.controls import form, label_at
from web.forms.options import MOST_OFFERED, Offered
from web.forms.questions import Kind, questions_of
from web.plain_words import Finding

BERLIN = ZoneInfo("Europe/Berlin")
OFFERED = Offered(read_directory(FOLDER))


def kinds(model: Any) -> dict[str, Kind]:
    """The kind of each question."""
    return {question.name: question.kind for question in questions_of(model)}


def test_every_field_of_every_command_can_be_asked() -> None:
    for command in HUMAN_COMMANDS.values():
        asked = [name for name in command.model_fields if name != "policy"]  # put forward on the policy pages
        assert [question.name for question in questions_of(command)] == asked


def test_kinds_of_questions() -> None:
    assert kinds(Submit) == {
        "title": Kind.LINE,
        "process": Kind.ONE,
        "problem": Kind.TEXT,
        "suggestion": Kind.TEXT,
        "affected_teams": Kind.MANY,
        "people_affected": Kind.WHOLE,
        "cost": Kind.NUMBER,
        "reversible": Kind.TICK,
        "customer_facing": Kind.TICK,
        "regulated": Kind.TICK,
        "urgency": Kind.ONE,
        "goal": Kind.TEXT,
        "proposer": Kind.ONE,
        "co_proposers": Kind.MANY,
    }
    assert kinds(Edit)["reversible"] is Kind.ONE, "left alone is an answer too"
    assert kinds(ProposeTests) == {"tests": Kind.GROUPS}
    assert kinds(Test)["starts"] is Kind.DAY
    assert kinds(Wave)["guards"] is Kind.GROUPS
    assert kinds(HUMAN_COMMANDS["hold"])["until"] is Kind.MOMENT


def posted(values: dict[str, Any], at: str = "") -> list[tuple[str, str]]:
    """What a browser would post for a command's body."""
    items: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, list):
            for number, item in enumerate(value):
                if isinstance(item, dict):
                    items += posted(item, f"{at}{name}/{number}/")
                else:
                    items.append((f"{at}{name}", str(item)))
        elif value is True:
            items.append((f"{at}{name}", "yes"))
        elif value is not False and value is not None:
            items.append((f"{at}{name}", str(value)))
    return items


@pytest.mark.parametrize(
    ("command", "values"),
    [
        (Submit, proposal(cost="12.5", reversible=True, co_proposers=[LEA])),
        (Submit, proposal(reversible=False, urgency="emergency")),
        (ProposeTests, {"tests": [a_test("T1"), a_test("T2", baseline=None)]}),
        (PlanRollout, {"waves": [a_wave("Pilot"), a_wave("Rest")], "back_out_plan": "Go back."}),
        (Invite, {"people": [LEA]}),
        (EndorseWithChanges, {"what": "Shorter."}),
    ],
)
def test_what_is_posted_is_the_command(command: Any, values: dict[str, Any]) -> None:
    answers = read(command, Posted(posted(values)))
    made = command.model_validate(body(command, answers, OFFERED, BERLIN))
    assert made == command.model_validate(values)
    shown = known(command, {name: getattr(made, name) for name in command.model_fields}, BERLIN)
    assert command.model_validate(body(command, shown, OFFERED, BERLIN)) == made, "shown again it is the same"


def test_moments_are_on_the_clock_of_the_organisation() -> None:
    hold = HUMAN_COMMANDS["hold"]
    answers = read(hold, Posted([("reason", "Summer."), ("until", "2026-07-01T12:00")]))
    assert body(hold, answers, OFFERED, BERLIN)["until"] == "2026-07-01T12:00:00+02:00"
    answers = read(hold, Posted([("reason", "Summer."), ("until", "soon")]))
    assert body(hold, answers, OFFERED, BERLIN)["until"] == "soon"


def test_blank_groups_are_left_out_as_long_as_enough_are_left() -> None:
    answers = with_another(blank(ProposeTests), ProposeTests, "tests")
    assert len(answers["tests"]) == 2
    assert len(without_blank_groups(ProposeTests, answers)["tests"]) == 1
    answers["tests"][1]["ref"] = "T1"
    assert [test["ref"] for test in without_blank_groups(ProposeTests, answers)["tests"]] == ["T1"]
    nothing = with_another(blank(EndorseWithChanges), EndorseWithChanges, "tests")
    assert without_blank_groups(EndorseWithChanges, nothing)["tests"] == []


def test_adding_and_removing_groups() -> None:
    answers = with_another(blank(PlanRollout), PlanRollout, "waves/0/guards")
    assert len(answers["waves"][0]["guards"]) == 2
    assert len(without(answers, PlanRollout, "waves/0/guards/1")["waves"][0]["guards"]) == 1
    for nonsense in ("", "waves/9/guards", "back_out_plan", "waves/x", "nothing/0", "waves/0", "/"):
        with_another(answers, PlanRollout, nonsense)
    assert without(answers, PlanRollout, "waves/7") == answers
    many = blank(ProposeTests)
    for _ in range(40):
        many = with_another(many, ProposeTests, "tests")
    assert len(many["tests"]) == 20
    assert not form(ProposeTests, many, OFFERED).controls[0].may_add


@given(st.lists(st.tuples(st.text(max_size=30) | st.just("tests/0/ref"), st.text(max_size=20)), max_size=20), st.text())
def test_nothing_that_is_posted_breaks_a_form(items: list[tuple[str, str]], place: str) -> None:
    answers = read(ProposeTests, Posted(items))
    for made in (answers, with_another(answers, ProposeTests, place), without(answers, ProposeTests, place)):
        form(ProposeTests, without_blank_groups(ProposeTests, made), OFFERED)
        body(ProposeTests, made, OFFERED, BERLIN)


def test_a_hostile_number_of_groups_is_cut() -> None:
    answers = read(ProposeTests, Posted([(f"tests/{number}/ref", "x") for number in range(2_000)]))
    assert len(answers["tests"]) == 50


def test_errors_go_to_the_nearest_control() -> None:
    found = [
        Finding("/tests/0/ends", "x", "Ends."),
        Finding("/tests/0/testers/3", "x", "Tester."),
        Finding("/nothing", "x", "Elsewhere."),
        Finding("", "x", "Everything."),
    ]
    answers = read(ProposeTests, Posted([("tests/0/ref", "T1")]))
    drawn = form(ProposeTests, answers, OFFERED, found)
    assert list(drawn.summary) == [
        ("Ends.", "tests-0-ends"),
        ("Tester.", "tests-0-testers-1"),
        ("Elsewhere.", ""),
        ("Everything.", ""),
    ]
    controls = {control.name: control for control in drawn.controls[0].groups[0].controls}
    assert list(controls["tests/0/ends"].errors) == ["Ends."]


def test_labels_tell_which_of_several_is_meant() -> None:
    assert label_at(ProposeTests, ("tests", 1, "ends")) == "Last day (test 2)"
    assert label_at(PlanRollout, ("waves", 0, "guards", 1, "unit")) == "In which unit (wave 1, guard 2)"
    assert label_at(Submit, ("affected_teams", 2)) == "Teams that would notice"
    assert label_at(Submit, ("titel",)) == "titel"


def test_in_a_large_organisation_names_are_typed() -> None:
    people = [
        Person(ref=f"p{number}", name=f"Person {number}", email=f"p{number}@x.example", team="all")
        for number in range(MOST_OFFERED + 1)
    ] + [
        Person(ref="twin.a", name="Twin", email="a@x.example", team="all"),
        Person(ref="twin.b", name="Twin", email="b@x.example", team="all"),
    ]
    offered = Offered(Directory(people, (), ()))
    assert not offered.few("person") and offered.few("team")
    drawn = form(Invite, blank(Invite), offered)
    assert drawn.controls[0].options == ()
    typed = "p7\r\n person 8 \nP9@X.example\nTwin\nnobody"
    answers = read(Invite, Posted([("people", typed)]))
    assert body(Invite, answers, offered, BERLIN)["people"] == ["p7", "p8", "p9", "Twin", "nobody"]
