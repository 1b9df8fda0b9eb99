"""The demonstration's controls, which exist nowhere else: somebody else's eyes, and moving time forward."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from changes.permissions import Operation
from directory.demonstration import PERSONAS
from store.demonstration_clock import NoDemonstration
from store.sign_in import begin_session, end_session
from temporal.gateway import NotNow
from web.demonstration_clock import move_forward
from web.pages.rendering import page
from web.pages.wording import wording_for
from web.security.authorising import needs
from web.security.sign_in import SignedIn, Visitor, give_cookie, session_token
from web.services import Services, ServicesHere

router = APIRouter()


MOVED = {
    "yes": "What has fallen due meanwhile happens now. Look at what waits, or read the letters it caused.",
    "untold": (
        "But Temporal does not answer, so changes have not noticed yet. Move one more day once it is back, and they do."
    ),
}


@router.get("/demo")
@needs(Operation.DEMONSTRATE)
async def controls(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """Who one can be, which day it is, and what there is to try."""
    return await _show(request, services, visitor, moved=MOVED.get(request.query_params.get("moved", ""), ""))


@router.post("/demo/time")
@needs(Operation.DEMONSTRATE)
async def move_time(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """Move the time of everybody in the demonstration forward."""
    days = str((await request.form()).get("days", ""))
    try:
        await move_forward(services, int(days) if days.isdecimal() and len(days) < 6 else 0)
    except NotNow:
        return RedirectResponse("/demo?moved=untold#main", status_code=HTTPStatus.SEE_OTHER)
    except NoDemonstration as error:
        raise HTTPException(HTTPStatus.NOT_FOUND, str(error)) from error
    except ValueError as error:
        return await _show(request, services, visitor, wrong=str(error))
    return RedirectResponse("/demo?moved=yes#main", status_code=HTTPStatus.SEE_OTHER)


async def _show(
    request: Request, services: Services, visitor: Visitor, *, moved: str = "", wrong: str = ""
) -> Response:
    wording = await services.read(lambda connection: wording_for(services, connection, visitor))
    people = {part: wording.directory.people[ref] for part, ref in PERSONAS.items() if ref in wording.directory.people}
    return page(
        request,
        "demo.html",
        visitor=visitor,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        personas=people,
        moved=moved,
        wrong=wrong,
        now=services.clock(),
        wording=wording,
    )


@router.post("/demo/act-as")
@needs(Operation.DEMONSTRATE)
async def act_as(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """Go on as another persona. One's own session ends, as if one had signed out."""
    wanted = (await request.form()).get("person")
    if wanted not in PERSONAS.values():
        raise HTTPException(HTTPStatus.NOT_FOUND, "The demonstration has no such persona.")
    person, earlier, now = str(wanted), session_token(request, services), services.clock()

    def change_places(connection: Connection) -> str:
        if earlier:
            end_session(connection, earlier, now)
        return begin_session(connection, person, now)

    token = await services.write(change_places)
    response = RedirectResponse("/", status_code=HTTPStatus.SEE_OTHER)
    give_cookie(response, token, services.settings.secure_cookies)
    return response
