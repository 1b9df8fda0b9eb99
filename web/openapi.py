"""The OpenAPI document of the interface, as it is served and as it is committed in docs/openapi.json.

``make openapi`` writes the file; a test compares it, so that nobody changes the interface without seeing it in a diff.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from changes.permissions import Operation
from web.problems import described, problem_responses, problem_schemas
from web.security.authorising import addresses

_FASTAPIS_OWN = "#/components/schemas/HTTPValidationError"
DESCRIPTION = """\
Every operation below `/api/v1` takes and gives JSON. Sign in with `Authorization: Bearer <token>`; make tokens at
`/api/v1/tokens` or in your settings.

* What goes wrong is answered as a problem document (RFC 9457) with the number of the request.
* Every command takes an `Idempotency-Key`: sent twice with the same key, it happens once.
* What is said about a change as it was seen takes `If-Match` with its `ETag`; `*` takes any version.
* Lists go on at `next`, which is also in the `Link` header.
* `x-permission` names the permission of an operation; who has it is in docs/api.md.
"""


def describe(app: FastAPI) -> None:
    """Have ``app`` serve the whole document: problem documents, permissions and how to sign in as well."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, description=DESCRIPTION, routes=app.routes
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.update(problem_schemas())
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"token": []}]
    operations = {(method.lower(), path): operation for method, path, operation in addresses(app)}
    for path, methods in document["paths"].items():
        for method, entry in methods.items():
            _complete(entry, operations.get((method, path)))
    return document


def _complete(entry: dict[str, Any], operation: Operation | None) -> None:
    """Say of one operation what FastAPI does not know: its permission, and that every problem is a problem document."""
    entry["x-permission"] = operation
    answers = entry["responses"]
    if operation is Operation.OPEN:
        entry["security"] = []
    else:
        _also(answers, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)
    if "requestBody" in entry:
        _also(answers, HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    unreadable = entry["responses"].get("422", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if unreadable.get("$ref") == _FASTAPIS_OWN:
        entry["responses"]["422"] = described("A field does not hold what it should")


def _also(answers: dict[str, Any], *statuses: HTTPStatus) -> None:
    """Tell of answers that stand around every operation, where it does not tell of them itself."""
    for status, answer in problem_responses(*statuses).items():
        answers.setdefault(str(status), answer)


def as_text(document: dict[str, Any]) -> str:
    """The document as it is committed."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
