"""Quorums per group: each entry under ``who``, and each affected team's managers, must be heard."""

from __future__ import annotations

from typing import Any

import pytest

from changes.facts import GateFacts, Quorum
from changes.gates import quorum_reached
from policies.evaluation import seats_for
from policies.lint import check
from tests.policies.organisations import TODAY, TUESDAY, change, firm, with_gate

BOTH = ("billing", "claims")
EACH_TEAM = "{who: [managers_of_affected_teams], quorum: {per_group: any}}"


def asked(rule: str, directory: dict[str, Any] | None = None, **facts: Any) -> GateFacts:
    subject = change(**{"affected_teams": BOTH, **facts})
    return seats_for(with_gate("endorse_tests", rule), firm(**(directory or {})), subject, "endorse_tests", TUESDAY)


def test_every_affected_teams_managers_are_a_group() -> None:
    gate = asked(EACH_TEAM)
    assert {seat.person: seat.groups for seat in gate.seats} == {
        "mara": ("managers_of_affected_teams:billing",),
        "ivo": ("managers_of_affected_teams:claims",),
    }
    assert gate.quorum == Quorum(rule="per_group", each=Quorum(rule="any"))
    assert quorum_reached(gate, ["mara"]) is None
    assert quorum_reached(gate, ["ivo", "otto"]) is None
    assert quorum_reached(gate, ["mara", "ivo"]) == "2 said yes, and with them each of 2 groups that were asked"


def test_one_person_speaks_for_all_their_groups_unless_more_people_are_wanted() -> None:
    who = "who: [owner_of_process, managers_of_affected_teams]"
    alone = asked(f"{{{who}, quorum: {{per_group: any}}}}", affected_teams=("billing",))
    assert alone.seats[0].groups == ("owner_of_process", "managers_of_affected_teams:billing")
    assert quorum_reached(alone, ["mara"])
    two = asked(f"{{{who}, quorum: {{per_group: any, at_least: 2}}}}", affected_teams=("billing",))
    assert [seat.person for seat in two.seats] == ["mara", "otto"]
    assert quorum_reached(two, ["mara"]) is None
    assert quorum_reached(two, ["mara", "otto"])


def test_a_group_that_needs_more_people_gets_them_from_its_line() -> None:
    gate = asked("{who: [managers_of_affected_teams], quorum: {per_group: {count: 2}}}", affected_teams=("claims",))
    assert [(seat.person, seat.groups) for seat in gate.seats] == [
        ("ivo", ("managers_of_affected_teams:claims",)),
        ("otto", ("managers_of_affected_teams:claims",)),
    ]
    assert quorum_reached(gate, ["ivo"]) is None
    assert quorum_reached(gate, ["ivo", "otto"])


def test_a_group_without_anybody_is_asked_of_the_fallback() -> None:
    gone = {ref: {"active": False} for ref in ("ivo", "cem")}
    gate = asked(EACH_TEAM, gone)
    assert {seat.person: seat.because for seat in gate.seats} == {
        "mara": "Mara Lind leads Billing Support, which is affected; "
        "also is asked through the policy's fallback, because nobody else can be for Claims"
    }
    assert quorum_reached(gate, ["mara"])


@pytest.mark.parametrize("each", ["any", "all", "{count: 1}", "{percent: 50}", "{percent: 100, at_least: 1}"])
def test_silence_widens_a_group_and_never_raises_what_it_needs(each: str) -> None:
    gate = asked(f"{{who: [managers_of_affected_teams], quorum: {{per_group: {each}}}}}", levels={"endorse_tests": 1})
    assert [(seat.person, seat.added) for seat in gate.seats] == [("mara", False), ("ivo", False), ("otto", True)]
    assert gate.seats[2].groups == ("managers_of_affected_teams:billing",)
    assert quorum_reached(gate, ["otto", "ivo"])
    assert quorum_reached(gate, ["otto", "mara"]) is None


def test_everybody_of_each_group() -> None:
    gate = asked("{who: [role:executive, line_of_proposer], quorum: {per_group: all}}")
    assert {seat.person: seat.groups for seat in gate.seats} == {
        "eva": ("role:executive", "line_of_proposer"),
        "mara": ("line_of_proposer",),
        "otto": ("line_of_proposer",),
    }
    assert quorum_reached(gate, ["eva", "mara"]) is None
    assert quorum_reached(gate, ["eva", "mara", "otto"])


def test_a_stand_in_fills_the_place_of_whom_they_stand_in_for() -> None:
    gate = asked(EACH_TEAM, proposer="ivo")
    assert [(seat.person, seat.stands_in_for) for seat in gate.seats] == [("mara", None), ("otto", "ivo")]
    assert quorum_reached(gate, ["mara", "otto"])


def test_a_group_of_one_that_needs_two_is_found() -> None:
    policy = with_gate("endorse_tests", "{who: [owner_of_process], quorum: {per_group: {count: 2}}}")
    messages = [finding.message for finding in check(policy, firm(), TODAY) if finding.severity == "error"]
    assert "2 must say yes, but it names 1 person at most" in messages
