"""The main road of a change, from filing to closing, as a list of acts that a cast of people performs.

The tour shows it, tests walk it and benchmarks measure it (lifecycle.md has the road in words).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from changes.any_moment import AddComment, MoveDeadline
from changes.concerns import AnswerWhy, AskWhy, RaiseConcern, ResolveConcern, Respond
from changes.hearing import AcceptForTesting, ConfirmHeard, SayBack
from changes.learning import Close, HoldRetrospective, RecordBenefit, RecordEffect
from changes.proposal import Submit
from changes.recruiting import AcceptInvitation, DeclareInterest, Invite, PlanChampions, SignCoverage
from changes.rollout import CompleteWave, PlanRollout, ReportMetric, ResumeWave, StartWave
from changes.state import ConcernCode, EffectOutcome, Guard, Operator, Test, Verdict, Wave
from changes.testing import Conclude, Endorse, ProposeTests, RecordResult, SignGate
from demo.sending import Act

CALLS = "Calls about a bill"
WRONG_BILLS = "Bills that had to be corrected"


@dataclass(frozen=True)
class Cast:
    """Who plays which part. The policy decides who may; a cast has to fit it."""

    proposer: str
    process: str
    teams: tuple[str, ...]
    """The affected teams; each becomes a wave of the rollout."""
    answers: str
    """Who answers the proposal."""
    endorsers: tuple[str, ...]
    """Everybody whose endorsement the policy asks for; they sign the gate after the tests as well."""
    testers: tuple[str, ...]
    """One test for each."""
    champions: tuple[str, ...]
    """Colleagues who may be invited; the first also owns the effect checks, if the process owner endorsed the tests."""
    starts_rollout: str
    """Who signs champion coverage: the owner of the process."""
    people_affected: int = 9
    doubter: str | None = None
    """Who raises a concern on the way, if anybody."""


TOUR = Cast(
    proposer="mara.lind",
    process="invoicing",
    teams=("service-desk", "billing"),
    answers="jonas.okafor",
    endorsers=("stefan.ionescu", "jonas.okafor"),
    testers=("hoa.nguyen", "tariq.rahman"),
    champions=("lea.fontaine", "hannah.schulte"),
    starts_rollout="stefan.ionescu",
    doubter="david.brueckner",
)
"""The main road at Nordwind, the demonstration organisation."""


def shortest(cast: Cast) -> Cast:
    """The same road with the fewest acts: one team of the proposer's own, one test, nobody who doubts."""
    return Cast(
        proposer=cast.proposer,
        process="enquiries",
        teams=cast.teams[:1],
        answers=cast.answers,
        endorsers=(cast.answers,),
        testers=cast.testers[:1],
        champions=cast.champions[:1],
        starts_rollout=cast.answers,
        people_affected=5,
    )


def main_road(cast: Cast, now: datetime) -> tuple[Act, ...]:
    """Everything that happens on the road, in order.

    Args:
        now: the moment from which days are counted; the tests run for two weeks from then.
    """
    return (
        *_proposal(cast),
        *_testing(cast, now),
        *_recruiting(cast),
        *_rollout(cast),
        *_learning(cast, now),
    )


def _proposal(cast: Cast) -> list[Act]:
    submit = Submit(
        title="Put the reason for every surcharge on the bill",
        process=cast.process,
        problem="Customers ring us up to ask what a surcharge on their bill is for. We look it up and read it to them.",
        suggestion="Print the reason in one line below the surcharge.",
        affected_teams=cast.teams,
        people_affected=cast.people_affected,
        cost=Decimal(800),
        customer_facing=True,
    )
    heard = "People call because a bill does not say what a surcharge is for. One line on it would save the call."
    return [
        Act(cast.proposer, submit),
        Act(cast.answers, SayBack(heard=heard)),
        Act(cast.proposer, ConfirmHeard()),
        Act(cast.answers, AcceptForTesting(note="Let us try it on a few hundred bills.")),
    ]


def _testing(cast: Cast, now: datetime) -> list[Act]:
    tests = tuple(_test(f"T{number}", tester, now) for number, tester in enumerate(cast.testers, start=1))
    acts = [Act(cast.proposer, ProposeTests(tests=tests))]
    acts += [Act(endorser, Endorse(note="If these pass, I am convinced.")) for endorser in cast.endorsers]
    acts += [Act(test.testers[0], _result(test)) for test in tests]
    acts += [Act(cast.proposer, Conclude(verdict=Verdict.ADOPT))]
    if cast.doubter:
        acts += _doubt(cast, cast.doubter)
    acts += [Act(endorser, SignGate(statement="The numbers are good.")) for endorser in cast.endorsers]
    return acts


