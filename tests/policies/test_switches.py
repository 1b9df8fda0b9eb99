"""Every switch and number of a policy does something: changed in the file, what happens is different.

Each test names the keys it is about. The last tests walk the schema and fail when a key has none (peers.md, section 6:
features that look set but do nothing).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar, get_args

import pytest
from pydantic import BaseModel

from changes.anonymity import AgreeToReveal
from changes.concerns import RaiseConcern
from changes.decision import subject_of
from changes.facts import GATES
from changes.hearing import AcceptForTesting, DecideYourself
from changes.proposal import Edit, Submit
from changes.recruiting import AcceptInvitation, ChampionsPlanned, Invite, PlanChampions, SignCoverage
from changes.refusals import Refused
from changes.rollout import CompleteWave, PlanRollout, ReportMetric, StartWave
from changes.state import ConcernCode, Phase, Verdict
from changes.testing import Conclude, Endorse, ProposeTests, RecordResult, SignGate
from policies.in_words import told
from policies.proven import proven
from policies.schema import Policy
from policies.waves import first_waves
from tests.changes.road import Road, kinds
from tests.changes.world import a_guard, a_test, a_wave, proposal
from tests.policies.governed import Governed, under
from tests.policies.organisations import altered, firm
from tests.policies.test_proven import GOOD, verdicts

TESTED: set[str] = set()
"""The keys that a test here is about, as ``Section.key``."""
T = TypeVar("T", bound=Callable[..., None])


def about(*keys: str) -> Callable[[T], T]:
    """Say which keys a test is about."""
    TESTED.update(keys)
    return lambda test: test


def filing(**fields: Any) -> Submit:
    """What Ann files: a small change to invoicing, which is Mara's."""
    usual: dict[str, Any] = {"process": "invoicing", "affected_teams": ("billing",)}
    return proposal().having(**{**usual, **fields})


def filed(*replacements: tuple[str, str], **fields: Any) -> Road:
    road = under(*replacements)
    road.do("ann", filing(**fields))
    return road


def asked(road: Road) -> list[str]:
    assert road.change.gate is not None
    return [seat.person for seat in road.change.gate.asked]


def due(road: Road) -> datetime:
    assert road.change.gate is not None
    return road.change.gate.due


def being_tested(*replacements: tuple[str, str], **fields: Any) -> Road:
    """Accepted; Cem's test waits to be endorsed."""
    road = filed(*replacements, **fields)
    road.do("mara", AcceptForTesting())
    road.do("ann", ProposeTests(tests=(a_test(testers=("cem",)),)))
    return road


def recruiting(*replacements: tuple[str, str]) -> Road:
    road = being_tested(*replacements)
    road.do("mara", Endorse())
    road.do("cem", RecordResult(test="T1", value=Decimal(20), sample=40, evidence="the log"))
    road.do("ann", Conclude(verdict=Verdict.ADOPT))
    road.do("mara", SignGate())
    assert road.change.phase is Phase.RECRUITING
    return road


def covered(*replacements: tuple[str, str]) -> Road:
    """Ben is the champion, and two waves are planned."""
    road = recruiting(*replacements)
    road.do("ann", Invite(people=("ben",)))
    road.do("ben", AcceptInvitation())
    waves = (a_wave("Pilot", ("billing",)), a_wave("Rest", ("claims",)))
    road.do("ann", PlanRollout(waves=waves, back_out_plan="Back within an hour."))
    return road


def rolling(*replacements: tuple[str, str]) -> Road:
    road = covered(*replacements)
    road.do("mara", SignCoverage(decision="go"))
    road.do("ann", StartWave(wave="Pilot"))
    return road


def governed(road: Road) -> Governed:
    assert isinstance(road.world, Governed)
    return road.world


# ---------------------------------------------------------------------------------------------------- the policy itself


@about("Policy.policy", "Policy.version")
def test_name_and_version_stand_on_what_was_decided() -> None:
    road = filed(("policy: default", "policy: nordwind"), ("version: 1", "version: 12"))
    assert (road.change.policy.name, road.change.policy.version) == ("nordwind", 12)
    assert road.change.policy.sha256 != filed().change.policy.sha256


# ----------------------------------------------------------------------------------------------------------------- time


