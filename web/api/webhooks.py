"""Webhooks: where events are sent, what became of each, and sending one again. For administrators."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from changes.events import EVENTS
from changes.permissions import Operation
from changes.values import Line
from notifications.outside import NotOutside, outside_of
from notifications.webhooks import TYPE, trial
from store import webhooks as stored
from store.webhooks import Delivery, Endpoint
from web.api.commands import require_json
from web.failures import Failure
from web.plain_words import Finding
from web.problems import problem, problem_responses
from web.security.authorising import NotPermitted, needs
from web.security.sign_in import SignedIn
from web.security.systems import OUTSIDE
from web.services import Services, ServicesHere

MOST_ENDPOINTS = 20
KINDS = tuple(sorted(kind for kind, event in EVENTS.items() if not event.discreet))
"""The kinds of events that are sent."""

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
ONE = problem_responses(HTTPStatus.NOT_FOUND)
EndpointAddress = Annotated[str, Path(max_length=64, description="The endpoint, such as wh_0123456789abcdef")]
EventKinds = Annotated[
    tuple[str, ...],
    Field(max_length=len(KINDS), description="Kinds of events, such as closed; none for all", examples=[["closed"]]),
]


class NewEndpoint(BaseModel):
    """Where events are to be sent."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(min_length=1, max_length=2_000, description="An address that begins with https://")
    description: Line = Field(description="What it is for")
    events: EventKinds = ()


class MadeEndpoint(BaseModel):
    """A new endpoint with its secret, which is shown this once."""

    endpoint: Endpoint
    secret: str


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


class Sent(BaseModel):
    """An event on its way."""

    delivery: int


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
    if wrong := _wrong(services, body):
        return problem(request, wrong)

    def work(connection: Connection) -> Failure | MadeEndpoint:
        known = stored.endpoints(connection)
        if any(endpoint.url == body.url for endpoint in known):
            return _conflict("There is an endpoint for this address already.")
        if len(known) >= MOST_ENDPOINTS:
            return _conflict(f"There are {MOST_ENDPOINTS} endpoints already. Remove one first.")
        endpoint, secret = stored.add_endpoint(
            connection, body.url, body.description, _types(body), visitor.ref, _key(services), services.clock()
        )
        return MadeEndpoint(endpoint=endpoint, secret=secret)

    made = await services.write(work)
    return problem(request, made) if isinstance(made, Failure) else made


@router.put(
    "/webhooks/{ref}",
    response_model=Endpoint,
    summary="Change an endpoint",
    dependencies=[Depends(require_json)],
    responses=CREATING | ONE,
)
@needs(Operation.MANAGE_WEBHOOKS)
async def change(
    request: Request, services: ServicesHere, visitor: SignedIn, ref: EndpointAddress, body: NewEndpoint
) -> Response | Endpoint:
    """Change its address, description and kinds of events. Its secret and its log stay. A disabled one sends again."""
    if wrong := _wrong(services, body):
        return problem(request, wrong)

    def work(connection: Connection) -> Failure | Endpoint:
        _require(connection, ref)
        if any(endpoint.url == body.url and endpoint.ref != ref for endpoint in stored.endpoints(connection)):
            return _conflict("There is an endpoint for this address already.")
        stored.change_endpoint(connection, ref, url=body.url, description=body.description, types=_types(body))
        stored.enable_endpoint(connection, ref)
        return _require(connection, ref)

    changed = await services.write(work)
    return problem(request, changed) if isinstance(changed, Failure) else changed


@router.delete(
    "/webhooks/{ref}", status_code=HTTPStatus.NO_CONTENT, summary="Remove an endpoint and its log", responses=ONE
)
@needs(Operation.MANAGE_WEBHOOKS)
async def remove(services: ServicesHere, visitor: SignedIn, ref: EndpointAddress) -> None:
    """Send nothing more there."""
    if not await services.write(lambda connection: stored.remove_endpoint(connection, ref)):
        raise NotPermitted(OUTSIDE)


