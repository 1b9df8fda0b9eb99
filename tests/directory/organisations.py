"""Small organisations by example, and generated ones for the properties."""

from __future__ import annotations

import string
from datetime import date

from hypothesis import strategies as st

from directory.model import ROLES, Directory, Person, Process, Team

PEOPLE = """\
id,name,email,manager,team,other_teams,title,roles,site,active,away_until,open_to_invitations
ada,Ada Stern,ada@firm.example,,office,,Director,executive,North,yes,,yes
ben,Ben Okoro,ben@firm.example,ada,care,,Lead,,North,yes,,yes
cem,Cem Kaya,cem@firm.example,ben,care,office,Adviser,,South,yes,2026-11-30,no
dora,Dora Lund,dora@firm.example,ben,care,,Adviser,,South,no,,yes
"""
TEAMS = """\
id,name,parent
office,Office,
care,Customer Care,office
"""
PROCESSES = """\
id,name,owner,depends_on
returns,Returns,ben,
refunds,Refunds,ada,returns
"""


def person(
    ref: str, manager: str | None = None, team: str = "all", active: bool = True, roles: tuple[str, ...] = ()
) -> Person:
    """Somebody of whom only these things matter."""
    email = f"{ref}@firm.example"
    return Person(ref=ref, name=ref, email=email, manager=manager, team=team, active=active, roles=roles)


def team(ref: str, parent: str | None = None) -> Team:
    """A team of which only these things matter."""
    return Team(ref=ref, name=ref, parent=parent)


_letters = st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs", "M"))
names = st.text(_letters, min_size=1, max_size=40).filter(lambda text: text.strip() != "")
lines = st.text(_letters, max_size=40)
ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,20}", fullmatch=True).filter(lambda ref: ref.lower() != "system")


def distinct_ids(smallest: int, largest: int) -> st.SearchStrategy[list[str]]:
    """Ids that stay distinct whatever their case."""
    return st.lists(ids, min_size=smallest, max_size=largest, unique_by=str.casefold)


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    """Any organisation that the import accepts: whoever is referred to exists, is active, and is not in a circle."""
    team_refs = draw(distinct_ids(1, 6))
    teams = [
        Team(ref=ref, name=draw(names), parent=draw(st.sampled_from([None, *team_refs[:place]])))
        for place, ref in enumerate(team_refs)
    ]
    people: list[Person] = []
    for place, ref in enumerate(draw(distinct_ids(1, 10))):
        active = place == 0 or draw(st.booleans())
        managers = [person.ref for person in people if person.active or not active]
        people.append(
            Person(
                ref=ref,
                name=draw(names),
                email=f"{draw(st.text(string.ascii_letters, min_size=1, max_size=8))}.{place}@firm.example",
                manager=draw(st.sampled_from([None, *managers])),
                team=draw(st.sampled_from(team_refs)),
                other_teams=tuple(draw(st.lists(st.sampled_from(team_refs), max_size=3))),
                title=draw(lines),
                roles=tuple(draw(st.lists(st.sampled_from(ROLES), max_size=3))),
                site=draw(lines),
                active=active,
                away_until=draw(st.none() | st.dates(min_value=date(2000, 1, 1))),
                open_to_invitations=draw(st.booleans()),
            )
        )
    process_refs = draw(distinct_ids(0, 4))
    owners = [person.ref for person in people if person.active]
    processes = [
        Process(
            ref=ref,
            name=draw(names),
            owner=draw(st.sampled_from(owners)),
            depends_on=tuple(draw(st.lists(st.sampled_from(process_refs), max_size=3))),
        )
        for ref in process_refs
    ]
    return Directory(people, teams, processes)
