from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from changes.facts import GATES
from changes.hearing import AcceptForTesting
from changes.state import ProposalContent
from changes.testing import ProposeTests
from directory.model import Directory
from policies.evaluation import facts_for
from policies.explanation import Draft, Explanation, explain
from policies.loader import shipped
from tests.changes.road import CANDIDATE, Road
from tests.changes.world import a_test, proposal
from tests.policies.governed import Governed
from tests.policies.organisations import PROCESSES, TEAMS, TUESDAY, altered, change, firm, person, with_gate

POLICY, _ = shipped()

ALONE = """\
You may decide this yourself, because it is within the limits of the role employee.
Mara Lind is told, and may object until Thursday 12 March, 14:00.
It touches 8 people; you may decide up to 10.
It costs 300; you may decide up to 500.
It can be undone; you may decide only what can be undone.
It stays inside one team (Billing Support); you may decide only what stays inside one team.
Customers will not notice it; you may decide only what customers will not notice.
It does not touch regulated work; you may decide only what is not regulated.
One person will be asked for the answer to the proposal by Tuesday 17 March, 14:00, because Mara Lind is the \
proposer's manager; also owns Invoicing.
One person will be asked for the endorsement of the tests within 5 working days, because Mara Lind owns Invoicing; \
also is the proposer's manager.
One person will be asked, when the time comes, for the signatures after the tests within 5 working days, because Mara \
Lind is asked to endorse the tests.
One person will be asked for the signatures on champion coverage and rollout within 5 working days, because Mara Lind \
owns Invoicing.
Route everyday: it applies to every change.
Not policy: it changes a process, not the policy.
Not emergency: it is not an emergency.
Not standard: it changes Invoicing, none of the processes listed.
Not regulated: it does not touch regulated work.
Not cross-team: it stays inside one team (Billing Support) and it touches 8 people, not over 50.
"""

EMERGENCY = """\
One person will be asked for the answer to the proposal by Tuesday 10 March, 18:00, because Otto Kern stands in for \
Mara Lind, who is the proposer's manager and may not answer about this change; also stands in for Mara Lind, who owns \
Invoicing and may not answer about this change.
Two people will be asked for the endorsement of the tests within 8 hours, because Otto Kern stands in for Mara Lind, \
who owns Invoicing and may not answer about this change; also stands in for Mara Lind, who is the proposer's manager \
and may not answer about this change; Eva Roth has the role executive. Of them, 2 of 2 must say yes.
Two people will be asked, when the time comes, for the signatures after the tests within 8 hours, because Otto Kern \
stands in for Mara Lind, who is asked to endorse the tests and may not answer about this change; Eva Roth is asked to \
endorse the tests. Of them, 2 of 2 must say yes.
Two people will be asked for the signatures on champion coverage and rollout within 8 hours, because Otto Kern stands \
in for Mara Lind, who owns Invoicing and may not answer about this change; also stands in for Mara Lind, who is the \
proposer's manager and may not answer about this change; Eva Roth has the role executive. Of them, 2 of 2 must say yes.
It must be reviewed within 10 working days after its first wave has started, by somebody who decided nothing about it, \
and cannot be closed before.
Route emergency: it is an emergency.
Not policy: it changes a process, not the policy.
"""


def told(explanation: Explanation) -> str:
    return "\n".join(explanation.sentences) + "\n"


def test_a_change_that_may_be_decided_alone_is_explained_whole() -> None:
    content = ProposalContent(
        title="Answer within a day",
        process="invoicing",
        problem="It takes four days.",
        suggestion="Decide at the desk.",
        affected_teams=("billing",),
        people_affected=8,
        cost=Decimal(300),
    )
    explanation = explain(POLICY, firm(), content, "ann", TUESDAY)
    assert told(explanation) == ALONE
    assert explanation.may_decide_alone
    assert explanation.policy == POLICY.ref


