"""The decision packet: everything somebody needs who is asked for an answer, and the answers beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from changes.commands import Command
from changes.decision import HUMAN_COMMANDS
from changes.gates import unanswered
from changes.packet import Packet, packet_for
from changes.permissions import Operation
from changes.waiting import Waiting
from web.commanding import new_key
from web.forms import answers as answering
from web.forms.controls import Form, form
from web.forms.options import Offered, parts_of
from web.forms.questions import Kind, questions_of
from web.forms.starting import values_for
from web.looking import Look, look_at
from web.pages.rendering import page
from web.pages.wording import Wording, wording_for
from web.security.authorising import needs
from web.security.sign_in import SignedIn, Visitor
from web.services import Services, ServicesHere

router = APIRouter()


@dataclass(frozen=True)
class Choice:
    """One of the possible answers, with its form."""

    command: type[Command]
    form: Form | None
    """None where the form is too long to stand beside others and has a page of its own."""
    key: str


@dataclass(frozen=True)
class Asked:
    """What somebody decides on, and what they may answer."""

    packet: Packet
    look: Look
    wording: Wording
    tasks: Sequence[Waiting]
    choices: Sequence[Choice]


@router.get("/changes/{ref}/decide")
@needs(Operation.READ_CHANGES)
async def decide(request: Request, services: ServicesHere, visitor: SignedIn, ref: str) -> Response:
    """The packet. Where nothing is asked of the visitor any more, the change's page says where it stands."""
    asked = await services.read(lambda connection: _asked(services, connection, ref, visitor))
    if not asked.choices:
        return RedirectResponse(f"/changes/{ref}", status_code=HTTPStatus.SEE_OTHER)
    return page(
        request,
        "decide.html",
        visitor=visitor,
        asked=asked,
        packet=asked.packet,
        change=asked.look.change,
        wording=asked.wording,
        unanswered=unanswered(asked.look.change),
        now=services.clock(),
    )


def _asked(services: Services, connection: Connection, ref: str, visitor: Visitor) -> Asked:
    look = look_at(services, connection, ref, visitor.ref, services.clock())
    wording = wording_for(services, connection, visitor)
    tasks = look.asked_of(visitor.ref)
    kinds = dict.fromkeys(kind for task in tasks for kind in task.commands if kind in look.you_may)
    choices = [_choice(HUMAN_COMMANDS[kind], look, wording) for kind in kinds]
    return Asked(packet_for(look.change), look, wording, tasks, choices)


def _choice(command: type[Command], look: Look, wording: Wording) -> Choice:
    if any(question.kind is Kind.GROUPS for question in questions_of(command)):
        return Choice(command, None, new_key())
    offered = Offered(look.directory, parts_of(look.change))
    known = answering.known(command, values_for(command, look.change, offered.parts), wording.zone)
    return Choice(command, form(command, known, offered, prefix=f"{command.kind}-"), new_key())
