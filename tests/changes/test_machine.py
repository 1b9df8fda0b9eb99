"""Random people give random commands while time passes and people come and go; what must always hold, holds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import Phase as HypothesisPhase
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from pydantic import TypeAdapter

from changes.any_moment import Follow, PutOnHold
from changes.commands import Command
from changes.concerns import AskWhy, RaiseConcern
from changes.decision import HUMAN_COMMANDS, decide, evolve, evolve_all
from changes.events import AnyEvent, Event
from changes.facts import GATES, SYSTEM, Quorum
from changes.gates import GatePassed
from changes.hearing import AskForChanges, SayBack
from changes.learning import RecordEffect
from changes.passing_time import LookAgain, NoticeTime, next_moment
from changes.recruiting import AcceptInvitation, Invite, PlanChampions
from changes.refusals import RefusalKind, Refused
from changes.state import Change, ConcernCode, EffectOutcome, Outcome, Phase, Round
from changes.values import is_pseudonym
from changes.waiting import summary, waiting_for
from tests.changes.bodies import Bodies
from tests.changes.road import (
    Road,
    at_champions,
    at_check,
    at_coverage,
    at_endorsement,
    at_pause,
    at_rollout,
    at_signing,
    at_testing,
    at_wave,
    decided_alone,
    filed,
    in_the_window,
    looked_back,
    measured,
    put_forward,
    put_in_force,
    recruiting_alone,
    report,
    started_short,
)
from tests.changes.stories import NOBODY
from tests.changes.world import POLICY, World, proposal
from tests.support.thoroughness import examples

pytestmark = pytest.mark.timeout(400)  # some ten seconds by itself; coverage on a busy machine takes far longer

PEOPLE = sorted(World().people)


def filed_anonymously() -> Road:
    """Somebody who stays anonymous has filed; Kai wants names, and the ombuds people may agree to hear one."""
    road = Road()
    road.do(NOBODY, proposal())
    return road


def asked_to_join() -> Road:
    """Bela and Kai are asked to propose it too."""
    road = Road()
    road.do("paul", proposal(co_proposers=("bela", "kai")))
    return road


def heard() -> Road:
    """Mara has said back what she heard, Kai follows, and Uta's concern waits for its why."""
    road = filed()
    road.do("mara", SayBack(heard="Faster."))
    road.do("kai", Follow())
    road.do("uta", RaiseConcern(title="Worry", text="Who checks?", code=ConcernCode.R02))
    road.do("kai", AskWhy(concern="C1", question="What happened?"))
    return road


def without_a_tester() -> Road:
    """The only tester has left."""
    road = at_testing()
    road.world.alter("tom", active=False)
    road.look_again()
    return road


def invited() -> Road:
    """Bela is invited and Sina is a champion; somebody answers for Omar."""
    road = at_champions()
    road.do("paul", PlanChampions())
    road.do("paul", Invite(people=("bela", "sina")))
    road.do("sina", AcceptInvitation())
    road.world.delegates["omar"] = "uta"
    road.look_again()
    return road


def held() -> Road:
    """It rests."""
    road = at_testing()
    road.do("paul", PutOnHold(reason="Stocktaking"))
    return road


def expired() -> Road:
    """Nobody answered."""
    road = filed()
    while road.change.closing is None:
        road.to_next_moment()
    return road


def almost_closed() -> Road:
    """Both effect checks are recorded and it was looked back; whoever leads closes it."""
    road = looked_back(at_check())
    for check in ("E1", "E2"):
        road.do("bela", RecordEffect(check=check, outcome=EffectOutcome.EFFECTIVE, numbers="20 hours"))
        if check == "E1":
            road.to_next_moment()
    return road


def alone_within_limits() -> Road:
    """Paul may decide this alone."""
    return filed(World(may_decide_alone=True))


def under_an_older_policy() -> Road:
    """A newer policy is in force, and Nora may move the change to it."""
    road = filed()
    road.world.in_force = POLICY.having(version=4)
    road.world.alter("nora", roles=("steward",))
    return road


def all_measured() -> Road:
    """The test has its result; whoever leads concludes."""
    return measured(at_testing())


def returned() -> Road:
    """Mara has asked for changes."""
    road = filed()
    road.do("mara", AskForChanges(what="Name the desk."))
    return road


def read_once() -> Road:
    """The guard of the running wave has been read, and is healthy."""
    road = at_wave()
    report(road, "1")
    return road


def with_co_proposers() -> Road:
    """Two have proposed it together."""
    return filed(submit=proposal(co_proposers=("bela",)))


