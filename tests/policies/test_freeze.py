"""A freeze that comes into the calendar while a change waits for an answer moves its deadline, and what hangs on it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from changes.any_moment import MoveDeadline
from changes.proposal import Submit
from changes.publishing import MoveToNewerPolicy
from changes.state import OpenGate
from directory.model import Directory
from policies.loader import parse_policy
from tests.changes.road import Road, kinds
from tests.changes.world import proposal
from tests.policies.governed import Governed
from tests.policies.organisations import PROCESSES, TEAMS, TUESDAY, altered_text, firm, person

NEXT_VERSION = ("version: 1\n", "version: 2\n")
SAM = person("sam", "Sam Rey", "office", "eva", roles=("steward",))
OFFICE = Directory([*firm().people.values(), SAM], TEAMS, PROCESSES)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin"))


def filed() -> tuple[Road, Governed]:
    """Ann files on Tuesday 10 March at 14:00; Mara has five working days, until Tuesday 17 March."""
    world = Governed(directory=OFFICE)
    road = Road(world)
    road.do("ann", small(), at=TUESDAY)
    assert gate(road).due == berlin("2026-03-17T14:00")
    assert gate(road).reminders == (berlin("2026-03-13T10:00"), berlin("2026-03-16T14:00"))
    return road, world


def small() -> Submit:
    return proposal(process="invoicing", affected_teams=("billing",))


def gate(road: Road) -> OpenGate:
    assert road.change.gate is not None
    return road.change.gate


def stand_still(world: Governed, first: str, last: str, *more: tuple[str, str]) -> None:
    """Deadlines stand still from ``first`` to ``last``, from now on."""
    text = altered_text(("freezes:", f"freezes:\n    - {{name: stocktaking, from: {first}, to: {last}}}"), *more)
    world.policy = parse_policy(text)


def test_days_that_stand_still_are_added_to_the_deadline_and_its_reminders() -> None:
    road, world = filed()
    road.now = berlin("2026-03-11T09:00")
    stand_still(world, "2026-03-12", "2026-03-13")
    assert kinds(road.look_again()) == ["deadline_reckoned"]
    assert gate(road).due == berlin("2026-03-19T14:00"), "two working days later"
    assert gate(road).reminders == (berlin("2026-03-17T10:00"), berlin("2026-03-18T14:00"))
    assert road.look_again() == (), "looked at twice, it is reckoned once"

    road.now = berlin("2026-03-17T14:00")
    assert "escalated" not in kinds(road.notice()), "the old deadline means nothing any more"
    road.now = berlin("2026-03-19T14:00")
    assert "escalated" in kinds(road.notice())


def test_a_freeze_that_is_over_before_or_begins_after_moves_nothing() -> None:
    for first, last in (("2026-03-02", "2026-03-09"), ("2026-03-18", "2026-03-20"), ("2026-03-14", "2026-03-15")):
        road, world = filed()
        stand_still(world, first, last)
        assert road.look_again() == (), f"{first} to {last}"


def test_a_deadline_that_a_person_has_moved_stays_where_they_put_it() -> None:
    road, world = filed()
    friday = berlin("2026-03-20T12:00")
    road.do("mara", MoveDeadline(deadline="gate", to=friday, reason="I am at a fair."))
    stand_still(world, "2026-03-12", "2026-03-13")
    assert road.look_again() == ()
    assert gate(road).due == friday


def test_under_a_newer_policy_the_full_time_runs_again_over_its_freeze() -> None:
    road, world = filed()
    road.now = berlin("2026-03-11T14:00")
    stand_still(world, "2026-03-12", "2026-03-13", NEXT_VERSION)
    moved = road.do("sam", MoveToNewerPolicy(reason="We count the stock."))
    assert kinds(moved) == ["moved_to_newer_policy", "gate_opened"]
    assert gate(road).due == berlin("2026-03-20T14:00"), "five working days from now, and two that stand still"
    road.wait(hours=1)
    assert road.look_again() == ()
