"""Stories in which, taken together, every kind of event happens at least once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from changes.anonymity import AgreeToReveal
from changes.any_moment import (
    AddComment,
    Follow,
    MakeLastCall,
    MoveDeadline,
    PutOnHold,
    Remind,
    Renew,
    Resume,
    StepAside,
    Unfollow,
    Withdraw,
)
from changes.authors import DeclineAuthorship, JoinAuthors, LeaveAuthors
from changes.concerns import AnswerWhy, AskWhy, OverruleConcern, RaiseConcern, ResolveConcern, Respond
from changes.facts import ANSWER_PROPOSAL, SIGN_TESTS, SYSTEM
from changes.hearing import (
    AcceptForTesting,
    AskForChanges,
    ConfirmHeard,
    Correct,
    Decline,
    MarkDuplicate,
    Object,
    SayBack,
    TakeOverFollowers,
)
from changes.holders import NameTesters
from changes.learning import Close, RecordBenefit, RecordEffect
from changes.proposal import Edit, Resubmit
from changes.publishing import MoveToNewerPolicy
from changes.recruiting import (
    DeclareInterest,
    DeclineInvitation,
    Introduce,
    Invite,
    LogConversation,
    Nominate,
    OpenPlaces,
    PlanChampions,
    StepDown,
)
from changes.review import RecordReview
from changes.rollout import ResumeWave, RollBack
from changes.state import ConcernCode, EffectOutcome, Verdict
from changes.testing import Conclude, EndorseWithChanges, ProposeTests, RecordResult, SignGate, StopEarly
from tests.changes.road import (
    Road,
    at_champions,
    at_check,
    at_endorsement,
    at_pause,
    at_planning,
    at_testing,
    decided_alone,
    filed,
    in_the_window,
    looked_back,
    put_forward,
    put_in_force,
    recruited,
    started_short,
)
from tests.changes.world import POLICY, World, a_test, proposal


def stories() -> Iterator[Road]:
    """Each story is one change, told from its filing on."""
    yield _listened()
    yield _adopted()
    yield _expired_and_renewed()
    yield _adapted()
    yield _rolled_back()
    yield _argued()
    yield _recruited_with_care()
    yield _duplicate()
    yield from governed()
    yield _in_force()
    yield _reviewed()
    road = in_the_window()
    road.do("mara", Object(reason="It touches us too."))
    yield road
    yield decided_alone()
    road = at_champions()
    road.to_next_moment()
    yield road


def governed() -> Iterator[Road]:
    """What people who come and go, last calls, pseudonyms, open places and two policies at once lead to."""
    yield _people_come_and_go()
    yield _last_call()
    yield _anonymous()
    yield _authors_come_and_go()
    yield _under_recruited()
    yield _superseded()
    yield from left_behind()


def left_behind() -> Iterator[Road]:
    """Those who held something leave, and others go on with it."""
    yield _tester_left()
    yield _champion_left()
    yield _check_owner_left()
    yield _reviewer_left()


def _tester_left() -> Road:
    road = at_testing()
    road.world.alter("tom", active=False)
    road.look_again()
    road.do("paul", NameTesters(test="T1", testers=("uta",), reason="Tom works elsewhere now."))
    road.world.alter("tom", active=True)
    road.look_again()
    return road


def _champion_left() -> Road:
    road = recruited(at_champions())
    road.do("paul", Invite(people=("uta",)))
    for gone in ("uta", "bela"):
        road.world.alter(gone, active=False)
        road.look_again()
    return road


def _check_owner_left() -> Road:
    road = at_check()
    road.world.alter("bela", active=False)
    road.look_again()
    return road


def _reviewer_left() -> Road:
    road = started_short()
    road.world.alter("lena", active=False)
    road.look_again()
    return road


def _listened() -> Road:
    road = filed()
    road.do("mara", SayBack(heard="Faster."))
    road.do("paul", Correct(correction="And fewer letters."))
    road.do("mara", SayBack(heard="Faster, with fewer letters."))
    road.do("paul", ConfirmHeard())
    road.do("paul", Edit(title="Answer returns with fewer letters", what_changed="Letters."))
    road.do("mara", AskForChanges(what="Name the desk."))
    road.do("paul", Resubmit(suggestion="Desk 2 decides.", what_changed="Named the desk."))
    road.do("mara", Decline(reason="There is no money.", way_forward="Try one desk."))
    return road


def _adopted() -> Road:
    road = at_check()
    road.do("paul", RecordBenefit(name="Hours", unit="hours a week", target=Decimal("20.5"), actual=Decimal(18)))
    road.do("bela", RecordEffect(check="E1", outcome=EffectOutcome.EFFECTIVE, numbers="20 hours", value=Decimal(20)))
    road.do("paul", MoveDeadline(deadline="E2", to=road.now + timedelta(days=10), reason="Sooner."))
    road.to_next_moment()
    road.do("bela", RecordEffect(check="E2", outcome=EffectOutcome.INCONCLUSIVE, numbers="21 hours"))
    looked_back(road).do("paul", Close(summary="It is how we work now."))
    return road


def _expired_and_renewed() -> Road:
    road = filed()
    road.do("omar", PutOnHold(reason="Stocktaking", until=road.now + timedelta(days=3)))
    road.do("omar", Resume(reason="Over."))
    while road.change.closing is None:
        road.to_next_moment()
    road.do("paul", Renew())
    return road


def _adapted() -> Road:
    road = at_endorsement()
    changed = (a_test("T1"), a_test("T2"))
    road.do("omar", EndorseWithChanges(what="A second test.", tests=changed))
    road.do("paul", StopEarly(test="T2", reason="The desk closed."))
    road.do("tom", RecordResult(test="T1", value=Decimal("20.25"), sample=40, evidence="the log", note="A quiet week"))
    road.do("paul", Conclude(verdict=Verdict.ADAPT, reason="T2 says nothing."))
    return road


def _rolled_back() -> Road:
    road = at_pause()
    road.do("paul", ResumeWave(reason="The form is repaired."))
    road.do("omar", RollBack(scope="wave", reason="Too slow."))
    road.do("omar", RollBack(scope="all", reason="Too slow in every way."))
    return road


def _argued() -> Road:
    road = at_planning()
    worry = RaiseConcern(title="Fraud {and} 100 %", text="No checks.", code=ConcernCode.R09, blocking=True)
    road.do("kai", worry)
    road.do("paul", AskWhy(concern="C1", question="What happened?"))
    road.do("kai", AnswerWhy(concern="C1", answer="We lost money."))
    road.do("paul", Respond(concern="C1", text="We check.", changed_something=True))
    road.do("kai", ResolveConcern(concern="C1"))
    road.do("uta", worry)
    road.do("vera", OverruleConcern(concern="C2", reason="It was settled for C1."))
    road.do("nora", Follow())
    road.do("nora", AddComment(about="works", text="The desk is glad."))
    road.do("nora", Unfollow())
    road.do("paul", Withdraw(reason="Somebody else solved it."))
    return road


def _recruited_with_care() -> Road:
    road = at_champions()
    road.do("kai", Nominate(person="bela"))
    road.do("uta", DeclareInterest(level="keen"))
    road.do("paul", OpenPlaces(count=1))
    recruited(road)
    road.do("paul", Invite(people=("fina", "uta")))
    road.do("fina", DeclineInvitation())
    road.to_next_moment()
    road.to_next_moment()
    road.to_next_moment()
    road.do("bela", LogConversation(team="billing", people=3, note="They want to know when."))
    road.do("bela", Introduce(person="uta", to="sina", why="Both know returns."))
    road.do("sina", StepDown())
    return road


def _in_force() -> Road:
    """A steward puts a policy forward; once it is signed it is in force. Another change is moved to it."""
    road = put_in_force()
    road.world.in_force = POLICY.having(version=5, sha256="ef" * 32)
    road.world.alter("nora", roles=("steward",))
    road.do("nora", MoveToNewerPolicy(reason="The old one asks people who have left."))
    return road


def _superseded() -> Road:
    """Another policy takes force before the last call on a signed one is over."""
    road = put_forward(World(last_calls={SIGN_TESTS}))
    for person in road.change.round.counting_endorsers:
        if road.change.gate and not road.change.gate.agreed:
            road.do(person, SignGate())
    road.world.in_force = POLICY.having(version=5, sha256="ef" * 32)
    road.to_next_moment()
    return road


def _reviewed() -> Road:
    """An emergency; nobody reviews it in time, so more people are asked."""
    road = started_short()
    road.to_next_moment()
    road.to_next_moment()
    road.do(
        "nora", RecordReview(justified="partly", findings="Two hours were enough.", consequence="Nothing, it worked.")
    )
    return road


def _duplicate() -> Road:
    road = filed()
    road.do("mara", MarkDuplicate(of="CH-0002", reason="The same desk."))
    return road


def _people_come_and_go() -> Road:
    road = filed()
    road.do("paul", Remind())
    road.world.delegates["omar"] = "tom"
    road.look_again()
    road.world.alter("mara", active=False)
    road.look_again()
    road.do("tom", StepAside(reason="It is about my own desk."))
    road.world.days_to_answer = 9
    road.look_again()
    road.world.delegates.clear()
    road.look_again()
    road.do("vera", AcceptForTesting())
    road.to_next_moment()
    return road


def _last_call() -> Road:
    road = filed(World(last_calls={ANSWER_PROPOSAL}))
    road.do("mara", AcceptForTesting())
    road.do("kai", RaiseConcern(title="Depot", text="Nobody asked us.", code=ConcernCode.R07, blocking=True))
    road.do("kai", ResolveConcern(concern="C1"))
    road.to_next_moment()
    road.do("paul", ProposeTests(tests=(a_test(),)))
    road.do("omar", MakeLastCall(reason="We would like to begin."))
    for _ in range(9):
        if road.change.gate and road.change.gate.last_call_until is None:
            break
        road.to_next_moment()
    return road


NOBODY = "anon-5f0c"
"""Somebody who stays anonymous."""


def _anonymous() -> Road:
    road = Road()
    road.do(NOBODY, proposal())
    road.do("vera", AgreeToReveal(pseudonym=NOBODY, reason="It is about somebody's safety."))
    road.do("lena", AgreeToReveal(pseudonym=NOBODY, reason="I agree."))
    return road


def _authors_come_and_go() -> Road:
    road = Road()
    road.do("paul", proposal(co_proposers=("bela", "mara")))
    road.do("mara", DeclineAuthorship())
    road.do("bela", JoinAuthors())
    road.do("mara", AcceptForTesting())
    road.do("bela", LeaveAuthors())
    road.world.duplicates["CH-0002"] = ("kai", "nora")
    road.do(SYSTEM, TakeOverFollowers(duplicate="CH-0002"))
    return road


def _under_recruited() -> Road:
    road = at_champions()
    road.world.answers = ("Nobody is left who may be invited.", ("Make an open call for volunteers.",))
    road.do("paul", PlanChampions())
    road.do("paul", Invite(people=("bela", "sina")))
    road.do("bela", DeclineInvitation())
    while road.change.recruiting.looked_at is None:
        road.to_next_moment()
    return road
