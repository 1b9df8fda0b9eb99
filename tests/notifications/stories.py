"""Changes that live through everything: every event and every kind of notice occurs in one of these stories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache

from changes.any_moment import AddComment, Follow, MoveDeadline, PutOnHold, Renew, Resume, Unfollow, Withdraw
from changes.commands import Command
from changes.concerns import AnswerWhy, AskWhy, OverruleConcern, RaiseConcern, ResolveConcern, Respond
from changes.decision import evolve_all
from changes.events import Event
from changes.facts import ENDORSE_TESTS, Quorum
from changes.hearing import (
    AcceptForTesting,
    AskForChanges,
    ConfirmHeard,
    Correct,
    DecideYourself,
    Decline,
    MarkDuplicate,
    Object,
    SayBack,
)
from changes.learning import Close, RecordBenefit, RecordEffect
from changes.proposal import Edit, Resubmit, Submit
from changes.publishing import MoveToNewerPolicy
from changes.recruiting import (
    AcceptInvitation,
    DeclareInterest,
    DeclineInvitation,
    Introduce,
    Invite,
    LogConversation,
    Nominate,
    OpenPlaces,
    PlanChampions,
    SignCoverage,
    StepDown,
)
from changes.review import RecordReview
from changes.rollout import PlanRollout, ResumeWave, RollBack
from changes.state import Change, ConcernCode, EffectOutcome, Verdict
from changes.testing import Conclude, Endorse, EndorseWithChanges, ProposeTests, SignGate, StopEarly
from notifications.notices import Notice, notices_for
from tests.changes.road import (
    CANDIDATE,
    PILOT,
    Road,
    complete,
    endorse,
    looked_back,
    measured,
    planned,
    recruited,
    report,
    start,
)
from tests.changes.stories import governed, left_behind
from tests.changes.world import POLICY, World, a_guard, a_test, a_wave, proposal

NAMES = {ref: person.name for ref, person in World().people.items()} | {
    "billing": "Billing",
    "support": "Support",
    "depot": "Depot",
    "returns": "Returns",
    "invoicing": "Invoicing",
}
"""What the directory calls everybody and everything."""


@dataclass(frozen=True)
class Step:
    """One command: the change before and after it, what happened, and who is told what."""

    giver: str
    before: Change | None
    after: Change
    events: tuple[Event, ...]

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Who is told what."""
        return notices_for(self.before, self.after, self.events)

    @property
    def told(self) -> dict[str, str]:
        """The kind of notice by who gets it."""
        return {notice.recipient: notice.kind for notice in self.notices}

    def notice(self, person: str) -> Notice:
        """What ``person`` is told."""
        return next(notice for notice in self.notices if notice.recipient == person)


class Story(Road):
    """A road that remembers each of its steps."""

    def __init__(self, world: World | None = None) -> None:
        super().__init__(world)
        self.steps: list[Step] = []

    def do(
        self, person: str, command: Command, *, at: datetime | None = None, expected_version: int | None = None
    ) -> tuple[Event, ...]:
        """Give the command and remember the step."""
        before = self.state
        events = super().do(person, command, at=at, expected_version=expected_version)
        if events:
            self.steps.append(Step(person, before, self.change, events))
        return events

    @property
    def last_step(self) -> Step:
        """The latest step."""
        return self.steps[-1]


def filed(world: World | None = None, submit: Submit | None = None, filer: str = "paul") -> Story:
    """Submitted; Mara and Omar are asked, Kai follows."""
    story = Story(world)
    story.do(filer, submit or proposal())
    story.do("kai", Follow())
    return story


def at_endorsement(world: World | None = None) -> Story:
    """Two tests are proposed; Omar and Mara are asked."""
    story = filed(world)
    story.do("mara", AcceptForTesting(note="A good idea."))
    story.do("paul", ProposeTests(tests=(a_test(), a_test("T2", ("tom", "uta")))))
    return story


def at_testing(world: World | None = None) -> Story:
    """The tests are endorsed."""
    story = at_endorsement(world)
    endorse(story)
    return story


def at_champions(world: World | None = None) -> Story:
    """The tests passed and are signed."""
    story = at_testing(world)
    measured(story)
    story.do("paul", Conclude(verdict=Verdict.ADOPT))
    story.do("omar", SignGate(statement="Well measured."))
    return story


def at_rollout(world: World | None = None) -> Story:
    """Champions and plan are signed."""
    story = at_champions(world)
    recruited(story)
    planned(story)
    story.do("omar", SignCoverage(decision="go"))
    return story


def at_wave(world: World | None = None) -> Story:
    """The first wave runs."""
    story = at_rollout(world)
    start(story)
    return story


