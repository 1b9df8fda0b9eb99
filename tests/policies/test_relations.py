from __future__ import annotations

from typing import Any

import pytest
from pydantic_core import PydanticCustomError

from policies.relations import Kind, Relation, candidates, parse
from tests.policies.organisations import change, firm


def named(who: str, **facts: Any) -> list[tuple[str, str]]:
    return [(found.person.ref, found.reason) for found in candidates(who, firm(), change(**facts))]


def test_relations_name_people_with_a_reason() -> None:
    assert named("manager_of_proposer") == [("mara", "is the proposer's manager")]
    assert [ref for ref, _ in named("line_of_proposer")] == ["mara", "otto", "eva"]
    assert named("owner_of_process") == [("mara", "owns Invoicing")]
    assert named("managers_of_affected_teams", affected_teams=("claims", "billing")) == [
        ("ivo", "leads Claims, which is affected"),
        ("mara", "leads Billing Support, which is affected"),
    ]
    assert named("endorsers", endorsers=("ivo", "otto")) == [
        ("ivo", "endorsed the tests"),
        ("otto", "endorsed the tests"),
    ]
    assert named("role:executive") == [("eva", "has the role executive")]
    assert named("person:cem") == [("cem", "is named in the policy")]


def test_no_reason_names_the_proposer() -> None:
    every = [*(kind.value for kind in Kind if kind not in (Kind.ROLE, Kind.PERSON)), "role:executive"]
    assert all("Ann" not in reason for who in every for _, reason in named(who))


@pytest.mark.parametrize(
    ("who", "facts"),
    [
        ("manager_of_proposer", {"proposer": "eva"}),
        ("manager_of_proposer", {"proposer": "stranger"}),
        ("line_of_proposer", {"proposer": "stranger"}),
        ("owner_of_process", {"process": "unheard-of"}),
        ("managers_of_affected_teams", {"affected_teams": ("unheard-of",)}),
        ("managers_of_affected_teams", {"affected_teams": ()}),
        ("endorsers", {"endorsers": ("stranger",)}),
        ("role:auditor", {}),
        ("person:stranger", {}),
    ],
)
def test_what_the_directory_does_not_know_names_nobody(who: str, facts: dict[str, Any]) -> None:
    assert named(who, **facts) == []


@pytest.mark.parametrize(
    "wrong", ["role", "role:", "person:", "role:boss", "role:manager", "person:a b", "", "Endorsers"]
)
def test_words_that_name_nobody_are_refused(wrong: str) -> None:
    with pytest.raises(PydanticCustomError):
        parse(wrong)


def test_arguments_are_read() -> None:
    assert parse("person:a.b-c") == Relation(Kind.PERSON, "a.b-c")
    assert parse("role:ombuds") == Relation(Kind.ROLE, "ombuds")
    assert parse("endorsers") == Relation(Kind.ENDORSERS)
