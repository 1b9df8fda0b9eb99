"""People come and go: delegations, absences, conflicts of interest and leavers move an open gate on."""

from __future__ import annotations

from changes.any_moment import PutOnHold, StepAside, Withdraw
from changes.authors import LeaveAuthors
from changes.decision import decide
from changes.facts import SYSTEM, Quorum
from changes.gates import GateReplanned
from changes.hearing import AcceptForTesting, SayBack
from changes.passing_time import LookAgain
from changes.state import Phase
from changes.testing import Endorse
from tests.changes.road import Road, at_endorsement, filed, kinds
from tests.changes.world import World, proposal


def asked(road: Road) -> set[str]:
    """Who is asked at the open gate."""
    assert road.change.gate is not None
    return {seat.person for seat in road.change.gate.asked}


class TestLookingAgain:
    def test_finds_nothing_where_everything_is_as_it_was(self) -> None:
        assert filed().look_again() == ()

    def test_asks_the_next_in_line_when_somebody_has_left(self) -> None:
        road = filed()
        road.world.alter("mara", active=False)
        [event] = road.look_again()
        assert isinstance(event, GateReplanned)
        assert (event.came, event.left, event.by) == (("vera",), ("mara",), SYSTEM)
        assert asked(road) == {"omar", "vera"}
        assert road.look_again() == ()

    def test_keeps_the_deadline_while_somebody_asked_before_is_left(self) -> None:
        road = filed()
        due = road.change.gate.due if road.change.gate else None
        road.wait(days=1)
        road.world.alter("mara", active=False)
        road.look_again()
        assert road.change.gate is not None
        assert road.change.gate.due == due

    def test_gives_the_full_time_where_nobody_of_them_is_left(self) -> None:
        road = filed()
        assert road.change.gate is not None
        due = road.change.gate.due
        road.wait(days=1)
        for gone in ("mara", "omar"):
            road.world.alter(gone, away=True)
        road.look_again()
        assert asked(road) == {"vera"}
        assert road.change.gate is not None
        assert road.change.gate.due > due

    def test_closes_a_gate_whose_quorum_is_reached_by_those_who_said_yes(self) -> None:
        """All were needed; one said yes and the other is gone with nobody above who is free."""
        road = at_endorsement(World(quorums=World().quorums | {"endorse_tests": Quorum(rule="all")}))
        road.do("omar", Endorse())
        assert road.is_at(Phase.AWAITING_ENDORSEMENT)
        road.world.alter("vera", active=False)
        road.world.alter("mara", active=False)
        assert kinds(road.look_again()) == ["gate_replanned", "gate_passed"]

    def test_passes_nothing_in_silence(self) -> None:
        road = filed(World(quorums=World().quorums | {"answer_proposal": Quorum(rule="all")}))
        for gone in ("mara", "omar", "vera"):
            road.world.alter(gone, active=False)
        road.look_again()
        assert road.is_at(Phase.AWAITING_ANSWER)

    def test_reckons_the_deadline_by_the_calendar_as_it_is_now(self) -> None:
        road = filed()
        road.world.days_to_answer = 9
        [event] = road.look_again()
        assert event.kind == "deadline_reckoned"
        assert road.change.gate is not None
        assert (road.change.gate.due - road.change.opened_at).days == 9

    def test_nobody_but_groundswell_asks_for_it(self) -> None:
        road = filed()
        decided = decide(road.change, LookAgain(), road.facts("mara", LookAgain()), road.now)
        assert getattr(decided, "rule", "") == "system_only"


class TestDelegation:
    def test_moves_what_is_asked_and_puts_both_names_on_record(self) -> None:
        road = filed()
        road.world.delegates["omar"] = "tom"
        road.look_again()
        assert asked(road) == {"mara", "tom"}
        [said, *_] = road.do("tom", SayBack(heard="Faster."))
        assert (said.by, said.in_place_of) == ("tom", "omar")
        assert "in place of Omar" in said.sentence({"omar": "Omar"})

    def test_is_not_needed_by_somebody_who_is_asked_themselves(self) -> None:
        road = filed()
        road.world.delegates["omar"] = "tom"
        [accepted, *_] = road.do("mara", AcceptForTesting())
        assert accepted.in_place_of is None

    def test_never_reaches_the_proposer(self) -> None:
        road = filed()
        road.world.delegates["omar"] = "paul"
        assert road.look_again() == (), "Omar stays asked"
        assert road.rule("paul", AcceptForTesting()) == "own_change"

    def test_of_somebody_whose_own_change_it_is_counts_for_nothing(self) -> None:
        """Omar owns the process and proposes: whoever answers for him does not decide about his change."""
        road = Road()
        road.world.delegates["omar"] = "tom"
        road.do("omar", proposal())
        assert "tom" not in asked(road)


class TestSteppingAside:
    def test_moves_the_gate_on_in_the_same_breath(self) -> None:
        road = filed()
        happened = road.do("omar", StepAside(reason="My brother sells the scanners."))
        assert kinds(happened) == ["stepped_aside", "gate_replanned"]
        assert asked(road) == {"mara", "vera"}
        assert "conflict of interest" in road.refused("omar", AcceptForTesting()).detail

    def test_holds_at_every_later_gate(self) -> None:
        road = filed()
        road.do("omar", StepAside(reason="My brother sells the scanners."))
        road.do("mara", AcceptForTesting())
        assert "endorse" not in road.offers("omar")

    def test_is_for_those_who_are_asked(self) -> None:
        assert filed().rule("kai", StepAside(reason="Nobody asked me.")) == "not_asked"


class TestLeavingTheAuthors:
    def test_whoever_never_touched_it_may_decide_about_it_like_everybody(self) -> None:
        road = filed(submit=proposal(proposer="omar"))
        assert asked(road) == {"vera"}
        assert kinds(road.do("omar", LeaveAuthors())) == ["author_left", "gate_replanned"]
        assert asked(road) == {"omar", "mara"}
        assert road.change.proposal.authors == ("paul",)

    def test_whoever_said_yes_to_being_an_author_still_does_not_decide(self) -> None:
        road = filed(submit=proposal(co_proposers=("mara",)))
        road.do("mara", LeaveAuthors(reason="I have no time for it."))
        assert road.change.proposal.authors == ("paul",)
        assert "mara" not in asked(road)

    def test_whoever_worked_on_it_still_does_not_decide(self) -> None:
        road = filed(submit=proposal(proposer="bela"), filer="mara")
        road.do("mara", LeaveAuthors(reason="It is hers."))
        assert road.change.proposal.authors == ("bela",)
        assert "mara" not in asked(road)

    def test_a_proposer_who_was_named_by_somebody_else_disowns_it(self) -> None:
        road = filed(submit=proposal(proposer="bela"))
        road.do("bela", LeaveAuthors(reason="I never said that."))
        assert (road.change.proposal.proposer, road.change.proposal.authors) == ("paul", ("paul",))

    def test_the_last_author_withdraws_instead(self) -> None:
        assert filed().rule("paul", LeaveAuthors()) == "last_author"
        assert filed().rule("kai", LeaveAuthors()) == "authors_only"


def test_a_change_that_rests_or_has_ended_is_left_alone() -> None:
    road = filed()
    road.world.alter("mara", active=False)
    road.do("omar", PutOnHold(reason="Stocktaking"))
    assert road.look_again() == ()
    road.do("paul", Withdraw(reason="Over."))
    assert road.look_again() == ()