def test_an_emergency_that_somebody_else_files_is_explained_whole() -> None:
    draft = Draft(process="invoicing", affected_teams=("billing",), urgency="emergency")
    explanation = explain(POLICY, firm(), draft, "ann", TUESDAY, filer="mara")
    assert told(explanation) == EMERGENCY
    assert not explanation.may_decide_alone
    assert explanation.gates[0].not_asked == ("Mara Lind filed this change",)
    assert explanation.gates[0].due == datetime(2026, 3, 10, 17, tzinfo=UTC)


def test_it_says_what_submitting_will_do() -> None:
    draft = Draft(process="settling", affected_teams=("claims", "billing"), people_affected=120)
    explanation = explain(POLICY, firm(), draft, "cem", TUESDAY, co_proposers=("ben",))
    subject = change("cem", process="settling", affected_teams=("claims", "billing"), co_proposers=("ben",))
    facts = facts_for(POLICY, firm(), subject.having(people_affected=120, cost=Decimal(0)), "cem", TUESDAY)
    assert [gate.name for gate in explanation.gates] == list(GATES)
    for gate in explanation.gates:
        assert [asked.person for asked in gate.people] == [seat.person for seat in facts.gates[gate.name].seats]
        assert gate.due == facts.gates[gate.name].due
    assert explanation.route == facts.route.route == "cross-team"


def test_the_policy_itself_is_never_decided_alone_and_meets_no_rollout_gate() -> None:
    everywhere = altered(
        (
            "    when: {field: kind, is: policy}\n    decide_alone: never\n",
            "    when: always\n    decide_alone: always\n",
        )
    )
    explanation = explain(everywhere, firm(), Draft(process="invoicing", kind="policy"), "eva", TUESDAY)
    assert not explanation.may_decide_alone
    assert [gate.name for gate in explanation.gates] == ["answer_proposal", "endorse_tests", "sign_tests"]


BESIDE_EVA = "Mara Lind is asked through the policy's fallback, because 2 people are needed"


def test_a_second_endorser_of_the_policy_through_the_fallback_is_told_before_and_on_the_change() -> None:
    sam = person("sam", "Sam Rey", "office", "eva", roles=("steward",))
    directory = Directory([*firm().people.values(), sam], TEAMS, PROCESSES)
    draft = Draft(process="invoicing", affected_teams=("billing",), kind="policy")
    endorsing = explain(POLICY, directory, draft, "sam", TUESDAY).gates[1]
    assert [asked.because for asked in endorsing.people] == ["Eva Roth has the role executive", BESIDE_EVA]
    assert endorsing.sentence == (
        "Two people will be asked for the endorsement of the tests within 5 working days, because Eva Roth has the "
        f"role executive; {BESIDE_EVA}. Of them, 2 of 2 must say yes."
    )

    road = Road(Governed(directory=directory))
    road.now = TUESDAY
    road.do("sam", proposal(process="invoicing", affected_teams=("billing",), policy=CANDIDATE))
    road.do("eva", AcceptForTesting())
    road.do("sam", ProposeTests(tests=(a_test(testers=("ann",)),)))
    assert road.change.gate is not None
    assert [seat.because for seat in road.change.gate.asked] == [asked.because for asked in endorsing.people]


def test_a_gate_with_nobody_to_ask_says_so() -> None:
    gone = {ref: {"active": False} for ref in firm().people if ref != "ann"}
    explanation = explain(POLICY, firm(**gone), Draft(process="invoicing", cost=Decimal(900)), "ann", TUESDAY)
    assert (
        explanation.headline
        == "Nobody can be asked for the answer to the proposal at the moment; please tell a steward."
    )


def test_groups_are_told() -> None:
    policy = with_gate(
        "endorse_tests", "{who: [owner_of_process, managers_of_affected_teams], quorum: {per_group: any}}"
    )
    draft = Draft(process="invoicing", affected_teams=("billing", "claims"))
    endorsing = explain(policy, firm(), draft, "ann", TUESDAY).gates[1]
    assert endorsing.rule == "one person of each of 3 groups must say yes"
    assert endorsing.sentence.endswith("Of them, one person of each of 3 groups must say yes.")
