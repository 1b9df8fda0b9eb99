from __future__ import annotations

import json
import random
import re
from typing import Any, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from changes.facts import GATES, PolicyRef, Quorum
from policies.conditions import AllOf, AnyOf, Comparison, NotThis
from policies.loader import parse_policy, shipped
from policies.schema import REVEAL, Policy
from policies.values import Duration
from tests.policies.organisations import altered, altered_text, shipped_text
from tests.support.thoroughness import examples


def test_a_policy_names_itself_with_its_content() -> None:
    policy, _ = shipped()
    assert policy.ref == PolicyRef(name="default", version=1, sha256=policy.sha256)
    assert altered(("version: 1", "version: 2")).sha256 != policy.sha256
    assert altered(("over: 50", "over: 51")).sha256 != policy.sha256


def test_formatting_comments_and_spelled_out_defaults_make_no_difference() -> None:
    policy, text = shipped()
    bare = "\n".join(re.sub(r"(^|\s)#.*", "", line) for line in text.splitlines())
    spelled_out = altered_text(
        ("quorum: any", "quorum:   'any'   # said with quotes"),
        ("cost: 500\n", "cost: 500.00\n"),
        ("answer_in: 5d", "answer_in: 5 working days"),
        ("waves: [5%, 25%", "waves: [5, 25%"),
        ("    when: always", "    when: always\n    decide_alone: within_limits"),
        ("[mon, tue, wed, thu, fri]", "[fri, mon, tue, wed, thu]"),
        ("holidays: de-BE", "holidays: DE-be"),
    )
    assert parse_policy(bare).sha256 == policy.sha256
    assert parse_policy(spelled_out).sha256 == policy.sha256


def shuffled(value: Any, dice: random.Random) -> Any:
    if isinstance(value, dict):
        keys = dice.sample(list(value), len(value))
        return {key: shuffled(value[key], dice) for key in keys}
    return [shuffled(item, dice) for item in value] if isinstance(value, list) else value


@settings(max_examples=examples(25), deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([None, 1, 4]), st.booleans())
def test_the_hash_survives_reformatting(dice: random.Random, indent: int | None, ascii_only: bool) -> None:
    policy, _ = shipped()
    content = shuffled(policy.model_dump(mode="json", exclude_unset=True), dice)
    text = json.dumps(content, indent=indent, ensure_ascii=ascii_only)
    again = parse_policy(f"# {dice.random()}\n{text}")
    assert again.sha256 == policy.sha256
    assert again == policy


def test_a_policy_survives_the_way_through_a_database() -> None:
    policy, _ = shipped()
    assert Policy.model_validate_json(policy.model_dump_json()) == policy
    assert Policy.model_validate_json(policy.canonical).sha256 == policy.sha256


def test_gates_inherit_what_a_route_leaves_out() -> None:
    policy, _ = shipped()
    emergency = policy.route("emergency")
    answer = policy.gate(emergency, "answer_proposal")
    assert answer.who == ("manager_of_proposer", "owner_of_process")
    assert answer.answer_in == Duration(4, "h")
    assert policy.gate(emergency, "sign_tests").quorum == Quorum(rule="count", count=2)
    assert policy.gate(policy.route("everyday"), "start_rollout").answer_in == policy.proposal.answer_in
    cross_team = policy.gate(policy.route("cross-team"), "endorse_tests")
    assert cross_team.quorum == Quorum(rule="percent", percent=60, at_least=2)


ROADS = ("emergency", "standard", "regulated", "cross-team", "everyday")


def test_every_route_has_the_four_gates_and_the_reveal() -> None:
    policy, _ = shipped()
    assert [route.name for route in policy.routes] == ["policy", *ROADS]
    for route in policy.routes:
        for name in (*GATES, REVEAL):
            assert policy.gate(route, name).who


def test_routes_and_gates_that_do_not_exist_are_named() -> None:
    policy, _ = shipped()
    with pytest.raises(LookupError, match='has no route "scenic"'):
        policy.route("scenic")
    with pytest.raises(LookupError, match='there is no gate "golden"'):
        policy.gate(policy.route("everyday"), "golden")
    unfinished = policy.route("everyday")
    without_defaults = policy.model_copy(update={"gates": type(policy.gates)()})
    with pytest.raises(LookupError, match="is not one of the policy"):
        without_defaults.gate(unfinished, "answer_proposal")


def keys_of(kind: Any) -> set[str]:
    """All keys of a model and the models inside it, those of conditions left out."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        if issubclass(kind, Comparison | AllOf | AnyOf | NotThis):
            return set()
        fields = kind.model_fields.items()
        return {field.alias or name for name, field in fields}.union(*(keys_of(f.annotation) for _, f in fields))
    parts = get_args(kind) if get_origin(kind) is not None or get_args(kind) else ()
    return set().union(*(keys_of(part) for part in parts))


def test_the_shipped_policy_shows_every_key_there_is() -> None:
    shown = set(re.findall(r"([a-z_]+):(?= |\n)", shipped_text()))
    assert keys_of(Policy) - shown == set()


def test_the_shipped_policy_explains_its_settings() -> None:
    """Each setting right below a section has a comment above it or above its section."""
    lines = shipped_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"(  )?[a-z_]+:", line):
            above = lines[number - 1].strip()
            first = not line.startswith(" ") or lines[number - 1].endswith(":")
            assert above.startswith("#") or first, f"line {number + 1} is not explained: {line}"
