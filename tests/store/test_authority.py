from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert

from changes.any_moment import AddComment
from changes.commands import Command
from changes.decision import refuse_unknown, subject_of
from changes.facts import ANSWER_PROPOSAL, ENDORSE_TESTS, GATES, SIGN_TESTS, START_ROLLOUT, SYSTEM, Facts, Picking
from changes.hearing import MarkDuplicate
from changes.passing_time import NoticeTime
from changes.proposal import Edit
from changes.recruiting import AcceptInvitation, DeclareInterest, Invite, Nominate, PlanChampions
from changes.state import Change
from directory.demonstration import FOLDER
from directory.importing import read_directory
from directory.model import Directory
from store import tables
from store.authority import Authority, LookedUp
from store.database import reading, writing
from store.directory import save_directory
from store.policies import publish_policy
from tests.support.attacks import take_triggers_away
from tests.support.desk import MONDAY, Desk
from tests.support.examples import MANAGER, OWNER, PROPOSER, TO_CHAMPIONS, TO_ROLLOUT, submit

HEAD = "birgit.sorensen"
EXECUTIVE = "ingrid.halvorsen"
IN_THE_TEAM = {
    "process": "enquiries",
    "affected_teams": ("service-desk",),
    "people_affected": 5,
    "cost": 0,
    "customer_facing": False,
}


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine)


def looked_up(desk: Desk, actor: str, command: Command | None, state: Change | None = None) -> LookedUp:
    with reading(desk.engine) as connection:
        subject = subject_of(state or desk.state, command, actor, desk.now)
        return desk.authority.look_up(connection, subject, actor, desk.now, desk.change)


def seats(facts: Facts, gate: str) -> list[tuple[str, str | None]]:
    return [(seat.person, seat.stands_in_for) for seat in facts.gates[gate].seats]


def asked(facts: Facts) -> dict[str, list[str]]:
    return {gate: [seat.person for seat in facts.gates[gate].seats] for gate in GATES}


def reorganise(engine: Engine, **people: dict[str, Any]) -> Directory:
    """Import the demonstration organisation again, with some people changed."""
    known = read_directory(FOLDER)
    changed = [person.having(**people.get(ref.replace(".", "_"), {})) for ref, person in known.people.items()]
    directory = Directory(changed, known.teams.values(), known.processes.values())
    with writing(engine) as connection:
        save_directory(connection, directory, MONDAY)
    return directory


# --------------------------------------------------------------------------------------- facts of the demonstration


def test_a_small_change_in_ones_own_team_may_be_decided_alone(desk: Desk) -> None:
    facts = desk.facts(PROPOSER, submit(**IN_THE_TEAM))
    assert facts.route.route == "everyday"
    assert facts.empowerment.allowed
    assert asked(facts) == {gate: [MANAGER] for gate in GATES}
    assert facts.actor.name == "Mara Lind"
    assert facts.process.owner == MANAGER
    assert facts.teams["service-desk"].size == 5
    assert facts.unknown == ()


def test_a_change_across_teams_asks_the_managers_of_both(desk: Desk) -> None:
    facts = desk.facts(PROPOSER, submit())
    assert facts.route.route == "cross-team"
    assert not facts.empowerment.allowed
    assert asked(facts) == {
        ANSWER_PROPOSAL: [MANAGER, OWNER],
        ENDORSE_TESTS: [OWNER, MANAGER],
        SIGN_TESTS: [OWNER, MANAGER],
        START_ROLLOUT: [OWNER],
    }
    assert facts.gates[ENDORSE_TESTS].quorum.needed(2) == 2
    assert facts.gates[ANSWER_PROPOSAL].due == MONDAY + timedelta(days=7)  # five working days


def test_the_owner_of_the_process_does_not_decide_about_a_change_of_their_own(desk: Desk) -> None:
    facts = desk.facts(OWNER, submit())
    assert seats(facts, ENDORSE_TESTS) == [(HEAD, OWNER), (MANAGER, None)]
    assert seats(facts, START_ROLLOUT) == [(HEAD, OWNER)]
    assert all(OWNER not in people for people in asked(facts).values())
    assert [passed.person for passed in facts.gates[START_ROLLOUT].passed_over] == [OWNER]


