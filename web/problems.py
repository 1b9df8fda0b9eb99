"""Problem documents (RFC 9457): what a program reads when something could not be done."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from web.failures import Failure, request_id

MEDIA_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    pointer: str = Field(description="JSON Pointer (RFC 6901) to the field; empty when it is not about one field")
    code: str = Field(description="A stable name of what is wrong")
    message: str = Field(description="A sentence for people: what is wrong and what to do")


class Problem(BaseModel):
    """Why a request could not be done."""

    type: str = Field(description="/problems/ and the stable name of the rule")
    title: str = Field(description="A few words")
    status: int = Field(description="The HTTP status")
    detail: str = Field(description="One or two sentences for people: what is wrong and what to do")
    instance: str = Field(description="The path that was asked for")
    request_id: str = Field(description="The number of the request, which also stands in the log")
    errors: list[FieldProblem] = Field(default=[], description="One entry for each field that is wrong")


def problem(request: Request, failure: Failure) -> Response:
    """The problem document that answers ``request``."""
    document = Problem(
        type=f"/problems/{failure.rule}",
        title=failure.title,
        status=failure.status,
        detail=failure.detail,
        instance=request.scope["path"],
        request_id=request_id(request),
        errors=[
            FieldProblem(pointer=found.pointer, code=found.code, message=found.message) for found in failure.findings
        ],
    )
    return Response(
        document.model_dump_json(), status_code=failure.status, headers=dict(failure.headers), media_type=MEDIA_TYPE
    )


def problem_responses(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """The entries of an operation's OpenAPI ``responses`` for these statuses."""
    return {int(status): described(_WORDS.get(status, status.phrase)) for status in statuses}


def described(words: str) -> dict[str, Any]:
    """One OpenAPI response that is a problem document."""
    return {
        "description": words,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def problem_schemas() -> Iterable[tuple[str, dict[str, Any]]]:
    """The component schemas that :func:`described` points to."""
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    yield from schema.pop("$defs", {}).items()
    yield "Problem", schema


_WORDS = {
    HTTPStatus.BAD_REQUEST: "The request cannot be read: a missing idempotency key, or a body that is not JSON",
    HTTPStatus.UNAUTHORIZED: "Nobody is signed in",
    HTTPStatus.FORBIDDEN: "Somebody else has to do this",
    HTTPStatus.NOT_FOUND: "There is no such thing",
    HTTPStatus.CONFLICT: "Not possible where the change is now",
    HTTPStatus.PRECONDITION_FAILED: "The change has moved on since the version in If-Match",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not sent as application/json",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A field does not hold what it should, or the idempotency key was used before",
    HTTPStatus.PRECONDITION_REQUIRED: "If-Match is missing, and this is about the change as it was seen",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests; try again after Retry-After seconds",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Our fault",
    HTTPStatus.SERVICE_UNAVAILABLE: "The database or Temporal is away; try again after Retry-After seconds",
}


FOR_THE_SIGNED_IN = problem_responses(
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
"""What any operation may answer that is open to some of the people who are signed in."""
CREATING = problem_responses(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)
"""What an operation may answer besides that makes something from a body."""
MISSING = problem_responses(HTTPStatus.NOT_FOUND)
"""What an operation may answer besides that is about one thing."""
