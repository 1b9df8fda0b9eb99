"""The calm page for what went wrong. What somebody had typed is kept on it, ready to be sent again.

It asks neither the database nor Temporal, because it is what people see when those are away.
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from web.failures import Failure, request_id
from web.pages.rendering import page

SEND_AGAIN = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.UNAUTHORIZED, HTTPStatus.INTERNAL_SERVER_ERROR})
"""Failures after which sending the same again makes sense: later, after signing in, or once we have repaired it."""


async def trouble(request: Request, failure: Failure) -> Response:
    """The page that answers ``request``."""
    kept = await _typed(request) if failure.status in SEND_AGAIN else []
    return page(
        request,
        "trouble.html",
        visitor=None,
        status=failure.status,
        headers=failure.headers,
        failure=failure,
        number=request_id(request),
        kept=kept,
        again=f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path,
    )


async def _typed(request: Request) -> list[tuple[str, str]]:
    """What was typed into the form, where one was sent from one of our pages and can still be read."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method != "POST" or media_type != "application/x-www-form-urlencoded":
        return []
    try:
        form = await request.form()
    except (HTTPException, RuntimeError):
        return []  # too large, or read by somebody else before
    return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
