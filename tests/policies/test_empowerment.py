from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from policies.evaluation import empowerment_of
from policies.loader import shipped
from tests.policies.organisations import TUESDAY, altered, change, firm

POLICY, _ = shipped()


def test_within_the_limits_every_limit_is_explained() -> None:
    found = empowerment_of(POLICY, firm(), change(), TUESDAY)
    assert found.allowed
    assert found.because == (
        "You may decide this yourself: it is within the limits of the role employee",
        "It touches 8 people; you may decide up to 10",
        "It costs 300; you may decide up to 500",
        "It can be undone; you may decide only what can be undone",
        "It stays inside one team (Billing Support); you may decide only what stays inside one team",
        "Customers will not notice it; you may decide only what customers will not notice",
        "It does not touch regulated work; you may decide only what is not regulated",
    )
    assert found.objection_due == datetime(2026, 3, 12, 13, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"people_affected": 11}, "It touches 11 people; you may decide up to 10"),
        ({"cost": Decimal("500.01")}, "It costs 500.01; you may decide up to 500"),
        ({"reversible": False}, "It cannot be undone; you may decide only what can be undone"),
        ({"customer_facing": True}, "Customers will notice it; you may decide only what customers will not notice"),
    ],
)
def test_one_limit_passed_is_enough_for_others_to_decide(facts: dict[str, Any], reason: str) -> None:
    found = empowerment_of(POLICY, firm(), change(**facts), TUESDAY)
    assert not found.allowed
    assert found.because[0] == "Others decide with you: it is beyond the limits of the role employee"
    assert reason in found.because


def test_the_most_generous_role_wins() -> None:
    twenty = change("mara", people_affected=20)
    found = empowerment_of(POLICY, firm(), twenty, TUESDAY)
    assert found.allowed
    assert "It touches 20 people; you may decide up to 25" in found.because
    across = change("eva", people_affected=20, affected_teams=("claims",), cost=Decimal(10_000))
    found = empowerment_of(POLICY, firm(), across, TUESDAY)
    assert found.allowed
    assert "It touches more than one team (Claims and Head Office); you may decide that either way" in found.because


def test_a_standard_change_is_decided_alone_whatever_the_limits() -> None:
    policy = altered(("in: []", "in: [invoicing]"))
    found = empowerment_of(policy, firm(), change(people_affected=5000), TUESDAY)
    assert found.allowed
    assert found.because == ("You may decide this yourself: changes on the route standard are authorised beforehand",)


def test_an_emergency_is_never_decided_alone() -> None:
    found = empowerment_of(POLICY, firm(), change(urgency="emergency"), TUESDAY)
    assert not found.allowed
    assert found.because == ("Others decide with you: nobody decides alone on the route emergency",)


@pytest.mark.parametrize("route", ["standard", "everyday"])
@pytest.mark.parametrize("proposer", ["stranger", "ann"])
def test_only_people_who_work_here_decide(route: str, proposer: str) -> None:
    policy = altered(("in: []", "in: [invoicing]")) if route == "standard" else POLICY
    found = empowerment_of(policy, firm(ann={"active": False}), change(proposer), TUESDAY)
    assert not found.allowed
    assert found.because == ("Only people who work here may decide alone",)


def test_without_limits_for_a_role_others_decide() -> None:
    policy = altered(("role: employee", "role: auditor"))
    found = empowerment_of(policy, firm(), change(), TUESDAY)
    assert not found.allowed
    assert found.because == ("The policy gives none of your roles limits to decide within",)
    assert found.objection_due == TUESDAY
