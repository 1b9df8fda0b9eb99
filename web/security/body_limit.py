"""Refuses bodies that are too large, before reading them where their length is announced.

FastAPI's ``max_body_size`` would answer in plain text and outside of our headers.
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.failures import Failure, Respond

LARGEST_BODY = 256_000
"""Bytes; four times the 60,000 that a ledger record may have."""
TOO_LARGE = Failure(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "body_too_large",
    "Too large",
    f"This is more than {LARGEST_BODY // 1000} kB. Shorten it, or put the evidence elsewhere and name its address.",
)


class BodyLimit:
    """Pure ASGI middleware."""

    def __init__(self, app: ASGIApp, respond: Respond, largest: int = LARGEST_BODY) -> None:
        self._app = app
        self._respond = respond
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is small enough."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > self._largest:
            response = await self._respond(Request(scope, receive), TOO_LARGE)
            await response(scope, receive, send)
            return
        seen = 0

        async def receive_counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._largest:
                # Raised inside whoever reads the body; the handler for HTTPException answers with TOO_LARGE.
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        await self._app(scope, receive_counted, send)
