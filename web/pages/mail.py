"""The demonstration's caught mail: every letter that would have been sent. Nothing leaves the machine."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus

import anyio.to_thread
from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from changes.permissions import Operation
from notifications.catcher import Caught, NoSuchLetter, list_caught, read_caught
from web.pages.rendering import page
from web.pages.wording import wording_for
from web.security.authorising import needs
from web.security.sign_in import SignedIn
from web.services import ServicesHere

router = APIRouter()


@router.get("/demo/mail")
@needs(Operation.DEMONSTRATE)
async def letters(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """The letters, the newest first."""
    folder = services.settings.mail_folder
    found: tuple[Caught, ...] = await anyio.to_thread.run_sync(list_caught, folder) if folder else ()
    wording = await services.read(lambda connection: wording_for(services, connection, visitor))
    return page(request, "mail.html", visitor=visitor, letters=found, wording=wording)


@router.get("/demo/mail/{name}")
@needs(Operation.DEMONSTRATE)
async def letter(request: Request, services: ServicesHere, visitor: SignedIn, name: str) -> Response:
    """One letter. Its html part is shown as the text it is written in."""
    folder = services.settings.mail_folder
    if folder is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    try:
        found = await anyio.to_thread.run_sync(partial(read_caught, folder, name))
    except NoSuchLetter as error:
        raise HTTPException(HTTPStatus.NOT_FOUND, str(error)) from error
    wording = await services.read(lambda connection: wording_for(services, connection, visitor))
    return page(request, "letter.html", visitor=visitor, letter=found, wording=wording)
