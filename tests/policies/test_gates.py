from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from changes.facts import GateFacts, Quorum
from policies.evaluation import seats_for
from policies.loader import shipped
from policies.schema import REVEAL, Policy
from tests.policies.organisations import TUESDAY, altered, change, firm, with_gate

POLICY, _ = shipped()


def reasons(gate: GateFacts) -> dict[str, str]:
    return {seat.person: seat.because for seat in gate.seats}


def test_one_person_named_twice_has_one_seat_and_both_reasons() -> None:
    gate = seats_for(POLICY, firm(), change(), "answer_proposal", TUESDAY)
    assert reasons(gate) == {"mara": "Mara Lind is the proposer's manager; also owns Invoicing"}
    assert gate.seats[0].group == "manager_of_proposer"
    assert gate.seats[0].stands_in_for is None
    assert gate.quorum == Quorum(rule="any")
    assert gate.due == datetime(2026, 3, 17, 13, 0, tzinfo=UTC)
    assert gate.reminders == (datetime(2026, 3, 13, 9, 0, tzinfo=UTC), datetime(2026, 3, 16, 13, 0, tzinfo=UTC))


def test_across_teams_the_managers_of_all_of_them_are_asked() -> None:
    gate = seats_for(POLICY, firm(), change(affected_teams=("billing", "claims")), "endorse_tests", TUESDAY)
    assert reasons(gate) == {
        "mara": "Mara Lind owns Invoicing; also leads Billing Support, which is affected",
        "ivo": "Ivo Sand leads Claims, which is affected",
    }
    assert gate.quorum.needed(len(gate.seats)) == 2


def test_a_conflict_moves_the_gate_to_the_next_in_line() -> None:
    gate = seats_for(POLICY, firm(), change("mara"), "start_rollout", TUESDAY)
    assert reasons(gate) == {
        "otto": "Otto Kern stands in for Mara Lind, who owns Invoicing and may not answer about this change"
    }
    assert gate.seats[0].stands_in_for == "mara"
    assert [(passed.person, passed.because) for passed in gate.passed_over] == [
        ("mara", "Mara Lind proposed this change")
    ]


@pytest.mark.parametrize(
    ("facts", "because"),
    [
        ({"filer": "mara"}, "Mara Lind filed this change"),
        ({"co_proposers": ("mara",)}, "Mara Lind proposed this change with others"),
        ({"filer": "mara", "co_proposers": ("mara",)}, "Mara Lind proposed this change with others"),
    ],
)
def test_filers_and_co_proposers_sit_nowhere(facts: dict[str, Any], because: str) -> None:
    for name in ("answer_proposal", "endorse_tests", "sign_tests", "start_rollout"):
        gate = seats_for(POLICY, firm(), change(endorsers=("mara",), **facts), name, TUESDAY)
        assert [seat.person for seat in gate.seats] == ["otto"]
        assert gate.passed_over[0].because == because


def test_testers_do_not_sign_but_may_start_the_rollout() -> None:
    subject = change(endorsers=("mara", "ivo"), testers=("mara",))
    signing = seats_for(POLICY, firm(), subject, "sign_tests", TUESDAY)
    assert reasons(signing) == {
        "otto": "Otto Kern stands in for Mara Lind, who endorsed the tests and may not answer about this change",
        "ivo": "Ivo Sand endorsed the tests",
    }
    assert [passed.because for passed in signing.passed_over] == ["Mara Lind ran a test of this change"]
    assert [seat.person for seat in seats_for(POLICY, firm(), subject, "start_rollout", TUESDAY).seats] == ["mara"]


@pytest.mark.parametrize(
    ("mara", "why"),
    [
        ({"active": False}, "has left"),
        ({"away_until": date(2026, 3, 10)}, "is away until 10 March 2026"),
    ],
)
def test_who_left_or_is_away_is_replaced_from_their_line(mara: dict[str, Any], why: str) -> None:
    gate = seats_for(POLICY, firm(mara=mara), change(), "start_rollout", TUESDAY)
    assert reasons(gate) == {"otto": f"Otto Kern stands in for Mara Lind, who owns Invoicing and {why}"}
    assert gate.passed_over == ()


