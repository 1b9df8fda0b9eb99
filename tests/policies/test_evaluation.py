from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from changes.facts import GATES, SIGN_TESTS, SYSTEM, Facts, GateFacts, Subject
from changes.quorums import can_be_reached
from directory.model import Directory, Person, Process, Team
from policies.evaluation import choose_route, facts_for, norms_of
from policies.lint import Finding, check
from policies.loader import parse_policy, shipped
from policies.schema import Policy
from tests.policies.organisations import (
    TODAY,
    TUESDAY,
    altered,
    change,
    firm,
    organisations,
    person,
    shipped_text,
    subjects,
    with_gate,
)
from tests.support.thoroughness import examples

POLICY, _ = shipped()


@pytest.mark.parametrize(
    ("facts", "route"),
    [
        ({}, "everyday"),
        ({"people_affected": 50}, "everyday"),
        ({"people_affected": 51}, "cross-team"),
        ({"affected_teams": ("claims",)}, "cross-team"),
        ({"regulated": True}, "regulated"),
        ({"regulated": True, "affected_teams": ("claims",)}, "regulated"),
        ({"regulated": True, "urgency": "emergency"}, "emergency"),
    ],
)
def test_the_first_route_that_fits_is_taken(facts: dict[str, Any], route: str) -> None:
    found = choose_route(POLICY, firm(), change(**facts), TODAY)
    assert found.route == route
    assert found.policy == POLICY.ref


GOLDEN = """\
Route cross-team: it touches more than one team (Claims and Billing Support) and it touches 120 people, over 50
Not policy: it changes a process, not the policy
Not emergency: it is not an emergency
Not standard: it changes Invoicing, none of the processes listed
Not regulated: it does not touch regulated work

Others decide with you: it is beyond the limits of the role employee
It touches 120 people; you may decide up to 10
It costs 300; you may decide up to 500
It can be undone; you may decide only what can be undone
It touches more than one team (Claims and Billing Support); you may decide only what stays inside one team
Customers will not notice it; you may decide only what customers will not notice
It does not touch regulated work; you may decide only what is not regulated

answer_proposal, their answer is enough:
  Otto Kern stands in for Mara Lind, who is the proposer's manager and may not answer about this change; also \
stands in for Mara Lind, who owns Invoicing and may not answer about this change
  (Mara Lind filed this change)
endorse_tests, 2 of 2 must say yes:
  Otto Kern stands in for Mara Lind, who owns Invoicing and may not answer about this change
  Ivo Sand leads Claims, which is affected
  (Mara Lind filed this change)
sign_tests, 2 of 2 must say yes:
  Otto Kern stands in for Mara Lind, who is asked to endorse the tests and may not answer about this change
  Ivo Sand is asked to endorse the tests
  (Mara Lind filed this change)
start_rollout, their answer is enough:
  Otto Kern stands in for Mara Lind, who owns Invoicing and may not answer about this change
  (Mara Lind filed this change)
"""


def told(facts: Facts) -> str:
    """Everything a proposer would read about the road of their change."""
    gates = []
    for gate in facts.gates.values():
        seats = [f"  {seat.because}" for seat in gate.seats]
        passed = [f"  ({passed.because})" for passed in gate.passed_over]
        gates.append("\n".join([f"{gate.name}, {gate.quorum.in_words(len(gate.seats))}:", *seats, *passed]))
    parts = ["\n".join(facts.route.because), "\n".join(facts.empowerment.because), "\n".join(gates)]
    return "\n\n".join(parts) + "\n"


def test_the_whole_explanation_of_a_change() -> None:
    subject = change(filer="mara", people_affected=120, affected_teams=("claims",))
    assert told(facts_for(POLICY, firm(), subject, "ann", TUESDAY)) == GOLDEN


def test_facts_hold_everybody_and_everything_that_is_named() -> None:
    subject = change(endorsers=("ivo",), testers=("ben",), named=("cem", "claims", "nobody-here"))
    facts = facts_for(POLICY, firm(), subject, "otto", TUESDAY)
    assert facts.actor.ref == "otto"
    assert set(facts.people) == {"otto", "ann", "ivo", "ben", "cem", "mara"}
    assert set(facts.teams) == {"billing", "claims"}
    assert facts.teams["billing"].size == 3
    assert facts.process.owner == "mara"
    assert facts.unknown == ("nobody-here",)
    assert set(facts.gates) == set(GATES)
    assert facts.campaigns == {}
    assert facts.rollouts == {}


