"""Reading the organisation: who I am, and the people, teams and processes that commands name."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from changes.permissions import Operation
from directory.model import Person
from web.problems import problem_responses
from web.security.authorising import needs
from web.security.sign_in import SignedIn
from web.services import ServicesHere

router = APIRouter(
    responses=problem_responses(
        HTTPStatus.UNAUTHORIZED, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE
    )
)

MOST = 100
"""People in one answer; a text narrows them."""

SearchText = Annotated[str, Query(max_length=200, description="Only those with this in their name or reference")]


class Me(BaseModel):
    """The person who asks."""

    ref: str
    name: str
    email: str
    team: str
    title: str
    roles: tuple[str, ...]
    manager: str | None


class PersonListed(BaseModel):
    """A colleague."""

    ref: str
    name: str
    team: str
    title: str


class People(BaseModel):
    """Colleagues who are active, by name."""

    people: list[PersonListed]


class TeamListed(BaseModel):
    """A team."""

    ref: str
    name: str
    parent: str | None


class Teams(BaseModel):
    """All teams, by name."""

    teams: list[TeamListed]


class ProcessListed(BaseModel):
    """A process and who owns it."""

    ref: str
    name: str
    owner: str


class Processes(BaseModel):
    """All processes, by name."""

    processes: list[ProcessListed]


def me_of(person: Person) -> Me:
    """What a person is told about themselves."""
    return Me(
        ref=person.ref,
        name=person.name,
        email=person.email,
        team=person.team,
        title=person.title,
        roles=person.roles,
        manager=person.manager,
    )


@router.get("/me", summary="Who is signed in")
@needs(Operation.READ_OWN)
async def me(visitor: SignedIn) -> Me:
    """The person who asks."""
    return me_of(visitor.person)


@router.get("/people", summary="Colleagues")
@needs(Operation.READ_DIRECTORY)
async def people(services: ServicesHere, visitor: SignedIn, text: SearchText = "") -> People:
    """At most a hundred active colleagues, by name."""
    directory = await services.read(services.authority.directory)
    wanted = text.casefold()
    found = [
        PersonListed(ref=person.ref, name=person.name, team=person.team, title=person.title)
        for person in directory.people.values()
        if person.active and (wanted in person.name.casefold() or wanted in person.ref.casefold())
    ]
    return People(people=sorted(found, key=lambda person: person.name)[:MOST])


@router.get("/teams", summary="Teams")
@needs(Operation.READ_DIRECTORY)
async def teams(services: ServicesHere, visitor: SignedIn) -> Teams:
    """All teams, by name."""
    directory = await services.read(services.authority.directory)
    found = [TeamListed(ref=team.ref, name=team.name, parent=team.parent) for team in directory.teams.values()]
    return Teams(teams=sorted(found, key=lambda team: team.name))


@router.get("/processes", summary="Processes")
@needs(Operation.READ_DIRECTORY)
async def processes(services: ServicesHere, visitor: SignedIn) -> Processes:
    """All processes, by name."""
    directory = await services.read(services.authority.directory)
    found = [
        ProcessListed(ref=process.ref, name=process.name, owner=process.owner)
        for process in directory.processes.values()
    ]
    return Processes(processes=sorted(found, key=lambda process: process.name))
