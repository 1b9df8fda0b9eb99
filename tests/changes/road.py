"""Walks one change along its road, by commands only, and brings it to each of its stages."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from changes.authors import JoinAuthors
from changes.commands import Command
from changes.decision import decide, evolve, offers, subject_of
from changes.events import Event
from changes.facts import SYSTEM, Facts
from changes.hearing import AcceptForTesting, DecideYourself
from changes.learning import HoldRetrospective
from changes.passing_time import LookAgain, NoticeTime, next_moment
from changes.proposal import Submit
from changes.recruiting import AcceptInvitation, Invite, PlanChampions, SignCoverage
from changes.refusals import Refused
from changes.rollout import CompleteWave, PlanRollout, ReportMetric, StartWave
from changes.state import Change, Phase, Test, Verdict, Wave
from changes.testing import Conclude, Endorse, ProposeTests, RecordResult, SignGate
from tests.changes.world import MONDAY, World, a_test, a_wave, proposal

E = TypeVar("E", bound=Event)


class Road:
    """One change, everything that happened to it, and the world and time around it."""

    def __init__(self, world: World | None = None, ref: str = "CH-0001") -> None:
        self.world = world or World()
        self.ref = ref
        self.now = MONDAY
        self.state: Change | None = None
        self.events: list[Event] = []
        self.given: list[tuple[str, int]] = []
        """Who gave each command, and how many events it led to."""

    @property
    def change(self) -> Change:
        """The state; there is one from submission on."""
        assert self.state is not None
        return self.state

    def is_at(self, phase: Phase) -> bool:
        """Whether the change has come to ``phase``."""
        return self.change.phase is phase

    def facts(self, person: str, command: Command | None = None) -> Facts:
        """What the look-up brings for ``person`` now."""
        return self.world.facts(subject_of(self.state, command, person, self.now), person, self.now)

    def decision(
        self, person: str, command: Command, *, expected_version: int | None = None
    ) -> tuple[Event, ...] | Refused:
        """What the rules say, without anything happening."""
        return decide(self.state, command, self.facts(person, command), self.now, expected_version)

    def do(
        self, person: str, command: Command, *, at: datetime | None = None, expected_version: int | None = None
    ) -> tuple[Event, ...]:
        """Give the command and let happen what follows; it must not be refused."""
        self.now = at or self.now
        decided = self.decision(person, command, expected_version=expected_version)
        assert not isinstance(decided, Refused), f"{person} {command.kind}: {decided.rule}: {decided.detail}"
        for event in decided:
            self.state = evolve(self.state, event, self.ref)
        self.events += decided
        self.given.append((person, len(decided)))
        return decided

    def refused(
        self, person: str, command: Command, *, at: datetime | None = None, expected_version: int | None = None
    ) -> Refused:
        """Give the command; it must be refused, in whole sentences."""
        self.now = at or self.now
        decided = self.decision(person, command, expected_version=expected_version)
        assert isinstance(decided, Refused), f"{person} {command.kind} was allowed: {[e.kind for e in decided]}"
        assert decided.detail.endswith("."), decided.detail
        return decided

    def rule(self, person: str, command: Command, *, at: datetime | None = None) -> str:
        """The name of the rule that refuses the command."""
        return self.refused(person, command, at=at).rule

    def wait(self, **span: float) -> None:
        """Let time pass without anybody noticing, for example ``days=3``."""
        self.now += timedelta(**span)

    def notice(self) -> tuple[Event, ...]:
        """Groundswell looks at the time."""
        return self.do(SYSTEM, NoticeTime())

    def look_again(self) -> tuple[Event, ...]:
        """Groundswell looks whether the world is as it was."""
        return self.do(SYSTEM, LookAgain())

    def to_next_moment(self) -> tuple[Event, ...]:
        """Wait until something falls due, and let Groundswell notice it."""
        moment = next_moment(self.change)
        assert moment is not None, "nothing will fall due"
        self.now = max(self.now, moment)
        return self.notice()

    def offers(self, person: str) -> tuple[str, ...]:
        """The commands a page would offer to ``person`` now."""
        return offers(self.change, self.facts(person))

    def offers_to_all(self) -> dict[str, tuple[str, ...]]:
        """The same for everybody in the organisation, from one look-up."""
        facts = self.facts(SYSTEM)
        return {
            ref: offers(self.change, facts.having(actor=person, people={**facts.people, ref: person}))
            for ref, person in self.world.people.items()
        }

    def offered(self) -> set[str]:
        """The commands a page would offer to anybody now."""
        return {kind for kinds_ in self.offers_to_all().values() for kind in kinds_}

    def last(self, kind: type[E]) -> E:
        """The latest event of ``kind``."""
        return next(event for event in reversed(self.events) if isinstance(event, kind))


def kinds(events: tuple[Event, ...] | list[Event]) -> list[str]:
    """The kinds of ``events``, in order."""
    return [event.kind for event in events]


# ------------------------------------------------------------------------------------------------------ stages


def filed(world: World | None = None, submit: Submit | None = None, filer: str = "paul") -> Road:
    """Paul has submitted, and his co-proposers said yes; Mara (his manager) and Omar (the owner) are asked."""
    road = Road(world)
    submit = submit or proposal()
    road.do(filer, submit)
    for person in road.change.proposal.asked_to_join:
        road.do(person, JoinAuthors())
    return road


def at_planning(world: World | None = None) -> Road:
    """Accepted for testing."""
    road = filed(world)
    road.do("mara", AcceptForTesting())
    return road


def at_endorsement(world: World | None = None, tests: tuple[Test, ...] = ()) -> Road:
    """Tom's test is proposed; Omar and Mara are asked to endorse it."""
    road = at_planning(world)
    road.do("paul", ProposeTests(tests=tests or (a_test(),)))
    return road


