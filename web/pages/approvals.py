"""What waits for me: due, overdue, and whom my own changes wait for. Several can be answered with one reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import APIRouter, Request
from pydantic import ValidationError
from sqlalchemy import Connection
from starlette.responses import Response

from changes.commands import Command
from changes.decision import HUMAN_COMMANDS
from changes.permissions import Operation
from changes.refusals import Refused
from store.inbox import Inbox, inbox_of
from store.reading import WaitingItem
from temporal.gateway import NotNow
from web.commanding import UnknownChange, give, new_key
from web.forms.answers import Posted
from web.pages.rendering import page
from web.pages.wording import Wording, wording_for
from web.security.authorising import needs
from web.security.sign_in import SignedIn, Visitor
from web.services import Services, ServicesHere

router = APIRouter()

TOGETHER = ("accept_for_testing", "endorse", "sign_gate", "decline")
"""Answers that mean the same for several changes, with the field that takes the one reason."""
REASON_FIELD: Mapping[str, str] = {
    "accept_for_testing": "note",
    "endorse": "note",
    "sign_gate": "statement",
    "decline": "reason",
}
MOST_TOGETHER = 25
"""Changes answered with one press; each is decided for itself, and somebody waits for all of them."""


@dataclass(frozen=True)
class Outcome:
    """What became of one of several answers."""

    change: str
    title: str
    done: bool
    words: str


@dataclass(frozen=True)
class Bulk:
    """Several answers at once, as they were asked for."""

    kind: str = ""
    reason: str = ""
    way_forward: str = ""
    chosen: Sequence[str] = ()
    problems: Sequence[tuple[str, str]] = ()
    """Message and id of the control it is about."""
    outcomes: Sequence[Outcome] = ()


@router.get("/approvals")
@needs(Operation.READ_OWN)
async def approvals(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """What waits for the visitor."""
    return await _show(request, services, visitor, Bulk())


@router.post("/approvals")
@needs(Operation.GIVE_COMMANDS)
async def answer_several(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """Give the same answer to several changes. Each counts for itself: what is refused is named, the rest is done."""
    posted = Posted((await request.form()).multi_items())
    inbox = await services.read(lambda connection: inbox_of(connection, visitor.ref))
    titles = {item.change: item.title for item in inbox.mine}
    bulk = Bulk(
        kind=posted.one("kind"),
        reason=posted.one("reason").strip(),
        way_forward=posted.one("way_forward").strip(),
        chosen=[ref for ref in dict.fromkeys(posted.all("change")) if ref in titles],
    )
    command, problems = _command(bulk)
    if problems or command is None:
        return await _show(request, services, visitor, _with(bulk, problems), HTTPStatus.UNPROCESSABLE_ENTITY)
    key = posted.one("_key") or new_key()
    outcomes = [await _answer(services, command, ref, titles[ref], visitor, key) for ref in bulk.chosen]
    return await _show(request, services, visitor, Bulk(kind=bulk.kind, outcomes=outcomes))


def _with(bulk: Bulk, problems: Sequence[tuple[str, str]]) -> Bulk:
    return Bulk(bulk.kind, bulk.reason, bulk.way_forward, bulk.chosen, problems)


def _command(bulk: Bulk) -> tuple[Command | None, list[tuple[str, str]]]:
    problems = []
    if not bulk.chosen:
        problems.append(("Choose at least one change that waits for you.", "waiting"))
    if len(bulk.chosen) > MOST_TOGETHER:
        problems.append((f"Choose at most {MOST_TOGETHER} changes at a time.", "waiting"))
    if bulk.kind not in TOGETHER:
        problems.append(("Choose what you answer.", "kind-1"))
        return None, problems
    if not bulk.reason:
        problems.append(("Say why. The same words go to everybody whose change you answer.", "reason"))
    body = {REASON_FIELD[bulk.kind]: bulk.reason}
    if bulk.kind == "decline":
        body["way_forward"] = bulk.way_forward
        if not bulk.way_forward:
            problems.append(("A decline needs a way forward: what could the proposer do instead?", "way-forward"))
    if problems:
        return None, problems
    try:
        return HUMAN_COMMANDS[bulk.kind].model_validate(body), []
    except ValidationError as error:
        return None, [(str(found["msg"]), "reason") for found in error.errors()]


async def _answer(services: Services, command: Command, ref: str, title: str, visitor: Visitor, key: str) -> Outcome:
    try:
        given = await give(services, command, change=ref, key=f"{key}-{ref}", actor=visitor.ref, via="page")
    except NotNow:
        return Outcome(ref, title, False, "Groundswell could not decide this in time. It still waits for you.")
    except UnknownChange:
        return Outcome(ref, title, False, "This change does not exist any more.")
    if isinstance(given.answer, Refused):
        return Outcome(ref, title, False, given.answer.detail)
    return Outcome(ref, title, True, given.answer.summary)


def _together(items: Sequence[WaitingItem]) -> Sequence[str]:
    """The answers that at least one of ``items`` can be given together with others."""
    possible = {kind for item in items for kind in item.commands}
    return [kind for kind in TOGETHER if kind in possible]


async def _show(
    request: Request, services: Services, visitor: Visitor, bulk: Bulk, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    def read(connection: Connection) -> tuple[Inbox, Wording]:
        return inbox_of(connection, visitor.ref), wording_for(services, connection, visitor)

    inbox, wording = await services.read(read)
    return page(
        request,
        "approvals.html",
        visitor=visitor,
        status=status,
        inbox=inbox,
        bulk=bulk,
        together=_together(inbox.mine),
        wording=wording,
        now=services.clock(),
        key=new_key(),
    )