BEGINNINGS = {
    bring.__name__: bring
    for bring in (
        filed,
        in_the_window,
        decided_alone,
        recruiting_alone,
        at_endorsement,
        at_testing,
        at_signing,
        at_champions,
        at_coverage,
        at_rollout,
        at_wave,
        at_pause,
        at_check,
        started_short,
        put_forward,
        put_in_force,
        filed_anonymously,
        asked_to_join,
        with_co_proposers,
        heard,
        without_a_tester,
        invited,
        held,
        expired,
        almost_closed,
        alone_within_limits,
        under_an_older_policy,
        all_measured,
        read_once,
        returned,
    )
}
"""Stories begin somewhere along the road, brought there by commands, so that all of it is walked equally often."""

ONWARD = {
    "resubmit",
    "accept_for_testing",
    "decide_yourself",
    "propose_tests",
    "endorse",
    "endorse_with_changes",
    "name_testers",
    "record_result",
    "stop_early",
    "conclude",
    "sign_gate",
    "invite",
    "accept_invitation",
    "decline_invitation",
    "plan_rollout",
    "sign_coverage",
    "start_wave",
    "report_metric",
    "resume_wave",
    "complete_wave",
    "record_effect",
    "record_review",
    "hold_retrospective",
    "close",
    "resume",
    "renew",
    "resolve_concern",
    "overrule_concern",
}
"""What moves a story on; the rest may be said at almost any moment and would drown it."""

ENDINGS = {"withdraw", "decline", "mark_duplicate"}
"""What ends a story: seldom, because little can happen afterwards."""

WORRY = RaiseConcern(title="Fraud", text="Nobody checks receipts.", code=ConcernCode.R09, blocking=True)

LOOKED_AT_AGAIN = {"team_load", "champion_lost", "guard_never_read", "review_first", "policy_moved_on"}
"""What is looked at when a wave starts or ends: not a matter of who or when, but of what happened meanwhile."""
HELD_ALONE = "blocking_concern"
"""Where a proposer decided alone, a gate has no people to wait for, so the concern stops whoever would pass it."""

stored: TypeAdapter[Any] = TypeAdapter(AnyEvent)
QUORUMS = st.sampled_from(
    [Quorum(), Quorum(rule="all"), Quorum(rule="count", count=2), Quorum(rule="percent", percent=60, at_least=2)]
)


def growing(change: Change) -> dict[str, int]:
    """How many of each thing that was ever decided or said are on record; none of these may ever shrink."""
    rounds = (*change.earlier_rounds, change.round)
    return {
        "endorsements": sum(len(round_.endorsements) for round_ in rounds),
        "results": sum(len(round_.results) for round_ in rounds),
        "stops": sum(len(round_.stops) for round_ in rounds),
        "conclusions": sum(round_.conclusion is not None for round_ in rounds),
        "signatures": sum(len(round_.signatures) for round_ in rounds),
        "coverage signatures": len(change.recruiting.signatures),
        "plans": len(change.recruiting.plans),
        "invitations": len(change.recruiting.invitations),
        "conversations": len(change.recruiting.conversations),
        "introductions": len(change.recruiting.introductions),
        "versions": len(change.proposal.versions),
        "heard": len(change.proposal.heard),
        "gates passed": len(change.passed),
        "concerns": len(change.concerns),
        "whys": sum(len(concern.whys) for concern in change.concerns),
        "responses": sum(len(concern.responses) for concern in change.concerns),
        "comments": len(change.comments),
        "findings": sum(check.outcome is not None for check in change.learning.checks),
        "benefits": len(change.learning.benefits),
    }


def acceptances(change: Change, events: list[Event]) -> Iterator[str]:
    """Everybody whose yes opened a gate, in any round."""
    for round_ in (*change.earlier_rounds, change.round):
        yield from (answer.person for answer in (*round_.endorsements, *round_.signatures))
    yield from (signature.person for signature in change.recruiting.signatures)
    yield from (concern.closed_by or "" for concern in change.concerns if concern.status == "overruled")
    yield from (event.by for event in events if event.kind in {"accepted_for_testing", "objected"})


