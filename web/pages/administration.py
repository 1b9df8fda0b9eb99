"""For administrators: whether every part works, and bringing the directory up to date with its report on the page."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

import anyio.to_thread
from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.datastructures import UploadFile
from starlette.responses import Response

from changes.permissions import Operation, may
from directory.importing import parse_directory
from directory.model import Directory
from directory.problems import ImportRefused, Problem
from store.directory import save_directory
from store.migrating import latest_revision
from store.system_state import SystemState, is_old, system_state
from web.pages.rendering import page
from web.pages.wording import Wording, wording_for
from web.security.authorising import needs
from web.security.sign_in import SignedIn, Visitor
from web.services import Services, ServicesHere

router = APIRouter()

FILES = ("people", "teams", "processes")


@router.get("/administration")
@needs(Operation.READ_SYSTEM)
async def administration(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """The state of the system."""
    return await _show(request, services, visitor)


@router.post("/administration/directory")
@needs(Operation.LOAD_DIRECTORY)
async def load_directory(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """Check three files, and load them where nothing is wrong and that was asked for: all of it, or nothing."""
    async with request.form() as form:
        contents = {name: await _content(form.get(name)) for name in FILES}
        only_check = form.get("check") == "yes"
    missing = [name for name, content in contents.items() if not content]
    if missing:
        words = [Problem(file=f"{name}.csv", line=0, field="", message="choose this file") for name in missing]
        return await _show(request, services, visitor, problems=words, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        directory = await anyio.to_thread.run_sync(lambda: parse_directory(**contents))
    except ImportRefused as refused:
        return await _show(
            request, services, visitor, problems=refused.problems, status=HTTPStatus.UNPROCESSABLE_ENTITY
        )
    if not only_check:
        await services.write(lambda connection: save_directory(connection, directory, services.clock()))
    return await _show(request, services, visitor, loaded=directory, only_check=only_check)


async def _content(file: object) -> bytes:
    return await file.read() if isinstance(file, UploadFile) else b""


async def _show(
    request: Request,
    services: Services,
    visitor: Visitor,
    *,
    problems: Sequence[Problem] = (),
    loaded: Directory | None = None,
    only_check: bool = False,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    def read(connection: Connection) -> tuple[SystemState, Wording]:
        return system_state(connection), wording_for(services, connection, visitor)

    state, wording = await services.read(read)
    now = services.clock()
    return page(
        request,
        "administration.html",
        visitor=visitor,
        status=status,
        state=state,
        not_answering=await services.not_answering(),
        revision=latest_revision(),
        problems=problems,
        loaded=loaded,
        only_check=only_check,
        may_load=may(visitor.actor, Operation.LOAD_DIRECTORY).allowed,
        may_webhooks=may(visitor.actor, Operation.MANAGE_WEBHOOKS).allowed,
        letters_late=is_old(state.oldest_notice, now),
        checkpoint_late=bool(state.records and state.checkpoint_size != state.records)
        and is_old(state.checkpoint_at or state.recorded_at, now),
        wording=wording,
        now=now,
    )
