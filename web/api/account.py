"""One's own access: sessions and API tokens, to see and to end."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from changes.permissions import Operation, Scope
from changes.values import Line, Moment
from store.sign_in import Session, end_session_of, end_sessions_of, sessions_of
from store.tokens import Token, make_token, revoke_token, tokens_of
from web.api.commands import require_json
from web.failures import Failure
from web.problems import problem, problem_responses
from web.security.authorising import NotPermitted, needs
from web.security.sign_in import SignedIn, session_token
from web.security.systems import OUTSIDE
from web.services import ServicesHere

LONGEST_DAYS = 366
"""A token lasts a year at most (ASVS 9.2.1)."""
MOST_TOKENS = 50

router = APIRouter(
    responses=problem_responses(
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
    )
)
CREATING = problem_responses(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)
MISSING = problem_responses(HTTPStatus.NOT_FOUND)

Handle = Annotated[str, Path(description="The id, as the list gives it", max_length=64)]
Days = Annotated[int, Field(ge=1, le=LONGEST_DAYS, description="For how many days it works")]


class Sessions(BaseModel):
    """Where one is signed in."""

    sessions: tuple[Session, ...]


class Tokens(BaseModel):
    """Tokens that still work."""

    tokens: tuple[Token, ...]


class NewToken(BaseModel):
    """A token to be made."""

    model_config = ConfigDict(extra="forbid")

    name: Line = Field(description="What it is for, in your words; no two of your tokens are called the same")
    scopes: Annotated[
        tuple[Scope, ...], Field(min_length=1, max_length=len(Scope), description="What it may be used for")
    ] = (Scope.READ,)
    days: Days = 90


class MadeToken(BaseModel):
    """A new token. It is shown this once."""

    token: str
    name: str
    scopes: tuple[Scope, ...]
    expires_at: Moment


def name_taken(name: str) -> Failure:
    """There is a token of this name already, perhaps because the request was sent twice."""
    return Failure(
        HTTPStatus.CONFLICT,
        "name_taken",
        "There is one of this name",
        f"A token called “{name}” exists already. If you sent this twice, it was made the first time; revoke it "
        "to make another, since it is shown only once.",
    )


TOO_MANY = Failure(
    HTTPStatus.CONFLICT,
    "too_many_tokens",
    "Too many tokens",
    f"There are {MOST_TOKENS} tokens already. Revoke some first.",
)


@router.get("/sessions", summary="Where I am signed in")
@needs(Operation.READ_OWN)
async def sessions(request: Request, services: ServicesHere, visitor: SignedIn) -> Sessions:
    """The sessions that still count, the latest used first."""
    token, now = session_token(request, services) or "", services.clock()
    return Sessions(sessions=await services.read(lambda connection: sessions_of(connection, visitor.ref, now, token)))


@router.delete("/sessions", status_code=HTTPStatus.NO_CONTENT, summary="Sign out everywhere else")
@needs(Operation.CHANGE_OWN_ACCESS)
async def end_sessions(request: Request, services: ServicesHere, visitor: SignedIn) -> None:
    """End every session but the one that asks."""
    token, now = session_token(request, services) or "", services.clock()
    await services.write(lambda connection: end_sessions_of(connection, visitor.ref, now, but=token))


@router.delete("/sessions/{id}", status_code=HTTPStatus.NO_CONTENT, summary="End one of my sessions", responses=MISSING)
@needs(Operation.CHANGE_OWN_ACCESS)
async def end_session(services: ServicesHere, visitor: SignedIn, id: Handle) -> None:
    """Sign out there."""
    now = services.clock()
    if not await services.write(lambda connection: end_session_of(connection, visitor.ref, id, now)):
        raise NotPermitted(OUTSIDE)


@router.get("/tokens", summary="My API tokens")
@needs(Operation.READ_OWN)
async def tokens(services: ServicesHere, visitor: SignedIn) -> Tokens:
    """The tokens that still work, with when each was last used."""
    now = services.clock()
    return Tokens(tokens=await services.read(lambda connection: tokens_of(connection, visitor.ref, now)))


@router.post(
    "/tokens",
    status_code=HTTPStatus.CREATED,
    response_model=MadeToken,
    summary="Make an API token",
    dependencies=[Depends(require_json)],
    responses=CREATING,
)
@needs(Operation.CHANGE_OWN_ACCESS)
async def make(request: Request, services: ServicesHere, visitor: SignedIn, body: NewToken) -> Response | MadeToken:
    """Make a token. It can do what you can, within its scopes, until it expires or you revoke it."""
    now = services.clock()

    def work(connection: Connection) -> str | Failure:
        known = tokens_of(connection, visitor.ref, now)
        if any(token.name == body.name for token in known):
            return name_taken(body.name)
        if len(known) >= MOST_TOKENS:
            return TOO_MANY
        wanted = frozenset(body.scopes)
        return make_token(connection, visitor.ref, body.name, timedelta(days=body.days), now, scopes=wanted)

    if missing := frozenset(body.scopes) - visitor.scopes:
        return problem(request, _beyond(missing))
    made = await services.write(work)
    if isinstance(made, Failure):
        return problem(request, made)
    scopes = tuple(sorted(set(body.scopes)))
    return MadeToken(token=made, name=body.name, scopes=scopes, expires_at=now + timedelta(days=body.days))


def _beyond(missing: frozenset[Scope]) -> Failure:
    names = ", ".join(f"“{scope}”" for scope in sorted(missing))
    detail = f"A token cannot make one that may do more than itself. It lacks {names}."
    return Failure(HTTPStatus.FORBIDDEN, "beyond_own_scopes", "More than this token has", detail)


@router.delete(
    "/tokens/{id}", status_code=HTTPStatus.NO_CONTENT, summary="Revoke one of my API tokens", responses=MISSING
)
@needs(Operation.CHANGE_OWN_ACCESS)
async def revoke(services: ServicesHere, visitor: SignedIn, id: Handle) -> None:
    """The token stops working at once."""
    now = services.clock()
    if not await services.write(lambda connection: revoke_token(connection, id, visitor.ref, now)):
        raise NotPermitted(OUTSIDE)
