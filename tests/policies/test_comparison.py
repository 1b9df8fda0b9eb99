from __future__ import annotations

from policies.comparison import Difference, difference
from policies.loader import shipped
from tests.policies.organisations import altered

POLICY, _ = shipped()


def test_nothing_differs_from_itself() -> None:
    assert difference(POLICY, POLICY) == ()


def test_changes_are_told_path_by_path() -> None:
    new = altered(
        ("version: 1", "version: 2"),
        ("holidays: de-BE", "# no holidays"),
        ("cost: 500\n", "cost: 600\n"),
        ("      reversible: true", "      reversible: false"),
        ("waves: [5%, 25%, 100%]", "waves: [10%, 100%]"),
        ("over: 50}", "over: 40}"),
        ("quorum: {percent: 60, at_least: 2}", "quorum: all"),
    )
    assert [str(change) for change in difference(POLICY, new)] == [
        "version: 1 becomes 2",
        "time.holidays: removed, was de-BE",
        "empowerment.employee.limits.cost: 500 becomes 600",
        "empowerment.employee.limits.reversible: true becomes false",
        "routes.cross-team.when: any of (crosses_teams is true, people_affected over 50) becomes "
        "any of (crosses_teams is true, people_affected over 40)",
        "routes.cross-team.gates.endorse_tests.quorum.percent: removed, was 60",
        "routes.cross-team.gates.endorse_tests.quorum.at_least: removed, was 2",
        "rollout.waves: (5, 25, 100) becomes (10, 100)",
        "routes.cross-team.gates.endorse_tests.quorum: added, all",
    ]


def test_routes_are_compared_by_name_and_their_order_is_told() -> None:
    new = altered(("name: standard", "name: proven"))
    paths = [change.path for change in difference(POLICY, new)]
    assert "routes.standard.name" in paths
    assert "routes.proven.name" in paths
    assert not any(path.startswith("routes.emergency") for path in paths)
    assert "order of routes" in paths


def test_what_is_said_twice_is_told_apart() -> None:
    new = altered(("role: manager", "role: employee"))
    found = {change.path: change for change in difference(POLICY, new)}
    assert found["empowerment.employee-2.limits.cost"] == Difference("empowerment.employee-2.limits.cost", None, "2000")
