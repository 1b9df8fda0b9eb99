"""The review afterwards: owed from the first wave on, by somebody who decided nothing, until it is done."""

from __future__ import annotations

from datetime import timedelta

import pytest

from changes.any_moment import PutOnHold, Withdraw
from changes.learning import Close, RecordEffect
from changes.passing_time import next_moment
from changes.proposal import Edit
from changes.review import RecordReview, owed
from changes.rollout import RollBack
from changes.state import EffectOutcome, Phase
from changes.testing import ProposeTests
from changes.waiting import waiting_for
from tests.changes.road import (
    Road,
    at_learning,
    at_rollout,
    at_wave,
    complete,
    filed,
    looked_back,
    start,
    started_short,
)
from tests.changes.world import World, a_test, proposal

REVIEW = RecordReview(justified="yes", findings="Two hours were enough.", consequence="Nothing, it worked.")


def reviewers(road: Road) -> list[str]:
    return [task.person for task in waiting_for(road.change) if task.commands == ("record_review",)]


def test_a_short_road_is_loud_from_the_first_event_on() -> None:
    road = filed(World(short_road=True))
    [loud] = [event for event in road.events if event.kind == "short_road_taken"]
    assert loud.sentence().startswith("ATTENTION: this takes the short road “emergency”")
    assert not [event for event in filed().events if event.kind == "short_road_taken"]


def test_it_is_asked_for_when_the_first_wave_starts_and_only_once() -> None:
    road = at_rollout(World(short_road=True))
    assert owed(road.change) is None
    start(road)
    assert road.change.review is not None
    assert reviewers(road) == ["lena"], "Lena decided nothing"
    assert road.change.review.due == road.now + timedelta(days=10)
    complete(road)
    start(road)
    assert len([event for event in road.events if event.kind == "review_asked"]) == 1
    assert at_wave().change.review is None


def test_nothing_ends_before_it_is_done() -> None:
    road = started_short()
    assert road.rule("paul", Withdraw(reason="Over.")) == "review_first"
    assert "withdraw" not in road.offers("paul")
    road.do("omar", RollBack(scope="all", reason="Too slow."))
    looked_back(road)
    refused = road.refused("paul", Close(summary="Undone."))
    assert refused.rule == "review_first"
    assert "it must be reviewed before it ends" in refused.detail
    assert not [task for task in waiting_for(road.change) if task.commands == ("close",)]
    road.do("lena", REVIEW)
    road.do("paul", Close(summary="Undone."))
    assert road.change.review and road.change.review.justified == "yes"


@pytest.mark.parametrize(
    ("person", "rule"),
    [("paul", "own_change"), ("omar", "decided_about_it"), ("mara", "decided_about_it"), ("kai", "reviewers_only")],
)
def test_who_had_a_part_or_is_not_asked_does_not_review(person: str, rule: str) -> None:
    assert started_short().rule(person, REVIEW) == rule


def test_it_is_done_once() -> None:
    road = started_short()
    road.do("lena", REVIEW)
    assert owed(road.change) is None
    assert road.rule("lena", REVIEW) == "no_review_owed"


def test_silence_reminds_and_then_widens_the_circle_again_and_again() -> None:
    road = started_short()
    first = road.change.review
    assert first is not None
    assert [event.kind for event in road.to_next_moment()] == ["review_reminded"]
    seen = []
    for _ in range(4):
        while not [event for event in road.to_next_moment() if event.kind == "review_overdue"]:
            pass
        seen.append(reviewers(road))
    assert seen == [["lena", "nora"], *[["lena", "nora", "vera"]] * 3]
    assert road.change.closing is None
    assert road.change.review and road.change.review.level == 4


def test_a_hold_does_not_stop_its_clock() -> None:
    road = started_short()
    road.do("omar", PutOnHold(reason="Stocktaking."))
    assert reviewers(road) == ["lena"]
    assert [event.kind for event in road.to_next_moment()] == ["review_reminded"]
    road.do("lena", REVIEW)


def test_silence_in_a_later_round_of_tests_does_not_end_it_before_the_review() -> None:
    road = at_learning(World(short_road=True))
    check = road.change.learning.checks[0]
    while not road.change.learning.checks[0].opened:
        road.to_next_moment()
    road.do(
        check.owner, RecordEffect(check=check.ref, outcome=EffectOutcome.INEFFECTIVE, numbers="None", next_step="adapt")
    )
    road.do("paul", ProposeTests(tests=(a_test(),)))
    assert road.is_at(Phase.AWAITING_ENDORSEMENT)
    gate = road.change.gate
    assert gate is not None
    seen = []
    while road.now < gate.expires + timedelta(days=60):
        seen += [event.kind for event in road.to_next_moment()]
    assert seen.count("review_overdue") > 5
    assert "review_reminded" in seen
    assert "expired" not in seen
    assert reviewers(road) == ["lena", "nora", "vera"]
    road.do("nora", REVIEW)
    assert [event.kind for event in road.to_next_moment()] == ["expired"], "nobody endorsed for months"
    assert next_moment(road.change) is None


def test_another_reviewer_steps_in_when_the_owner_has_left() -> None:
    road = started_short()
    road.world.alter("lena", active=False)
    assert road.rule("lena", REVIEW) == "not_active"
    road.do("nora", REVIEW)


def test_only_a_short_road_that_is_new_is_announced() -> None:
    road = filed(World(short_road=True), proposal())
    before = len(road.events)
    road.do("paul", Edit(title="Other words"))
    assert not [event for event in road.events[before:] if event.kind == "short_road_taken"]
