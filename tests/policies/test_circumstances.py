from __future__ import annotations

import pytest

from policies.circumstances import circumstances_of, roles_of
from tests.policies.organisations import change, firm


@pytest.mark.parametrize(
    ("proposer", "teams", "crosses"),
    [
        ("ann", ("billing",), False),
        ("ann", ("claims",), True),  # the proposer's own team counts
        ("ann", ("billing", "claims"), True),
        ("ann", ("billing", "billing"), False),
        ("ann", (), False),
        ("stranger", ("billing",), False),
        ("stranger", ("billing", "claims"), True),
    ],
)
def test_a_change_crosses_teams_when_more_than_one_is_concerned(
    proposer: str, teams: tuple[str, ...], crosses: bool
) -> None:
    found = circumstances_of(firm(), change(proposer, affected_teams=teams))
    assert found.crosses_teams is crosses


def test_names_are_those_of_the_directory_and_else_the_references() -> None:
    found = circumstances_of(firm(), change(process="new-thing", affected_teams=("claims", "new-team")))
    assert found.process_names == {}
    assert found.team_names == {"claims": "Claims", "new-team": "new-team", "billing": "Billing Support"}


def test_roles_follow_from_the_directory() -> None:
    assert roles_of(firm(), "ann") == {"employee"}
    assert roles_of(firm(), "mara") == {"employee", "manager"}
    assert roles_of(firm(), "eva") == {"employee", "manager", "executive"}
    assert roles_of(firm(), "stranger") == frozenset()
