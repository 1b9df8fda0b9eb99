"""Since when each thing waits: the moment it became somebody's, not the moment the change came into its phase."""

from __future__ import annotations

from datetime import datetime

from changes.any_moment import MoveDeadline, PutOnHold, Renew, Resume
from changes.facts import Quorum
from changes.hearing import AcceptForTesting
from changes.learning import RecordEffect
from changes.recruiting import AcceptInvitation, Invite, PlanChampions, SignCoverage
from changes.review import ReviewOverdue
from changes.state import EffectOutcome
from changes.testing import Endorse, EndorseWithChanges
from changes.waiting import waiting_for
from tests.changes.road import (
    PILOT,
    REST,
    Road,
    at_champions,
    at_check,
    at_endorsement,
    at_learning,
    at_pause,
    at_testing,
    filed,
    looked_back,
    planned,
    started_short,
)
from tests.changes.world import World, a_test, a_wave


def since(road: Road, person: str, command: str) -> datetime:
    """Since when ``command`` waits for ``person``."""
    [found] = [task.since for task in waiting_for(road.change) if (task.person, task.commands[0]) == (person, command)]
    return found


def later(road: Road) -> datetime:
    """An hour passes; the moment it is then."""
    road.wait(hours=1)
    return road.now


def everybody(gate: str) -> World:
    """All who are asked at ``gate`` have to agree."""
    return World(quorums=World().quorums | {gate: Quorum(rule="all")})


def test_whoever_is_asked_later_is_waited_for_from_then_on() -> None:
    road = filed()
    asked = road.now
    road.world.alter("mara", active=False)
    came = later(road)
    road.look_again()
    assert (since(road, "omar", "accept_for_testing"), since(road, "vera", "accept_for_testing")) == (asked, came)


def test_one_level_up_is_waited_for_from_the_escalation_on() -> None:
    road = filed()
    while not any(event.kind == "escalated" for event in road.events):
        road.to_next_moment()
    assert since(road, "vera", "accept_for_testing") == road.now


def test_whoever_has_to_endorse_again_is_waited_for_since_the_tests_changed() -> None:
    road = at_endorsement(everybody("endorse_tests"))
    road.do("mara", Endorse())
    changed = later(road)
    road.do("omar", EndorseWithChanges(what="A second one.", tests=(a_test("T1"), a_test("T2"))))
    assert since(road, "mara", "endorse") == changed


def test_each_step_of_a_campaign_waits_since_the_one_before_it() -> None:
    road = at_champions()
    begun = road.now
    assert since(road, "paul", "plan_champions") == begun
    recommended = later(road)
    road.do("paul", PlanChampions())
    assert since(road, "paul", "invite") == recommended
    assert since(road, "paul", "plan_rollout") == begun


def test_the_next_wave_waits_since_its_plan_was_signed() -> None:
    road = at_champions()
    road.do("paul", Invite(people=("bela", "sina")))
    for person in ("bela", "sina"):
        road.do(person, AcceptInvitation())
    planned(road, PILOT, REST)
    signed = later(road)
    road.do("omar", SignCoverage(decision="go"))
    assert since(road, "paul", "start_wave") == signed


def test_a_paused_wave_waits_since_the_changed_plan_was_signed_and_not_while_it_is_not() -> None:
    road = at_pause()
    assert since(road, "paul", "resume_wave") == road.now
    later(road)
    planned(road, PILOT, a_wave("Everybody else, slower", ("support",)))
    assert not [task for task in waiting_for(road.change) if "resume_wave" in task.commands]
    signed = later(road)
    road.do("omar", SignCoverage(decision="go"))
    assert since(road, "paul", "resume_wave") == signed


def test_an_effect_check_that_was_brought_forward_waits_since_it_opened() -> None:
    road = at_learning()
    moved = later(road)
    road.do("omar", MoveDeadline(deadline="E1", to=moved.replace(year=2026, month=1), reason="It shows already."))
    assert since(road, "bela", "record_effect") == moved


def test_closing_waits_since_the_last_thing_was_found_out() -> None:
    road = looked_back(at_check())
    road.do("bela", RecordEffect(check="E1", outcome=EffectOutcome.EFFECTIVE, numbers="20 hours"))
    road.to_next_moment()
    found = later(road)
    road.do("bela", RecordEffect(check="E2", outcome=EffectOutcome.EFFECTIVE, numbers="20 hours"))
    assert since(road, "paul", "close") == found


def test_after_a_hold_everything_waits_since_it_went_on() -> None:
    road = at_testing()
    road.do("paul", PutOnHold(reason="Stocktaking"))
    went_on = later(road)
    road.do("paul", Resume(reason="Over."))
    assert since(road, "tom", "record_result") == went_on


def test_a_renewed_change_waits_since_it_was_renewed() -> None:
    road = filed()
    while road.change.closing is None:
        road.to_next_moment()
    assert since(road, "paul", "renew") == road.now
    renewed = later(road)
    road.do("paul", Renew())
    assert since(road, "omar", "accept_for_testing") == renewed
    road.do("mara", AcceptForTesting())


def test_a_review_waits_for_each_since_they_were_asked() -> None:
    road = started_short()
    asked = road.now
    while not any(isinstance(event, ReviewOverdue) for event in road.events):
        road.to_next_moment()
    assert (since(road, "lena", "record_review"), since(road, "nora", "record_review")) == (asked, road.now)
