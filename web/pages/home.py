"""The first page: what waits for me, what I have a part in or follow, what happened lately."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.responses import Response

from changes.permissions import Operation
from store.reading import Mine, WaitingItem, mine_of, waiting_of
from store.trail import Happened, lately
from web.pages.rendering import page
from web.pages.wording import Wording, wording_for
from web.security.authorising import needs
from web.security.sign_in import SignedIn, Visitor
from web.services import Services, ServicesHere

router = APIRouter()

SHOWN = 6
"""Things in each list; the page with all of them is a link away."""
LATELY = 10
"""Lines of what happened lately."""


@dataclass(frozen=True)
class Home:
    """What one person's first page shows."""

    waiting: tuple[WaitingItem, ...]
    mine: tuple[Mine, ...]
    lately: tuple[Happened, ...]
    wording: Wording


@router.get("/")
@needs(Operation.READ_OWN)
async def home(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """Home."""
    found = await services.read(lambda connection: _home(services, connection, visitor))
    return page(
        request,
        "home.html",
        visitor=visitor,
        home=found,
        shown=SHOWN,
        wording=found.wording,
        now=services.clock(),
        latest=max((happened.entry.seq for happened in found.lately), default=0),
    )


def _home(services: Services, connection: Connection, visitor: Visitor) -> Home:
    wording = wording_for(services, connection, visitor)
    return Home(
        waiting=waiting_of(connection, visitor.ref, own=True),
        mine=mine_of(connection, visitor.ref, limit=SHOWN + 1),
        lately=lately(connection, visitor.ref, wording.names, wording.zone, LATELY),
        wording=wording,
    )
