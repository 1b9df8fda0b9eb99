"""Who may be invited: every rule of 3.2 by example."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from champions.eligibility import NOT_AVAILABLE, eligible
from tests.champions.grounds import TODAY, ground, person


def reason(asked_about: dict[str, Any], **fields: Any) -> str | None:
    """Why the person described may not be invited."""
    somebody = person("ana", **asked_about)
    return eligible(somebody, ground([somebody, person("ben")], **fields))


def test_anybody_without_a_reason_against_it_may_be_invited() -> None:
    assert reason({}) is None


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"active": False}, "no longer active"),
        ({"leads_people": True}, "leads people"),
        ({"open_campaigns": 1}, "no room for another campaign"),
        ({"campaigns_last_12_months": 2}, "2 campaigns in the past 12 months"),
        ({"last_campaign_ended": TODAY - timedelta(days=59)}, "less than 60 days ago"),
        ({"last_campaign_ended": TODAY + timedelta(days=3)}, "less than 60 days ago"),
    ],
)
def test_hard_rules_hold_for_volunteers_too(fields: dict[str, Any], told: str) -> None:
    assert told in (reason(fields) or "")
    assert reason(fields) == reason(fields | {"volunteered": True})


@pytest.mark.parametrize(
    "fields",
    [
        {"campaigns_last_12_months": 1},
        {"last_campaign_ended": TODAY - timedelta(days=60)},
        {"quiet_until": TODAY},
        {"last_campaign_ended": date(1999, 1, 1)},
    ],
)
def test_the_limits_themselves_are_free(fields: dict[str, Any]) -> None:
    assert reason(fields) is None


def test_the_policy_may_allow_more_open_campaigns() -> None:
    assert reason({"open_campaigns": 1}, open_campaigns_allowed=2) is None


@pytest.mark.parametrize("fields", [{"open_to_invitations": False}, {"quiet_until": TODAY + timedelta(days=1)}])
def test_whoever_wants_quiet_is_not_invited_but_may_volunteer(fields: dict[str, Any]) -> None:
    assert reason(fields) == NOT_AVAILABLE
    assert reason(fields | {"volunteered": True}) is None


def test_a_conflict_of_interest_leaves_only_volunteering() -> None:
    conflict = {"conflicted": "reports to the proposer"}
    assert reason(conflict) == "may join only by volunteering (reports to the proposer)"
    assert reason(conflict | {"volunteered": True}) is None


@pytest.mark.parametrize("volunteered", [False, True])
def test_a_decline_looks_like_any_other_absence(volunteered: bool) -> None:
    # Nobody may be able to tell from the reason that this person was asked and said no (3.4).
    assert reason({"volunteered": volunteered}, not_again=("ana",)) == reason({"open_to_invitations": False})


@pytest.mark.parametrize(
    ("role", "told"),
    [("already", "already a champion"), ("asked", "not answered yet"), ("excluded", "proposes, tests or decides")],
)
def test_nobody_has_two_parts_in_one_change(role: str, told: str) -> None:
    assert told in (reason({"volunteered": True}, **{role: ("ana",)}) or "")


def test_whoever_stepped_down_is_not_asked_again_even_if_still_listed_as_accepted() -> None:
    assert reason({}, already=("ana",), not_again=("ana",)) == NOT_AVAILABLE
