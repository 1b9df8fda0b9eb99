"""The first page: what waits for me, what I have a part in, what moved lately."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.responses import Response

from changes.permissions import Operation
from store.reading import Listed, WaitingItem, list_changes, waiting_of
from web.pages.rendering import page
from web.pages.wording import Wording
from web.security.authorising import needs
from web.security.sign_in import SignedIn
from web.services import Services, ServicesHere

router = APIRouter()

SHOWN = 10
"""Changes in each list; the page with all of them is a link away."""


@dataclass(frozen=True)
class MyItems:
    """What one person's first page shows."""

    waiting: tuple[WaitingItem, ...]
    mine: tuple[Listed, ...]
    latest: tuple[Listed, ...]
    wording: Wording


@router.get("/")
@needs(Operation.READ_OWN)
async def home(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """My items."""
    items = await services.read(lambda connection: _items(services, connection, visitor.ref))
    return page(request, "home.html", visitor=visitor, items=items, wording=items.wording, now=services.clock())


def _items(services: Services, connection: Connection, person: str) -> MyItems:
    return MyItems(
        waiting=waiting_of(connection, person),
        mine=list_changes(connection, person=person, ended=False, limit=SHOWN).changes,
        latest=list_changes(connection, limit=SHOWN).changes,
        wording=Wording(services.authority.directory(connection), services.zone(connection)),
    )
