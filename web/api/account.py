"""One's own access: sessions and API tokens, to see and to end."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel

from changes.permissions import Operation
from store.sign_in import Session, end_session_of, end_sessions_of, sessions_of
from store.tokens import Token, revoke_token, tokens_of
from web.api.commands import require_json
from web.failures import Failure
from web.problems import CREATING, FOR_THE_SIGNED_IN, MISSING, problem
from web.security.authorising import NotPermitted, needs
from web.security.sign_in import SignedIn, session_token
from web.security.systems import OUTSIDE
from web.services import ServicesHere
from web.token_desk import MadeToken, NewToken, make_own_token

router = APIRouter(responses=FOR_THE_SIGNED_IN)

Handle = Annotated[str, Path(description="The id, as the list gives it", max_length=64)]


class Sessions(BaseModel):
    """Where one is signed in."""

    sessions: tuple[Session, ...]


class Tokens(BaseModel):
    """Tokens that still work."""

    tokens: tuple[Token, ...]


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
    made = await make_own_token(services, visitor, body)
    return problem(request, made) if isinstance(made, Failure) else made


@router.delete(
    "/tokens/{id}", status_code=HTTPStatus.NO_CONTENT, summary="Revoke one of my API tokens", responses=MISSING
)
@needs(Operation.CHANGE_OWN_ACCESS)
async def revoke(services: ServicesHere, visitor: SignedIn, id: Handle) -> None:
    """The token stops working at once."""
    now = services.clock()
    if not await services.write(lambda connection: revoke_token(connection, id, visitor.ref, now)):
        raise NotPermitted(OUTSIDE)
