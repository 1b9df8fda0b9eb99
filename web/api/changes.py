"""Reading changes: lists, one change, its trail, and what waits for me."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import Connection

from changes.packet import Packet, packet_for
from changes.permissions import Operation
from changes.sight import seen_by
from changes.state import Change, Stage
from changes.values import Moment
from store.reading import Listed, WaitingItem, change_state, list_changes, waiting_of
from store.trail import TrailEntry, trail
from web.commanding import REFERENCE, UnknownChange
from web.looking import Look, look_at, names_within
from web.problems import problem_responses
from web.security.authorising import needs
from web.security.sign_in import SignedIn
from web.services import ServicesHere

router = APIRouter()

READING = problem_responses(
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
READING_ONE = READING | problem_responses(HTTPStatus.NOT_FOUND)

ChangeAddress = Annotated[str, Path(description="The change's reference, such as CH-7")]


class WaitingList(BaseModel):
    """What waits for somebody, the soonest due first."""

    items: tuple[WaitingItem, ...]


class ChangeList(BaseModel):
    """Some changes, newest movement first."""

    changes: tuple[Listed, ...]
    next: str | None
    """The cursor of the next page; none on the last."""


class WaitedFor(BaseModel):
    """One thing one person is asked to do now."""

    person: str
    task: str
    commands: tuple[str, ...]
    """The commands that would answer it, the usual one first."""
    due: Moment | None


class ChangeSeen(BaseModel):
    """One change as the person who asks may see it."""

    change: Change
    standing: str
    """Where it stands, as the end of the sentence "This change …"."""
    who_sees: str
    """Who can see what of it, in words."""
    you_may: tuple[str, ...]
    """The commands the person who asks may give now."""
    waiting: tuple[WaitedFor, ...]
    pseudonym: str = ""
    """Under which name the person who asks speaks anonymously here. Nobody else is told."""
    you_may_anonymously: tuple[str, ...] = ()
    """The commands they may give under it, with the header Groundswell-Anonymously."""
    names: dict[str, str]
    """The name behind each reference of a person, team or process in it."""


class Trail(BaseModel):
    """Records of a change, oldest first."""

    entries: tuple[TrailEntry, ...]


@router.get("/waiting", summary="What waits for me", responses=READING)
@needs(Operation.READ_OWN)
async def waiting(services: ServicesHere, visitor: SignedIn) -> WaitingList:
    """Everything that waits for the person who asks, the soonest due first."""
    return WaitingList(items=await services.read(lambda connection: waiting_of(connection, visitor.ref, own=True)))


@router.get(
    "/changes", summary="Changes by latest movement", responses=READING | problem_responses(HTTPStatus.BAD_REQUEST)
)
@needs(Operation.READ_CHANGES)
async def changes(
    request: Request,
    response: Response,
    services: ServicesHere,
    visitor: SignedIn,
    mine: Annotated[bool, Query(description="Only those I have a part in")] = False,
    stage: Annotated[Stage | None, Query(description="Only those in this stage")] = None,
    text: Annotated[str | None, Query(max_length=200, description="Only those with this in their title")] = None,
    ended: Annotated[bool | None, Query(description="Only those that have ended, or only those that have not")] = None,
    cursor: Annotated[str | None, Query(max_length=300, description="Where a page begins, from `next`")] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Changes on a page")] = 50,
) -> ChangeList:
    """Changes that everybody in the organisation may know of."""
    page = await services.read(
        lambda connection: list_changes(
            connection,
            person=visitor.ref if mine else None,
            own=True,
            stage=stage,
            text=text,
            ended=ended,
            cursor=cursor,
            limit=limit,
        )
    )
    if page.following:
        following = {**request.query_params, "cursor": page.following}
        response.headers["Link"] = f'<{request.url.path}?{urlencode(following)}>; rel="next"'
    return ChangeList(changes=page.changes, next=page.following)


@router.get("/changes/{ref}", summary="One change", responses=READING_ONE)
@needs(Operation.READ_CHANGES)
async def change(response: Response, services: ServicesHere, visitor: SignedIn, ref: ChangeAddress) -> ChangeSeen:
    """The change as it stands, what the person who asks may do, and who is waited for."""
    look: Look = await services.read(
        lambda connection: look_at(services, connection, ref, visitor.ref, services.clock())
    )
    response.headers["ETag"] = f'"{look.change.version}"'
    return ChangeSeen(
        change=look.change,
        standing=look.standing,
        who_sees=look.who_sees,
        you_may=look.you_may,
        waiting=tuple(WaitedFor(**task.model_dump(exclude={"since"})) for task in look.waiting),
        pseudonym=look.pseudonym,
        you_may_anonymously=look.may_anonymously,
        names=names_within(_document(look), look.directory),
    )


def _document(look: Look) -> Any:
    return [look.change.model_dump(mode="json"), [task.person for task in look.waiting]]


@router.get("/changes/{ref}/packet", summary="The decision packet", responses=READING_ONE)
@needs(Operation.READ_CHANGES)
async def change_packet(services: ServicesHere, visitor: SignedIn, ref: ChangeAddress) -> Packet:
    """Everything somebody has to know to answer at the gate that is open, the same that mail and pages show."""

    def read(connection: Connection) -> Packet:
        found = change_state(connection, ref) if REFERENCE.fullmatch(ref) else None
        if found is None:
            raise UnknownChange(ref)
        return packet_for(seen_by(found, visitor.ref, services.clock()))

    return await services.read(read)


@router.get("/changes/{ref}/trail", summary="The trail of a change", responses=READING_ONE)
@needs(Operation.READ_CHANGES)
async def change_trail(
    services: ServicesHere,
    visitor: SignedIn,
    ref: ChangeAddress,
    after: Annotated[int, Query(ge=-1, le=2**53, description="Only records after this number")] = -1,
    limit: Annotated[int, Query(ge=1, le=1_000, description="Records on a page")] = 1_000,
) -> Trail:
    """What everybody did and decided, and what was refused, oldest first."""
    return Trail(entries=await services.read(partial(_trail, ref, visitor.ref, after, limit)))


def _trail(ref: str, reader: str, after: int, limit: int, connection: Connection) -> tuple[TrailEntry, ...]:
    if not REFERENCE.fullmatch(ref) or change_state(connection, ref) is None:
        raise UnknownChange(ref)
    return tuple(trail(connection, ref, reader, after, limit))