class LifeOfAChange(RuleBasedStateMachine):
    """One change, its world, and a second state made of the stored events alone."""

    def __init__(self) -> None:
        super().__init__()
        self.road = Road()
        self.told: Change | None = None
        self.counted: dict[str, int] = {}

    # ------------------------------------------------------------------------------------------------ the story

    @initialize(
        beginning=st.sampled_from(sorted(BEGINNINGS)), data=st.data(), quorums=st.tuples(*[QUORUMS for _ in GATES])
    )
    def begin(self, beginning: str, data: st.DataObject, quorums: tuple[Quorum, ...]) -> None:
        if data.draw(st.integers(0, 4), label="a story of its own") == 0:
            filer = data.draw(st.sampled_from(PEOPLE))
            self.road = Road(World(may_decide_alone=data.draw(st.booleans())))
            self.road.do(filer, Bodies(data.draw, self.road, filer, wild=False).of("submit"))
        else:
            self.road = BEGINNINGS[beginning]()
        self.road.world.quorums = dict(zip(GATES, quorums, strict=True))
        self.road.world.last_calls = set(data.draw(st.lists(st.sampled_from(GATES), max_size=2), label="last calls"))
        self._tell(tuple(self.road.events))

    @rule(data=st.data(), person=st.sampled_from([*PEOPLE, NOBODY]))
    def somebody_answers_everything_at_once(self, data: st.DataObject, person: str) -> None:
        """As on the page where several answers are given with one reason: each is decided by itself."""
        for task in [task for task in waiting_for(self.road.change) if task.person == person]:
            self._take_an_offer(data, person, set(task.commands) - ENDINGS)

    @rule(data=st.data(), person=st.sampled_from([*PEOPLE, NOBODY]))
    def somebody_takes_an_offer(self, data: st.DataObject, person: str) -> None:
        ending = data.draw(st.integers(0, 9), label="an ending") == 0
        self._take_an_offer(data, person, set(HUMAN_COMMANDS) if ending else set(HUMAN_COMMANDS) - ENDINGS)

    @rule(data=st.data(), steps=st.integers(1, 4))
    def the_story_moves_on(self, data: st.DataObject, steps: int) -> None:
        for _ in range(steps):
            tasks = waiting_for(self.road.change)
            as_asked = bool(data.draw(st.booleans(), label="as asked"))
            if tasks and as_asked:
                task = data.draw(st.sampled_from(tasks))
                self._take_an_offer(data, task.person, set(task.commands) - ENDINGS)
            else:
                self._take_an_offer(data, data.draw(st.sampled_from(self._carriers())), ONWARD)
            self.the_records_make_the_state()
            self.results_count_only_behind_an_endorsement()

    def _carriers(self) -> list[str]:
        """Those who carry the change, and the head of the line."""
        owner = self.road.world.owners[self.road.change.proposal.content.process]
        return list(dict.fromkeys([*self.road.change.proposal.authors, owner, "vera"]))

    def _here(self, ref: str) -> bool:
        """Whether somebody can act; who is behind a pseudonym is not known to have left."""
        return is_pseudonym(ref) or self.road.world.people[ref].active

    def _take_an_offer(self, data: st.DataObject, person: str, among: set[str]) -> None:
        able = [kind for kind in self.road.offers(person) if kind in among]
        if able:
            self._give(data, person, data.draw(st.sampled_from(able), label="what"), wild=False)

    @rule(
        data=st.data(),
        person=st.sampled_from([*PEOPLE, NOBODY, "stranger", SYSTEM]),
        kind=st.sampled_from(sorted(HUMAN_COMMANDS)),
        wild=st.booleans(),
    )
    def somebody_tries_anything(self, data: st.DataObject, person: str, kind: str, wild: bool) -> None:
        self._give(data, person, kind, wild=wild)

    @rule(data=st.data(), giver=st.sampled_from(PEOPLE), receiver=st.sampled_from(PEOPLE))
    def somebody_delegates_or_takes_it_back(self, data: st.DataObject, giver: str, receiver: str) -> None:
        if giver == receiver or giver in self.road.world.delegates:
            self.road.world.delegates.pop(giver, None)
        else:
            self.road.world.delegates[giver] = receiver
        if data.draw(st.booleans(), label="looked at"):
            self._look_again()

    @rule(person=st.sampled_from(PEOPLE), days=st.integers(3, 9))
    def somebody_comes_or_goes_and_the_calendar_changes(self, person: str, days: int) -> None:
        self.road.world.alter(person, active=not self.road.world.people[person].active)
        self.road.world.days_to_answer = days
        self._look_again()

    def _look_again(self) -> None:
        """Whoever may not answer any more is not asked any more, and a gate closes by nothing but a quorum."""
        decided = self._decide(SYSTEM, LookAgain())
        assert not isinstance(decided, Refused)
        if self.road.change.closing is None:
            assert self._decide(SYSTEM, LookAgain()) == (), "looking twice finds nothing new"
            waited_for = {task.person for task in waiting_for(self.road.change)}
            gone = [ref for ref in waited_for if not self._here(ref)]
            assert not gone or self.road.change.hold, "who has left is waited for"
        gate = self.road.change.gate
        if gate is None or self.road.change.hold or gate.agreed or self.road.change.closing:
            return
        seats = self.road.facts(SYSTEM).gates[gate.name].seats
        assert {seat.person for seat in gate.asked} == {seat.person for seat in seats}
        for seat in gate.asked:
            assert seat.person not in self.road.change.proposal.authors
            assert self.road.world.people[seat.person].active

    @rule(person=st.sampled_from([*PEOPLE, NOBODY]))
    def somebody_is_worried(self, person: str) -> None:
        if not self.road.change.blocking_concerns:
            self._decide(person, WORRY)

    @rule(hours=st.sampled_from([0.1, 5, 30, 24 * 6, 24 * 45]), noticed=st.booleans())
    def time_passes(self, hours: float, noticed: bool) -> None:
        self.road.wait(hours=hours)
        if noticed:
            self._notice()

    @rule(times=st.integers(1, 10))
    def things_fall_due(self, times: int) -> None:
        for _ in range(times):
            moment = next_moment(self.road.change)
            if moment is None:
                return
            before = self.road.change.version
            self.road.now = max(self.road.now, moment)
            self._notice()
            following = next_moment(self.road.change)
            assert self.road.change.version > before, "what fell due must mean something: the workflow would spin"
            assert following is None or following > self.road.now

    @rule(
        person=st.sampled_from(PEOPLE),
        facts=st.sampled_from([{"active": False}, {"away": True}, {"active": True, "away": False}]),
        load=st.integers(0, 2),
        alone=st.booleans(),
    )
    def the_world_changes(self, person: str, facts: dict[str, bool], load: int, alone: bool) -> None:
        self.road.world.alter(person, **facts)
        self.road.world.rollouts = {"billing": load}
        self.road.world.may_decide_alone = alone
        self.road.world.in_force = POLICY.having(version=3 + load)

    # ---------------------------------------------------------------------------------------------- what follows

    def _give(self, data: st.DataObject, person: str, kind: str, *, wild: bool) -> None:
        command = Bodies(data.draw, self.road, person, wild).of(kind)
        offered = kind in self.road.offers(person)
        decided = self._decide(person, command)
        if isinstance(decided, Refused):
            assert decided.rule
            assert decided.detail.endswith("."), decided
            if offered and not wild:
                self._assert_about_the_content(decided)
        else:
            assert offered or kind == "submit", f"{person} did {kind}, which was not offered"

    def _assert_about_the_content(self, refused: Refused) -> None:
        """What is offered is never refused because of who or when, only because of what was written."""
        change = self.road.change
        if refused.rule == "authors_only" and not change.left.issuperset(change.proposal.authors):
            return  # their leaving was not noticed yet, and the edit names a process at which others would be asked
        alone = refused.rule == HELD_ALONE and self.road.change.proposal.self_decision is not None
        about_one_of_several = refused.rule in {"raiser_only", "own_concern", "already_endorsed", "testers_only"}
        if not alone and not about_one_of_several and refused.rule not in LOOKED_AT_AGAIN:
            assert refused.kind is RefusalKind.INVALID, refused

    def _notice(self) -> None:
        before = self.road.state
        decided = self._decide(SYSTEM, NoticeTime())
        if isinstance(decided, Refused):
            assert decided.rule == "change_ended"
            return
        passed = [event for event in decided if isinstance(event, GatePassed)]
        if passed:
            called = before is not None and before.gate is not None and before.gate.last_call_until is not None
            assert called or self.road.change.proposal.self_decision is not None, "silence passed a gate"
            assert not self.road.change.blocking_concerns

    def _decide(self, person: str, command: Command) -> tuple[Event, ...] | Refused:
        """Decide as the workflow does, and take what happened into both states."""
        facts = self.road.facts(person, command)
        decided = decide(self.road.state, command, facts, self.road.now)
        assert decided == decide(self.road.state, command, facts, self.road.now)
        if not isinstance(decided, Refused):
            for event in decided:
                self.road.state = evolve(self.road.state, event, self.road.ref)
            self.road.events += decided
            self._tell(decided)
        return decided

    def _tell(self, events: tuple[Event, ...]) -> None:
        """The second state learns of what happened from the stored form only."""
        read = [stored.validate_json(stored.dump_json(event)) for event in events]
        assert read == list(events)
        assert all(event.sentence() for event in read)
        self.told = evolve_all(self.told, read, self.road.ref)

    # ------------------------------------------------------------------------------------------------ invariants

    @invariant()
    def the_records_make_the_state(self) -> None:
        if self.road.state is None:
            return
        assert self.told == self.road.change
        assert self.road.change.version == len(self.road.events)
        assert Change.model_validate_json(self.road.change.model_dump_json()) == self.road.change

    @invariant()
    def nothing_decided_is_ever_lost(self) -> None:
        if self.road.state is None:
            return
        now = growing(self.road.change)
        lost = {name: (count, now[name]) for name, count in self.counted.items() if now[name] < count}
        assert not lost
        self.counted = now

    @invariant()
    def nobody_decides_about_their_own_change(self) -> None:
        if self.road.state is None:
            return
        assert not set(acceptances(self.road.change, self.road.events)) & set(self.road.change.proposal.authors)

    @invariant()
    def results_count_only_behind_an_endorsement(self) -> None:
        if self.road.state is None:
            return
        change = self.road.change
        rounds: tuple[Round, ...] = (*change.earlier_rounds, change.round)
        for round_ in rounds:
            assert all(answer.stale or answer.about_version == round_.plan_version for answer in round_.endorsements)
            assert not round_.counting_results or round_.endorsed
            alone = change.proposal.self_decision is not None or change.earlier_rounds
            assert not round_.counting_results or round_.counting_endorsers or alone
        if change.phase is Phase.RUNNING_TESTS:
            assert change.round.endorsed

    @invariant()
    def there_is_a_way_on(self) -> None:
        change = self.road.state
        if change is None or (change.closing and change.closing.outcome is not Outcome.EXPIRED):
            return
        *carriers, head = self._carriers()
        if not self._here(head) or not any(map(self._here, carriers)):
            return  # without anybody who carries the change or heads the line, an administrator has to intervene
        everybody = dict.fromkeys([*carriers, head, *PEOPLE])
        assert next_moment(change) or any(ONWARD.intersection(self.road.offers(ref)) for ref in everybody), (
            f"stuck: {summary(change)}"
        )

    @invariant()
    def the_state_makes_sense(self) -> None:
        if self.road.state is None:
            return
        change = self.road.change
        assert (change.gate is None) or not change.closing or change.closing.outcome is Outcome.EXPIRED
        running = [p for p in change.rollout.waves if p.status in {"running", "paused"}]
        assert len(running) <= 1
        if change.phase in {Phase.WAVE_RUNNING, Phase.WAVE_PAUSED}:
            assert [f"wave_{p.status}" for p in running] == [change.phase]
        assert change.gate is None or change.gate.level + change.gate.levels_left <= 2
        refs = [check.ref for check in change.learning.checks]
        assert len(set(refs)) == len(refs)
        assert summary(change).endswith(".")
        for waiting in waiting_for(change):
            assert set(waiting.commands) <= set(HUMAN_COMMANDS)


