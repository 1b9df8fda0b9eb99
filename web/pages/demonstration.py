"""The demonstration's controls: look through somebody else's eyes. They exist in the demonstration only."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from changes.permissions import Operation
from directory.demonstration import PERSONAS
from store.sign_in import begin_session, end_session
from web.pages.rendering import page
from web.pages.wording import wording_for
from web.security.authorising import needs
from web.security.sign_in import SignedIn, give_cookie, session_token
from web.services import ServicesHere

router = APIRouter()


@router.get("/demo")
@needs(Operation.DEMONSTRATE)
async def controls(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """Who one can be, and what there is to try."""
    wording = await services.read(lambda connection: wording_for(services, connection, visitor))
    people = {part: wording.directory.people[ref] for part, ref in PERSONAS.items() if ref in wording.directory.people}
    return page(request, "demo.html", visitor=visitor, personas=people, wording=wording)


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
