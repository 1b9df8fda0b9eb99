"""Webhooks: where events are sent, what became of each, and sending one again. For administrators."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import Connection

from changes.permissions import Operation
from store import webhooks as stored
from store.webhooks import Delivery, Endpoint
from web.api.commands import require_json
from web.failures import Failure
from web.problems import CREATING, FOR_THE_SIGNED_IN, MISSING, problem, problem_responses
from web.security.authorising import NotPermitted, needs
from web.security.sign_in import SignedIn
from web.security.systems import OUTSIDE
from web.services import ServicesHere
from web.webhook_desk import (
    KINDS,
    MadeEndpoint,
    NewEndpoint,
    Sent,
    add_endpoint,
    conflict,
    endpoint_here,
    secret_key,
    send_again,
    send_test,
    types_of,
    wrong_with,
)

router = APIRouter(responses=FOR_THE_SIGNED_IN)
EndpointAddress = Annotated[str, Path(max_length=64, description="The endpoint, such as wh_0123456789abcdef")]


class Endpoints(BaseModel):
    """All endpoints, and the kinds of events there are."""

    endpoints: tuple[Endpoint, ...]
    events: tuple[str, ...] = KINDS


class NewSecret(BaseModel):
    """A secret, shown this once."""

    secret: str


class Deliveries(BaseModel):
    """What was sent, newest first."""

    deliveries: tuple[Delivery, ...]
    next: int | None
    """The value of ``before`` for the next page; none on the last."""


@router.get("/webhooks", summary="Where events are sent")
@needs(Operation.MANAGE_WEBHOOKS)
async def endpoints(services: ServicesHere, visitor: SignedIn) -> Endpoints:
    """All endpoints, the oldest first."""
    return Endpoints(endpoints=await services.read(stored.endpoints))


@router.post(
    "/webhooks",
    status_code=HTTPStatus.CREATED,
    response_model=MadeEndpoint,
    summary="Send events to an address",
    dependencies=[Depends(require_json)],
    responses=CREATING,
)
@needs(Operation.MANAGE_WEBHOOKS)
async def add(
    request: Request, services: ServicesHere, visitor: SignedIn, body: NewEndpoint
) -> Response | MadeEndpoint:
    """Send every event, or those of some kinds, to an address, signed with a new secret. One endpoint an address."""
    made = await add_endpoint(services, visitor.ref, body)
    return problem(request, made) if isinstance(made, Failure) else made


@router.put(
    "/webhooks/{ref}",
    response_model=Endpoint,
    summary="Change an endpoint",
    dependencies=[Depends(require_json)],
    responses=CREATING | MISSING,
)
@needs(Operation.MANAGE_WEBHOOKS)
async def change(
    request: Request, services: ServicesHere, visitor: SignedIn, ref: EndpointAddress, body: NewEndpoint
) -> Response | Endpoint:
    """Change its address, description and kinds of events. Its secret and its log stay. A disabled one sends again."""
    if wrong := wrong_with(services, body):
        return problem(request, wrong)

    def work(connection: Connection) -> Failure | Endpoint:
        endpoint_here(connection, ref)
        if any(endpoint.url == body.url and endpoint.ref != ref for endpoint in stored.endpoints(connection)):
            return conflict("There is an endpoint for this address already.")
        stored.change_endpoint(connection, ref, url=body.url, description=body.description, types=types_of(body))
        stored.enable_endpoint(connection, ref)
        return endpoint_here(connection, ref)

    changed = await services.write(work)
    return problem(request, changed) if isinstance(changed, Failure) else changed


@router.delete(
    "/webhooks/{ref}", status_code=HTTPStatus.NO_CONTENT, summary="Remove an endpoint and its log", responses=MISSING
)
@needs(Operation.MANAGE_WEBHOOKS)
async def remove(services: ServicesHere, visitor: SignedIn, ref: EndpointAddress) -> None:
    """Send nothing more there."""
    if not await services.write(lambda connection: stored.remove_endpoint(connection, ref)):
        raise NotPermitted(OUTSIDE)


@router.post("/webhooks/{ref}/disable", response_model=Endpoint, summary="Stop sending for now", responses=MISSING)
@needs(Operation.MANAGE_WEBHOOKS)
async def disable(services: ServicesHere, visitor: SignedIn, ref: EndpointAddress) -> Endpoint:
    """Send nothing more there until it is changed; what waits is dropped."""

    def work(connection: Connection) -> Endpoint:
        endpoint_here(connection, ref)
        stored.disable_endpoint(connection, ref, f"{visitor.ref} disabled it.", services.clock())
        return endpoint_here(connection, ref)

    return await services.write(work)


@router.post("/webhooks/{ref}/secret", response_model=NewSecret, summary="Replace the secret", responses=MISSING)
@needs(Operation.MANAGE_WEBHOOKS)
async def rotate(services: ServicesHere, visitor: SignedIn, ref: EndpointAddress) -> NewSecret:
    """Make a new secret. For a day events are signed with both, so that the receiver can change over in between."""

    def work(connection: Connection) -> NewSecret:
        endpoint_here(connection, ref)
        return NewSecret(secret=stored.rotate_secret(connection, ref, secret_key(services), services.clock()))

    return await services.write(work)


@router.post(
    "/webhooks/{ref}/test",
    status_code=HTTPStatus.ACCEPTED,
    response_model=Sent,
    summary="Send a test event",
    responses=MISSING | problem_responses(HTTPStatus.CONFLICT),
)
@needs(Operation.MANAGE_WEBHOOKS)
async def test(request: Request, services: ServicesHere, visitor: SignedIn, ref: EndpointAddress) -> Response | Sent:
    """Send an event that says that nothing has happened. What became of it is in the deliveries."""

    sent = await send_test(services, ref)
    return problem(request, sent) if isinstance(sent, Failure) else sent


@router.get("/webhooks/{ref}/deliveries", summary="What was sent to an endpoint", responses=MISSING)
@needs(Operation.MANAGE_WEBHOOKS)
async def deliveries(
    services: ServicesHere,
    visitor: SignedIn,
    ref: EndpointAddress,
    before: Annotated[int | None, Query(ge=0, le=2**53, description="Only deliveries before this number")] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Deliveries on a page")] = 50,
) -> Deliveries:
    """Each event with every attempt: when, the status it was answered with, how long that took, and what was wrong."""

    def work(connection: Connection) -> tuple[Delivery, ...]:
        endpoint_here(connection, ref)
        return stored.deliveries(connection, ref, before, limit + 1)

    found = await services.read(work)
    more = len(found) > limit
    return Deliveries(deliveries=found[:limit], next=found[limit - 1].number if more else None)


@router.post(
    "/webhooks/{ref}/deliveries/{number}/again",
    status_code=HTTPStatus.ACCEPTED,
    response_model=Sent,
    summary="Send an event again",
    responses=MISSING | problem_responses(HTTPStatus.CONFLICT),
)
@needs(Operation.MANAGE_WEBHOOKS)
async def again(
    request: Request,
    services: ServicesHere,
    visitor: SignedIn,
    ref: EndpointAddress,
    number: Annotated[int, Path(ge=0, le=2**53)],
) -> Response | Sent:
    """Send an event once more that arrived, was given up or dropped. It is the same event, with the same id."""

    sent = await send_again(services, ref, number)
    return problem(request, sent) if isinstance(sent, Failure) else sent