LifeOfAChange.TestCase.settings = settings(
    max_examples=examples(100),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestLifeOfAChange = LifeOfAChange.TestCase


@cache
def _offered() -> tuple[tuple[Road, dict[str, tuple[str, ...]]], ...]:
    """Every beginning with what it offers to whom."""
    roads = [bring() for bring in BEGINNINGS.values()]
    return tuple((road, {**road.offers_to_all(), NOBODY: road.offers(NOBODY)}) for road in roads)


class Accepted(Exception):
    """A story gave the command; looking further would tell nothing new."""


@pytest.mark.parametrize("kind", sorted(set(HUMAN_COMMANDS) - {"submit"}))
def test_the_stories_can_give_every_command(kind: str) -> None:
    """Somewhere a story begins, the command is offered to somebody, and what is drawn for it can be accepted."""
    asked = [(road, person) for road, offered in _offered() for person, kinds in offered.items() if kind in kinds]

    @given(data=st.data())
    @settings(max_examples=25, phases=[HypothesisPhase.generate], deadline=None, derandomize=True, database=None)
    def try_it(data: st.DataObject) -> None:
        for road, person in asked:
            command = Bodies(data.draw, road, person, wild=False).of(kind)
            if not isinstance(road.decision(person, command), Refused):
                raise Accepted

    with pytest.raises(Accepted):  # where not: add a beginning at which the command is possible
        try_it()