def at_learning(world: World | None = None) -> Story:
    """Both waves are complete."""
    story = at_wave(world)
    complete(story)
    start(story)
    complete(story)
    return story


def a_concern(*, blocking: bool = True) -> RaiseConcern:
    """Nora's worry."""
    return RaiseConcern(
        title="Night shift",
        text="At night nobody is at the desk.",
        code=ConcernCode.R10,
        blocking=blocking,
        would_settle="A rule for nights.",
    )


# ------------------------------------------------------------------------------------------------------ stories


def _listening() -> Story:
    """Filed for Paul by Fina, edited, said back, corrected, confirmed, changed, declined and back again."""
    story = filed(submit=proposal(proposer="paul", co_proposers=("sina",)), filer="fina")
    story.do("paul", Edit(title="Answer returns within one day"))
    story.do("mara", SayBack(heard="You want to skip the form."))
    story.do("paul", Correct(correction="No, only the waiting."))
    story.do("mara", SayBack(heard="You want to shorten the waiting."))
    story.do("paul", ConfirmHeard())
    story.do("paul", Edit(people_affected=9, what_changed="One more person at the desk."))
    story.do("omar", AskForChanges(what="Say what happens at night."))
    story.do("paul", Resubmit(what_changed="Nights are left out."))
    story.do("mara", Decline(reason="Not this quarter.", way_forward="Bring it back in June."))
    story.do("paul", Resubmit(what_changed="It is June."))
    story.do("paul", Withdraw(reason="Somebody else does it."))
    return story


def _silence() -> Story:
    """Reminded twice, escalated twice, expired, renewed, and a deadline moved."""
    story = filed()
    for _ in range(12):
        if story.change.closing is None:
            story.to_next_moment()
    story.do("paul", Renew())
    story.do("omar", MoveDeadline(deadline="gate", to=story.now + timedelta(days=9), reason="Easter."))
    return story


def _alone() -> Story:
    """Decided alone, objected to; decided alone again, and nobody objected."""
    world = World(may_decide_alone=True)
    story = filed(world)
    story.do("paul", DecideYourself())
    story.do("mara", Object(reason="It touches my plan."))
    story.do("mara", AskForChanges(what="Leave my plan alone."))
    story.do("paul", Resubmit(what_changed="Your plan is left alone."))
    story.do("paul", DecideYourself())
    story.to_next_moment()
    story.do("paul", ProposeTests(tests=(a_test(testers=("paul", "tom")),)))
    return story


def _doubled() -> Story:
    story = filed()
    story.do("omar", MarkDuplicate(of="CH-0002"))
    return story


def _disputed_tests() -> Story:
    """Endorsed by one, changed, endorsed with changes, stopped early, and another round."""
    world = World()
    world.quorums[ENDORSE_TESTS] = Quorum(rule="all")
    story = at_endorsement(world)
    story.do("omar", Endorse(note="Good."))
    story.do("paul", ProposeTests(tests=(a_test().having(pass_line=Decimal(12)), a_test("T2", ("tom", "uta")))))
    story.do("omar", Endorse())
    better = EndorseWithChanges(
        what="Ten hours.", tests=(a_test().having(pass_line=Decimal(10)), a_test("T2", ("uta",)))
    )
    story.do("mara", better)
    story.do("omar", Endorse())
    story.do("tom", StopEarly(test="T1", reason="The desk was closed."))
    story.do("uta", StopEarly(test="T2", reason="So was the other."))
    story.do("paul", Conclude(verdict=Verdict.ADAPT, reason="Once more."))
    return story


def _abandoned() -> Story:
    story = measured_badly()
    story.do("paul", Conclude(verdict=Verdict.ABANDON))
    return story


def measured_badly() -> Story:
    """Every test failed."""
    story = at_testing()
    measured(story, "90")
    return story


def _recruiting() -> Story:
    """Nominations, yes, no, silence, a place given back, and time that runs out."""
    story = at_champions()
    story.do("uta", Nominate(person="bela"))
    story.do("bela", DeclareInterest(level="keen"))
    story.do("paul", PlanChampions())
    story.do("paul", OpenPlaces(count=2))
    story.do("paul", Invite(people=("bela", "sina", "fina", "nora")))
    story.do("fina", DeclineInvitation())
    story.do("bela", AcceptInvitation())
    story.to_next_moment()
    story.to_next_moment()
    story.do("bela", LogConversation(team="billing", people=3, note="They like it."))
    story.do("kai", Introduce(person="bela", to="uta", why="Uta runs the desk."))
    story.do("bela", StepDown())
    for _ in range(4):
        if story.change.gate is None:
            story.to_next_moment()
    return story