def at_testing(world: World | None = None, tests: tuple[Test, ...] = ()) -> Road:
    """Omar has endorsed, which is enough; the tests run."""
    road = at_endorsement(world, tests)
    endorse(road)
    return road


def endorse(road: Road) -> None:
    """As many endorse as the quorum needs."""
    for person in ("omar", "mara", "lena", "vera"):
        if road.change.phase is Phase.AWAITING_ENDORSEMENT and "endorse" in road.offers(person):
            road.do(person, Endorse())
    assert road.change.phase is Phase.RUNNING_TESTS


def measured(road: Road, value: str = "20") -> Road:
    """Every test has a result from its first tester."""
    for test in road.change.round.tests:
        result = RecordResult(test=test.ref, value=Decimal(value), sample=40, evidence="the desk's log")
        road.do(test.testers[0], result)
    return road


def at_signing(world: World | None = None) -> Road:
    """The test passed and Paul concluded to adopt; the endorsers are asked to sign."""
    road = measured(at_testing(world))
    road.do("paul", Conclude(verdict=Verdict.ADOPT))
    return road


def at_champions(world: World | None = None) -> Road:
    """The gate after the tests is signed; champions are recruited."""
    road = at_signing(world)
    for person in road.change.round.counting_endorsers:
        if road.change.phase is Phase.AWAITING_SIGNATURES:
            road.do(person, SignGate())
    assert road.change.phase is Phase.RECRUITING
    return road


def recruited(road: Road) -> Road:
    """Bela (Billing) and Sina (Support) are champions, so every affected team has one."""
    road.do("paul", PlanChampions())
    road.do("paul", Invite(people=("bela", "sina")))
    road.do("bela", AcceptInvitation())
    road.do("sina", AcceptInvitation())
    return road


PILOT = a_wave("Pilot", ("billing",))
REST = a_wave("Everybody else", ("support",))


def planned(road: Road, *waves: Wave) -> Road:
    """The rollout is planned in two waves, unless ``waves`` says otherwise."""
    road.do("paul", PlanRollout(waves=waves or (PILOT, REST), back_out_plan="Go back to the old form within an hour."))
    return road


def at_coverage(world: World | None = None, *waves: Wave) -> Road:
    """Champions and plan are there; Omar is asked to sign."""
    return planned(recruited(at_champions(world)), *waves)


def at_rollout(world: World | None = None, *waves: Wave) -> Road:
    """Omar has signed; the first wave may start."""
    road = at_coverage(world, *waves)
    road.do("omar", SignCoverage(decision="go"))
    return road


def at_wave(world: World | None = None, *waves: Wave) -> Road:
    """The first wave runs."""
    road = at_rollout(world, *waves)
    start(road)
    return road


def start(road: Road) -> None:
    """Paul starts the next wave."""
    upcoming = road.change.rollout.upcoming
    assert upcoming is not None
    road.do("paul", StartWave(wave=upcoming.wave.name))


def report(road: Road, value: str, metric: str = "Complaints", person: str = "paul") -> tuple[Event, ...]:
    """Somebody reports a metric of the running wave."""
    return road.do(person, ReportMetric(metric=metric, value=Decimal(value)))


def complete(road: Road, adoption: int = 80) -> tuple[Event, ...]:
    """The running wave is read once and completed."""
    report(road, "1")
    return road.do("paul", CompleteWave(adoption=adoption))


def at_pause(world: World | None = None) -> Road:
    """A breached guard has paused the first wave."""
    road = at_wave(world)
    report(road, "9")
    return road


def at_learning(world: World | None = None) -> Road:
    """Both waves are complete; the effect checks are planned."""
    road = at_wave(world)
    complete(road)
    start(road)
    complete(road)
    return road


def at_check(world: World | None = None) -> Road:
    """The first effect check is open, and it is Bela's."""
    road = at_learning(world)
    road.to_next_moment()
    return road


def looked_back(road: Road) -> Road:
    """The retrospective is recorded."""
    retrospective = HoldRetrospective(
        prediction_and_result="We expected 24 hours and got 20.", consequence="test_template", because="Reuse T1."
    )
    road.do("paul", retrospective)
    return road


def in_the_window() -> Road:
    """Paul has decided alone; Mara and Omar may object for two days."""
    road = filed(World(may_decide_alone=True))
    road.do("paul", DecideYourself())
    return road


def decided_alone() -> Road:
    """Nobody objected in time; Paul plans his tests."""
    road = in_the_window()
    road.to_next_moment()
    return road


def recruiting_alone() -> Road:
    """The same a while later: his tests passed, and champions are recruited."""
    road = decided_alone()
    road.do("paul", ProposeTests(tests=(a_test(),)))
    measured(road)
    road.do("paul", Conclude(verdict=Verdict.ADOPT))
    return road


CANDIDATE = "ef" * 32
"""The content hash of the policy that Kai, a steward, puts forward."""


def put_forward(world: World | None = None) -> Road:
    """Kai has put a policy forward; Omar has accepted it, endorsed its try-out, and is asked to sign."""
    road = filed(world, proposal(policy=CANDIDATE), filer="kai")
    road.do("omar", AcceptForTesting())
    road.do("kai", ProposeTests(tests=(a_test(),)))
    endorse(road)
    measured(road).do("kai", Conclude(verdict=Verdict.ADOPT))
    return road


def put_in_force() -> Road:
    """The try-out is signed, so the policy is in force."""
    road = put_forward()
    for person in road.change.round.counting_endorsers:
        if road.change.phase is Phase.AWAITING_SIGNATURES:
            road.do(person, SignGate())
    return road


def started_short() -> Road:
    """An emergency whose first wave runs, so that Lena, who decided nothing, is asked to review it."""
    return at_wave(World(short_road=True))