@about(
    "Time.zone",
    "Time.working_days",
    "WorkingHours.from",
    "WorkingHours.to",
    "Time.holidays",
    "Freeze.from",
    "Freeze.to",
)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("zone: Europe/Berlin", "zone: Asia/Tokyo"),
        ("[mon, tue, wed, thu, fri]", "[tue, wed]"),
        ('from: "09:00"', 'from: "14:30"'),
        ('to: "17:00"', 'to: "13:00"'),
        ("from: 12-20, to: 01-02", "from: 03-12, to: 03-12"),
        ("from: 12-20, to: 01-02", "from: 12-20, to: 03-12"),
    ],
)
def test_working_time_moves_a_deadline(old: str, new: str) -> None:
    assert due(filed((old, new))) != due(filed())


def test_holidays_move_a_deadline() -> None:
    before_easter = datetime(2026, 4, 1, 9, tzinfo=UTC)
    ends = []
    for replacement in (("holidays: de-BE\n", "holidays: de-BE\n"), ("  holidays: de-BE\n", "")):
        road = under(replacement)
        road.do("ann", filing(), at=before_easter)
        ends.append(due(road))
    with_holidays, without = ends
    assert with_holidays - without >= timedelta(days=2)


@about("Freeze.name")
def test_a_freeze_is_told_by_its_name() -> None:
    words = " ".join(
        sentence for chapter in told(altered(("year-end", "stocktaking"))) for sentence in chapter.sentences
    )
    assert "They stand still during “stocktaking”" in words


# -------------------------------------------------------------------------------------------------------- empowerment

BOUND = [
    ("people_affected: 10", "people_affected: 7", {"people_affected": 8}),
    ("cost: 500", "cost: 299.99", {"cost": Decimal(300)}),
    ("      reversible: true", "      reversible: false", {"reversible": False}),
    ("crosses_teams: false", "crosses_teams: true", {"affected_teams": ("billing", "claims")}),
    ("customer_facing: false", "customer_facing: true", {"customer_facing": True}),
]


@about(
    "Limits.people_affected",
    "Limits.cost",
    "Limits.reversible",
    "Limits.crosses_teams",
    "Limits.customer_facing",
    "Route.decide_alone",
)
@pytest.mark.parametrize(("old", "new", "fields"), BOUND)
def test_a_limit_decides_who_may_decide_alone(old: str, new: str, fields: dict[str, Any]) -> None:
    answers = []
    for replacement in ((old, old), (old, new)):
        road = filed(replacement, **fields)
        answers.append(isinstance(road.decision("ann", DecideYourself()), Refused))
    assert answers[0] != answers[1]


@about("Limits.regulated")
def test_regulated_work_may_be_within_the_limits() -> None:
    route = (
        "    when: {field: regulated, is: true}\n    decide_alone: never",
        "    when: {field: regulated, is: true}",
    )
    assert filed(route, regulated=True).rule("ann", DecideYourself()) == "beyond_limits"
    filed(route, ("regulated: false\n", "regulated: true\n"), regulated=True).do("ann", DecideYourself())


@about("Grant.role", "Grant.objection_window")
def test_limits_are_a_roles_and_so_is_the_window_to_object() -> None:
    road = filed(("objection_window: 2d", "objection_window: 4d"))
    road.do("ann", DecideYourself())
    decision = road.change.proposal.self_decision
    usual = filed()
    usual.do("ann", DecideYourself())
    before = usual.change.proposal.self_decision
    assert decision and before and decision.objection_due - before.objection_due == timedelta(days=4), (
        "a weekend lies between"
    )
    nobody = filed(("role: employee\n", "role: auditor\n"))
    assert nobody.rule("ann", DecideYourself()) == "beyond_limits"


@pytest.mark.parametrize(("word", "refused"), [("never", True), ("within_limits", True), ("always", False)])
def test_a_route_says_whether_anybody_decides_alone(word: str, refused: bool) -> None:
    road = filed(("    when: always\n", f"    when: always\n    decide_alone: {word}\n"), people_affected=40)
    assert isinstance(road.decision("ann", DecideYourself()), Refused) == refused


# ---------------------------------------------------------------------------------------------------------------- gates

OTHERWISE = "{who: [role:executive, role:ombuds], quorum: {count: 2}, answer_in: 3h, last_call: true}"


