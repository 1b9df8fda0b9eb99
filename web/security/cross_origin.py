"""Refuses requests that another site makes a browser send: Sec-Fetch-Site first, Origin where that header is missing.

No tokens in forms (reference/web.md section 0, row 9). A Bearer token is exempt, because a browser never adds one by
itself; where one is sent the cookie does not count (see :mod:`web.security.sign_in`). A request with neither header
comes from no browser of the last years, so no cookie of a browser is with it.
"""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from web.failures import Failure, Respond

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OUR_OWN = frozenset({"same-origin", "none"})
REFUSED = Failure(
    HTTPStatus.FORBIDDEN,
    "cross_origin",
    "Sent from another site",
    "This was sent from another site, so nothing was done. Open Groundswell itself and try again there.",
)


class SameOriginOnly:
    """Pure ASGI middleware; whatever changes something must come from our own pages."""

    def __init__(self, app: ASGIApp, respond: Respond, public_url: str) -> None:
        self._app = app
        self._respond = respond
        self._public_host = urlsplit(public_url).netloc.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is safe, exempt or our own."""
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS or self._allowed(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        response = await self._respond(Request(scope, receive), REFUSED)
        await response(scope, receive, send)

    def _allowed(self, headers: Headers) -> bool:
        if headers.get("authorization", "").lower().startswith("bearer "):
            return True
        if site := headers.get("sec-fetch-site"):
            return site in OUR_OWN
        origin = headers.get("origin")
        if origin is None:
            return True
        return urlsplit(origin).netloc.lower() in {headers.get("host", "").lower(), self._public_host} - {""}
