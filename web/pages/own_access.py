"""One's own access, in the settings: where one is signed in, and tokens for one's programs, to see, make and end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from fastapi import APIRouter, Request
from pydantic import ValidationError
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from changes.permissions import ADMINISTRATOR, Operation, Scope
from store.sign_in import end_session_of, end_sessions_of, sessions_of
from store.tokens import revoke_token, tokens_of
from web.failures import Failure
from web.pages.rendering import page
from web.pages.wording import wording_for
from web.plain_words import findings
from web.security.authorising import needs
from web.security.sign_in import SignedIn, Visitor, session_token
from web.services import Services, ServicesHere
from web.token_desk import MadeToken, NewToken, make_own_token

router = APIRouter()

SCOPES = MappingProxyType(
    {
        Scope.READ: "Read what I can read",
        Scope.ACT: "Act in my name: propose, answer, comment",
        Scope.REPORT: "Report readings and test results in my name",
        Scope.ACCOUNT: "See and change my sessions and tokens",
        Scope.ADMINISTER: "Administer, as far as I may",
    }
)
"""What each scope lets a token do, in words."""
LASTING = (7, 30, 90, 366)
"""Days to choose from."""
DONE = {
    "ended": "You are signed out there.",
    "ended-others": "You are signed out everywhere but here.",
    "revoked": "The token has stopped working.",
}


@dataclass(frozen=True)
class Sent:
    """What came of the form that makes a token."""

    name: str = ""
    scopes: tuple[str, ...] = (Scope.READ,)
    days: str = "90"
    wrong: tuple[str, ...] = ()
    made: MadeToken | None = None
    """Shown on this page only; nobody can look it up again."""


@router.get("/settings/access")
@needs(Operation.READ_OWN)
async def own_access(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """Where the reader is signed in, and their tokens."""
    return await _show(request, services, visitor, Sent(), done=DONE.get(request.query_params.get("done", ""), ""))


@router.post("/settings/access/tokens")
@needs(Operation.CHANGE_OWN_ACCESS)
async def make_one(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """Make a token, and show it this once."""
    form = await request.form()
    scopes = tuple(str(scope) for scope in form.getlist("scopes"))
    sent = Sent(name=str(form.get("name", "")), scopes=scopes, days=str(form.get("days", "")))
    try:
        wanted = NewToken.model_validate({"name": sent.name, "scopes": sent.scopes, "days": sent.days})
    except ValidationError as error:
        wrong = tuple(finding.message for finding in findings(error.errors(), model=NewToken))
        return await _show(request, services, visitor, replace(sent, wrong=wrong), HTTPStatus.UNPROCESSABLE_ENTITY)
    made = await make_own_token(services, visitor, wanted)
    if isinstance(made, Failure):
        return await _show(request, services, visitor, replace(sent, wrong=(made.detail,)), HTTPStatus(made.status))
    return await _show(request, services, visitor, Sent(made=made))


@router.post("/settings/access/tokens/{id}/revoke")
@needs(Operation.CHANGE_OWN_ACCESS)
async def revoke(services: ServicesHere, visitor: SignedIn, id: str) -> Response:
    """Have a token stop working at once."""
    now = services.clock()
    if not await services.write(lambda connection: revoke_token(connection, id, visitor.ref, now)):
        raise HTTPException(HTTPStatus.NOT_FOUND, "You have no such token any more.")
    return _done("revoked")


@router.post("/settings/access/sessions/end-others")
@needs(Operation.CHANGE_OWN_ACCESS)
async def end_others(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """Sign out everywhere but here."""
    token, now = session_token(request, services) or "", services.clock()
    await services.write(lambda connection: end_sessions_of(connection, visitor.ref, now, but=token))
    return _done("ended-others")


@router.post("/settings/access/sessions/{id}/end")
@needs(Operation.CHANGE_OWN_ACCESS)
async def end_one(services: ServicesHere, visitor: SignedIn, id: str) -> Response:
    """Sign out there."""
    now = services.clock()
    if not await services.write(lambda connection: end_session_of(connection, visitor.ref, id, now)):
        raise HTTPException(HTTPStatus.NOT_FOUND, "You are not signed in there any more.")
    return _done("ended")


def _done(what: str) -> Response:
    return RedirectResponse(f"/settings/access?done={what}#main", status_code=HTTPStatus.SEE_OTHER)


async def _show(
    request: Request,
    services: Services,
    visitor: Visitor,
    sent: Sent,
    status: HTTPStatus = HTTPStatus.OK,
    *,
    done: str = "",
) -> Response:
    token, now = session_token(request, services) or "", services.clock()

    def read(connection: Connection) -> dict[str, Any]:
        return {
            "sessions": sessions_of(connection, visitor.ref, now, token),
            "tokens": tokens_of(connection, visitor.ref, now),
            "wording": wording_for(services, connection, visitor),
        }

    offered = {
        scope: words
        for scope, words in SCOPES.items()
        if scope is not Scope.ADMINISTER or ADMINISTRATOR in visitor.actor.roles
    }
    shown = await services.read(read)
    return page(
        request,
        "own_access.html",
        visitor=visitor,
        status=status,
        sent=sent,
        done=done,
        scopes=offered,
        lasting=LASTING,
        **shown,
    )