def test_regulated_and_urgent_changes_ask_an_executive_too(desk: Desk) -> None:
    regulated = desk.facts(PROPOSER, submit(regulated=True))
    assert regulated.route.route == "regulated"
    assert asked(regulated)[START_ROLLOUT] == [OWNER, EXECUTIVE]
    urgent = desk.facts(PROPOSER, submit(urgency="emergency"))
    assert urgent.route.route == "emergency"
    assert asked(urgent)[ENDORSE_TESTS] == [OWNER, MANAGER, EXECUTIVE]
    assert urgent.gates[ANSWER_PROPOSAL].due == MONDAY + timedelta(hours=4)


def test_the_managing_director_finds_somebody_who_decides_too(desk: Desk) -> None:
    facts = desk.facts(EXECUTIVE, submit())
    assert all(facts.gates[gate].seats for gate in GATES)
    assert all(EXECUTIVE not in people for people in asked(facts).values())


def test_groundswell_itself_can_ask(desk: Desk) -> None:
    desk.give(PROPOSER, submit())
    facts = desk.facts(SYSTEM, NoticeTime())
    assert (facts.actor.ref, facts.actor.name) == (SYSTEM, "Groundswell")
    assert facts.unknown == ()


def test_facts_are_those_of_the_policy_the_change_began_under(desk: Desk) -> None:
    desk.give(PROPOSER, submit())
    with reading(desk.engine) as connection:
        text = connection.execute(tables.policy_version.select()).mappings().one()["text"]
    newer = re.sub(r"^version: 1$", "version: 2", text, flags=re.MULTILINE).replace(
        "start_rollout:\n    who: [owner_of_process]", "start_rollout:\n    who: [role:executive]"
    )
    publish(desk.engine, newer)
    assert asked(desk.facts(PROPOSER))[START_ROLLOUT] == [OWNER]
    fresh = Desk(desk.engine, "CH-2", authority=desk.authority).facts(PROPOSER, submit())
    assert fresh.route.policy.version == 2
    assert asked(fresh)[START_ROLLOUT] == [EXECUTIVE]
    with reading(desk.engine) as connection:
        assert desk.authority.policy_in_force(connection) == fresh.route.policy
        assert desk.authority.zone(connection) == "Europe/Berlin"


def publish(engine: Engine, text: str) -> None:
    from policies.loader import parse_policy

    with writing(engine) as connection:
        assert publish_policy(connection, parse_policy(text), text, MONDAY)


# ------------------------------------------------------------------------------------------- people come and go


def test_a_manager_who_left_is_replaced_from_their_line(desk: Desk) -> None:
    assert seats(desk.facts(PROPOSER, submit()), ANSWER_PROPOSAL) == [(MANAGER, None), (OWNER, None)]
    reorganise(desk.engine, jonas_okafor={"active": False})
    facts = desk.facts(PROPOSER, submit())
    assert seats(facts, ANSWER_PROPOSAL) == [(HEAD, MANAGER), (OWNER, None)]
    assert not facts.people[MANAGER].active


def test_a_manager_who_is_away_is_replaced_until_the_day_after_in_the_organisations_own_calendar(desk: Desk) -> None:
    last_day = date(2026, 3, 29)  # clocks in Berlin go forward that night: midnight there is 22:00 in UTC
    reorganise(desk.engine, jonas_okafor={"away_until": last_day})
    desk.now = datetime(2026, 3, 29, 21, 59, tzinfo=UTC)
    facts = desk.facts(PROPOSER, submit())
    assert seats(facts, ANSWER_PROPOSAL) == [(HEAD, MANAGER), (OWNER, None)]
    assert facts.people[MANAGER].away
    desk.now = datetime(2026, 3, 29, 22, 0, tzinfo=UTC)
    facts = desk.facts(PROPOSER, submit())
    assert seats(facts, ANSWER_PROPOSAL) == [(MANAGER, None), (OWNER, None)]
    assert not facts.people[MANAGER].away


def test_somebody_away_is_recommended_again_on_the_day_they_are_back(desk: Desk) -> None:
    reorganise(desk.engine, lea_fontaine={"away_until": date(2026, 3, 29)})
    # A change of somebody else's in the workshop, so that nobody at the service desk reports to who decides.
    elsewhere = submit(process="repairs", affected_teams=("service-desk",), proposer="kenji.watanabe")
    subject = subject_of(None, elsewhere, "kenji.watanabe", desk.now)
    subject = subject.having(recruits=True, picking=Picking(places=5))
    picks = {}
    for minutes in (-1, 0):
        now = datetime(2026, 3, 29, 22, 0, tzinfo=UTC) + timedelta(minutes=minutes)
        with reading(desk.engine) as connection:
            facts = desk.authority.look_up(connection, subject, "kenji.watanabe", now, desk.change).facts
        assert facts is not None
        assert facts.recommendation is not None
        picks[minutes] = {pick.person for pick in facts.recommendation.picks}
    assert picks[0] - picks[-1] == {"lea.fontaine"}


