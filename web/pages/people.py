"""People, teams and processes: who works here, who asks whom, and who owns what."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from changes.permissions import Operation
from directory.model import Directory, Person
from web.pages.rendering import page
from web.pages.wording import wording_for
from web.security.authorising import needs
from web.security.sign_in import SignedIn
from web.services import ServicesHere

router = APIRouter()

MOST_SHOWN = 60
"""People of a search; more are found by writing more."""


@router.get("/people")
@needs(Operation.READ_DIRECTORY)
async def people(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """A search over people, and all teams and processes."""
    text = request.query_params.get("text", "").strip()[:200]
    team = request.query_params.get("team", "")
    wording = await services.read(lambda connection: wording_for(services, connection, visitor))
    directory = wording.directory
    found = _found(directory, text, team)
    return page(
        request,
        "people.html",
        visitor=visitor,
        text=text,
        team=team if team in directory.teams else "",
        found=found[:MOST_SHOWN],
        more=len(found) - MOST_SHOWN,
        teams=sorted(directory.teams.values(), key=lambda team: team.name.casefold()),
        processes=sorted(directory.processes.values(), key=lambda process: process.name.casefold()),
        directory=directory,
        wording=wording,
    )


@router.get("/people/{ref}")
@needs(Operation.READ_DIRECTORY)
async def person(request: Request, services: ServicesHere, visitor: SignedIn, ref: str) -> Response:
    """One colleague."""
    wording = await services.read(lambda connection: wording_for(services, connection, visitor))
    directory = wording.directory
    if ref not in directory.people:
        raise HTTPException(HTTPStatus.NOT_FOUND, "There is nobody of this reference. Search by name instead.")
    return page(
        request,
        "person.html",
        visitor=visitor,
        person=directory.people[ref],
        reports=directory.reports_of(ref),
        owned=[process for process in directory.processes.values() if process.owner == ref],
        wording=wording,
    )


def _found(directory: Directory, text: str, team: str) -> list[Person]:
    """Active people who fit; all of a team's where one is chosen, nobody where nothing is asked."""
    if not text and not team:
        return []
    words = text.casefold().split()
    fit = (
        person
        for person in directory.people.values()
        if person.active
        and (not team or team in (person.team, *person.other_teams))
        and all(word in f"{person.name} {person.title} {person.email} {person.site}".casefold() for word in words)
    )
    return sorted(fit, key=lambda person: person.name.casefold())
