"""What is done without a name, and what is offered to somebody who speaks without one."""

from __future__ import annotations

from changes.anonymity import SPOKEN_ANONYMOUSLY
from changes.any_moment import PutOnHold
from changes.concerns import RaiseConcern
from changes.hearing import DecideYourself, SayBack
from changes.state import ConcernCode
from tests.changes.road import Road
from tests.changes.stories import NOBODY
from tests.changes.world import World, proposal

WORRY = RaiseConcern(title="Worry", text="Who checks?", code=ConcernCode.R02)


def filed_anonymously(world: World | None = None) -> Road:
    """Somebody has filed it without their name, and Omar has said back what she heard."""
    road = Road(world)
    road.do(NOBODY, proposal())
    road.do("omar", SayBack(heard="Faster."))
    return road


def test_an_anonymous_proposer_is_offered_only_what_is_done_without_a_name() -> None:
    road = filed_anonymously(World(may_decide_alone=True))
    offered = set(road.offers(NOBODY))
    assert offered <= SPOKEN_ANONYMOUSLY
    assert {"edit", "confirm_heard", "correct", "withdraw", "raise_concern"} <= offered
    for command in (DecideYourself(), PutOnHold(reason="Stocktaking")):
        assert road.rule(NOBODY, command) == "needs_a_name"


def test_a_concern_without_a_name_is_not_offered_where_the_policy_wants_names() -> None:
    road = filed_anonymously()
    road.world.anonymous = False
    assert "raise_concern" not in road.offers(NOBODY)
    assert road.rule(NOBODY, WORRY) == "anonymity_refused"
    assert "raise_concern" in road.offers("uta")
