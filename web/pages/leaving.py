"""Turning a kind of mail off by the link in its foot, without signing in. Looking at the link changes nothing."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from changes.permissions import Operation
from notifications.choices import CHOOSABLE
from notifications.leaving import leaving
from store.mail_choices import choose
from web.pages.rendering import page
from web.security.authorising import needs
from web.services import Services, ServicesHere

router = APIRouter()


@router.get("/mail/off/{token}")
@needs(Operation.OPEN)
async def look(request: Request, services: ServicesHere, token: str) -> Response:
    """What would be turned off, with a button."""
    _, kind = _known(services, token)
    return page(request, "mail_off.html", visitor=None, words=CHOOSABLE[kind], done=False)


@router.post("/mail/off/{token}")
@needs(Operation.OPEN)
async def turn_off(request: Request, services: ServicesHere, token: str) -> Response:
    """Turn it off. Mail programs do this with one click (RFC 8058); the settings turn it on again."""
    person, kind = _known(services, token)
    await services.write(lambda connection: choose(connection, person, kind, "off"))
    return page(request, "mail_off.html", visitor=None, words=CHOOSABLE[kind], done=True)


def _known(services: Services, token: str) -> tuple[str, str]:
    keys = (services.settings.actor_secret(), *services.settings.earlier_actor_secrets())
    found = next((known for key in keys if (known := leaving(key, token))), None)
    if found is None or found[1] not in CHOOSABLE:
        raise HTTPException(
            HTTPStatus.NOT_FOUND, "This link was cut off on its way. Your settings have the same switch."
        )
    return found
