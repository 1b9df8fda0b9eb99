"""Signing in and out. A link signs in once, and only when its button is pressed: mail scanners open every link."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from changes.permissions import Operation
from directory.model import Person
from store.sign_in import end_session, link_person, use_link
from web.pages.rendering import page
from web.security.authorising import TooFast, needs
from web.security.sign_in import Visitor, address_of, give_cookie, session_token, take_cookie, visitor_of
from web.services import Services, ServicesHere

router = APIRouter()
link_router = APIRouter()

MaybeSignedIn = Annotated[Visitor | None, Depends(visitor_of)]


@router.get("/sign-in")
@needs(Operation.OPEN)
async def how_to_sign_in(request: Request, services: ServicesHere, visitor: MaybeSignedIn) -> Response:
    """How one signs in here."""
    return page(request, "sign_in.html", visitor=visitor, by_provider=services.openid is not None)


@router.post("/sign-out")
@needs(Operation.OPEN)
async def sign_out(request: Request, services: ServicesHere) -> Response:
    """End the session."""
    token, now = session_token(request, services), services.clock()
    if token:
        await services.write(lambda connection: end_session(connection, token, now))
    response = RedirectResponse("/sign-in", status_code=HTTPStatus.SEE_OTHER)
    take_cookie(response, services.settings.secure_cookies)
    return response


@link_router.get("/sign-in/{token}")
@needs(Operation.OPEN)
async def look_at_link(request: Request, services: ServicesHere, token: str) -> Response:
    """Whom the link signs in, with a button. Looking does not use it up."""
    if seconds := services.failed_sign_ins.wait(address_of(request)):
        raise TooFast(seconds)
    person = await services.read(lambda connection: _person(services, connection, token))
    if person is None:
        services.failed_sign_ins.take(address_of(request))
    status = HTTPStatus.OK if person else HTTPStatus.NOT_FOUND
    return page(request, "sign_in_link.html", visitor=None, status=status, person=person)


@link_router.post("/sign-in/{token}")
@needs(Operation.OPEN)
async def follow_link(request: Request, services: ServicesHere, token: str) -> Response:
    """Sign in, once. Somebody who was signed in before in this browser is signed out."""
    if seconds := services.failed_sign_ins.wait(address_of(request)):
        raise TooFast(seconds)
    earlier, agent = session_token(request, services), request.headers.get("user-agent", "")
    session = await services.write(lambda connection: _use(services, connection, token, earlier, agent))
    if session is None:
        services.failed_sign_ins.take(address_of(request))
        return page(request, "sign_in_link.html", visitor=None, status=HTTPStatus.NOT_FOUND, person=None)
    response = RedirectResponse("/", status_code=HTTPStatus.SEE_OTHER)
    give_cookie(response, session, services.settings.secure_cookies)
    return response


def _person(services: Services, connection: Connection, token: str) -> Person | None:
    ref = link_person(connection, token, services.clock())
    person = services.authority.directory(connection).people.get(ref) if ref else None
    return person if person and person.active else None


def _use(services: Services, connection: Connection, token: str, earlier: str | None, agent: str) -> str | None:
    if _person(services, connection, token) is None:
        return None
    session = use_link(connection, token, services.clock(), agent)
    if session and earlier:
        end_session(connection, earlier, services.clock())
    return session
