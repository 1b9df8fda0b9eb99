"""An organisation of cells that do not touch each other, so that many changes can move at a time without colliding.

The demonstration's people can champion one change at a time, which is a rule and not a measure of speed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from changes.any_moment import MoveDeadline
from changes.learning import Close, HoldRetrospective, RecordEffect
from changes.proposal import AcceptForTesting, Submit
from changes.recruiting import AcceptInvitation, Invite, PlanChampions, SignCoverage
from changes.rollout import CompleteWave, PlanRollout, ReportMetric, ResumeWave, StartWave
from changes.state import EffectOutcome, Guard, Operator, Test, Verdict, Wave
from changes.testing import Conclude, Endorse, ProposeTests, RecordResult, SignGate
from demo.sending import Act
from directory.model import Directory, Person, Process, Team

COLLEAGUES = 6
"""Individual contributors in a cell; the first proposes, the second becomes champion."""


@dataclass(frozen=True)
class Cell:
    """One team with a lead, a process owned by the lead of another team, and enough colleagues for a champion."""

    number: int

    @property
    def team(self) -> str:
        """The affected team."""
        return f"team-{self.number}"

    @property
    def lead(self) -> str:
        """The proposer's manager."""
        return f"lead-{self.number}"

    @property
    def owner(self) -> str:
        """The owner of the process."""
        return f"owner-{self.number}"

    def colleague(self, number: int) -> str:
        """A member of the team."""
        return f"colleague-{self.number}-{number}"


def organisation(cells: int) -> Directory:
    """A directory with ``cells`` cells under one director."""
    people = [Person(ref="director", name="Dana Director", email="director@bench.example", team="head")]
    teams = [Team(ref="head", name="Head")]
    processes = []
    for cell in map(Cell, range(cells)):
        teams.append(Team(ref=cell.team, name=f"Team {cell.number}", parent="head"))
        people.append(_person(cell.lead, "director", cell.team))
        people.append(_person(cell.owner, "director", "head"))
        people += [_person(cell.colleague(number), cell.lead, cell.team) for number in range(COLLEAGUES)]
        processes.append(Process(ref=f"process-{cell.number}", name=f"Process {cell.number}", owner=cell.owner))
    return Directory(people, teams, processes)


def _person(ref: str, manager: str, team: str) -> Person:
    return Person(ref=ref, name=ref.replace("-", " ").title(), email=f"{ref}@bench.example", manager=manager, team=team)


def main_road(cell: Cell) -> Iterator[Act]:
    """The main road from filing to closing, as the issue lists it, inside one cell."""
    proposer, champion, today = cell.colleague(0), cell.colleague(1), datetime.now(UTC)
    yield Act(proposer, _submit(cell))
    yield Act(cell.lead, AcceptForTesting())
    yield Act(proposer, _tests(proposer, today))
    yield Act(cell.owner, Endorse())
    yield Act(proposer, RecordResult(test="T1", value=Decimal(72), sample=120, evidence="report 12"))
    yield Act(proposer, Conclude(verdict=Verdict.ADOPT))
    yield Act(cell.owner, SignGate())
    yield Act(proposer, PlanChampions())
    yield Act(proposer, _rollout(cell))
    yield Act(proposer, Invite(people=(champion,)))
    yield Act(champion, AcceptInvitation())
    yield Act(cell.owner, SignCoverage(decision="go"))
    for wave, values in (("Pilot", (1, 5)), ("Everybody", (1,))):
        yield Act(proposer, StartWave(wave=wave))
        for value in values:
            yield Act(proposer, ReportMetric(metric="Errors", value=Decimal(value)))
        if len(values) > 1:
            yield Act(proposer, ResumeWave(reason="One old form was still in use."))
        yield Act(proposer, CompleteWave(adoption=90))
    for check, checker in (("E1", champion), ("E2", champion)):
        yield Act(proposer, MoveDeadline(deadline=check, to=today, reason="Measured already."))
        yield Act(checker, RecordEffect(check=check, outcome=EffectOutcome.EFFECTIVE, numbers="72 %, was 20 %"))
    yield Act(
        proposer,
        HoldRetrospective(
            prediction_and_result="Expected 60 %, got 72 %.", consequence="none", because="Nothing to change."
        ),
    )
    yield Act(proposer, Close(summary="Done."))


def _submit(cell: Cell) -> Submit:
    return Submit(
        title=f"Answer within a day, team {cell.number}",
        process=f"process-{cell.number}",
        problem="People wait four days for an answer to a simple question.",
        suggestion="Decide clear cases at once, with a checklist.",
        affected_teams=(cell.team,),
        people_affected=8,
        cost=Decimal(900),
        customer_facing=True,
    )


def _tests(tester: str, today: datetime) -> ProposeTests:
    return ProposeTests(
        tests=(
            Test(
                ref="T1",
                hypothesis="With the checklist clear cases are answered the same day.",
                measure="Share answered within a day",
                unit="%",
                operator=Operator.AT_LEAST,
                pass_line=Decimal(60),
                where="The team",
                testers=(tester,),
                starts=today.date(),
                ends=today.date() + timedelta(days=30),
            ),
        )
    )


def _rollout(cell: Cell) -> PlanRollout:
    guard = Guard(metric="Errors", unit="%", operator=Operator.AT_MOST, threshold=Decimal(2))
    waves = tuple(Wave(name=name, teams=(cell.team,), guards=(guard,)) for name in ("Pilot", "Everybody"))
    return PlanRollout(waves=waves, back_out_plan="Back to the old form the next morning.")