@about(
    "GateRule.who",
    "GateRule.quorum",
    "GateRule.answer_in",
    "GateRule.last_call",
    "CountQuorum.count",
    "Gates.answer_proposal",
    "Gates.endorse_tests",
    "Gates.sign_tests",
    "Gates.start_rollout",
)
@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("where", ["gates", "route"])
def test_each_gate_asks_whom_it_says(gate: str, where: str) -> None:
    """Under ``gates`` for all routes, or on one route."""
    road = under(*_gate(gate, where))
    facts = road.world.facts(_subject(road), "ann", road.now)
    usual = under().world.facts(_subject(under()), "ann", road.now).gates[gate]
    otherwise = facts.gates[gate]
    assert [seat.person for seat in otherwise.seats] == ["eva", "nora"] != [seat.person for seat in usual.seats]
    assert (otherwise.quorum.needed(2), usual.quorum.needed(1)) == (2, 1)
    assert otherwise.due == road.now + timedelta(hours=3) < usual.due
    assert otherwise.last_call and not usual.last_call
    assert all(facts.gates[name].due == usual.due for name in GATES if name != gate)


def _subject(road: Road) -> Any:
    return subject_of(None, filing(), "ann", road.now)


def _gate(gate: str, where: str) -> list[tuple[str, str]]:
    """The replacements that describe a gate otherwise, among the defaults or on the everyday route."""
    if where == "route":
        return [("    when: always\n", f"    when: always\n    gates:\n      {gate}: {OTHERWISE}\n")]
    text = {
        "answer_proposal": "    who: [manager_of_proposer, owner_of_process]\n",
        "endorse_tests": "    who: [owner_of_process, manager_of_proposer]\n    quorum: any\n",
        "sign_tests": "    who: [endorsers]\n    quorum: all\n",
        "start_rollout": "    who: [owner_of_process]\n    quorum: any\n",
    }[gate]
    lines = "    who: [role:executive, role:ombuds]\n    quorum: {count: 2}\n    answer_in: 3h\n    last_call: true\n"
    if gate == "answer_proposal":
        more = [
            ("    quorum: any\n    # How long they have", "    quorum: {count: 2}\n    last_call: true\n    # How long")
        ]
        return [
            (text, "    who: [role:executive, role:ombuds]\n"),
            *more,
            ("    answer_in: 5d\n", "    answer_in: 3h\n"),
        ]
    return [(text, lines)]


def endorsing(quorum: str, who: str = "[owner_of_process, role:ombuds, role:executive]") -> Road:
    gate = f"    when: always\n    gates:\n      endorse_tests: {{who: {who}, quorum: {quorum}}}\n"
    return being_tested(("    when: always\n", gate))


def yeses(road: Road, *people: str) -> int:
    """How many of these say yes before the tests may run."""
    for count, person in enumerate(people, start=1):
        road.do(person, Endorse())
        if road.change.phase is Phase.RUNNING_TESTS:
            return count
    return len(people) + 1


@about("PercentQuorum.percent", "PercentQuorum.at_least", "PerGroupQuorum.per_group", "PerGroupQuorum.at_least")
@pytest.mark.parametrize(
    ("quorum", "needed"),
    [
        ("any", 1),
        ("all", 3),
        ("{count: 2}", 2),
        ("{count: 3}", 3),
        ("{percent: 30}", 1),
        ("{percent: 60}", 2),
        ("{percent: 30, at_least: 3}", 3),
        ("{per_group: any}", 3),
    ],
)
def test_a_quorum_says_how_many_yeses_it_takes(quorum: str, needed: int) -> None:
    assert yeses(endorsing(quorum), "mara", "eva", "nora") == needed


def test_a_quorum_per_group_counts_in_each_group_and_altogether() -> None:
    who = "[owner_of_process, managers_of_affected_teams]"  # Mara is both
    assert yeses(endorsing("{per_group: any}", who), "mara", "otto") == 1
    assert yeses(endorsing("{per_group: any, at_least: 2}", who), "mara", "otto") == 2
    assert yeses(endorsing("{per_group: {count: 2}}", who), "mara", "otto") == 2


@about("Policy.fallback")
def test_the_fallback_is_asked_when_nobody_else_can_be() -> None:
    nobody = ("    who: [manager_of_proposer, owner_of_process]\n", "    who: [role:auditor]\n")
    assert asked(filed(nobody)) == ["mara"]
    assert asked(filed(nobody, ("fallback: [owner_of_process, ", "fallback: [role:ombuds, "))) == ["nora"]


# --------------------------------------------------------------------------------------------------------------- routes

