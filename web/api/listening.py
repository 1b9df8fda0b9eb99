"""How people listen, over JSON: whether somebody asked why in time, and which reasons return. Never who."""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from changes.permissions import Operation
from changes.values import Moment
from store.listening import (
    SMALLEST_GROUP,
    Askers,
    Asking,
    HowSoon,
    Pattern,
    asked_in_time,
    how_soon,
    patterns,
    raised_since,
    who_asked,
)
from web.problems import problem_responses
from web.security.authorising import needs
from web.security.sign_in import SignedIn
from web.services import ServicesHere

router = APIRouter(
    responses=problem_responses(
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.SERVICE_UNAVAILABLE,
    )
)


class Listening(BaseModel):
    """What is known about concerns raised in a period."""

    since: Moment
    asked_why: Asking
    percent_in_time: int | None = Field(description="Per cent asked why in time, rounded down; none: nothing was due")
    how_soon: HowSoon = Field(description="How long concerns waited to be asked why, and questions for their answers")
    who_asked: tuple[Askers, ...] = Field(description="Questions by the part of whoever asked; never by name")
    patterns: tuple[Pattern, ...] = Field(description="The most frequent first")
    smallest_group: int = Field(description="A reason that fewer people had is left out: it would point at somebody")


@router.get("/listening", summary="Whether somebody asked why in time, and which reasons return")
@needs(Operation.READ_OVERVIEW)
async def listening(
    services: ServicesHere,
    visitor: SignedIn,
    days: Annotated[int, Query(ge=1, le=3660, description="Concerns raised in so many days up to now")] = 365,
) -> Listening:
    """Counts over all changes; no name, and no reason that fewer than five people had around a process."""
    now = services.clock()
    return await services.read(lambda connection: read_listening(connection, now, days))


def read_listening(connection: Connection, now: datetime, days: int) -> Listening:
    """The same for the page."""
    since = now - timedelta(days=days)
    concerns = raised_since(connection, since)
    asking = asked_in_time(concerns, now)
    return Listening(
        since=since,
        asked_why=asking,
        percent_in_time=asking.percent,
        how_soon=how_soon(concerns),
        who_asked=who_asked(connection, since),
        patterns=tuple(patterns(connection, since=since)),
        smallest_group=SMALLEST_GROUP,
    )
