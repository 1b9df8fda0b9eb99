from __future__ import annotations

from datetime import date

from directory.model import Directory, Process, Team
from policies.lint import check
from policies.loader import shipped
from policies.schema import Policy
from policies.staffing import Staffing
from tests.policies.organisations import TODAY, altered, firm, person, with_gate

POLICY, _ = shipped()


def certain(policy: Policy, directory: Directory, today: date = TODAY) -> list[tuple[str, str]]:
    staffing = Staffing(policy, directory, today)
    found = [(shortage.gate, shortage.message) for shortage in staffing.shortages() if shortage.certain]
    assert staffing.finished
    return found


def test_a_firm_in_which_everybody_finds_an_answer() -> None:
    policy = with_gate("start_rollout", "{who: [owner_of_process]}")
    assert certain(policy, firm()) == []


def test_the_only_person_above_everybody_cannot_propose_what_only_they_may_answer() -> None:
    policy = with_gate("start_rollout", "{who: [role:executive]}")
    policy = policy.model_copy(update={"fallback": ("role:executive",)})
    found = dict(certain(policy, firm()))
    assert found["start_rollout"] == (
        "if Eva Roth proposes a change to Invoicing that affects Billing Support, "
        "nobody can be asked, but 1 must say yes"
    )


def test_a_quorum_that_the_exclusion_of_the_proposer_makes_impossible() -> None:
    policy = with_gate("start_rollout", "{who: [owner_of_process], quorum: {count: 3}}")
    policy = policy.model_copy(update={"fallback": ("role:executive",)})
    assert certain(policy, firm()) == [
        (
            "start_rollout",
            "if Eva Roth proposes a change to Invoicing that affects Billing Support, "
            "2 people can be asked, but 3 must say yes",
        )
    ]


def test_absence_counts_on_the_day_asked_about() -> None:
    policy = with_gate("start_rollout", "{who: [owner_of_process]}")
    away = {"away_until": date(2026, 4, 1)}
    directory = firm(mara=away, otto=away, eva=away, ivo=away)
    assert "start_rollout" in dict(certain(policy, directory))
    assert certain(policy, directory, date.max) == []


def test_a_reveal_for_which_people_are_lacking() -> None:
    policy = altered(("who: [role:ombuds, role:executive]", "who: [role:ombuds]"))
    assert ("reveal_proposer", "needs 2 yeses, but 1 person can be asked") in certain(policy, firm())


def test_a_review_for_which_nobody_is_left() -> None:
    """Mara and Eva must both endorse an emergency of Ann's, so that neither of them can review it."""
    alone = (
        ("  by: [role:auditor, role:executive, role:steward]", "  by: [role:executive]"),
        ("fallback: [owner_of_process, ", "fallback: ["),
    )
    found = [message for gate, message in certain(altered(*alone), firm()) if gate == "review"]
    assert found == [
        "if Ann Berg proposes a change to Invoicing that affects Billing Support, nobody can be found for the review "
        "that the route emergency asks for, so it could never be closed"
    ]
    [shown] = [finding for finding in check(altered(*alone), firm(), TODAY) if finding.path == "review.by"]
    assert (shown.severity, shown.message) == ("error", found[0])
    others = (
        "fallback: [owner_of_process, role:executive, role:steward]",
        "fallback: [person:cem, person:ivo, person:otto]",
    )
    assert "review" not in dict(certain(altered(alone[0], others), firm()))
    assert "review" not in dict(certain(altered(*alone, ("    review_within: 10d\n", "")), firm())), "none is asked for"


def test_where_few_can_be_asked_the_tightest_gate_is_told() -> None:
    policy = with_gate("start_rollout", "{who: [owner_of_process], quorum: {count: 2}}")
    (doubt,) = Staffing(policy, firm(), TODAY).shortages()
    assert not doubt.certain
    assert doubt.gate == "start_rollout"
    assert doubt.spare == 1
    assert doubt.message.startswith("only Eva Roth, Mara Lind and Otto Kern can be asked about a change to Invoicing")


def test_an_organisation_of_one_without_processes_or_teams() -> None:
    alone = Directory([person("solo", "Solo Sun", "t")], [], [])
    gates = [gate for gate, _ in certain(POLICY, alone)]
    assert {"answer_proposal", "endorse_tests", "sign_tests", "start_rollout", "reveal_proposer"} <= set(gates)
    nobody_yet = Directory([], [Team(ref="t", name="T")], [Process(ref="q", name="Q", owner="ghost")])
    assert [gate for gate, _ in certain(POLICY, nobody_yet)] == ["reveal_proposer"]


def test_a_large_organisation_is_checked_without_trying_everybody() -> None:
    people = [
        person(f"p{n}", f"Person {n}", "t", f"p{(n - 1) // 7}" if n else None, roles=("executive",) if n < 6 else ())
        for n in range(2000)
    ]
    processes = [Process(ref=f"q{n}", name=f"Q{n}", owner=f"p{n + 10}") for n in range(50)]
    ombuds = person("o", "Olga", "t", "p0", roles=("ombuds",))
    staffing = Staffing(POLICY, Directory([*people, ombuds], [Team(ref="t", name="T")], processes), TODAY)
    before = staffing.left
    assert list(staffing.shortages()) == []
    assert before - staffing.left < 500
