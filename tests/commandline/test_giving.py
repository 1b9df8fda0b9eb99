"""``groundswell do``: a command line for each command, the same words as the interface, and nothing happens twice."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from changes.decision import HUMAN_COMMANDS
from client.api import Api, ServerAway
from commandline.giving import EveryCommand, name_of
from tests.commandline.conftest import Said, Type
from tests.demo.serving import Served
from tests.web.office import a_test, proposal

SignIn = Callable[[str], Said]


def as_options(fields: dict[str, object]) -> list[str]:
    """The options that fill ``fields``."""
    options: list[str] = []
    for name, value in fields.items():
        for each in value if isinstance(value, list) else [value]:
            options += [f"--{name.replace('_', '-')}", str(each)]
    return options


@pytest.fixture
def filed(signed_in: SignIn, type_in: Type) -> str:
    """A change that Mara has filed."""
    signed_in("mara.lind")
    said = type_in("do", "submit", "--receipt", *as_options(proposal()))
    assert said.code == 0, said.err
    return str(json.loads(said.out)["change"])


@pytest.mark.parametrize("kind", HUMAN_COMMANDS)
def test_every_human_command_can_be_typed_and_explains_its_fields(kind: str, type_in: Type) -> None:
    said = type_in("do", name_of(kind), "--help")
    assert said.code == 0
    assert HUMAN_COMMANDS[kind].button in said.out
    for field in HUMAN_COMMANDS[kind].model_fields:
        assert f"--{field.replace('_', '-')}" in said.out
    assert ("CHANGE" in said.out) == (kind != "submit")


def test_all_of_them_are_listed_in_the_order_of_a_changes_life() -> None:
    group = EveryCommand(name="do")
    names = group.list_commands(None)
    assert names == [name_of(kind) for kind in HUMAN_COMMANDS]
    assert names[0] == "submit"
    assert group.get_command(None, "say-back") is group.get_command(None, "say_back") is not None
    assert group.get_command(None, "notice-time") is None, "what only Groundswell does cannot be typed"


def test_a_change_is_filed_and_answered(filed: str, signed_in: SignIn, type_in: Type, here: Served) -> None:
    signed_in("jonas.okafor")
    said = type_in("do", "accept-for-testing", filed, "--note", "Good.")
    assert (said.code, said.err) == (0, "")
    assert said.out == f"{filed} is waiting for its tests to be proposed. Next: propose the tests.\n"
    assert here.gateway.state(filed).proposal.content.title == proposal()["title"]


def test_another_person_who_is_signed_in_may_act(filed: str, signed_in: SignIn, type_in: Type) -> None:
    signed_in("jonas.okafor")
    assert type_in("do", "follow", filed, "--as", "mara.lind").code == 0
    said = type_in("do", "follow", filed, "--as", "lea.fontaine")
    assert said.code == 2
    assert "“lea.fontaine” is not signed in here; signed in: jonas.okafor, mara.lind" in said.err


def test_a_refusal_names_the_rule(filed: str, type_in: Type) -> None:
    said = type_in("do", "accept-for-testing", filed)
    assert said.code == 1
    assert said.out == ""
    assert said.err.splitlines() == [
        "Nobody decides on their own change. Somebody else has been asked.",
        "  rule: own_change",
    ]


def test_a_field_that_is_wrong_is_named_in_the_words_of_the_interface(
    filed: str, type_in: Type, signed_in: SignIn
) -> None:
    signed_in("jonas.okafor")
    type_in("do", "accept-for-testing", filed)
    tests = json.dumps([a_test("T1"), {**a_test("T2"), "pass_line": "many"}])
    said = type_in("do", "propose-tests", filed, "--tests", tests, "--as", "mara.lind")
    assert said.code == 1
    assert "/tests/1/pass_line" in said.err
    assert "rule: invalid_fields" in said.err


def test_nested_fields_come_from_a_file(filed: str, type_in: Type, signed_in: SignIn, tmp_path: Path) -> None:
    signed_in("jonas.okafor")
    type_in("do", "accept-for-testing", filed)
    file = tmp_path / "tests.json"
    file.write_text(json.dumps([a_test("T1")]))
    assert type_in("do", "propose-tests", filed, "--tests", f"@{file}", "--as", "mara.lind").code == 0


def test_fields_may_come_as_one_object_and_options_win(
    signed_in: SignIn, type_in: Type, here: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in("mara.lind")
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(proposal(title="From the file"))))
    said = type_in("do", "submit", "--json", "-", "--cost", "12.50", "--title", "From the option", "--receipt")
    content = here.gateway.state(json.loads(said.out)["change"]).proposal.content
    assert (content.title, str(content.cost)) == ("From the option", "12.50")


@pytest.mark.parametrize(("text", "words"), [("[1]", "must hold an object"), ("{", "is not JSON")])
def test_an_object_that_is_none_is_said_in_words(text: str, words: str, type_in: Type, tmp_path: Path) -> None:
    file = tmp_path / "fields.json"
    file.write_text(text)
    said = type_in("do", "submit", "--json", str(file))
    assert said.code == 2
    assert said.err.startswith("--json: ")
    assert words in said.err


def test_with_one_key_it_happens_once(filed: str, type_in: Type, here: Served) -> None:
    first = type_in("do", "withdraw", filed, "--reason", "No.", "--key", "once", "--receipt")
    again = type_in("do", "withdraw", filed, "--reason", "No.", "--key", "once", "--receipt")
    assert (first.code, again.out) == (0, first.out)
    other = type_in("do", "withdraw", filed, "--reason", "Another.", "--key", "once")
    assert other.code == 1
    assert "rule: key_reused" in other.err


def test_a_version_that_has_passed_refuses(filed: str, type_in: Type) -> None:
    said = type_in("do", "withdraw", filed, "--reason", "No.", "--version", "1")
    assert said.code == 1
    assert "rule: stale_version" in said.err


def test_what_was_typed_as_a_reference_stays_a_reference(signed_in: SignIn, type_in: Type) -> None:
    signed_in("mara.lind")
    said = type_in("do", "follow", "../me")
    assert said.code == 1
    assert "rule: not_found" in said.err


def test_when_nobody_answers_the_key_is_told_so_that_it_can_be_sent_again(
    filed: str, type_in: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(self: Api, *arguments: object, **more: object) -> None:
        raise ServerAway("No Groundswell answers at http://here.")

    monkeypatch.setattr(Api, "give", away)
    said = type_in("do", "withdraw", filed, "--reason", "No.", "--key", "my-key")
    assert said.code == 3
    assert "--key my-key" in said.err
    assert "No Groundswell answers" in said.err


@pytest.mark.parametrize(
    "arguments", [("do", "nothing"), ("do", "endorse"), ("do", "conclude", "CH-1", "--verdict", "x")]
)
def test_what_cannot_be_understood_is_a_usage_error(arguments: tuple[str, ...], type_in: Type) -> None:
    said = type_in(*arguments)
    assert said.code == 2
    assert "Usage" in said.err


def test_nobody_signed_in_is_said_with_how_to_sign_in(type_in: Type) -> None:
    said = type_in("do", "endorse", "CH-1")
    assert said.code == 2
    assert said.err.startswith("Nobody is signed in here. Sign in with: groundswell sign-in LINK")
