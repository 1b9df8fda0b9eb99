"""Tokens of systems that report guard metrics and test results. For administrators."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import Connection

from changes.permissions import Operation, Scope
from changes.values import Line, Moment, OptionalText, PersonRef
from store.tokens import Bounds, make_token, revoke_token, tokens_of
from web.api.account import Handle, Tokens
from web.api.commands import require_json
from web.failures import Failure
from web.plain_words import Finding
from web.problems import CREATING, FOR_THE_SIGNED_IN, MISSING, problem
from web.security.authorising import NotPermitted, needs
from web.security.sign_in import SignedIn
from web.security.systems import OUTSIDE
from web.services import Services, ServicesHere
from web.token_desk import TOO_MANY, Days, name_taken

MOST_SYSTEMS = 500

router = APIRouter(responses=FOR_THE_SIGNED_IN)
SystemName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""A system's name, as it will stand in the trail."""


class NewSystemToken(BaseModel):
    """A system's token to be made."""

    model_config = ConfigDict(extra="forbid")

    service: SystemName = Field(description="The system, such as returns-metrics; the trail names it")
    name: Line = Field(description="What the token is for, in your words")
    on_behalf_of: PersonRef = Field(description="Who answers for what it reports, and may report it too")
    change: OptionalText = Field(default="", max_length=64, description="Only for this change")
    process: OptionalText = Field(default="", max_length=64, description="Only for changes of this process")
    metric: OptionalText = Field(default="", max_length=200, description="Only for this metric or measure")
    days: Days = 90


class MadeSystemToken(BaseModel):
    """A system's new token. It is shown this once."""

    token: str
    service: str
    on_behalf_of: str
    expires_at: Moment


@router.get("/system-tokens", summary="Tokens of systems")
@needs(Operation.MANAGE_SERVICES)
async def system_tokens(services: ServicesHere, visitor: SignedIn) -> Tokens:
    """The tokens of systems that still work."""
    now = services.clock()
    return Tokens(tokens=await services.read(lambda connection: tokens_of(connection, None, now)))


@router.post(
    "/system-tokens",
    status_code=HTTPStatus.CREATED,
    response_model=MadeSystemToken,
    summary="Make a token for a system",
    dependencies=[Depends(require_json)],
    responses=CREATING,
)
@needs(Operation.MANAGE_SERVICES)
async def make(
    request: Request, services: ServicesHere, visitor: SignedIn, body: NewSystemToken
) -> Response | MadeSystemToken:
    """Make a token with which a system reports readings and results, and nothing else.

    It has to be bound to a change or a process. What it reports counts as reported by the person on whose behalf it
    does so, under the same rules, and the trail names the system.
    """
    now = services.clock()
    made = await services.write(lambda connection: _make(services, connection, visitor.ref, body))
    if isinstance(made, Failure):
        return problem(request, made)
    return MadeSystemToken(
        token=made,
        service=body.service,
        on_behalf_of=body.on_behalf_of,
        expires_at=now + timedelta(days=body.days),
    )


def _make(services: Services, connection: Connection, maker: str, body: NewSystemToken) -> str | Failure:
    now = services.clock()
    directory = services.authority.directory(connection)
    person = directory.people.get(body.on_behalf_of)
    if person is None or not person.active:
        return _wrong("on_behalf_of", "nobody_active", f"Nobody active is called “{body.on_behalf_of}”.")
    if not (body.change or body.process):
        return _wrong("change", "unbounded", "Name the change or the process that the system reports about.")
    if body.process and body.process not in directory.processes:
        return _wrong("process", "unknown", f"There is no process “{body.process}”.")
    known = tokens_of(connection, None, now)
    if any((token.service, token.name) == (body.service, body.name) for token in known):
        return name_taken(body.name)
    if len(known) >= MOST_SYSTEMS:
        return TOO_MANY
    return make_token(
        connection,
        body.on_behalf_of,
        body.name,
        timedelta(days=body.days),
        now,
        scopes=(Scope.REPORT,),
        service=body.service,
        bounds=Bounds(body.change, body.process, body.metric),
        made_by=maker,
    )


def _wrong(field: str, code: str, message: str) -> Failure:
    found = [Finding(pointer=f"/{field}", code=code, message=message)]
    return Failure(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_fields", "Something needs another look", message, found)


@router.delete(
    "/system-tokens/{id}", status_code=HTTPStatus.NO_CONTENT, summary="Revoke a system's token", responses=MISSING
)
@needs(Operation.MANAGE_SERVICES)
async def revoke(services: ServicesHere, visitor: SignedIn, id: Handle) -> None:
    """The token stops working at once."""
    now = services.clock()
    if not await services.write(lambda connection: revoke_token(connection, id, None, now)):
        raise NotPermitted(OUTSIDE)
