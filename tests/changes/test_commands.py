"""Commands are declared once and generate pages, API, command line and workflow."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from changes.any_moment import PutOnHold
from changes.commands import COMMANDS, Command, names_in
from changes.decision import HUMAN_COMMANDS, STAGES
from changes.hearing import AcceptForTesting, MarkDuplicate
from changes.proposal import Edit, Submit
from changes.recruiting import DeclineInvitation, Introduce, Invite
from changes.rollout import PlanRollout
from changes.rules import RULES
from changes.testing import EndorseWithChanges, ProposeTests, RecordResult
from tests.changes.world import a_test, a_wave, proposal


class TestRegistry:
    def test_has_every_command_of_the_stages(self) -> None:
        assert {command.__module__ for command in COMMANDS.values()} <= {stage.__name__ for stage in STAGES}
        assert {command for command in COMMANDS.values() if command is not Submit} == set(RULES)
        assert set(COMMANDS) - set(HUMAN_COMMANDS) == {"notice_time", "look_again", "take_over_followers"}

    @pytest.mark.parametrize("kind", sorted(COMMANDS))
    def test_each_says_what_it_is_for(self, kind: str) -> None:
        command = COMMANDS[kind]
        assert command.kind == kind
        assert command.__doc__
        assert bool(command.button) is command.by_people
        assert all(field.description for field in command.model_fields.values())

    def test_the_order_is_the_order_of_a_change(self) -> None:
        order = list(HUMAN_COMMANDS)
        road = [
            "submit",
            "accept_for_testing",
            "propose_tests",
            "endorse",
            "sign_gate",
            "invite",
            "start_wave",
            "close",
        ]
        assert sorted(road, key=order.index) == road

    def test_needs_a_kind_of_its_own(self) -> None:
        with pytest.raises(TypeError, match="needs a kind"):
            type("Nameless", (Command,), {})
        with pytest.raises(TypeError, match="two commands are called 'submit'"):

            class Twice(Command, kind="submit", button="Again"):
                """The same again."""

    @pytest.mark.parametrize("kind", sorted(COMMANDS))
    def test_unknown_fields_are_never_lost_silently(self, kind: str) -> None:
        with pytest.raises(ValidationError) as caught:
            COMMANDS[kind].model_validate({"colour": "blue"})
        assert any(error["type"] == "extra_forbidden" for error in caught.value.errors())

    @pytest.mark.parametrize("kind", sorted(COMMANDS))
    def test_each_has_a_schema_for_forms(self, kind: str) -> None:
        assert COMMANDS[kind].model_json_schema()["additionalProperties"] is False


class TestNamesIn:
    @pytest.mark.parametrize(
        ("command", "names"),
        [
            (AcceptForTesting(), []),
            (Edit(), []),
            (MarkDuplicate(of="CH-0002"), [("/of", "change", "CH-0002")]),
            (
                proposal(proposer="bela", co_proposers=("kai",)),
                [
                    ("/process", "process", "returns"),
                    ("/affected_teams/0", "team", "billing"),
                    ("/affected_teams/1", "team", "support"),
                    ("/proposer", "person", "bela"),
                    ("/co_proposers/0", "person", "kai"),
                ],
            ),
            (
                Edit(process="invoicing", affected_teams=("depot",)),
                [("/process", "process", "invoicing"), ("/affected_teams/0", "team", "depot")],
            ),
            (Invite(people=("bela", "kai")), [("/people/0", "person", "bela"), ("/people/1", "person", "kai")]),
            (
                Introduce(person="uta", to="bela", why="Hm."),
                [("/person", "person", "uta"), ("/to", "person", "bela")],
            ),
            (
                RecordResult(test="T1", value=Decimal(1), sample=1, evidence="log", measured_by="uta"),
                [("/measured_by", "person", "uta")],
            ),
            (
                ProposeTests(tests=(a_test("T1"), a_test("T2", testers=("tom", "uta")))),
                [
                    ("/tests/0/testers/0", "person", "tom"),
                    ("/tests/1/testers/0", "person", "tom"),
                    ("/tests/1/testers/1", "person", "uta"),
                ],
            ),
            (EndorseWithChanges(what="More."), []),
            (
                PlanRollout(waves=(a_wave(teams=("depot",)),), back_out_plan="Back."),
                [("/waves/0/teams/0", "team", "depot")],
            ),
        ],
    )
    def test_finds_everything_named_with_its_place(self, command: Command, names: list[tuple[str, str, str]]) -> None:
        assert sorted(names_in(command)) == sorted(names)

    def test_the_pointer_leads_to_the_name(self) -> None:
        command = ProposeTests(tests=(a_test("T1"), a_test("T2", testers=("tom", "uta"))))
        body = command.model_dump(mode="json")
        for pointer, _, name in names_in(command):
            at: Any = body
            for part in pointer.strip("/").split("/"):
                at = at[int(part)] if isinstance(at, list) else at[part]
            assert at == name


class TestFingerprint:
    def test_is_of_kind_and_content(self) -> None:
        assert proposal().fingerprint() == proposal().fingerprint()
        assert proposal().fingerprint() != proposal(title="Other words").fingerprint()
        assert AcceptForTesting().fingerprint() != DeclineInvitation().fingerprint()
        assert len(AcceptForTesting().fingerprint()) == 64

    def test_is_the_same_for_the_same_content_however_it_was_written(self) -> None:
        written = {"deadline": "gate", "reason": "Holidays.", "to": "2026-04-01T10:00:00+02:00"}
        other = {"to": "2026-04-01T08:00:00Z", "reason": " Holidays. ", "deadline": "gate"}
        move = COMMANDS["move_deadline"]
        assert move.model_validate(written).fingerprint() == move.model_validate(other).fingerprint()

    def test_survives_json(self) -> None:
        for command in (proposal(), ProposeTests(tests=(a_test(ends=date(2027, 1, 1)),)), PutOnHold(reason="Täglich")):
            read = type(command).model_validate_json(command.model_dump_json())
            assert read == command
            assert read.fingerprint() == command.fingerprint()
            assert json.loads(command.model_dump_json())
