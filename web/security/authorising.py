"""Holds every address to the permission it declares. An address that declares none is refused to everybody.

An endpoint says what it is with :func:`needs`, below its route; the application asks before it runs::

    @router.get("/audit")
    @needs(Operation.READ_AUDIT)
    async def search(…): …

The answer is worked out by :mod:`changes.permissions` alone. ``x-permission`` in the OpenAPI document and the matrix
test in ``tests/web/test_permissions.py`` are made from the same declaration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import structlog
from fastapi import FastAPI, Request
from fastapi.routing import iter_route_contexts

from changes.permissions import Operation, Thing, Verdict, may
from web.failures import path_for_log
from web.security.limiting import Limiter
from web.security.sign_in import NotSignedIn, Visitor, visitor_of
from web.services import ServicesHere

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

log = structlog.get_logger()


class NotPermitted(Exception):
    """The person who asks may not do this; the verdict says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


class TooFast(Exception):
    """Somebody asks too often."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds
        """After how many seconds asking again makes sense."""


def needs(operation: Operation) -> Callable[[Endpoint], Endpoint]:
    """Declare what the endpoint below is, so that it is held to that permission."""

    def declare(endpoint: Endpoint) -> Endpoint:
        endpoint.operation = operation  # type: ignore[attr-defined]
        return endpoint

    return declare


def declared(endpoint: object) -> Operation | None:
    """What an endpoint declared by :func:`needs`."""
    return getattr(endpoint, "operation", None)


async def authorise(request: Request, services: ServicesHere) -> None:
    """Let through only what the visitor may do; a dependency of the whole application.

    Raises:
        NotSignedIn: nobody is signed in where somebody has to be.
        NotPermitted: somebody is, who may not.
    """
    operation = declared(request.scope.get("endpoint"))
    if operation is None:
        log.error("an address declares no permission: add @needs(…) below its route", path=path_for_log(request))
        raise NotPermitted(Verdict(False, "Nobody is allowed to do this. Please tell your administrator."))
    if operation is Operation.OPEN:
        return  # nobody is looked up, so that health checks answer while the database is away
    visitor = await visitor_of(request, services)
    if visitor is None:
        raise NotSignedIn
    count(services.requests, f"{visitor.ref}/{visitor.service}")
    require(visitor, operation)


def count(limiter: Limiter, who: str) -> None:
    """Count a request of ``who``.

    Raises:
        TooFast: there were too many.
    """
    if seconds := limiter.wait(who):
        raise TooFast(seconds)
    limiter.take(who)


def require(visitor: Visitor | None, operation: Operation, thing: Thing | None = None) -> None:
    """Let only those through who may do ``operation``, to ``thing`` where it is about one.

    Raises:
        NotPermitted: they may not.
    """
    verdict = may(visitor.actor if visitor else None, operation, thing)
    if not verdict.allowed:
        raise NotPermitted(verdict)


def addresses(app: FastAPI) -> Iterator[tuple[str, str, Operation | None]]:
    """Every method and path of the application with what it declares, pages included."""
    for context in iter_route_contexts(app.routes):
        endpoint = getattr(context, "endpoint", None)
        for method in sorted(getattr(context, "methods", None) or ()):
            if endpoint is not None and context.path is not None:
                yield method, context.path, declared(endpoint)
