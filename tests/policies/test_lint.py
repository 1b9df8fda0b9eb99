from __future__ import annotations

from datetime import date

import pytest

from directory.model import Directory, Person
from policies import staffing
from policies.lint import Finding, check
from policies.loader import shipped
from policies.schema import Policy
from tests.policies.organisations import PROCESSES, TEAMS, TODAY, altered, firm, person, with_gate

POLICY, _ = shipped()
NOTHING_YET = Finding("note", "routes.standard", "fits no change yet, because a list in its condition is empty")


def found(policy: Policy, directory: Directory | None = None, today: date | None = None) -> list[str]:
    return [str(finding) for finding in check(policy, directory, today)]


def test_the_shipped_policy_is_clean() -> None:
    assert check(POLICY) == (NOTHING_YET,)


AUDITOR = person("ria", "Ria Ode", "office", "eva", roles=("auditor",))


def office(*more: Person) -> Directory:
    """The firm with Sam, a steward, and ``more``."""
    steward = person("sam", "Sam Rey", "office", "eva", roles=("steward",))
    return Directory([*firm().people.values(), steward, *more], TEAMS, PROCESSES)


def test_a_firm_that_the_shipped_policy_fits_is_told_what_is_tight() -> None:
    yet, tight = check(POLICY, office(AUDITOR), TODAY)
    assert yet == NOTHING_YET
    assert tight.severity == "note"
    assert "if several of them have a part in it, too few are left" in tight.message


THROUGH_FALLBACK = Finding(
    "note",
    "routes.policy.gates.endorse_tests",
    "if Sam Rey puts a policy forward, Mara Lind would be asked through the fallback, "
    "because too few of those named here can answer",
)


def test_a_second_endorser_of_the_policy_through_the_fallback_is_worth_knowing() -> None:
    assert THROUGH_FALLBACK in check(POLICY, office(), TODAY)
    assert THROUGH_FALLBACK not in check(POLICY, office(AUDITOR), TODAY)


def route(name: str, when: str) -> tuple[str, str]:
    """One more route before the last."""
    return "  # Everything else.\n", f"  - name: {name}\n    when: {when}\n"


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("always", None),
        (
            "{all: [{field: cost, over: 9}, {field: cost, under: 3}]}",
            "fits no change: its condition contradicts itself",
        ),
        (
            "{all: [{field: regulated, is: true}, {field: cost, over: 9}]}",
            'is never reached: every change that fits it is taken before, by "regulated"',
        ),
        (
            "{field: people_affected, at_least: 60}",
            'is never reached: every change that fits it is taken before, by "cross-team"',
        ),
        ("{field: people_affected, at_least: 50}", None),
        ("{field: proposer_role, is: executive}", None),
    ],
)
def test_routes_that_nothing_reaches(when: str, message: str | None) -> None:
    policy = altered(route("extra", when))
    errors = [finding for finding in check(policy) if finding.path == "routes.extra"]
    assert [error.message for error in errors] == ([message] if message else [])
    assert all(error.severity == "error" for error in errors)


def test_routes_covered_by_several_before_them_together() -> None:
    low = "{all: [{field: cost, under: 100}, {field: people_affected, under: 51}]}"
    both = "  - name: low\n    when: " + low + "\n  - name: high\n    when: {field: cost, at_least: 100}\n"
    policy = altered(
        ("  # Everything else.\n", both + "  - name: small\n    when: {field: people_affected, under: 9}\n")
    )
    assert (
        "error: routes.small: is never reached: every change that fits it is taken before, by several routes together"
        in (found(policy))
    )
    assert any("routes.everyday" in finding for finding in found(policy))


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("people_affected: 25\n      cost: 2000", "people_affected: 5\n      cost: 200", "empowerment.manager"),
        ("people_affected: 25\n      cost: 2000", "people_affected: 10\n      cost: 500", "empowerment.manager"),
        ("people_affected: 25\n      cost: 2000", "people_affected: 11\n      cost: 5", None),
        ("- role: manager", "- role: employee", None),
    ],
)  # fmt: skip
def test_limits_that_others_overlap(old: str, new: str, path: str | None) -> None:
    findings = [finding for finding in check(altered((old, new))) if finding.path.startswith("empowerment")]
    if path is None:
        assert all("executive" not in finding.path and "manager" not in finding.path for finding in findings)
    else:
        assert [(finding.severity, finding.path) for finding in findings] == [("warning", path)]
        assert 'the limits of "employee" overlap it' in findings[0].message


def test_the_same_limits_given_twice_are_told_once() -> None:
    grant = (
        "  - role: steward\n    limits: {people_affected: 99, cost: 1, reversible: true, crosses_teams: false,"
        " customer_facing: false, regulated: false}\n    objection_window: 1d\n"
    )
    findings = [
        line for line in found(altered(("\n# The four gates", f"{grant}{grant}\n# The four gates"))) if "stew" in line
    ]
    assert findings == [
        'warning: empowerment.steward: changes nothing: the limits of "steward" overlap it and reach at least as far'
    ]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{who: [owner_of_process], quorum: {count: 2}}", "2 must say yes, but it names 1 person at most"),
        ("{who: [owner_of_process, person:eva], quorum: {percent: 50, at_least: 3}}",
         "3 must say yes, but it names 2 people at most"),
        ("{who: [owner_of_process, person:eva], quorum: {count: 2}}", None),
        ("{who: [line_of_proposer], quorum: {count: 9}}", None),
    ],
)  # fmt: skip
def test_quorums_for_more_people_than_are_named(rule: str, message: str | None) -> None:
    expected = [f"error: routes.everyday.gates.start_rollout: {message}"] if message else []
    alone = "one person alone could change the policy"  # on the only route there is
    assert [line for line in found(with_gate("start_rollout", rule)) if alone not in line] == expected


