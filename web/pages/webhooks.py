"""For administrators: where events are sent, whether they arrive, and sending one again. Plain forms."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from fastapi import APIRouter, Request
from pydantic import ValidationError
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from changes.permissions import Operation
from store import webhooks as stored
from store.webhooks import Delivery, Endpoint
from web.failures import Failure
from web.pages.rendering import page
from web.pages.wording import Wording, wording_for
from web.plain_words import findings
from web.security.authorising import NotPermitted, needs
from web.security.sign_in import SignedIn, Visitor
from web.security.systems import OUTSIDE
from web.services import Services, ServicesHere
from web.webhook_desk import (
    KINDS,
    NewEndpoint,
    add_endpoint,
    endpoint_here,
    secret_key,
    send_again,
    send_test,
)

router = APIRouter()

HERE = "/administration/webhooks"
PAGE = 50
"""Events on a page of the log."""
DONE = {
    "test": "The test event is on its way. Look again in a moment.",
    "again": "The event is on its way once more, as the same event with the same number.",
    "disabled": "Nothing is sent there until it is enabled again. What waited is dropped.",
    "enabled": "Events are sent there again, from now on.",
    "removed": "The endpoint and its log are gone.",
}


@dataclass(frozen=True)
class Typed:
    """What came of the form that adds an endpoint."""

    url: str = ""
    description: str = ""
    events: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()


@router.get("/administration/webhooks")
@needs(Operation.MANAGE_WEBHOOKS)
async def webhooks(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """All endpoints, and a form to add one."""
    return await _show_all(request, services, visitor, Typed())


@router.post("/administration/webhooks")
@needs(Operation.MANAGE_WEBHOOKS)
async def add(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """Add an endpoint, and show its secret this once."""
    form = await request.form()
    url, description = str(form.get("url", "")).strip(), str(form.get("description", ""))
    events = tuple(str(kind) for kind in form.getlist("events"))
    try:
        wanted = NewEndpoint.model_validate({"url": url, "description": description, "events": events})
    except ValidationError as error:
        wrong = tuple(finding.message for finding in findings(error.errors(), model=NewEndpoint))
        return await _show_all(request, services, visitor, Typed(url, description, events, wrong))
    made = await add_endpoint(services, visitor.ref, wanted)
    if isinstance(made, Failure):
        return await _show_all(request, services, visitor, Typed(url, description, events, (made.detail,)))
    return await _show_one(request, services, visitor, made.endpoint.ref, secret=made.secret)


@router.get("/administration/webhooks/{ref}")
@needs(Operation.MANAGE_WEBHOOKS)
async def endpoint(request: Request, services: ServicesHere, visitor: SignedIn, ref: str) -> Response:
    """One endpoint, with what was sent there."""
    return await _show_one(request, services, visitor, ref)


@router.post("/administration/webhooks/{ref}/test")
@needs(Operation.MANAGE_WEBHOOKS)
async def test(request: Request, services: ServicesHere, visitor: SignedIn, ref: str) -> Response:
    """Send a test event."""
    sent = await send_test(services, ref)
    if isinstance(sent, Failure):
        return await _show_one(request, services, visitor, ref, wrong=sent.detail)
    return _to(f"{HERE}/{ref}?done=test")


@router.post("/administration/webhooks/{ref}/again/{number}")
@needs(Operation.MANAGE_WEBHOOKS)
async def again(request: Request, services: ServicesHere, visitor: SignedIn, ref: str, number: str) -> Response:
    """Send an event again."""
    if not number.isdecimal() or len(number) > 15:
        raise NotPermitted(OUTSIDE)
    sent = await send_again(services, ref, int(number))
    if isinstance(sent, Failure):
        return await _show_one(request, services, visitor, ref, wrong=sent.detail)
    return _to(f"{HERE}/{ref}?done=again")


@router.post("/administration/webhooks/{ref}/secret")
@needs(Operation.MANAGE_WEBHOOKS)
async def rotate(request: Request, services: ServicesHere, visitor: SignedIn, ref: str) -> Response:
    """Make a new secret, and show it this once."""

    def work(connection: Connection) -> str:
        endpoint_here(connection, ref)
        return stored.rotate_secret(connection, ref, secret_key(services), services.clock())

    return await _show_one(request, services, visitor, ref, secret=await services.write(work))


@router.post("/administration/webhooks/{ref}/disable")
@needs(Operation.MANAGE_WEBHOOKS)
async def disable(services: ServicesHere, visitor: SignedIn, ref: str) -> Response:
    """Send nothing more there for now."""

    def work(connection: Connection) -> None:
        endpoint_here(connection, ref)
        stored.disable_endpoint(connection, ref, f"{visitor.ref} disabled it.", services.clock())

    await services.write(work)
    return _to(f"{HERE}/{ref}?done=disabled")


@router.post("/administration/webhooks/{ref}/enable")
@needs(Operation.MANAGE_WEBHOOKS)
async def enable(services: ServicesHere, visitor: SignedIn, ref: str) -> Response:
    """Send events there again."""

    def work(connection: Connection) -> None:
        endpoint_here(connection, ref)
        stored.enable_endpoint(connection, ref)

    await services.write(work)
    return _to(f"{HERE}/{ref}?done=enabled")


@router.post("/administration/webhooks/{ref}/remove")
@needs(Operation.MANAGE_WEBHOOKS)
async def remove(services: ServicesHere, visitor: SignedIn, ref: str) -> Response:
    """Remove an endpoint and its log."""
    if not await services.write(lambda connection: stored.remove_endpoint(connection, ref)):
        raise NotPermitted(OUTSIDE)
    return _to(f"{HERE}?done=removed")


def _to(address: str) -> Response:
    return RedirectResponse(f"{address}#main", status_code=HTTPStatus.SEE_OTHER)


async def _show_all(request: Request, services: Services, visitor: Visitor, typed: Typed) -> Response:
    def read(connection: Connection) -> tuple[tuple[Endpoint, ...], Wording]:
        return stored.endpoints(connection), wording_for(services, connection, visitor)

    endpoints, wording = await services.read(read)
    return page(
        request,
        "webhooks.html",
        visitor=visitor,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if typed.wrong else HTTPStatus.OK,
        endpoints=endpoints,
        typed=typed,
        kinds=KINDS,
        done=DONE.get(request.query_params.get("done", ""), ""),
        wording=wording,
    )


async def _show_one(
    request: Request, services: Services, visitor: Visitor, ref: str, *, secret: str = "", wrong: str = ""
) -> Response:
    asked = request.query_params.get("before", "")
    before = int(asked) if asked.isdecimal() and len(asked) < 16 else None

    def read(connection: Connection) -> tuple[Endpoint, tuple[Delivery, ...], Wording]:
        return (
            endpoint_here(connection, ref),
            stored.deliveries(connection, ref, before, PAGE + 1),
            wording_for(services, connection, visitor),
        )

    found, log, wording = await services.read(read)
    return page(
        request,
        "webhook.html",
        visitor=visitor,
        status=HTTPStatus.CONFLICT if wrong else HTTPStatus.OK,
        endpoint=found,
        log=log[:PAGE],
        earlier=log[PAGE - 1].number if len(log) > PAGE else None,
        secret=secret,
        wrong=wrong,
        done=DONE.get(request.query_params.get("done", ""), ""),
        wording=wording,
    )