def test_who_is_back_is_asked_again() -> None:
    gate = seats_for(POLICY, firm(mara={"away_until": date(2026, 3, 9)}), change(), "start_rollout", TUESDAY)
    assert [seat.person for seat in gate.seats] == ["mara"]


def test_the_replacement_is_replaced_as_well() -> None:
    away = {"away_until": date(2026, 4, 1)}
    gate = seats_for(POLICY, firm(mara=away), change("otto"), "start_rollout", TUESDAY)
    assert reasons(gate) == {
        "eva": "Eva Roth stands in for Mara Lind, who owns Invoicing and is away until 1 April 2026"
    }
    assert [passed.person for passed in gate.passed_over] == ["otto"]


def test_after_the_end_of_a_line_the_fallback_is_asked() -> None:
    policy = altered(("role:executive, role:steward]\n", "role:ombuds]\n"))
    gone = {"active": False}
    gate = seats_for(policy, firm(mara=gone, otto=gone, eva=gone), change(), "start_rollout", TUESDAY)
    assert reasons(gate) == {
        "nora": "Nora Falk stands in for Mara Lind, who owns Invoicing and has left; nobody above Mara Lind can, "
        "so the policy's fallback is asked"
    }


def test_a_gate_that_names_nobody_falls_back_too() -> None:
    policy = with_gate("start_rollout", "{who: [role:auditor]}")
    gate = seats_for(policy, firm(), change(), "start_rollout", TUESDAY)
    assert reasons(gate) == {"mara": "Mara Lind is asked through the policy's fallback, because nobody else can be"}
    assert gate.seats[0].group == "fallback"


def test_without_anybody_a_gate_has_no_seats() -> None:
    everybody_away = {ref: {"away_until": date(2026, 4, 1)} for ref in firm().people}
    gate = seats_for(POLICY, firm(**everybody_away), change(), "start_rollout", TUESDAY)
    assert gate.seats == ()


def test_as_many_are_asked_as_must_say_yes() -> None:
    policy = with_gate("start_rollout", "{who: [owner_of_process], quorum: {count: 3}}")
    gate = seats_for(policy, firm(), change(), "start_rollout", TUESDAY)
    assert reasons(gate) == {
        "mara": "Mara Lind owns Invoicing",
        "otto": "Otto Kern is next in line above Mara Lind; 3 people are needed",
        "eva": "Eva Roth is next in line above Mara Lind; 3 people are needed",
    }
    most = with_gate("start_rollout", "{who: [owner_of_process], quorum: {count: 9}}")
    assert len(seats_for(most, firm(), change(), "start_rollout", TUESDAY).seats) == 3


def test_before_anybody_endorsed_those_who_will_be_asked_are_expected_to_sign() -> None:
    gate = seats_for(POLICY, firm(), change(affected_teams=("billing", "claims")), "sign_tests", TUESDAY)
    assert reasons(gate) == {
        "mara": "Mara Lind is asked to endorse the tests",
        "ivo": "Ivo Sand is asked to endorse the tests",
    }


def test_whom_the_quorum_adds_to_those_who_endorse_is_expected_to_sign_as_well() -> None:
    policy = with_gate("endorse_tests", "{who: [owner_of_process], quorum: {count: 2}}")
    expected = {"mara": "Mara Lind is asked to endorse the tests", "otto": "Otto Kern is asked to endorse the tests"}
    assert reasons(seats_for(policy, firm(), change(), "sign_tests", TUESDAY)) == expected
    escalated = change(levels={"endorse_tests": 1})
    assert reasons(seats_for(policy, firm(), escalated, "sign_tests", TUESDAY)) == expected, "nobody counts on silence"
    endorsed = change(endorsers=("otto",))
    assert reasons(seats_for(policy, firm(), endorsed, "sign_tests", TUESDAY)) == {
        "otto": "Otto Kern endorsed the tests"
    }


