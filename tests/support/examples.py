"""Commands of a change that fits the demonstration organisation: faster answers at the service desk.

Mara proposes; Jonas leads her team; Samira owns the process “returns” and leads Returns and Warranty.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from changes.commands import Command
from changes.hearing import AcceptForTesting
from changes.learning import Close, HoldRetrospective, RecordEffect
from changes.proposal import Submit
from changes.recruiting import AcceptInvitation, Invite, PlanChampions, SignCoverage
from changes.rollout import CompleteWave, PlanRollout, ReportMetric, ResumeWave, StartWave
from changes.state import EffectOutcome, Guard, Operator, Test, Verdict, Wave
from changes.testing import Conclude, Endorse, ProposeTests, RecordResult, SignGate

PROPOSER = "mara.lind"
MANAGER = "jonas.okafor"
OWNER = "samira.haddad"
CHAMPION = "priya.nair"
TESTER = "mara.lind"


def submit(**updates: object) -> Submit:
    """A proposal across two teams."""
    fields: dict[str, object] = {
        "title": "Answer returns within a day",
        "process": "returns",
        "problem": "Customers wait four days to hear whether a return is accepted.",
        "suggestion": "The service desk decides clear cases itself, with a checklist.",
        "affected_teams": ("service-desk", "returns-desk"),
        "people_affected": 9,
        "cost": Decimal(300),
        "customer_facing": True,
    }
    return Submit.model_validate({**fields, **updates})


def the_tests(today: datetime | None = None) -> ProposeTests:
    """One test that Mara runs for two weeks."""
    day = (today or datetime.now(UTC)).date()
    return ProposeTests(
        tests=(
            Test(
                ref="T1",
                hypothesis="With the checklist, clear cases are answered the same day.",
                measure="Share of returns answered within a day",
                unit="%",
                baseline=Decimal(20),
                operator=Operator.AT_LEAST,
                pass_line=Decimal(60),
                where="Service Desk",
                testers=(TESTER,),
                starts=day,
                ends=day + timedelta(days=400),
            ),
        )
    )


def result(value: int = 72) -> RecordResult:
    """A result of T1."""
    return RecordResult(test="T1", value=Decimal(value), sample=120, evidence="reports/returns-week-12.csv")


def rollout() -> PlanRollout:
    """Two waves with one guard each."""
    guard = Guard(metric="Wrong decisions", unit="%", operator=Operator.AT_MOST, threshold=Decimal(2))
    return PlanRollout(
        waves=(
            Wave(name="Pilot", teams=("service-desk",), guards=(guard,)),
            Wave(name="Everybody", teams=("service-desk", "returns-desk"), guards=(guard,)),
        ),
        back_out_plan="The returns desk decides again from the next morning; Samira switches the queue back.",
    )


def metric(value: int) -> ReportMetric:
    """A reading of the guard."""
    return ReportMetric(metric="Wrong decisions", value=Decimal(value))


TO_TESTING: tuple[tuple[str, Command], ...] = (
    (PROPOSER, submit()),
    (MANAGER, AcceptForTesting(note="Let us try it.")),
)
TO_CHAMPIONS: tuple[tuple[str, Command], ...] = (
    *TO_TESTING,
    (PROPOSER, the_tests()),
    (MANAGER, Endorse()),
    (OWNER, Endorse()),
    (TESTER, result()),
    (PROPOSER, Conclude(verdict=Verdict.ADOPT)),
    (MANAGER, SignGate()),
    (OWNER, SignGate(statement="Convincing.")),
)
TO_ROLLOUT: tuple[tuple[str, Command], ...] = (
    *TO_CHAMPIONS,
    (PROPOSER, rollout()),
    (PROPOSER, PlanChampions(places=2)),
)
IN_ROLLOUT: tuple[tuple[str, Command], ...] = (
    (OWNER, SignCoverage(decision="go_with_conditions", conditions="Returns and Warranty finds one more champion.")),
    (PROPOSER, StartWave(wave="Pilot")),
    (PROPOSER, metric(1)),
    (PROPOSER, metric(5)),
    (PROPOSER, ResumeWave(reason="One clerk had the old checklist.")),
    (PROPOSER, CompleteWave(adoption=80)),
    (PROPOSER, StartWave(wave="Everybody")),
    (PROPOSER, metric(1)),
    (PROPOSER, CompleteWave(adoption=90)),
)


def effect(check: str) -> RecordEffect:
    """An effect check that went well."""
    return RecordEffect(check=check, outcome=EffectOutcome.EFFECTIVE, numbers="84 % within a day, was 20 %")


LEARNING: tuple[tuple[str, Command], ...] = (
    (
        PROPOSER,
        HoldRetrospective(
            prediction_and_result="We expected 60 % and got 84 %.",
            surprises="Nobody misses the old form.",
            consequence="test_template",
            because="The checklist test becomes a template.",
        ),
    ),
    (PROPOSER, Close(summary="Returns are answered within a day.")),
)


def champions_of_the_service_desk(invited: str) -> tuple[tuple[str, Command], ...]:
    """Invite one colleague, who says yes."""
    return ((PROPOSER, Invite(people=(invited,))), (invited, AcceptInvitation()))
