"""What went wrong with a request, as data: programs get it as a problem document, people as a calm page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from web.plain_words import Finding


@dataclass(frozen=True)
class Failure:
    """What went wrong, for whoever asked."""

    status: int
    rule: str
    """A stable name; the problem's type is made of it."""
    title: str
    """A few words."""
    detail: str
    """One or two sentences: what is wrong and what to do."""
    findings: Sequence[Finding] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def for_programs(request: Request) -> bool:
    """Whether the answer is read by a program: everything under /api, and the health checks."""
    path: str = request.scope["path"]
    return path.startswith("/api/") or path in {"/healthz", "/readyz", "/openapi.json"}


def request_id(request: Request) -> str:
    """The number of this request, which also stands in the log."""
    return str(request.scope.get("state", {}).get("request_id", ""))


Respond = Callable[[Request, Failure], Awaitable[Response]]
"""How a failure is answered; see :func:`web.handlers.respond`."""


def path_for_log(request: Request) -> str:
    """The path without the token of a one-time sign-in link, which is a secret until it is used."""
    path: str = request.scope["path"]
    return "/sign-in/…" if path.startswith("/sign-in/") and not path.startswith("/sign-in/openid") else path
