"""The outermost layer: a request number, the security headers on every answer, and a last resort for our mistakes.

Starlette's own last resort stands outside of all other layers, so its answer would go without the headers.
Sources: reference/web.md section 4 (ASVS 3.4, 16.5.4).
"""

from __future__ import annotations

import secrets
from contextlib import AbstractContextManager, nullcontext

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from store import freshness
from web.failures import Respond, path_for_log
from web.refusing import our_fault

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
STRICT_TRANSPORT = "max-age=31536000; includeSubDomains"
NOT_STORED = "no-store"
"""Pages and answers hold what is between people; no cache keeps them unless a route says otherwise."""

log = structlog.get_logger()


def _looking(method: str) -> AbstractContextManager[object]:
    """A page that is only looked at compares what is kept in memory with the database once; an act always does."""
    return freshness.once() if method in {"GET", "HEAD"} else nullcontext()


class Envelope:
    """Pure ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp, respond: Respond, over_tls: bool) -> None:
        self._app = app
        self._respond = respond
        self._headers = {**HEADERS, **({"Strict-Transport-Security": STRICT_TRANSPORT} if over_tls else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and see to its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        number = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = number
        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                self._add_headers(MutableHeaders(scope=message), number)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=number), _looking(scope["method"]):
            try:
                await self._app(scope, receive, send_with_headers)
            except ClientDisconnect:
                log.info("whoever asked has gone", method=scope["method"], path=path_for_log(Request(scope)))
            except Exception:
                log.exception("request failed", method=scope["method"], path=path_for_log(Request(scope)))
                if begun:
                    raise
                response = await self._respond(Request(scope), our_fault(number))
                await response(scope, receive, send_with_headers)

    def _add_headers(self, headers: MutableHeaders, number: str) -> None:
        for name, value in self._headers.items():
            headers[name] = value
        headers["X-Request-Id"] = number
        headers.setdefault("Cache-Control", NOT_STORED)
