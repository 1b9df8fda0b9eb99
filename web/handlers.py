"""Turns what went wrong while a request was answered into a problem document or a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ledger.tiles import NoSuchTile
from store.bundles import NothingRecorded
from store.checkpoints import CopiesMissing, LedgerDamaged, RecordsAltered
from store.database import DatabaseUnavailable
from store.ledger import LedgerStopped
from store.reading import CursorInvalid
from temporal.gateway import CommandFailed, NotNow
from web import refusing
from web.commanding import KEY_LENGTH, UnknownChange
from web.failures import Failure, for_programs, path_for_log, request_id
from web.pages.trouble import trouble
from web.plain_words import Finding, findings
from web.problems import problem
from web.security.authorising import NotPermitted, TooFast
from web.security.body_limit import TOO_LARGE
from web.security.openid import SignInFailed
from web.security.sign_in import NotSignedIn

log = structlog.get_logger()


async def respond(request: Request, failure: Failure) -> Response:
    """The answer to ``request``: a problem document for a program, a page for a person."""
    if for_programs(request):
        return problem(request, failure)
    return await trouble(request, failure)


def register(app: FastAPI) -> None:
    """Have ``app`` answer every kind of failure by :func:`respond`."""

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        return await respond(request, _unreadable(error.errors()) or _invalid_fields(error.errors(), request))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        return await respond(request, _of_http(error))

    @app.exception_handler(NotSignedIn)
    async def _not_signed_in(request: Request, error: NotSignedIn) -> Response:
        return await respond(request, refusing.not_signed_in())

    @app.exception_handler(NotPermitted)
    async def _not_permitted(request: Request, error: NotPermitted) -> Response:
        return await respond(request, refusing.not_permitted(error.verdict))

    @app.exception_handler(SignInFailed)
    async def _sign_in_failed(request: Request, error: SignInFailed) -> Response:
        return await respond(request, error.failure)

    @app.exception_handler(TooFast)
    async def _too_fast(request: Request, error: TooFast) -> Response:
        return await respond(request, refusing.too_fast(error.seconds))

    @app.exception_handler(UnknownChange)
    async def _unknown_change(request: Request, error: UnknownChange) -> Response:
        return await respond(request, refusing.no_such_change(error.ref))

    @app.exception_handler(CursorInvalid)
    async def _cursor(request: Request, error: CursorInvalid) -> Response:
        return await respond(request, Failure(HTTPStatus.BAD_REQUEST, "cursor_invalid", "Page not found", str(error)))

    @app.exception_handler(NothingRecorded)
    async def _nothing_recorded(request: Request, error: NothingRecorded) -> Response:
        return await respond(request, Failure(HTTPStatus.NOT_FOUND, "not_recorded", "Not found", str(error)))

    @app.exception_handler(NoSuchTile)
    async def _no_such_tile(request: Request, error: NoSuchTile) -> Response:
        return await respond(request, Failure(HTTPStatus.NOT_FOUND, "no_such_tile", "Not found", f"{error}."))

    @app.exception_handler(LedgerStopped)
    @app.exception_handler(LedgerDamaged)
    async def _ledger(request: Request, error: Exception) -> Response:
        log.error("the ledger is stopped", path=path_for_log(request), detail=str(error))
        return await respond(request, refusing.ledger_stopped())

    @app.exception_handler(CopiesMissing)
    async def _missing(request: Request, error: CopiesMissing) -> Response:
        log.error("copies of checkpoints are missing", path=path_for_log(request), detail=str(error))
        words = f"{error} What people decide meanwhile is recorded as always."
        return await respond(
            request, Failure(HTTPStatus.SERVICE_UNAVAILABLE, "copies_missing", "Nothing can be signed now", words)
        )

    @app.exception_handler(RecordsAltered)
    async def _altered(request: Request, error: RecordsAltered) -> Response:
        log.error("evidence was refused", path=path_for_log(request), detail=str(error))
        return await respond(
            request, Failure(HTTPStatus.SERVICE_UNAVAILABLE, "records_altered", "Records were altered", str(error))
        )

    @app.exception_handler(NotNow)
    async def _not_now(request: Request, error: NotNow) -> Response:
        log.warning("a command has to wait", path=path_for_log(request), cause=repr(error.__cause__))
        return await respond(request, refusing.not_now(error))

    @app.exception_handler(DatabaseUnavailable)
    async def _database(request: Request, error: DatabaseUnavailable) -> Response:
        log.error("database unavailable", path=path_for_log(request), detail=str(error))
        return await respond(request, refusing.database_away())

    @app.exception_handler(CommandFailed)
    async def _failed(request: Request, error: CommandFailed) -> Response:
        log.error("command failed", path=path_for_log(request), cause=str(error))
        return await respond(request, refusing.our_fault(request_id(request)))


def _unreadable(errors: Sequence[Any]) -> Failure | None:
    """What is wrong with the request itself, before its content counts."""
    for error in errors:
        place = error["loc"]
        if error["type"] == "json_invalid":
            at = f" near character {place[-1]}" if isinstance(place[-1], int) else ""
            return Failure(
                HTTPStatus.BAD_REQUEST,
                "json_invalid",
                "The body cannot be read",
                f"The body is not JSON: something is wrong{at}. Check commas, quotes and brackets.",
            )
        if place[0] == "header":
            return _header(str(place[-1]).lower(), missing=error["type"] == "missing")
    return None


def _header(name: str, missing: bool) -> Failure:
    if name == "if-match":
        return Failure(
            HTTPStatus.BAD_REQUEST,
            "if_match_malformed",
            "A header cannot be read",
            'If-Match must hold the version you last saw, as the ETag gave it, for example "7" with its quotes.',
        )
    if missing:
        return Failure(
            HTTPStatus.BAD_REQUEST,
            "idempotency_key_missing",
            "A header is missing",
            "Send an Idempotency-Key header with every command: a new random value for each new command, and the same "
            "one when you repeat it. Sent twice, a command then happens once.",
        )
    return Failure(
        HTTPStatus.BAD_REQUEST,
        "idempotency_key_malformed",
        "A header cannot be read",
        f"An Idempotency-Key has 1 to {KEY_LENGTH} visible ASCII characters, without blanks.",
    )


def _invalid_fields(errors: Sequence[Any], request: Request) -> Failure:
    model = getattr(request.scope.get("endpoint"), "command", None)
    found = findings([{**error, "loc": tuple(error["loc"][1:])} for error in errors], model=model)
    if any(error["loc"][0] != "body" for error in errors):
        found = [replace(finding, pointer="") for finding in found]  # a pointer leads into a body, not into an address
    return invalid(found)


def invalid(found: Sequence[Finding]) -> Failure:
    """Some fields do not hold what they should."""
    shown = " ".join(finding.message for finding in found[:3])
    more = f" And {len(found) - 3} more." if len(found) > 3 else ""
    title = "Something needs another look"
    return Failure(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_fields", title, shown + more, found)


def _of_http(error: HTTPException) -> Failure:
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TOO_LARGE
    if status not in _HTTP:
        return Failure(status, status.phrase.lower().replace(" ", "_"), status.phrase, f"{status.phrase}.")
    rule, title, detail = _HTTP[status]
    if status is HTTPStatus.NOT_FOUND and error.detail != status.phrase:
        detail = error.detail
    return Failure(status, rule, title, detail, headers=dict(error.headers or {}))


_HTTP = {
    HTTPStatus.NOT_FOUND: ("not_found", "Not found", "There is nothing at this address. Check it for typing errors."),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "method_not_allowed",
        "Not possible here",
        "This address does not take such a request. The document at /openapi.json says what it takes.",
    ),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: (
        "not_json",
        "The body is not JSON",
        "Send the body as JSON, with the header Content-Type: application/json.",
    ),
    HTTPStatus.BAD_REQUEST: (
        "unreadable",
        "The request cannot be read",
        "The request cannot be read. A body must be JSON in UTF-8, and a form must have been sent whole.",
    ),
}