def test_a_running_look_up_notices_a_new_directory_at_once(desk: Desk) -> None:
    with reading(desk.engine) as connection:
        before = desk.authority.directory(connection)
        assert desk.authority.directory(connection) is before
    renamed = reorganise(desk.engine, mara_lind={"name": "Mara Lind-Okafor"})
    with reading(desk.engine) as connection:
        after = desk.authority.directory(connection)
    assert after == renamed != before
    assert desk.facts(PROPOSER, submit()).actor.name == "Mara Lind-Okafor"


# ------------------------------------------------------------------------------------------- nobody knows them


NAMES = {
    "ghost": ("person", submit(co_proposers=("ghost",)), "/co_proposers/0"),
    "cellar": ("team", submit(affected_teams=("service-desk", "cellar")), "/affected_teams/1"),
    "alchemy": ("process", submit(process="alchemy"), "/process"),
    "spirit": ("person", submit(proposer="spirit"), "/proposer"),
}


@pytest.mark.parametrize("ref", NAMES)
def test_a_name_that_nobody_knows_is_reported_and_refused_by_its_kind(desk: Desk, ref: str) -> None:
    kind, command, pointer = NAMES[ref]
    found = looked_up(desk, PROPOSER, command)
    unknown = found.facts.unknown if found.facts else found.unknown
    assert unknown == (ref,)
    refused = refuse_unknown(command, unknown)
    assert refused is not None
    assert (refused.rule, refused.pointer) == (f"unknown_{kind}", pointer)


def test_an_actor_that_nobody_knows_gets_no_facts(desk: Desk) -> None:
    assert looked_up(desk, "ghost", submit()) == LookedUp(unknown=("ghost",))
    desk.give(PROPOSER, submit())
    assert looked_up(desk, "ghost", AddComment(about="works", text="Boo.")) == LookedUp(unknown=("ghost",))


def test_a_change_that_nobody_knows_is_reported_and_one_that_exists_is_not(desk: Desk) -> None:
    desk.give(PROPOSER, submit())
    Desk(desk.engine, "CH-2").give(PROPOSER, submit())
    for ref, unknown in (("CH-2", ()), ("CH-404", ("CH-404",))):
        found = looked_up(desk, MANAGER, MarkDuplicate(of=ref))
        assert found.facts is not None
        assert found.facts.unknown == unknown


def test_what_an_edit_names_is_looked_up_before_it_is_believed(desk: Desk) -> None:
    desk.give(PROPOSER, submit())
    assert looked_up(desk, PROPOSER, Edit(process="alchemy")) == LookedUp(unknown=("alchemy",))
    assert looked_up(desk, PROPOSER, Edit(affected_teams=("cellar",))) == LookedUp(unknown=("cellar",))
    found = looked_up(desk, PROPOSER, Edit(process="invoicing", affected_teams=("billing",)))
    assert found.facts is not None
    assert found.facts.process.owner == "stefan.ionescu"


def test_all_that_is_unknown_is_reported_in_a_fixed_order(desk: Desk) -> None:
    command = submit(process="alchemy", affected_teams=("cellar", "attic"), co_proposers=("ghost", "spirit"))
    assert looked_up(desk, PROPOSER, command) == LookedUp(unknown=("alchemy", "attic", "cellar", "ghost", "spirit"))


def test_people_who_left_long_ago_are_still_known(desk: Desk) -> None:
    desk.give(PROPOSER, submit())
    known = read_directory(FOLDER)
    others = [person for ref, person in known.people.items() if ref != PROPOSER]
    with writing(desk.engine) as connection:
        save_directory(connection, Directory(others, known.teams.values(), known.processes.values()), MONDAY)
    facts = desk.facts(MANAGER)
    assert facts.unknown == ()
    assert not facts.people[PROPOSER].active


# ---------------------------------------------------------------------------------------------- load and champions