def _test(ref: str, tester: str, now: datetime) -> Test:
    return Test(
        ref=ref,
        hypothesis="With the reason on the bill, fewer customers have to ask.",
        measure=CALLS,
        unit="calls a day",
        baseline=Decimal(24),
        operator=Operator.AT_MOST,
        pass_line=Decimal(12),
        where="Every second bill, two weeks",
        testers=(tester,),
        starts=now.date(),
        ends=(now + timedelta(days=14)).date(),
        stop_early_if="A bill becomes two pages long",
    )


def _result(test: Test) -> RecordResult:
    return RecordResult(
        test=test.ref,
        value=Decimal("8.5"),
        sample=420,
        evidence=f"Call statistics of the two weeks, sheet {test.ref}",
    )


def _doubt(cast: Cast, doubter: str) -> list[Act]:
    concern = RaiseConcern(
        title="The line may not fit on small bills",
        text="Bills from the shop printer are narrow. A long reason would push the total to a second page.",
        code=ConcernCode.R04,
        blocking=True,
        would_settle="A bill from the shop printer with the longest reason on it.",
    )
    return [
        Act(doubter, concern),
        Act(cast.endorsers[0], AskWhy(concern="C1", question="Which printers do you think of?")),
        Act(doubter, AnswerWhy(concern="C1", answer="The two narrow ones in Leipzig.")),
        Act(
            cast.proposer, Respond(concern="C1", text="Reasons are now 40 characters at most.", changed_something=True)
        ),
        Act(doubter, ResolveConcern(concern="C1", because="I printed one. It fits.")),
    ]


def _recruiting(cast: Cast) -> list[Act]:
    """Who reports to an endorser is recommended only after volunteering (reference/champions.md 3.2), so they do."""
    guard = Guard(metric=WRONG_BILLS, unit="bills a week", operator=Operator.AT_MOST, threshold=Decimal(5))
    waves = tuple(
        Wave(name=_wave_of(team, number), teams=(team,), guards=(guard,), smallest_adoption=60)
        for number, team in enumerate(cast.teams, start=1)
    )
    plan = PlanRollout(waves=waves, back_out_plan="Switch the line off in the bill's template; ten minutes, any day.")
    return [
        *(Act(champion, DeclareInterest(level="keen")) for champion in cast.champions),
        Act(cast.proposer, PlanChampions()),
        Act(cast.proposer, plan),
        Act(cast.proposer, Invite(people=cast.champions)),
        *(Act(champion, AcceptInvitation()) for champion in cast.champions),
        Act(cast.starts_rollout, SignCoverage(decision="go")),
    ]


def _wave_of(team: str, number: int) -> str:
    return f"Wave {number}: {team}"


def _rollout(cast: Cast) -> list[Act]:
    """Each wave in turn; in the first one a guard is breached, so it pauses by itself and is resumed."""
    acts: list[Act] = []
    for number, team in enumerate(cast.teams, start=1):
        acts.append(Act(cast.proposer, StartWave(wave=_wave_of(team, number))))
        if number == 1:
            acts += [
                Act(cast.champions[0], ReportMetric(metric=WRONG_BILLS, value=Decimal(9))),
                Act(cast.proposer, ResumeWave(reason="Two reasons were mixed up; the list is corrected.")),
            ]
        acts += [
            Act(cast.champions[0], ReportMetric(metric=WRONG_BILLS, value=Decimal(2))),
            Act(cast.proposer, CompleteWave(adoption=90)),
        ]
    return acts


def _learning(cast: Cast, now: datetime) -> list[Act]:
    """Effect checks open after 30 and 90 days; nobody waits that long here, so they are moved, with a reason."""
    acts: list[Act] = []
    for check in ("E1", "E2"):
        early = MoveDeadline(deadline=check, to=now, reason="This is a guided tour, and the numbers are in already.")
        found = RecordEffect(
            check=check,
            outcome=EffectOutcome.EFFECTIVE,
            value=Decimal(9),
            numbers="Nine calls a day about a bill instead of 24, call statistics",
        )
        acts += [Act(cast.proposer, early), Act(cast.champions[0], found)]
    benefit = RecordBenefit(name=CALLS, unit="calls a day", target=Decimal(12), actual=Decimal(9))
    retrospective = HoldRetrospective(
        prediction_and_result="We predicted twelve calls a day. It became nine.",
        surprises="Customers read the line, and pay earlier.",
        consequence="test_template",
        because="The test with every second bill becomes a template for whatever changes on paper.",
    )
    return [
        *acts,
        Act(cast.champions[-1], AddComment(about="works", text="The telephone is quiet in the morning.")),
        Act(cast.proposer, benefit),
        Act(cast.proposer, retrospective),
        Act(cast.proposer, Close(summary="Bills say what a surcharge is for, and fewer customers have to ask.")),
    ]
