"""People, teams and processes: who works here, who asks whom, and who owns what."""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from changes.permissions import Operation
from directory.model import Directory, Person, Process, Team
from web.forms.options import Offered
from web.pages.rendering import page
from web.pages.wording import wording_for
from web.security.authorising import needs
from web.security.sign_in import SignedIn
from web.services import ServicesHere

router = APIRouter()

MOST_SHOWN = 60
"""People of a search; more are found by writing more."""
MOST_LISTED = 200
"""Teams and processes that are listed whole; of more, those that belong to what was asked for."""


@router.get("/people")
@needs(Operation.READ_DIRECTORY)
async def people(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """A search over people; teams and processes, or where there are very many, those below the chosen team."""
    text = request.query_params.get("text", "").strip()[:200]
    typed = request.query_params.get("team", "")[:200]
    wording = await services.read(lambda connection: wording_for(services, connection, visitor))
    directory = wording.directory
    offered = Offered(directory)
    team = offered.reference("team", typed)
    found = _found(directory, text, team)
    teams, processes = _teams(directory, team), _processes(directory, text)
    return page(
        request,
        "people.html",
        visitor=visitor,
        text=text,
        team=team if team in directory.teams else "",
        offered=offered.few("team"),
        found=found[:MOST_SHOWN],
        more=len(found) - MOST_SHOWN,
        teams=teams[:MOST_LISTED],
        more_teams=len(directory.teams) - len(teams[:MOST_LISTED]),
        processes=processes[:MOST_LISTED],
        more_processes=len(directory.processes) - len(processes[:MOST_LISTED]),
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
        for person, told in _told(directory)
        if (not team or team in (person.team, *person.other_teams)) and all(word in told for word in words)
    )
    return sorted(fit, key=lambda person: person.name.casefold())


@lru_cache(maxsize=2)
def _told(directory: Directory) -> tuple[tuple[Person, str], ...]:
    """Every active person with what a search looks into; made once for each directory."""
    return tuple(
        (person, f"{person.name} {person.title} {person.email} {person.site}".casefold())
        for person in directory.people.values()
        if person.active
    )


def _teams(directory: Directory, team: str) -> list[Team]:
    """All teams; where those are very many, the ones right below ``team``, or at the top of the organisation."""
    teams = list(directory.teams.values())
    if len(teams) > MOST_LISTED:
        top = [one for one in teams if one.parent is None]
        above = team if team in directory.teams else top[0].ref if len(top) == 1 else None
        teams = [one for one in teams if one.parent == above]
    return sorted(teams, key=lambda one: one.name.casefold())


def _processes(directory: Directory, text: str) -> list[Process]:
    """All processes; where those are very many, the ones with the words in their name."""
    processes = list(directory.processes.values())
    if len(processes) > MOST_LISTED:
        words = text.casefold().split()
        processes = [one for one in processes if all(word in one.name.casefold() for word in words)]
    return sorted(processes, key=lambda one: one.name.casefold())
