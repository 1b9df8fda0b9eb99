"""One POST route for each command that people give, made from the registry of commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cached_property
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Path, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from changes.commands import Command
from changes.decision import HUMAN_COMMANDS
from changes.instruction import Receipt
from changes.permissions import Operation
from changes.proposal import Submit
from changes.refusals import Refused
from web.commanding import ABOUT_A_VERSION, KEY_LENGTH, KEY_PATTERN, Given, give
from web.failures import Failure
from web.problems import problem, problem_responses
from web.refusing import refusal
from web.security.authorising import needs
from web.security.sign_in import SignedIn, signed_in
from web.security.systems import require_bounds
from web.services import ServicesHere

PROBLEMS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
    HTTPStatus.PRECONDITION_FAILED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)

IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=KEY_LENGTH,
        pattern=KEY_PATTERN,
        description="A random value for each new command, the same one when it is repeated",
    ),
]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        pattern=r'^(\*|"[0-9]{1,9}")$',
        description="The version you last saw, as the ETag gave it; a newer one refuses with 412. * takes any version",
    ),
]
ChangeAddress = Annotated[str, Path(description="The change's reference, such as CH-7")]


REPORTS = frozenset({"report_metric", "record_result"})
"""The commands that a system may send with a token of its own."""


VERSION_NEEDED = Failure(
    HTTPStatus.PRECONDITION_REQUIRED,
    "if_match_missing",
    "A header is missing",
    "This says something about the change as you saw it. Send If-Match with the ETag of that version, so that nobody "
    "answers a question that has changed meanwhile; If-Match: * takes whichever version there is.",
)


Anonymously = Annotated[
    bool,
    Header(
        alias="Groundswell-Anonymously",
        description="“true” gives the command under your pseudonym on this change; it is not written down who you are",
    ),
]


class CommandDescription(BaseModel):
    """A command as forms and command lines need it."""

    kind: str
    button: str
    """The words on its button."""
    description: str
    json_schema: dict[str, Any]


class CommandList(BaseModel):
    """Every command that people give."""

    commands: list[CommandDescription]


class _CommandRoute(APIRoute):
    """The address of one command. Each request goes past some sixty of them, so most are told apart by their end."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Compare the whole address only where the last word, which is no parameter, is ours."""
        if not scope.get("path", "").endswith(self._end):
            return Match.NONE, {}
        return super().matches(scope)

    @cached_property
    def _end(self) -> str:
        return "/" + self.path.rpartition("/")[2]


def add_commands(router: APIRouter, base: str) -> None:
    """Add the routes of all commands below ``base``.

    They go to the application's own router: FastAPI looks for an address anew at each level at which a router holds
    another, past every route before it, which took a fifth of the web process's time for a command.
    """
    router.add_api_route(
        f"{base}/commands",
        list_commands,
        methods=["GET"],
        dependencies=[Depends(signed_in)],
        summary="Every command, with the schema of its fields",
        responses=problem_responses(HTTPStatus.UNAUTHORIZED, HTTPStatus.SERVICE_UNAVAILABLE),
        tags=["commands"],
        route_class_override=_CommandRoute,
    )
    for kind, command in HUMAN_COMMANDS.items():
        begins = command is Submit
        router.add_api_route(
            f"{base}/changes" if begins else f"{base}/changes/{{ref}}/{kind}",
            _submission() if begins else _order(command),
            methods=["POST"],
            status_code=HTTPStatus.CREATED if begins else HTTPStatus.OK,
            response_model=Receipt,
            operation_id=kind,
            name=kind,
            summary=command.button,
            description=command.__doc__,
            dependencies=[Depends(require_json)],
            responses=problem_responses(*PROBLEMS, *(_VERSIONED if kind in ABOUT_A_VERSION else ())),
            tags=["commands"],
            route_class_override=_CommandRoute,
        )


_VERSIONED = (HTTPStatus.PRECONDITION_REQUIRED,)


@needs(Operation.READ_CHANGES)
async def list_commands() -> CommandList:
    """Every command that people give, in the order of a change's life."""
    return CommandList(
        commands=[
            CommandDescription(
                kind=kind,
                button=command.button,
                description=command.__doc__ or "",
                json_schema=command.model_json_schema(),
            )
            for kind, command in HUMAN_COMMANDS.items()
        ]
    )


async def require_json(request: Request) -> None:
    """Take a body only where it says that it is JSON, so that no form of another site is read as a command.

    Raises:
        HTTPException: 415.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and await request.body():
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


def _order(command: type[Command]) -> Callable[..., Awaitable[Response]]:
    """The endpoint of one command on a change that exists."""

    async def endpoint(
        request: Request,
        visitor: SignedIn,
        services: ServicesHere,
        ref: ChangeAddress,
        key: IdempotencyKey,
        body: Any,
        if_match: IfMatch = None,
        anonymously: Anonymously = False,
    ) -> Response:
        if if_match is None and command.kind in ABOUT_A_VERSION:
            return problem(request, VERSION_NEEDED)
        await require_bounds(services, visitor, ref, body)
        expected = int(if_match.strip('"')) if if_match and if_match != "*" else None
        given = await give(
            services,
            body,
            change=ref,
            key=key,
            actor=visitor.ref,
            via=visitor.via,
            expected_version=expected,
            anonymously=anonymously,
        )
        return answer(request, given)

    return _typed(endpoint, command)


def _submission() -> Callable[..., Awaitable[Response]]:
    """The endpoint that files a change."""

    async def endpoint(
        request: Request,
        visitor: SignedIn,
        services: ServicesHere,
        key: IdempotencyKey,
        body: Any,
        anonymously: Anonymously = False,
    ) -> Response:
        given = await give(
            services, body, change=None, key=key, actor=visitor.ref, via=visitor.via, anonymously=anonymously
        )
        return answer(request, given, begun=True)

    return _typed(endpoint, Submit)


def _typed(endpoint: Callable[..., Awaitable[Response]], command: type[Command]) -> Callable[..., Awaitable[Response]]:
    """Tell FastAPI the body's type; a command in which nothing has to be filled in needs no body."""
    needed = any(field.is_required() for field in command.model_fields.values())
    endpoint.__annotations__["body"] = Annotated[command, Body() if needed else Body(default_factory=command)]
    endpoint.command = command  # type: ignore[attr-defined]
    return needs(Operation.REPORT if command.kind in REPORTS else Operation.GIVE_COMMANDS)(endpoint)


def answer(request: Request, given: Given, begun: bool = False) -> Response:
    """The response to what became of a command: its receipt, or the rule's no."""
    replayed = {"Idempotency-Replayed": "true"} if given.replayed else {}
    if isinstance(given.answer, Refused):
        response = problem(request, refusal(given.answer))
        response.headers.update(replayed)
        return response
    headers = {"ETag": f'"{given.answer.version}"', **replayed}
    if begun:
        headers["Location"] = f"/api/v1/changes/{given.change}"
    return Response(
        given.answer.model_dump_json(),
        status_code=HTTPStatus.CREATED if begun else HTTPStatus.OK,
        headers=headers,
        media_type="application/json",
    )