def _held_back() -> Story:
    """Coverage held, signed with conditions, the plan changed and signed again."""
    story = at_champions()
    recruited(story)
    planned(story)
    story.do("omar", SignCoverage(decision="hold", conditions="Who is there at night?"))
    story.do("omar", SignCoverage(decision="go_with_conditions", conditions="Ask the night shift first."))
    waves = (PILOT, a_wave("Everybody else", ("support",), guards=(a_guard(threshold="4"),)))
    story.do("paul", PlanRollout(waves=waves, back_out_plan="The old form."))
    return story


def _waves() -> Story:
    """Paused, resumed, rolled back, started again and rolled back as a whole."""
    story = at_wave()
    report(story, "9")
    story.do("paul", ResumeWave(reason="The count was wrong."))
    story.do("paul", RollBack(scope="wave", reason="It was not."))
    start(story)
    story.do("omar", RollBack(scope="all", reason="Customers complain."))
    return story


def _learning() -> Story:
    """Checked twice, looked back, closed."""
    story = at_learning()
    story.do("paul", MoveDeadline(deadline="E2", to=story.now + timedelta(days=95), reason="Holidays."))
    story.do("paul", RecordBenefit(name="Hours saved", unit="hours", target=Decimal(10)))
    for check in ("E1", "E2"):
        story.to_next_moment()
        owner = next(known.owner for known in story.change.learning.checks if known.ref == check)
        effect = RecordEffect(check=check, outcome=EffectOutcome.EFFECTIVE, numbers="20 hours, from the desk's log")
        story.do(owner, effect)
    looked_back(story)
    story.do("paul", Close(summary="Returns are answered within a day."))
    return story


def _worried() -> Story:
    """A blocking concern asked about, answered, responded to and overruled; another resolved."""
    story = filed()
    story.do("nora", a_concern())
    story.do("kai", AskWhy(concern="C1", question="What happens at night?"))
    story.do("nora", AnswerWhy(concern="C1", answer="Parcels pile up."))
    story.do("paul", Respond(concern="C1", text="Nights are left out.", changed_something=True))
    story.do("vera", OverruleConcern(concern="C1", reason="Nights come later."))
    story.do("nora", a_concern())
    story.do("kai", AskWhy(concern="C2", question="Still?"))
    story.do("nora", ResolveConcern(concern="C2", because="They promised."))
    return story


def _resting() -> Story:
    """On hold, resumed, commented, followed and not followed any more."""
    story = filed()
    story.do("paul", PutOnHold(reason="Stocktaking.", until=story.now + timedelta(days=3)))
    story.to_next_moment()
    story.do("omar", PutOnHold(reason="Audit."))
    story.do("omar", Resume(reason="Audit is over."))
    story.do("uta", AddComment(about="works", text="I like it."))
    story.do("uta", Follow())
    story.do("uta", Unfollow())
    return story


def _short() -> Story:
    """An emergency that nobody reviews in time, and that is reviewed in the end."""
    story = at_wave(World(short_road=True))
    story.to_next_moment()
    story.to_next_moment()
    story.do("nora", RecordReview(justified="yes", findings="It held.", consequence="Nothing, it worked."))
    return story


def _policy() -> Story:
    """A policy is put in force, and a change moved to the next."""
    story = Story(World())
    story.do("kai", proposal(policy=CANDIDATE))
    story.do("omar", AcceptForTesting())
    story.world.alter("nora", roles=("steward",))
    story.do("kai", ProposeTests(tests=(a_test(),)))
    endorse(story)
    story.world.in_force = POLICY.having(version=9)
    story.do("nora", MoveToNewerPolicy(reason="It asks people who have left."))
    story.world.in_force = POLICY
    measured(story).do("kai", Conclude(verdict=Verdict.ADOPT))
    story.do("omar", SignGate())
    return story


@cache
def every_step() -> tuple[Step, ...]:
    """Every step of every story."""
    stories = (
        _listening,
        _silence,
        _alone,
        _doubled,
        _disputed_tests,
        _abandoned,
        _recruiting,
        _held_back,
        _waves,
        _learning,
        _worried,
        _resting,
        _short,
        _policy,
    )
    told = tuple(step for story in stories for step in story().steps)
    return tuple(step for road in (*governed(), *left_behind()) for step in _retold(road)) + told


def _retold(road: Road) -> Iterator[Step]:
    """The steps of a road that somebody else walked."""
    before: Change | None = None
    rest = list(road.events)
    for person, count in road.given:
        events, rest = tuple(rest[:count]), rest[count:]
        after = evolve_all(before, events, road.ref)
        assert after is not None
        if events:
            yield Step(person, before, after, events)
        before = after