def test_people_who_are_gone_and_references_to_nothing_are_described_as_such() -> None:
    subject = change("stranger", process="unheard-of", affected_teams=("elsewhere",))
    facts = facts_for(POLICY, firm(), subject, "stranger", TUESDAY)
    assert (facts.actor.ref, facts.actor.active) == ("stranger", False)
    assert (facts.process.ref, facts.process.owner) == ("unheard-of", SYSTEM)
    assert facts.unknown == ("stranger", "elsewhere", "unheard-of")
    assert [seat.person for seat in facts.gates["answer_proposal"].seats] == ["eva"]
    assert not facts.empowerment.allowed


def test_groundswell_itself_may_look_things_up() -> None:
    facts = facts_for(POLICY, firm(), change(), SYSTEM, TUESDAY)
    assert (facts.actor.ref, facts.actor.name) == (SYSTEM, "Groundswell")
    assert facts.unknown == ()


def test_an_absence_is_counted_in_the_organisations_own_day() -> None:
    late = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)  # already the 11th in Berlin
    directory = firm(mara={"away_until": TUESDAY.date()})
    assert facts_for(POLICY, directory, change(), "mara", TUESDAY).actor.away
    assert not facts_for(POLICY, directory, change(), "mara", late).actor.away


def test_norms_are_the_policys_numbers_counted_from_now() -> None:
    norms = norms_of(POLICY, TUESDAY)
    assert norms.free_edit_until == datetime(2026, 3, 10, 14, 0, tzinfo=UTC)
    assert norms.invitation_due == datetime(2026, 3, 13, 13, 0, tzinfo=UTC)
    assert norms.invitation_reminder == datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
    assert norms.campaign_due == datetime(2026, 4, 21, 15, 0, tzinfo=UTC)
    assert norms.expires == datetime(2026, 4, 9, 15, 0, tzinfo=UTC)
    assert norms.effect_checks == (datetime(2026, 4, 9, 15, 0, tzinfo=UTC), datetime(2026, 6, 8, 15, 0, tzinfo=UTC))
    assert (norms.escalation_levels, norms.people_per_champion, norms.cover_every_unit) == (2, 12, True)
    assert (norms.smallest_adoption, norms.open_campaigns_per_person, norms.open_rollouts_per_team) == (50, 1, 2)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("free_edit: 1h", "free_edit: 2h", "free_edit_until"),
        ("invitation: 3d", "invitation: 4d", "invitation_due"),
        ("invitation: 3d", "invitation: 4d", "invitation_reminder"),
        ("campaign: 6w", "campaign: 7w", "campaign_due"),
        ("expire_after: 30cd", "expire_after: 40cd", "expires"),
        ("[30cd, 90cd]", "[30cd]", "effect_checks"),
        ("levels: 2", "levels: 1", "escalation_levels"),
        ("assume: pilot", "assume: hard", "people_per_champion"),
        ("pilot: 12", "pilot: 13", "people_per_champion"),
        ("cover_every_unit: true", "cover_every_unit: false", "cover_every_unit"),
        ("smallest_adoption: 50%", "smallest_adoption: 60%", "smallest_adoption"),
        ("open_campaigns_per_person: 1", "open_campaigns_per_person: 2", "open_campaigns_per_person"),
        ("open_rollouts_per_team: 2", "open_rollouts_per_team: 1", "open_rollouts_per_team"),
        ("zone: Europe/Berlin", "zone: America/New_York", "expires"),
    ],
)
def test_each_number_makes_a_difference(old: str, new: str, field: str) -> None:
    changed = norms_of(altered((old, new)), TUESDAY)
    assert getattr(changed, field) != getattr(norms_of(POLICY, TUESDAY), field)


