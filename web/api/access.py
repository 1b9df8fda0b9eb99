"""Ending somebody else's access: sessions, tokens, and how they sign in. For administrators."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel
from sqlalchemy import Connection

from changes.permissions import Operation, Verdict
from store.identities import Linked, identities_of, unlink_identities
from store.sign_in import Session, sessions_of
from store.tokens import Token, end_access_of, tokens_of
from web.problems import problem_responses
from web.security.authorising import NotPermitted, needs
from web.security.sign_in import SignedIn
from web.services import Services, ServicesHere

router = APIRouter(
    responses=problem_responses(
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
    )
)
PersonAddress = Annotated[str, Path(max_length=64, description="The person's reference, such as mara.lind")]


class Access(BaseModel):
    """How and where somebody is signed in."""

    identities: tuple[Linked, ...]
    sessions: tuple[Session, ...]
    tokens: tuple[Token, ...]


@router.get("/people/{ref}/access", summary="How and where somebody is signed in")
@needs(Operation.MANAGE_SESSIONS)
async def access(services: ServicesHere, visitor: SignedIn, ref: PersonAddress) -> Access:
    """Their linked sign-ins, sessions and tokens."""
    now = services.clock()

    def work(connection: Connection) -> Access:
        _require_person(services, connection, ref)
        return Access(
            identities=identities_of(connection, ref),
            sessions=sessions_of(connection, ref, now),
            tokens=tokens_of(connection, ref, now),
        )

    return await services.read(work)


@router.delete(
    "/people/{ref}/access", status_code=HTTPStatus.NO_CONTENT, summary="Sign somebody out everywhere and unlink them"
)
@needs(Operation.MANAGE_SESSIONS)
async def end_access(services: ServicesHere, visitor: SignedIn, ref: PersonAddress) -> None:
    """End their sessions and tokens, those of systems that report on their behalf too, and forget how they sign in.

    Somebody who still works here can sign in again, which links them anew.
    """
    now = services.clock()

    def work(connection: Connection) -> None:
        _require_person(services, connection, ref)
        end_access_of(connection, [ref], now)
        unlink_identities(connection, ref)

    await services.write(work)


def _require_person(services: Services, connection: Connection, ref: str) -> None:
    if ref not in services.authority.directory(connection).people:
        raise NotPermitted(Verdict(False, "There is no such person.", hidden=True))
