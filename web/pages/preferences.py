"""How the reader likes to read: light or dark, and on which clock. And the page that helps."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from zoneinfo import available_timezones

from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from changes.permissions import Operation
from store.frame import Theme, keep_preference
from web.pages.rendering import page
from web.pages.wording import wording_for
from web.security.authorising import needs
from web.security.sign_in import SignedIn
from web.services import ServicesHere

router = APIRouter()

THEMES: dict[Theme, str] = {"auto": "As my device says", "light": "Light", "dark": "Dark"}


@cache
def zones() -> tuple[str, ...]:
    """The time zones one can choose from: places, not technical names."""
    return tuple(
        sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/")))
    )


@router.get("/settings")
@needs(Operation.READ_OWN)
async def settings(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """The reader's settings."""
    wording = await services.read(lambda connection: wording_for(services, connection, visitor))
    return page(
        request,
        "settings.html",
        visitor=visitor,
        wording=wording,
        themes=THEMES,
        zones=zones(),
        kept=request.query_params.get("kept") == "yes",
        now=services.clock(),
    )


@router.post("/settings")
@needs(Operation.CHANGE_OWN)
async def keep_settings(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """Keep them. What is not among the choices counts as no choice."""
    form = await request.form()
    theme: Theme = next((theme for theme in THEMES if theme == form.get("theme")), "auto")
    zone = next((zone for zone in zones() if zone == form.get("zone")), "")

    def keep(connection: Connection) -> None:
        keep_preference(connection, visitor.ref, theme, zone)

    await services.write(keep)
    return RedirectResponse("/settings?kept=yes", status_code=HTTPStatus.SEE_OTHER)


@router.get("/help")
@needs(Operation.READ_CHANGES)
async def help_page(request: Request, visitor: SignedIn) -> Response:
    """How it works, in one page."""
    return page(request, "help.html", visitor=visitor)
