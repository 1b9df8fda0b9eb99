"""The policy changes through a change: who may put one forward, when it takes force, who may move a change to it."""

from __future__ import annotations

import pytest

from changes.any_moment import Withdraw
from changes.decision import decide
from changes.facts import ANSWER_PROPOSAL, SIGN_TESTS, SYSTEM, Candidate, Quorum
from changes.gates import unanswered
from changes.hearing import AcceptForTesting, Decline
from changes.proposal import Resubmit
from changes.publishing import MoveToNewerPolicy
from changes.refusals import Refused
from changes.state import Phase, Stage
from changes.testing import SignGate
from changes.waiting import waiting_for
from tests.changes.road import CANDIDATE, Road, at_planning, filed, kinds, put_forward, put_in_force
from tests.changes.world import POLICY, World, proposal

NEXT = POLICY.having(version=POLICY.version + 1, sha256=CANDIDATE)
MOVE = MoveToNewerPolicy(reason="It asks people who have left.")


def test_only_a_steward_puts_a_policy_forward() -> None:
    assert Road().rule("paul", proposal(policy=CANDIDATE)) == "stewards_only"
    road = filed(submit=proposal(policy=CANDIDATE), filer="kai")
    assert kinds(road.events) == ["submitted", "gate_opened", "policy_put_forward"]
    put = road.change.policy_change
    assert put and (put.candidate, put.instead_of, put.in_force_since) == (NEXT, POLICY, None)


@pytest.mark.parametrize(
    ("candidate", "rule"),
    [
        (None, "unknown_policy"),
        (Candidate(ref=POLICY, in_force=POLICY), "policy_in_force"),
        (Candidate(ref=NEXT.having(version=9), in_force=POLICY), "policy_version"),
        (Candidate(ref=NEXT.having(name="nordwind"), in_force=POLICY, taken=True), "policy_version"),
        (Candidate(ref=NEXT, in_force=POLICY, errors=("routes.x: is never reached.",)), "policy_would_stick"),
    ],
)
def test_what_could_not_be_the_next_policy_is_refused(candidate: Candidate | None, rule: str) -> None:
    road, command = Road(), proposal(policy=CANDIDATE)
    facts = road.facts("kai", command).having(candidate=candidate)
    decided = decide(None, command, facts, road.now)
    assert isinstance(decided, Refused)
    assert (decided.rule, decided.pointer) == (rule, "/policy")


def test_with_the_last_signature_it_is_in_force_and_goes_on_to_learning() -> None:
    road = put_in_force()
    assert kinds(road.events)[-4:] == ["signed", "gate_passed", "policy_took_force", "effect_checks_planned"]
    assert (road.change.stage, road.change.phase) == (Stage.LEARNING, Phase.CHECKING_EFFECT)
    assert road.change.policy_change and road.change.policy_change.in_force_since == road.now
    assert road.change.recruiting.campaign_due is None
    assert road.rule("kai", Withdraw(reason="Back.")) == "policy_in_force"


def test_a_policy_that_was_overtaken_is_not_signed_and_can_come_back() -> None:
    road = put_forward()
    road.world.in_force = POLICY.having(version=8)
    assert road.rule("omar", SignGate()) == "policy_moved_on"
    assert "“default” version 8" in road.refused("omar", SignGate()).detail


def test_a_last_call_that_runs_out_on_an_overtaken_policy_brings_it_back_to_its_proposer() -> None:
    road = put_forward(World(last_calls={SIGN_TESTS}))
    while not (road.change.gate and road.change.gate.agreed):
        road.do(next(iter(unanswered(road.change))), SignGate())
    road.world.in_force = POLICY.having(version=8)
    happened = road.to_next_moment()
    assert kinds(happened) == ["gate_passed", "superseded"]
    assert happened[-1].by == SYSTEM
    assert happened[-1].sentence() == (
        "did not put this in force, because another policy took force meanwhile: version 8 of “default”. "
        "It is back with its proposer, to be based on that one"
    )
    assert (road.change.closing, road.change.phase, road.change.stage) == (None, Phase.OVERTAKEN, Stage.PROPOSAL)
    assert [(task.person, task.commands[0]) for task in waiting_for(road.change)] == [("kai", "resubmit")]
    road.do("kai", Resubmit(what_changed="On top of version 8.", policy="12" * 32))
    put = road.change.policy_change
    assert put and (put.candidate.version, put.instead_of.version) == (9, 8)
    assert road.change.round.number == 2 and not road.change.round.signatures


def test_a_returned_policy_names_its_new_candidate() -> None:
    road = put_forward()
    road.do("omar", Decline(reason="Overtaken.", way_forward="Submit it again."))
    road.do("kai", Resubmit(what_changed="On top of version 4.", policy="12" * 32))
    assert road.change.policy_change and road.change.policy_change.candidate.sha256 == "12" * 32
    assert road.change.closing is None


def test_moving_to_a_newer_policy_is_a_stewards_and_never_for_their_own_change() -> None:
    road = at_planning()
    assert "move_to_newer_policy" not in road.offers("kai"), "there is no newer one"
    assert road.rule("kai", MOVE) == "policy_already"
    road.world.in_force = NEXT
    assert road.rule("mara", MOVE) == "stewards_only"
    assert "move_to_newer_policy" in road.offers("kai")
    own = filed(filer="kai")
    own.world.in_force = NEXT
    assert own.rule("kai", MOVE) == "own_change"
    [moved] = road.do("kai", MOVE)
    assert road.change.policy == NEXT
    assert "moved this change to version 4 of the policy, on the route everyday" in moved.sentence()
    assert road.rule("kai", MOVE) == "policy_already"


def test_the_open_gate_is_asked_anew_and_passes_where_enough_have_said_yes() -> None:
    world = World()
    world.quorums[ANSWER_PROPOSAL] = Quorum(rule="all")
    road = filed(world)
    road.do("mara", AcceptForTesting())
    world.in_force = NEXT
    world.quorums[ANSWER_PROPOSAL] = Quorum()
    happened = road.do("kai", MOVE)
    assert kinds(happened) == ["moved_to_newer_policy", "gate_opened", "gate_passed"]
    assert road.change.phase is Phase.PLANNING_TESTS