CONDITIONS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("NumberComparison.is", "{field: cost, is: 5}", {"cost": Decimal(5)}, {"cost": Decimal(6)}),
    ("NumberComparison.is_not", "{field: cost, is_not: 5}", {"cost": Decimal(6)}, {"cost": Decimal(5)}),
    ("NumberComparison.over", "{field: people_affected, over: 20}", {"people_affected": 21}, {"people_affected": 20}),
    ("NumberComparison.under", "{field: people_affected, under: 3}", {"people_affected": 2}, {"people_affected": 3}),
    ("NumberComparison.at_least", "{field: cost, at_least: 9}", {"cost": Decimal(9)}, {"cost": Decimal(8)}),
    (
        "NumberComparison.at_most",
        "{field: people_affected, at_most: 2}",
        {"people_affected": 2},
        {"people_affected": 3},
    ),
    ("NumberComparison.in", "{field: cost, in: [4, 7]}", {"cost": Decimal(7)}, {"cost": Decimal(5)}),
    ("NumberComparison.field", "{field: people_affected, is: 5}", {"people_affected": 5}, {"cost": Decimal(5)}),
    ("YesNoComparison.is", "{field: reversible, is: false}", {"reversible": False}, {"reversible": True}),
    ("YesNoComparison.is_not", "{field: customer_facing, is_not: false}", {"customer_facing": True}, {}),
    ("YesNoComparison.field", "{field: crosses_teams, is: true}", {"affected_teams": ("billing", "claims")}, {}),
    ("UrgencyComparison.is", "{field: urgency, is: emergency}", {"urgency": "emergency"}, {}),
    ("UrgencyComparison.is_not", "{field: urgency, is_not: normal}", {"urgency": "emergency"}, {}),
    ("UrgencyComparison.field", "{field: urgency, is: emergency}", {"urgency": "emergency"}, {"cost": Decimal(1)}),
    ("ProcessComparison.is", "{field: process, is: settling}", {"process": "settling"}, {}),
    ("ProcessComparison.is_not", "{field: process, is_not: invoicing}", {"process": "settling"}, {}),
    ("ProcessComparison.in", "{field: process, in: [settling]}", {"process": "settling"}, {}),
    ("ProcessComparison.field", "{field: process, is: settling}", {"process": "settling"}, {}),
    ("TeamsComparison.includes", "{field: affected_teams, includes: claims}", {"affected_teams": ("claims",)}, {}),
    ("TeamsComparison.in", "{field: affected_teams, in: [office, claims]}", {"affected_teams": ("claims",)}, {}),
    ("TeamsComparison.field", "{field: affected_teams, includes: claims}", {"affected_teams": ("claims",)}, {}),
    ("RoleComparison.is", "{field: proposer_role, is: manager}", {"proposer": "mara"}, {}),
    ("RoleComparison.is_not", "{field: proposer_role, is_not: employee}", {"proposer": "stranger"}, {}),
    ("RoleComparison.includes", "{field: proposer_role, includes: executive}", {"proposer": "eva"}, {}),
    ("RoleComparison.in", "{field: proposer_role, in: [ombuds, executive]}", {"proposer": "nora"}, {}),
    ("RoleComparison.field", "{field: proposer_role, is: manager}", {"proposer": "mara"}, {}),
    (
        "AllOf.all",
        "{all: [{field: cost, over: 1}, {field: cost, under: 9}]}",
        {"cost": Decimal(5)},
        {"cost": Decimal(9)},
    ),
    ("AnyOf.any", "{any: [{field: cost, is: 1}, {field: cost, is: 9}]}", {"cost": Decimal(9)}, {"cost": Decimal(5)}),
    ("NotThis.not", "{not: {field: cost, under: 9}}", {"cost": Decimal(9)}, {"cost": Decimal(8)}),
    ("KindComparison.is", "{field: kind, is: policy}", {"kind": "policy"}, {}),
    ("KindComparison.is_not", "{field: kind, is_not: process}", {"kind": "policy"}, {}),
    ("KindComparison.field", "{field: kind, is: policy}", {"kind": "policy"}, {}),
]
TESTED.update(key for key, *_ in CONDITIONS)


