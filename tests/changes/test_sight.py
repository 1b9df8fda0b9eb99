"""What one person may see: nobody learns who said no, who named whom, or how interested somebody is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from changes.any_moment import PutOnHold, Resume
from changes.recruiting import DeclareInterest, DeclineInvitation, Invite, Nominate
from changes.sight import HIDDEN_IN_WORDS, seen_by
from changes.state import InvitationStatus
from tests.changes.road import Road, at_champions, recruited


def asked_two() -> Road:
    """Fina says no at once; Uta says nothing."""
    road = at_champions()
    road.do("paul", Invite(people=("fina", "uta")))
    road.wait(hours=1)
    road.do("fina", DeclineInvitation())
    return road


@pytest.mark.parametrize("hours", [0, 24, 48, 71, 72, 73, 200])
@pytest.mark.parametrize("viewer", ["paul", "omar", "kai", ""])
def test_a_no_looks_like_silence_at_any_time(hours: int, viewer: str) -> None:
    road = asked_two()
    road.wait(hours=hours)
    road.notice()
    no, silence = seen_by(road.change, viewer, road.now).recruiting.invitations
    assert no.having(person=silence.person) == silence


def test_also_after_a_hold() -> None:
    road = asked_two()
    road.do("omar", PutOnHold(reason="Stocktaking"))
    road.wait(days=30)
    road.do("omar", Resume(reason="Over."))
    for _ in range(8):
        road.wait(days=1)
        road.notice()
        no, silence = seen_by(road.change, "paul", road.now).recruiting.invitations
        assert no.having(person=silence.person) == silence


def test_who_was_asked_sees_their_own_answer() -> None:
    road = asked_two()
    assert seen_by(road.change, "fina", road.now).recruiting.with_status(InvitationStatus.DECLINED) == ("fina",)
    assert seen_by(road.change, "uta", road.now).recruiting.with_status(InvitationStatus.DECLINED) == ()


def test_a_yes_is_seen_by_everybody() -> None:
    road = recruited(at_champions())
    assert seen_by(road.change, "kai", road.now).recruiting == road.change.recruiting


def test_votes_and_interest_are_seen_by_those_who_gave_them() -> None:
    road = at_champions()
    road.do("kai", Nominate(person="bela"))
    road.do("uta", Nominate(person="bela"))
    road.do("uta", DeclareInterest(level="keen"))
    seen = {who: seen_by(road.change, who, road.now + timedelta(days=1)).recruiting for who in ("kai", "uta", "bela")}
    assert seen["kai"].nominations == {"bela": ("kai",)}
    assert seen["uta"].nominations == {"bela": ("uta",)}
    assert seen["bela"].nominations == {}
    assert [bool(recruiting.interest) for recruiting in seen.values()] == [False, True, False]
    assert "who said no" in HIDDEN_IN_WORDS
