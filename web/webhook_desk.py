"""Sending events to an address: added, tried and sent again in one way for API and pages."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from changes.events import EVENTS
from changes.values import Line
from notifications.outside import NotOutside, outside_of
from notifications.webhooks import TYPE, trial
from store import webhooks as stored
from store.webhooks import Endpoint
from web.failures import Failure
from web.plain_words import Finding
from web.security.authorising import NotPermitted
from web.security.systems import OUTSIDE
from web.services import Services

MOST_ENDPOINTS = 20
KINDS = tuple(sorted(kind for kind, event in EVENTS.items() if not event.discreet))
"""The kinds of events that are sent."""

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


class Sent(BaseModel):
    """An event on its way."""

    delivery: int


async def add_endpoint(services: Services, maker: str, wanted: NewEndpoint) -> MadeEndpoint | Failure:
    """Send events to an address from now on."""
    if wrong := wrong_with(services, wanted):
        return wrong

    def work(connection: Connection) -> Failure | MadeEndpoint:
        known = stored.endpoints(connection)
        if any(endpoint.url == wanted.url for endpoint in known):
            return conflict("There is an endpoint for this address already.")
        if len(known) >= MOST_ENDPOINTS:
            return conflict(f"There are {MOST_ENDPOINTS} endpoints already. Remove one first.")
        endpoint, secret = stored.add_endpoint(
            connection, wanted.url, wanted.description, types_of(wanted), maker, secret_key(services), services.clock()
        )
        return MadeEndpoint(endpoint=endpoint, secret=secret)

    return await services.write(work)


async def send_test(services: Services, ref: str) -> Sent | Failure:
    """Send an event that says that nothing has happened.

    Raises:
        NotPermitted: there is no such endpoint.
    """

    def work(connection: Connection) -> Failure | Sent:
        if endpoint_here(connection, ref).disabled_at:
            return _DISABLED
        now = services.clock()
        return Sent(delivery=stored.write_posting(connection, ref, trial(now), now))

    return await _on_its_way(services, ref, await services.write(work))


async def send_again(services: Services, ref: str, number: int) -> Sent | Failure:
    """Send an event once more that arrived, was given up or dropped.

    Raises:
        NotPermitted: there is no such endpoint, or no such event that is finished.
    """

    def work(connection: Connection) -> Failure | Sent:
        if endpoint_here(connection, ref).disabled_at:
            return _DISABLED
        sent = stored.send_again(connection, ref, number, services.clock())
        if sent is None:
            raise NotPermitted(OUTSIDE)
        return Sent(delivery=sent)

    return await _on_its_way(services, ref, await services.write(work))


async def _on_its_way(services: Services, ref: str, sent: Sent | Failure) -> Sent | Failure:
    if not isinstance(sent, Failure):
        await services.wake_endpoint(ref)
    return sent


def endpoint_here(connection: Connection, ref: str) -> Endpoint:
    """The endpoint ``ref``.

    Raises:
        NotPermitted: there is none.
    """
    endpoint = stored.endpoint_of(connection, ref)
    if endpoint is None:
        raise NotPermitted(OUTSIDE)
    return endpoint


def secret_key(services: Services) -> bytes:
    """With what secrets are kept."""
    return services.settings.actor_secret()


def types_of(body: NewEndpoint) -> list[str]:
    """The kinds of events as they are called outside."""
    return [f"{TYPE}{kind}" for kind in body.events]


def wrong_with(services: Services, body: NewEndpoint) -> Failure | None:
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


def conflict(detail: str) -> Failure:
    """Why an endpoint stays as it is."""
    return Failure(HTTPStatus.CONFLICT, "webhook_conflict", "Not possible as it is", detail)


_DISABLED = conflict("This endpoint is disabled. Change it, and it sends again.")