GATE_RULES = [
    "{who: [owner_of_process]}",
    "{who: [manager_of_proposer], quorum: {count: 2}}",
    "{who: [line_of_proposer], quorum: all}",
    "{who: [managers_of_affected_teams], quorum: {percent: 60, at_least: 2}}",
    "{who: [role:executive]}",
    "{who: [person:p0, person:p3], quorum: {count: 2}}",
    "{who: [managers_of_affected_teams, owner_of_process], quorum: {per_group: any}}",
    "{who: [managers_of_affected_teams], quorum: {per_group: {count: 2}, at_least: 3}}",
    "{who: [role:auditor, line_of_proposer], quorum: {per_group: all}}",
]
policies = st.one_of(
    st.just(POLICY),
    st.builds(with_gate, st.sampled_from([gate for gate in GATES if gate != SIGN_TESTS]), st.sampled_from(GATE_RULES)),
)


def about_people(policy: Policy, directory: Directory) -> list[Finding]:
    """What the check finds, but for the road of the policy itself, which the policies drawn here do not have."""
    return [finding for finding in check(policy, directory, TODAY) if "could change the policy" not in finding.message]


def fit_to_answer(gate: GateFacts, subject: Subject, directory: Directory) -> bool:
    """Whether all seats are taken by different people who may answer, and there are enough of them."""
    barred = {subject.proposer, subject.filer, *subject.co_proposers}
    if gate.name == SIGN_TESTS:
        barred |= set(subject.testers)
    refs = [seat.person for seat in gate.seats]
    assert len(set(refs)) == len(refs)
    for ref in refs:
        assert ref not in barred
        assert directory.active(ref)
        assert not directory.away(ref, TODAY)
    return can_be_reached(gate.quorum, gate.seats)


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), policies)
def test_somebody_may_answer_or_the_check_names_the_error(data: st.DataObject, policy: Policy) -> None:
    directory = data.draw(organisations().filter(lambda found: any(person.active for person in found.people.values())))
    subject = data.draw(subjects(directory, alone=True))
    facts = facts_for(policy, directory, subject, subject.proposer, TUESDAY)
    if not all([fit_to_answer(gate, subject, directory) for gate in facts.gates.values()]):
        assert any(finding.severity == "error" for finding in about_people(policy, directory))


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), policies)
def test_with_more_people_excluded_the_check_says_at_least_that_few_are_left(
    data: st.DataObject, policy: Policy
) -> None:
    directory = data.draw(organisations().filter(lambda found: any(person.active for person in found.people.values())))
    subject = data.draw(subjects(directory, alone=False))
    facts = facts_for(policy, directory, subject, SYSTEM, TUESDAY)
    if not all([fit_to_answer(gate, subject, directory) for gate in facts.gates.values()]):
        found = about_people(policy, directory)
        assert any(finding.severity == "error" or "are left" in finding.message for finding in found)


def test_one_evaluation_asks_about_few_people_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """No linear search through the people of a large organisation, and none through 100 routes per gate."""
    people = [
        person(f"p{n}", f"Person {n}", f"t{(n + 6) // 7}", f"p{(n - 1) // 7}" if n else None, roles=ROLES_OF.get(n, ()))
        for n in range(3000)
    ]
    teams = [Team(ref=ref, name=ref) for ref in sorted({found.team for found in people})]
    directory = Directory(people, teams, [Process(ref="q", name="Q", owner="p100")])
    head, _, tail = shipped_text().partition("  - name: emergency\n")
    routes = "".join(f"  - name: r{n}\n    when: {{field: people_affected, is: {1000 + n}}}\n" for n in range(95))
    policy = parse_policy(f"{head}{routes}  - name: emergency\n{tail}")
    asked = 0
    original = Directory.person

    def counting(self: Directory, ref: str) -> Person:
        nonlocal asked
        asked += 1
        return original(self, ref)

    monkeypatch.setattr(Directory, "person", counting)
    subject = change("p2900", process="q", affected_teams=("t5", "t6", "t7"), cost=Decimal(1))
    facts = facts_for(policy, directory, subject, "p2900", TUESDAY)
    assert facts.route.route == "cross-team"
    assert asked < 300


ROLES_OF: dict[int, tuple[str, ...]] = {0: ("executive",), 1: ("executive",), 2: ("steward",)}