ESCALATION = {
    0: {"mara": "Mara Lind owns Invoicing"},
    1: {"mara": "Mara Lind owns Invoicing", "otto": "Otto Kern is in line above Mara Lind, and no answer came in time"},
    2: {
        "mara": "Mara Lind owns Invoicing",
        "otto": "Otto Kern is in line above Mara Lind, and no answer came in time",
        "eva": "Eva Roth is in line above Mara Lind, and no answer came in time",
    },
}


@pytest.mark.parametrize("level", [0, 1, 2, -1, 10**9])
def test_escalation_asks_the_managers_above_as_well(level: int) -> None:
    gate = seats_for(POLICY, firm(), change(levels={"start_rollout": level}), "start_rollout", TUESDAY)
    assert reasons(gate) == ESCALATION[min(max(level, 0), 2)]


def test_escalation_passes_over_a_conflict() -> None:
    subject = change("otto", levels={"start_rollout": 1})
    gate = seats_for(POLICY, firm(), subject, "start_rollout", TUESDAY)
    assert [seat.person for seat in gate.seats] == ["mara", "eva"]
    assert [passed.person for passed in gate.passed_over] == ["otto"]


def test_escalation_never_raises_the_number_of_yeses() -> None:
    subject = change(endorsers=("mara", "ivo"), levels={"sign_tests": 2})
    gate = seats_for(POLICY, firm(), subject, "sign_tests", TUESDAY)
    assert [seat.person for seat in gate.seats] == ["mara", "ivo", "otto", "eva"]
    assert gate.quorum.needed(len(gate.seats)) == 2
    assert gate.quorum.in_words(len(gate.seats)) == "2 of 4 must say yes"


def test_escalation_finds_somebody_where_all_managers_are_asked_already() -> None:
    policy = with_gate("start_rollout", "{who: [owner_of_process, person:otto]}")
    gate = seats_for(policy, firm(), change(levels={"start_rollout": 1}), "start_rollout", TUESDAY)
    assert [seat.person for seat in gate.seats] == ["mara", "otto", "eva"]
    top = with_gate("start_rollout", "{who: [person:eva]}")
    gate = seats_for(top, firm(), change(levels={"start_rollout": 1}), "start_rollout", TUESDAY)
    assert reasons(gate)["mara"] == "Mara Lind is asked through the policy's fallback, because no answer came in time"


def test_escalation_goes_on_upward_past_those_who_are_away() -> None:
    policy = with_gate("start_rollout", "{who: [person:ann]}")
    away = firm(mara={"away_until": date(2026, 4, 1)})
    gate = seats_for(policy, away, change("ben", levels={"start_rollout": 2}), "start_rollout", TUESDAY)
    assert reasons(gate) == {
        "ann": "Ann Berg is named in the policy",
        "otto": "Otto Kern is in line above Ann Berg, and no answer came in time",
        "eva": "Eva Roth is in line above Ann Berg, and no answer came in time",
    }


def reveal(quorum: str) -> Policy:
    return altered(
        ("who: [role:ombuds, role:executive]\n    quorum: {count: 2}", f"who: [role:ombuds]\n    quorum: {quorum}")
    )


def test_nobody_stands_in_where_a_name_would_be_revealed() -> None:
    assert [seat.person for seat in seats_for(POLICY, firm(), change(), REVEAL, TUESDAY).seats] == ["nora", "eva"]
    away = firm(nora={"away_until": date(2026, 4, 1)})
    assert seats_for(reveal("any"), away, change(levels={REVEAL: 2}), REVEAL, TUESDAY).seats == ()
    own = seats_for(reveal("any"), firm(), change("nora"), REVEAL, TUESDAY)
    assert own.seats == ()
    assert [passed.person for passed in own.passed_over] == ["nora"]


def test_there_are_no_other_gates() -> None:
    with pytest.raises(LookupError, match="golden"):
        seats_for(POLICY, firm(), change(), "golden", TUESDAY)