@pytest.mark.parametrize(
    ("old", "new", "severity", "path"),
    [
        ("answer_in: 5d\n  # The tests", "answer_in: 0d\n  # The tests", "error", "gates.answer_proposal.answer_in"),
        ("campaign: 6w", "campaign: 0w", "error", "champions.campaign"),
        ("[30cd, 90cd]", "[0cd, 90cd]", "error", "learning.effect_checks.0"),
        ("free_edit: 1h", "free_edit: 0h", "warning", "proposal.free_edit"),
        ("objection_window: 2d", "objection_window: 0d", "warning", "empowerment.employee.objection_window"),
        ("review_within: 10d", "review_within: 0d", "error", "routes.emergency.review_within"),
    ],
)
def test_no_time_at_all(old: str, new: str, severity: str, path: str) -> None:
    assert f"{severity}: {path}: is zero, so that nobody has any time" in found(altered((old, new)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[mon, tue, wed, thu, fri]", "[]", "error: time.working_days: names no day, so that no deadline ever comes"),
        ("from: 12-20, to: 01-02", "from: 01-01, to: 12-31", "error: time: leaves no working day for years"),
        ("from: 12-20, to: 01-02", "from: 2026-01-01, to: 2031-01-01", "error: time: leaves no working day for years"),
        ("from: 12-20, to: 01-02", "from: 06-01, to: 09-30", "warning: time: stops every deadline for 1"),
    ],
)
def test_time_that_stands_still(old: str, new: str, message: str) -> None:
    assert any(finding.startswith(message) for finding in found(altered((old, new))))


def test_a_change_that_expires_before_everybody_was_asked() -> None:
    message = "warning: routes.everyday: a change expires before all levels of managers had their time at sign_tests"
    assert message in found(altered(("expire_after: 30cd", "expire_after: 2w")))
    assert message not in found(POLICY)


def test_deadlines_that_reach_into_a_time_without_working_days() -> None:
    policy = altered(
        ("answer_in: 5d", "answer_in: 2600d"),
        ("levels: 2", "levels: 5"),
        ("from: 12-20, to: 01-02", "from: 2082-01-01, to: 2099-12-31"),
    )
    assert "error: time: leaves no working day in the years ahead, so that deadlines never come" in found(policy)


def test_a_check_that_gives_up_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staffing, "PATIENCE", 0)
    policy = with_gate("start_rollout", "{who: [owner_of_process]}")
    message = "note: gates: not every combination of proposer, process and team could be tried"
    assert message in found(policy, Directory(list(firm().people.values())[3:], TEAMS, PROCESSES))


def test_people_and_things_that_the_directory_does_not_have() -> None:
    policy = altered(
        ("    who: [owner_of_process]\n", "    who: [owner_of_process, person:ghost, person:cem, role:auditor]\n"),
        ("in: []", "in: [invoicing, unheard-of]"),
        ("{field: people_affected, over: 50}", "{field: affected_teams, includes: nowhere}"),
    )
    findings = found(policy, firm(cem={"active": False}))
    assert 'error: gates.start_rollout: nobody in the directory has the reference "ghost"' in findings
    assert "warning: gates.start_rollout: Cem Kaya has left; please name somebody else" in findings
    assert "warning: gates.start_rollout: nobody in the directory has the role auditor" in findings
    assert 'warning: routes.standard.when: the directory does not know "unheard-of"' in findings
    assert 'warning: routes.cross-team.when: the directory does not know "nowhere"' in findings


def test_errors_come_first() -> None:
    policy = altered(("campaign: 6w", "campaign: 0w"), ("free_edit: 1h", "free_edit: 0h"))
    assert [finding.severity for finding in check(policy)] == ["error", "warning", "note"]


@pytest.mark.parametrize(
    ("rule", "gate"),
    [
        ("endorse_tests: {who: [role:executive], quorum: any}", "endorse_tests"),
        ("sign_tests: {who: [role:executive], quorum: {percent: 50}}", "sign_tests"),
        ("endorse_tests: {who: [role:executive, role:auditor], quorum: {per_group: any}}", "endorse_tests"),
    ],
)
def test_one_person_alone_never_changes_the_policy(rule: str, gate: str) -> None:
    policy = altered(("      answer_proposal: {who: [role:executive], quorum: any}\n", f"      {rule}\n"), *REST[gate])
    assert found(policy)[0] == (
        f"error: routes.policy.gates.{gate}: one person alone could change the policy on this route; "
        "ask for two yeses at least"
    )


REST = {
    "endorse_tests": [("      endorse_tests: {who: [role:executive, role:auditor], quorum: {count: 2}}\n", "")],
    "sign_tests": [("      sign_tests: {who: [endorsers], quorum: {count: 2}, last_call: true}\n", "")],
}


def test_a_route_before_the_one_for_policies_that_takes_some_of_them_is_looked_at_too() -> None:
    early = ("  - name: policy\n", "  - name: dear\n    when: {field: cost, over: 100}\n  - name: policy\n")
    assert [line for line in found(altered(early)) if "alone" in line] == [
        "error: routes.dear.gates.endorse_tests: one person alone could change the policy on this route; "
        "ask for two yeses at least"
    ]


def test_an_escalation_that_runs_in_a_circle_is_named() -> None:
    circle = firm(eva={"manager": "mara"})
    assert "error: escalation: runs in a circle, because they are each other's managers: Eva Roth → Mara Lind → " in (
        "\n".join(str(finding) for finding in check(POLICY, circle, TODAY))
    )
