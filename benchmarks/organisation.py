"""An organisation of cells that do not touch each other, so that many changes can move at a time without colliding.

The demonstration's people can champion one change at a time, which is a rule and not a measure of speed.
"""

from __future__ import annotations

from dataclasses import dataclass

from demo.road import Cast
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


def cast_of(cell: Cell) -> Cast:
    """Who plays which part of the main road inside a cell."""
    return Cast(
        proposer=cell.colleague(0),
        process=f"process-{cell.number}",
        teams=(cell.team,),
        answers=cell.lead,
        endorsers=(cell.owner,),
        testers=(cell.colleague(2),),
        champions=(cell.colleague(1),),
        starts_rollout=cell.owner,
        people_affected=7,
    )
