"""An organisation of any size that looks like one: teams of ten in departments, each process owned by a department."""

from __future__ import annotations

import random
from dataclasses import dataclass

from benchmarks.organisation import COLLEAGUES
from benchmarks.stories import cast
from directory.model import Directory, Person, Process, Team

TEAM, DEPARTMENT = 10, 10
"""People in a team, its lead among them, and teams in a department."""
FIRST = (
    "Anna Bilal Chiara David Elif Farah Georg Hannah Ines Jonas Katja Liam Mara Nadia Oskar Priya Quentin Rosa Samira "
    "Tariq Ulla Viktor Wanda Xenia Yusuf Zoe"
).split()
LAST = (
    "Adler Bianchi Costa Dubois Eriksen Fontaine Garcia Haddad Ionescu Jansen Kowalski Lind Moreau Nguyen Okafor "
    "Petrov Quist Rahman Schulte Tanaka Urban Vogel Weber Yilmaz Zimmer"
).split()
WORK = (
    "Billing Claims Delivery Energy Fleet Hiring Licences Meters Orders Planning Returns Safety Stores Tenders Visits"
).split()
CHIEF, EXECUTIVE, AUDITOR, STEWARD, ADMINISTRATOR = "chief", "head-0", "member-0-6", "member-0-7", "member-0-8"


@dataclass(frozen=True)
class Company:
    """Everybody's reference follows from a number; no list is needed to find one."""

    teams: int

    @classmethod
    def of(cls, people: int) -> Company:
        """The company with about so many people."""
        return cls(max((people - 1) * DEPARTMENT // (TEAM * DEPARTMENT + 1), 1))

    @property
    def departments(self) -> int:
        """How many there are; each owns a process."""
        return -(-self.teams // DEPARTMENT)

    def cast(self, team: int, process: int, rotation: int = 0) -> dict[str, str]:
        """Who takes part in a change of ``team`` about ``process``; ``rotation`` says which member proposes."""
        members = [f"member-{team}-{(number + rotation) % (TEAM - 1)}" for number in range(COLLEAGUES)]
        return cast(f"lead-{team}", f"head-{process}", f"team-{team}", f"process-{process}", members)

    def directory(self) -> Directory:
        """Everybody, with names that repeat as names do."""
        chance = random.Random(1)  # noqa: S311 - names, not keys
        people = [_person(chance, CHIEF, None, "company", "Chief executive", "executive")]
        teams, processes = [Team(ref="company", name="Nordwind")], []
        for department in range(self.departments):
            name = _work(department)
            teams.append(Team(ref=f"department-{department}", name=name, parent="company"))
            roles = ("executive",) if department < 3 else ()
            head = _person(chance, f"head-{department}", CHIEF, f"department-{department}", f"Head of {name}", *roles)
            people.append(head)
            processes.append(Process(ref=f"process-{department}", name=f"{name} process", owner=head.ref))
        for team in range(self.teams):
            above = team // DEPARTMENT
            teams.append(Team(ref=f"team-{team}", name=f"{_work(above)} {team + 1}", parent=f"department-{above}"))
            people.append(_person(chance, f"lead-{team}", f"head-{above}", f"team-{team}", "Team lead"))
            for number in range(TEAM - 1):
                ref = f"member-{team}-{number}"
                people.append(_person(chance, ref, f"lead-{team}", f"team-{team}", "Specialist", *ROLES.get(ref, ())))
        return Directory(people, teams, processes)


ROLES = {AUDITOR: ("auditor",), STEWARD: ("steward",), ADMINISTRATOR: ("administrator",)}


def _work(department: int) -> str:
    name, round_ = WORK[department % len(WORK)], department // len(WORK)
    return f"{name} {'North South East West'.split()[round_ % 4]}{f' {round_ // 4 + 1}' if round_ > 3 else ''}"


def _person(chance: random.Random, ref: str, manager: str | None, team: str, title: str, *roles: str) -> Person:
    return Person(
        ref=ref,
        name=f"{chance.choice(FIRST)} {chance.choice(LAST)}",
        email=f"{ref}@bench.example",
        manager=manager,
        team=team,
        title=title,
        roles=roles,
    )