def test_campaigns_and_rollouts_are_those_of_other_changes(desk: Desk) -> None:
    desk.walk(TO_ROLLOUT)
    places, teams = tables.campaign_place, tables.rollout_load
    with writing(desk.engine) as connection:
        for change, person in (("CH-1", "hoa.nguyen"), ("CH-2", "hoa.nguyen"), ("CH-3", "hoa.nguyen")):
            connection.execute(insert(places).values(change=change, person=person))
        connection.execute(insert(places).values(change="CH-2", person="anke.vogt"))
        for change, team in (("CH-1", "service-desk"), ("CH-2", "service-desk"), ("CH-2", "workshop")):
            connection.execute(insert(teams).values(change=change, team=team))
    facts = desk.facts(PROPOSER, Invite(people=("hoa.nguyen", "lea.fontaine")))
    assert facts.campaigns == {"hoa.nguyen": 2}
    assert facts.rollouts == {"service-desk": 1}
    assert "already champion of another change" in desk.refused(PROPOSER, Invite(people=("hoa.nguyen",))).detail


def test_a_recommendation_is_only_made_when_asked_for(desk: Desk) -> None:
    desk.walk(TO_CHAMPIONS)
    assert desk.facts(PROPOSER).recommendation is None
    assert desk.facts(PROPOSER, Nominate(person="lea.fontaine")).recommendation is None
    assert desk.facts(PROPOSER, PlanChampions()).recommendation is not None


def test_the_same_ground_gives_the_same_recommendation_whoever_looks_it_up(desk: Desk) -> None:
    desk.walk(TO_CHAMPIONS)
    for person in ("lea.fontaine", "hoa.nguyen", "priya.nair", "oskar.lehmann"):
        desk.give(person, DeclareInterest(level="keen"))
    desk.give("david.brueckner", Nominate(person="hoa.nguyen"))
    command = PlanChampions(places=2)
    first = desk.facts(PROPOSER, command).recommendation
    assert first is not None
    assert len(first.picks) == 2
    assert len(first.ground_sha256) == 64
    reorganise(desk.engine)  # rows in another order in the table, under another import
    other = Desk(desk.engine, state=desk.stored(), authority=Authority())
    assert other.facts(PROPOSER, command).recommendation == first
    with writing(desk.engine) as connection:
        busy = first.picks[0].person
        connection.execute(insert(tables.campaign_place).values(change="CH-9", person=busy))
    second = desk.facts(PROPOSER, command).recommendation
    assert second is not None
    assert busy not in [pick.person for pick in second.picks]
    assert second.ground_sha256 != first.ground_sha256


def test_nobody_with_a_part_or_a_say_in_the_change_is_recommended(desk: Desk) -> None:
    desk.walk(TO_CHAMPIONS)
    for person in (PROPOSER, MANAGER, OWNER, "lea.fontaine", "finn.petersen"):
        desk.give(person, DeclareInterest(level="keen"))
    plan = desk.facts(PROPOSER, PlanChampions(places=9)).recommendation
    assert plan is not None
    assert [pick.person for pick in plan.picks] == ["lea.fontaine"]


def test_coverage_counts_champions_per_team_of_five_or_more(desk: Desk) -> None:
    desk.walk(TO_ROLLOUT)
    desk.give(PROPOSER, Invite(people=("lea.fontaine",)))
    before = desk.facts(PROPOSER).coverage
    accepting = desk.facts("lea.fontaine", AcceptInvitation()).coverage  # counted in already
    desk.give("lea.fontaine", AcceptInvitation())
    after = desk.facts(PROPOSER).coverage
    assert [(unit.team, unit.name, unit.members, unit.champions) for unit in before] == [
        ("service-desk", "Service Desk", 5, 0)
    ]
    assert [unit.champions for unit in accepting] == [unit.champions for unit in after] == [1]


def test_teams_of_fewer_than_five_count_as_one(desk: Desk) -> None:
    desk.give(PROPOSER, submit(affected_teams=("returns-desk", "shop-support")))
    desk.walk(TO_CHAMPIONS[1:3])
    state = desk.stored().having(stage="champions")
    found = looked_up(desk, PROPOSER, None, state)
    assert found.facts is not None
    assert [(unit.name, unit.members) for unit in found.facts.coverage] == [
        ("Returns and Warranty and Shop Support", 8)
    ]


def test_without_a_policy_it_says_how_to_publish_one(desk: Desk) -> None:
    with writing(desk.engine) as connection:
        take_triggers_away(connection, tables.policy_version)
        connection.execute(delete(tables.policy_version))
    with pytest.raises(LookupError, match="groundswell policy publish"):
        looked_up(desk, PROPOSER, submit())