@router.post("/webhooks/{ref}/disable", response_model=Endpoint, summary="Stop sending for now", responses=ONE)
@needs(Operation.MANAGE_WEBHOOKS)
async def disable(services: ServicesHere, visitor: SignedIn, ref: EndpointAddress) -> Endpoint:
    """Send nothing more there until it is changed; what waits is dropped."""

    def work(connection: Connection) -> Endpoint:
        _require(connection, ref)
        stored.disable_endpoint(connection, ref, f"{visitor.ref} disabled it.", services.clock())
        return _require(connection, ref)

    return await services.write(work)


@router.post("/webhooks/{ref}/secret", response_model=NewSecret, summary="Replace the secret", responses=ONE)
@needs(Operation.MANAGE_WEBHOOKS)
async def rotate(services: ServicesHere, visitor: SignedIn, ref: EndpointAddress) -> NewSecret:
    """Make a new secret. For a day events are signed with both, so that the receiver can change over in between."""

    def work(connection: Connection) -> NewSecret:
        _require(connection, ref)
        return NewSecret(secret=stored.rotate_secret(connection, ref, _key(services), services.clock()))

    return await services.write(work)


@router.post(
    "/webhooks/{ref}/test",
    status_code=HTTPStatus.ACCEPTED,
    response_model=Sent,
    summary="Send a test event",
    responses=ONE | problem_responses(HTTPStatus.CONFLICT),
)
@needs(Operation.MANAGE_WEBHOOKS)
async def test(request: Request, services: ServicesHere, visitor: SignedIn, ref: EndpointAddress) -> Response | Sent:
    """Send an event that says that nothing has happened. What became of it is in the deliveries."""

    def work(connection: Connection) -> Failure | Sent:
        if _require(connection, ref).disabled_at:
            return _DISABLED
        now = services.clock()
        return Sent(delivery=stored.write_posting(connection, ref, trial(now), now))

    sent = await services.write(work)
    if isinstance(sent, Failure):
        return problem(request, sent)
    await services.wake_endpoint(ref)
    return sent


@router.get("/webhooks/{ref}/deliveries", summary="What was sent to an endpoint", responses=ONE)
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
        _require(connection, ref)
        return stored.deliveries(connection, ref, before, limit + 1)

    found = await services.read(work)
    more = len(found) > limit
    return Deliveries(deliveries=found[:limit], next=found[limit - 1].number if more else None)


@router.post(
    "/webhooks/{ref}/deliveries/{number}/again",
    status_code=HTTPStatus.ACCEPTED,
    response_model=Sent,
    summary="Send an event again",
    responses=ONE | problem_responses(HTTPStatus.CONFLICT),
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

    def work(connection: Connection) -> Failure | Sent:
        if _require(connection, ref).disabled_at:
            return _DISABLED
        sent = stored.send_again(connection, ref, number, services.clock())
        if sent is None:
            raise NotPermitted(OUTSIDE)
        return Sent(delivery=sent)

    sent = await services.write(work)
    if isinstance(sent, Failure):
        return problem(request, sent)
    await services.wake_endpoint(ref)
    return sent


def _require(connection: Connection, ref: str) -> Endpoint:
    endpoint = stored.endpoint_of(connection, ref)
    if endpoint is None:
        raise NotPermitted(OUTSIDE)
    return endpoint


def _key(services: Services) -> bytes:
    return services.settings.actor_secret()


def _types(body: NewEndpoint) -> list[str]:
    return [f"{TYPE}{kind}" for kind in body.events]


def _wrong(services: Services, body: NewEndpoint) -> Failure | None:
    """What is wrong with the address or the kinds of events."""
    outside = outside_of(services.settings.webhook_networks, services.settings.demonstration)
    try:
        outside.check(body.url)
    except NotOutside as error:
        return _invalid("/url", "not_outside", str(error))
    for place, kind in enumerate(body.events):
        if kind not in KINDS:
            return _invalid(f"/events/{place}", "unknown_event", f"There is no event “{kind[:64]}”.")
    return None


def _invalid(pointer: str, code: str, message: str) -> Failure:
    found = [Finding(pointer=pointer, code=code, message=message)]
    return Failure(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_fields", "Something needs another look", message, found)


def _conflict(detail: str) -> Failure:
    return Failure(HTTPStatus.CONFLICT, "webhook_conflict", "Not possible as it is", detail)


_DISABLED = _conflict("This endpoint is disabled. Change it, and it sends again.")
