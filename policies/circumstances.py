"""The circumstances of a change that conditions and limits ask about, gathered from its subject and the directory."""

from __future__ import annotations

from changes.facts import Subject
from directory.model import EMPLOYEE, MANAGER, Directory
from policies.conditions import Circumstances


def roles_of(directory: Directory, ref: str) -> frozenset[str]:
    """All roles of a person: those the directory gives, and ``employee`` and ``manager``; none for a stranger."""
    if ref not in directory.people:
        return frozenset()
    implied = {EMPLOYEE, MANAGER} if directory.leads_people(ref) else {EMPLOYEE}
    return frozenset({*implied, *directory.person(ref).roles})


def circumstances_of(directory: Directory, subject: Subject) -> Circumstances:
    """What is true of a change now. References that the directory does not know stand for themselves."""
    teams = list(dict.fromkeys(subject.affected_teams))
    proposer = directory.people.get(subject.proposer)
    if proposer is not None and proposer.team not in teams:
        teams.append(proposer.team)
    process = directory.processes.get(subject.process)
    return Circumstances(
        people_affected=subject.people_affected,
        cost=subject.cost,
        reversible=subject.reversible,
        customer_facing=subject.customer_facing,
        regulated=subject.regulated,
        urgency=subject.urgency,
        kind=subject.kind,
        crosses_teams=len(teams) > 1,
        process=subject.process,
        affected_teams=frozenset(subject.affected_teams),
        proposer_role=roles_of(directory, subject.proposer),
        process_names={subject.process: process.name} if process is not None else {},
        team_names={team: directory.teams[team].name if team in directory.teams else team for team in teams},
    )
