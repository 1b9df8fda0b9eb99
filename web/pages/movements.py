"""Tells an open page, over server-sent events, that it has something new to show."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from changes.permissions import Operation
from web.commanding import REFERENCE
from web.security.authorising import needs
from web.security.sign_in import SignedIn
from web.services import ServicesHere

router = APIRouter()

LastSeen = Annotated[str, Header(alias="Last-Event-ID")]


@router.get("/live", response_class=EventSourceResponse)
@needs(Operation.READ_CHANGES)
async def live(
    services: ServicesHere, visitor: SignedIn, since: str = "", change: str = "", last_event_id: LastSeen = ""
) -> AsyncIterator[ServerSentEvent]:
    """Movements after ``since``, or after the last one that this page heard of. The page asks again by itself."""
    about = change if REFERENCE.fullmatch(change) else None
    async for seq in services.live.follow(services.read, _number(last_event_id or since), about):
        yield ServerSentEvent(raw_data="moved", event="moved", id=str(seq))


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 16 else -1
