"""Signing in for programs, by a one-time link's token. Exists in the demonstration only."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from changes.permissions import Operation
from changes.values import Moment
from store.sign_in import SESSION_LASTS, end_session, link_person, use_link
from store.tokens import make_token
from web.api.commands import require_json
from web.api.organisation import Me, me_of
from web.failures import Failure
from web.problems import problem, problem_responses
from web.security.authorising import TooFast, needs
from web.security.sign_in import address_of
from web.services import Services, ServicesHere

router = APIRouter()


class LinkToken(BaseModel):
    """The last part of a one-time sign-in link."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(min_length=1, max_length=200, description="What follows /sign-in/ in the link")


class SignedInToken(BaseModel):
    """An API token, shown this once."""

    token: str
    person: Me
    expires_at: Moment


@router.post(
    "/sign-in",
    response_model=SignedInToken,
    summary="Sign in by a one-time link (demonstration only)",
    dependencies=[Depends(require_json)],
    responses=problem_responses(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
)
@needs(Operation.OPEN)
async def sign_in(request: Request, services: ServicesHere, body: LinkToken) -> Response | SignedInToken:
    """Use the link up and get an API token for its person."""
    now, address = services.clock(), address_of(request)
    if seconds := services.failed_sign_ins.wait(address):
        raise TooFast(seconds)
    made = await services.write(lambda connection: _use(services, connection, body.token, now))
    if made is None:
        services.failed_sign_ins.take(address)
        return problem(request, LINK_WRONG)
    return made


LINK_WRONG = Failure(
    HTTPStatus.UNAUTHORIZED,
    "link_not_valid",
    "This link does not work",
    "This sign-in link was used before, is too old, or was never made. Start the demonstration again for new ones.",
)


def _use(services: Services, connection: Connection, token: str, now: datetime) -> SignedInToken | None:
    ref = link_person(connection, token, now)
    person = services.authority.directory(connection).people.get(ref) if ref else None
    if person is None or not person.active:
        return None
    session = use_link(connection, token, now)
    if session is None:
        return None
    end_session(connection, session, now)  # a program carries a token instead
    token = make_token(connection, person.ref, "sign-in link", SESSION_LASTS, now)
    return SignedInToken(token=token, person=me_of(person), expires_at=now + SESSION_LASTS)