@about("Route.when", "Route.name")
@pytest.mark.parametrize(("key", "when", "fits", "misfits"), CONDITIONS, ids=[f"{key}" for key, *_ in CONDITIONS])
def test_a_condition_decides_the_route(key: str, when: str, fits: dict[str, Any], misfits: dict[str, Any]) -> None:
    road = under(("routes:\n", f"routes:\n  - name: mine\n    when: {when}\n"))
    subject = _subject(road)
    takes = [
        road.world.facts(subject.having(**fields), "ann", road.now).route.route == "mine" for fields in (fits, misfits)
    ]
    assert takes == [True, False]


@about("Route.review_within", "Review.by", "Review.tell")
def test_a_short_road_is_told_and_must_be_reviewed() -> None:
    every_day = ("    when: always\n", "    when: always\n    review_within: 3d\n")
    assert rolling().change.review is None
    road = rolling(every_day)
    review = road.change.review
    assert review is not None
    assert [seat.person for seat in review.asked] == ["eva"], "there is no auditor, and Eva decided nothing"
    later = rolling(("    when: always\n", "    when: always\n    review_within: 5d\n")).change.review
    assert later is not None and later.due > review.due
    by = rolling(every_day, ("  by: [role:auditor, role:executive", "  by: [role:ombuds, role:executive")).change.review
    assert by is not None and [seat.person for seat in by.asked] == ["nora"]
    told_to = [event.told for event in road.events if event.kind == "short_road_taken"]  # type: ignore[attr-defined]
    other = filed(every_day, ("  tell: [role:executive]", "  tell: [role:ombuds]"))
    assert told_to == [("eva",)]
    assert [event.told for event in other.events if event.kind == "short_road_taken"] == [("nora",)]  # type: ignore[attr-defined]


# ------------------------------------------------------------------------------------------------ proposals, concerns


@about("Proposal.answer_in")
def test_time_to_answer_where_a_gate_names_none() -> None:
    ends = [
        due(
            being_tested(
                ("  answer_in: 5d\n  # How long a proposal", f"  answer_in: {days}d\n  # How long a proposal"),
            )
        )
        for days in (5, 2)
    ]
    assert ends[0] > ends[1]


@about("Proposal.free_edit")
def test_how_long_words_may_be_rewritten_freely() -> None:
    for length, versions in (("free_edit: 1h", 2), ("free_edit: 3h", 1)):
        road = filed(("free_edit: 1h", length))
        road.wait(hours=2)
        road.do("ann", Edit(title="Other words", what_changed="The title."))
        assert len(road.change.proposal.versions) == versions


@about("Proposal.last_call")
def test_how_long_a_last_call_lasts() -> None:
    ends = []
    for length in ("last_call: 7cd", "last_call: 3cd"):
        gate = "    when: always\n    gates:\n      answer_proposal: {last_call: true}\n"
        road = filed(("    when: always\n", gate), ("last_call: 7cd", length))
        road.do("mara", AcceptForTesting())
        assert road.change.gate is not None and road.change.gate.last_call_until is not None
        ends.append(road.change.gate.last_call_until)
    assert ends[0] > ends[1]


@about("Concerns.ask_why_within")
def test_by_when_somebody_should_have_asked_why() -> None:
    found = []
    for length in ("ask_why_within: 3d", "ask_why_within: 1d"):
        road = filed(("ask_why_within: 3d", length))
        road.do("cem", RaiseConcern(title="Fraud", text="No checks.", code=ConcernCode.R09))
        found.append(road.change.concerns[0].ask_by)
    assert found[0] and found[1] and found[0] > found[1]


NAMELESS = "anon-5f0c"
"""Somebody who stays anonymous."""
WORRY = RaiseConcern(title="Fraud", text="No checks.", code=ConcernCode.R09)


@about("Anonymity.proposals")
def test_whether_anybody_may_propose_without_a_name() -> None:
    assert under(("proposals: allowed", "proposals: refused")).rule(NAMELESS, filing()) == "anonymity_refused"
    filed(("proposals: allowed", "proposals: refused")).do(NAMELESS, WORRY)
    assert kinds(under().do(NAMELESS, filing())) == ["submitted", "gate_opened"]


@about("Anonymity.concerns")
def test_whether_anybody_may_worry_without_a_name() -> None:
    refusing = ("  concerns: allowed", "  concerns: refused")
    assert filed(refusing).rule(NAMELESS, WORRY) == "anonymity_refused"
    under(refusing).do(NAMELESS, filing())
    assert kinds(filed().do(NAMELESS, WORRY)) == ["concern_raised"]


