"""An assertion holds for exactly one person, command, change and key."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from changes.commands import Command
from changes.hearing import AcceptForTesting, AskForChanges
from changes.instruction import Asked, Instruction, assert_actor, assertion_holds
from tests.changes.world import MONDAY

SECRET = b"known to our own processes only"
COMMAND = AskForChanges(what="Name the desk.")


def instruction() -> Instruction:
    assertion = assert_actor(SECRET, "mara", "api", MONDAY, "CH-0001", "key-1", COMMAND)
    return Instruction(change="CH-0001", key="key-1", assertion=assertion)


def holds(given: Instruction, command: Command = COMMAND, secret: bytes = SECRET) -> bool:
    return assertion_holds(secret, given.assertion, Asked.of(given.change, given.key, command))


def test_holds_for_what_was_signed() -> None:
    assert holds(instruction())


@pytest.mark.parametrize(
    "other",
    [
        {"change": "CH-0002"},
        {"key": "key-2"},
        {"assertion": {"actor": "omar"}},
        {"assertion": {"via": "mail"}},
        {"assertion": {"at": "2026-03-02T09:00:01Z"}},
        {"assertion": {"signature": "0" * 64}},
    ],
)
def test_holds_for_nothing_else(other: dict[str, Any]) -> None:
    content = instruction().model_dump(mode="json")
    content["assertion"] |= other.pop("assertion", {})
    assert not holds(Instruction.model_validate(content | other))


def test_holds_for_no_other_command_and_no_other_secret() -> None:
    assert not holds(instruction(), COMMAND.having(what="Name two desks."))
    assert not holds(instruction(), AcceptForTesting())
    assert not holds(instruction(), secret=b"another secret")


@pytest.mark.parametrize("key", ["", "x" * 201, "with space", "with\nline", "ä"])
def test_keys_are_visible_ascii(key: str) -> None:
    with pytest.raises(ValidationError):
        Instruction.model_validate(instruction().model_dump() | {"key": key})
