"""Asking Groundswell over HTTP as one signed-in person: the client of the command line, the story and the tour."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx2

from changes.instruction import Receipt

BASE = "/api/v1"
TRIES = 5
"""How often a command is sent while Groundswell says "not now". The key stays the same, so it happens once."""
LONGEST_PAUSE = 5.0
"""Seconds between two tries, at most."""
PATIENCE = 40.0
"""Seconds to wait for one answer; a little longer than the server itself waits for a decision."""
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with one field."""

    pointer: str
    code: str
    message: str


class Problem(Exception):
    """Groundswell did not do what was asked, and says why (RFC 9457)."""

    def __init__(self, status: int, rule: str, detail: str, errors: tuple[FieldProblem, ...] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.rule = rule
        """The rule's stable name, such as ``own_change``."""
        self.detail = detail
        self.errors = errors


class ServerAway(Exception):
    """No Groundswell answers at the address; the message says which and what to do."""


class Api:
    """One connection pool to one Groundswell; ``token`` says who is asking."""

    def __init__(self, server: str, token: str | None = None, client: httpx2.AsyncClient | None = None) -> None:
        self.server = server.rstrip("/")
        self._token = token
        # A proxy of the environment is for the world outside, never for this machine.
        outside = urlsplit(self.server).hostname not in _LOOPBACK
        self._client = client or httpx2.AsyncClient(base_url=self.server, timeout=PATIENCE, trust_env=outside)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    def acting_as(self, token: str) -> Api:
        """The same connections, for somebody else."""
        return Api(self.server, token, self._client)

    async def get(self, path: str, query: Mapping[str, str | int | None] | None = None) -> Any:
        """What the interface says at ``path``, below /api/v1.

        Raises:
            Problem: it refuses.
            ServerAway: nobody answers.
        """
        wanted = {name: value for name, value in (query or {}).items() if value is not None}
        return (await self._ask("GET", path, params=wanted)).json()

    async def post(self, path: str, content: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Any:
        """Send ``content`` to ``path``, below /api/v1. Raises as :meth:`get` does."""
        return (await self._ask("POST", path, json=content, headers=headers)).json()

    async def put(self, path: str, content: Mapping[str, Any]) -> Any:
        """Put ``content`` in the place of what is at ``path``. Raises as :meth:`get` does."""
        return (await self._ask("PUT", path, json=content)).json()

    async def delete(self, path: str) -> None:
        """Do away with what is at ``path``. Raises as :meth:`get` does."""
        await self._ask("DELETE", path)

    async def give(
        self,
        kind: str,
        content: Mapping[str, Any],
        change: str | None,
        key: str,
        version: int | None = None,
        *,
        anonymously: bool = False,
    ) -> Receipt:
        """Give a command; sent again while Groundswell is busy, so that it happens once. Raises as :meth:`get` does.

        Args:
            kind: which command.
            content: its fields as JSON values.
            change: which change; None for a submission.
            key: the idempotency key.
            version: the version of the change that was last seen; a newer one refuses. None takes it as it is.
            anonymously: under the person's pseudonym on the change.
        """
        headers = {"Idempotency-Key": key, "If-Match": f'"{version}"' if version is not None else "*"}
        if anonymously:
            headers["Groundswell-Anonymously"] = "true"
        path = f"{change_path(change)}/{kind}" if change else "/changes"
        tries = 0
        while True:
            tries += 1
            try:
                return Receipt.model_validate(await self.post(path, content, headers))
            except NotNow as busy:
                if tries == TRIES:
                    raise
                await asyncio.sleep(min(busy.retry_after, LONGEST_PAUSE))

    async def _ask(self, method: str, path: str, **rest: Any) -> httpx2.Response:
        if self._token:
            rest["headers"] = {**(rest.get("headers") or {}), "Authorization": f"Bearer {self._token}"}
        try:
            response = await self._client.request(method, f"{BASE}{path}", **rest)
        except httpx2.TimeoutException as error:
            raise ServerAway(f"Groundswell at {self.server} did not answer in {PATIENCE:.0f} seconds.") from error
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise ServerAway(
                f"No Groundswell answers at {self.server}. Is it running? `make demo` starts one on this machine."
            ) from error
        if response.is_success:
            return response
        raise _problem(response)


def change_path(ref: str) -> str:
    """Where a change is, below /api/v1; whatever was typed stays one part of the path."""
    return f"/changes/{quote(ref, safe='')}"


class NotNow(Problem):
    """Groundswell is busy, or a part of it is away. Nothing is lost; the same key may be sent again."""

    retry_after: float = 1.0
    """Seconds after which trying again makes sense."""


def _problem(response: httpx2.Response) -> Problem:
    try:
        document = response.json()
        errors = tuple(FieldProblem(e["pointer"], e["code"], e["message"]) for e in document.get("errors", ()))
        rule = str(document["type"]).rpartition("/")[2]
        detail = str(document["detail"])
    except (ValueError, KeyError, TypeError, AttributeError):
        phrase = HTTPStatus(response.status_code).phrase if response.status_code in set(HTTPStatus) else ""
        rule, errors = "not_groundswell", ()
        detail = f"{response.url} answered “{response.status_code} {phrase}”, which is not how Groundswell answers."
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        busy = NotNow(response.status_code, rule, detail, errors)
        pause = response.headers.get("Retry-After", "")
        busy.retry_after = float(pause) if pause.isdecimal() else busy.retry_after
        return busy
    return Problem(response.status_code, rule, detail, errors)