@about("Reveal.who", "Reveal.quorum")
def test_who_must_agree_before_a_name_is_shown() -> None:
    agree = AgreeToReveal(pseudonym=NAMELESS, reason="Somebody may be in danger.")

    def agreeing(rule: str, *people: str) -> list[list[str]]:
        usual = "    who: [role:ombuds, role:executive]\n    quorum: {count: 2}"
        road = under((usual, rule or usual))
        road.do(NAMELESS, filing())
        return [kinds(road.do(person, agree)) for person in people if agree.kind in road.offers(person)]

    yes, shown = ["reveal_agreed"], ["reveal_agreed", "reveal_granted"]
    assert agreeing("", "otto", "nora", "eva") == [yes, shown], "Otto is not asked"
    others = "    who: [role:ombuds, person:otto]\n    quorum: {count: 2}"
    assert agreeing(others, "eva", "otto", "nora") == [yes, shown], "Eva is not asked any more"
    three = "    who: [role:ombuds, role:executive, person:otto]\n    quorum: {count: 3}"
    assert agreeing(three, "nora", "eva", "otto") == [yes, yes, shown]


# -------------------------------------------------------------------------------------- champions, rollout, learning


@about("Ratio.easy", "Ratio.pilot", "Ratio.hard", "Champions.assume")
@pytest.mark.parametrize(("assumed", "number", "places"), [("easy", "25", 1), ("pilot", "12", 1), ("hard", "6", 1)])
def test_how_many_people_a_champion_looks_after(assumed: str, number: str, places: int) -> None:
    def champions(*replacements: tuple[str, str]) -> int:
        road = recruiting(("assume: pilot", f"assume: {assumed}"), *replacements)
        road.do("ann", PlanChampions())
        return road.last(ChampionsPlanned).places

    assert champions() == places, "three people work in Billing Support"
    assert champions((f"{assumed}: {number}", f"{assumed}: 2")) == 2
    assert champions((f"{assumed}: {number}", f"{assumed}: 1")) == 3


def test_which_of_the_ratios_is_assumed() -> None:
    def champions(assumed: str) -> int:
        ratio = ("ratio: {easy: 25, pilot: 12, hard: 6}", "ratio: {easy: 3, pilot: 2, hard: 1}")
        road = recruiting(ratio, ("assume: pilot", f"assume: {assumed}"))
        road.do("ann", PlanChampions())
        return road.last(ChampionsPlanned).places

    assert [champions(assumed) for assumed in ("easy", "pilot", "hard")] == [1, 2, 3]


@about("Champions.cover_every_unit")
def test_whether_every_unit_needs_a_champion() -> None:
    for word, refused in (("true", True), ("false", False)):
        road = covered(("cover_every_unit: true", f"cover_every_unit: {word}"))
        governed(road).covered = False
        assert isinstance(road.decision("mara", SignCoverage(decision="go")), Refused) == refused


@about("Champions.open_campaigns_per_person")
def test_how_many_campaigns_one_person_takes() -> None:
    for number, refused in ((1, True), (2, False)):
        road = recruiting(("open_campaigns_per_person: 1", f"open_campaigns_per_person: {number}"))
        road.world.campaigns = {"ben": 1}
        assert isinstance(road.decision("ann", Invite(people=("ben",))), Refused) == refused


@about("Champions.campaign", "Champions.invitation")
def test_how_long_champions_are_looked_for_and_have_to_answer() -> None:
    usual, short = recruiting(), recruiting(("campaign: 6w", "campaign: 2w"), ("invitation: 3d", "invitation: 1d"))
    for road in (usual, short):
        road.do("ann", Invite(people=("ben",)))
    before, after = usual.change.recruiting, short.change.recruiting
    assert before.campaign_due and after.campaign_due and before.campaign_due > after.campaign_due
    assert before.invitations[0].due > after.invitations[0].due


@about("Rollout.waves")
def test_the_waves_a_plan_begins_with() -> None:
    teams = ("billing", "claims", "office")
    usual = first_waves(altered(), firm(), teams)
    assert [(wave.name, wave.teams) for wave in usual] == [("Pilot", ("claims",)), ("Everybody", ("billing", "office"))]
    wide = first_waves(altered(("waves: [5%, 25%, 100%]", "waves: [60%, 100%]")), firm(), teams)
    assert [(wave.teams, wave.reaches) for wave in wide] == [(("claims", "billing"), 62), (("office",), 100)]


