"""docs/policy.md explains every key of the schema, and none that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

from policies.conditions import FIELDS
from policies.relations import Kind
from policies.schema import Policy
from tests.policies.test_switches import keys_of

TEXT = (Path(__file__).parents[2] / "docs" / "policy.md").read_text()
TABLE = TEXT[TEXT.index("| key |") :]


def test_every_key_is_explained() -> None:
    explained = {word for quoted in re.findall(r"`([^`]+)`", TABLE) for word in re.findall(r"[a-z_]+", quoted)}
    for key in keys_of(Policy):
        assert key.partition(".")[2] in explained, f"docs/policy.md does not explain {key}"
    assert set(FIELDS) <= explained


def test_every_relation_is_named() -> None:
    for kind in Kind:
        assert f"`{kind}" in TEXT, kind


def test_no_key_is_explained_that_does_not_exist() -> None:
    known = {key.partition(".")[2] for key in keys_of(Policy)} | {
        *("time", "working_hours", "freezes", "empowerment", "limits", "gates", "routes", "review", "proposal"),
        *("concerns", "champions", "ratio", "rollout", "load", "learning", "escalation", "anonymity", "reveal"),
    }
    for first_cell in re.findall(r"^\| (.+?) \|", TABLE, re.MULTILINE)[2:]:
        for path in re.findall(r"`([a-z_.]+)`", first_cell):
            for word in path.split("."):
                assert word in known, f"docs/policy.md explains {path}, which is no key"