@about("Rollout.smallest_adoption", "Load.open_rollouts_per_team")
def test_what_it_takes_to_start_and_complete_a_wave() -> None:
    for number, refused in ((2, True), (3, False)):
        road = covered(("open_rollouts_per_team: 2", f"open_rollouts_per_team: {number}"))
        road.do("mara", SignCoverage(decision="go"))
        road.world.rollouts = {"billing": 2}
        assert isinstance(road.decision("ann", StartWave(wave="Pilot")), Refused) == refused
    for share, refused in (("50%", True), ("40%", False)):
        road = rolling(("smallest_adoption: 50%", f"smallest_adoption: {share}"))
        road.do("ann", ReportMetric(metric=a_guard().metric, value=Decimal(1)))
        assert isinstance(road.decision("ann", CompleteWave(adoption=45)), Refused) == refused


@about("Learning.effect_checks")
def test_when_the_effect_is_checked() -> None:
    road = rolling(("effect_checks: [30cd, 90cd]", "effect_checks: [10cd]"))
    for wave in ("Pilot", "Rest"):
        if road.change.rollout.current is None:
            road.do("ann", StartWave(wave=wave))
        road.do("ann", ReportMetric(metric=a_guard().metric, value=Decimal(1)))
        road.do("ann", CompleteWave(adoption=80))
    [check] = road.change.learning.checks
    assert check.opens - road.now < timedelta(days=12)


@about("Learning.proven_after")
def test_how_often_is_often_enough() -> None:
    assert proven(altered(), verdicts(GOOD))[0].often_enough
    assert not proven(altered(("proven_after: 3", "proven_after: 4")), verdicts(GOOD))[0].often_enough


# ---------------------------------------------------------------------------------------------------------- escalation


@about("Escalation.levels", "Escalation.expire_after")
def test_how_often_silence_is_escalated_and_when_it_ends() -> None:
    for number in (0, 1, 2):
        road = filed(("levels: 2", f"levels: {number}"))
        while road.change.closing is None:
            road.to_next_moment()
        assert sum(event.kind == "escalated" for event in road.events) == number
    ends = []
    for length in ("expire_after: 30cd", "expire_after: 60cd"):
        road = filed(("expire_after: 30cd", length))
        while road.change.closing is None:
            road.to_next_moment()
        ends.append(road.now)
    assert ends[1] - ends[0] > timedelta(days=25)


@about("Escalation.nudge_at_most_every")
def test_nobody_is_nudged_too_often() -> None:
    quiet = []
    for length in ("nudge_at_most_every: 4h", "nudge_at_most_every: 9h"):
        road = filed(("nudge_at_most_every: 4h", length))
        road.to_next_moment()
        assert road.change.gate is not None and road.change.gate.quiet_until is not None
        quiet.append(road.change.gate.quiet_until - road.now)
    assert quiet == [timedelta(hours=4), timedelta(hours=9)]


# ------------------------------------------------------------------------------------------------------------ all of it


def keys_of(kind: Any, seen: set[type] | None = None) -> Iterator[str]:
    """Every key of the schema as ``Section.key``; a key that only holds another section is that section's."""
    seen = seen if seen is not None else set()
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        if kind in seen:
            return
        seen.add(kind)
        for name, field in kind.model_fields.items():
            inner = list(_models_in(field.annotation))
            branch = kind.__name__ in {"AllOf", "AnyOf", "NotThis"} or (kind.__name__, name) in {
                ("Route", "when"),
                ("GateRule", "quorum"),
                ("PerGroupQuorum", "per_group"),
                ("Reveal", "quorum"),
            }
            if not inner or branch or kind.__name__ == "Gates":
                yield f"{kind.__name__}.{field.alias or name}"
            for model in inner:
                yield from keys_of(model, seen)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation) if annotation is not None else ():
        yield from _models_in(argument)
    for mark in getattr(annotation, "__metadata__", ()):
        if isinstance(mark, type):
            yield from _models_in(mark)


def test_every_key_of_the_schema_has_a_test_in_which_changing_it_changes_something() -> None:
    walked = set(keys_of(Policy))
    assert walked - TESTED == set(), "these keys have no test: write one, and name them with @about"
    assert TESTED - walked == set(), "there are no such keys any more"
    assert {"NumberComparison.over", "Gates.sign_tests", "Freeze.name"} <= walked
