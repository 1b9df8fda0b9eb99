"""Answering from a mail: a link leads to a page with the decision packet and buttons; pressing one decides.

Opening the link decides nothing, whoever opens it: mail gateways open every link, and some run scripts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from markupsafe import Markup
from pydantic import ValidationError
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from changes.answering import Question, question_for
from changes.commands import Command
from changes.decision import HUMAN_COMMANDS
from changes.permissions import Operation
from changes.refusals import Refused
from changes.state import Change
from notifications.on_a_page import packet_on_a_page
from store.mail_links import Link, mail_link, use_link
from store.reading import change_state
from store.tokens import hashed
from web.commanding import give
from web.failures import Failure
from web.forms import answers as answering
from web.forms.answers import Answers, Posted
from web.forms.controls import Form, form, label_at
from web.forms.options import Offered, parts_of
from web.looking import names_within
from web.pages.rendering import page
from web.pages.wording import Wording
from web.plain_words import Finding, findings
from web.refusing import STATUS, TITLES
from web.security.authorising import TooFast, needs
from web.security.sign_in import Visitor, address_of, visitor_of
from web.services import Services, ServicesHere

router = APIRouter()

NO_LONGER = {
    "used": "You have answered it through this link.",
    "expired": "The link was good for two weeks.",
    "closed": "It was answered, or it is not asked any more.",
    "changed": "What it asks about has changed since the mail was sent. If you are asked again, you get another mail.",
}
"""Why a link is void."""


@dataclass(frozen=True)
class Asked:
    """A link that is good, and what it asks."""

    link: Link
    change: Change
    question: Question
    names: Mapping[str, str]
    offered: Offered
    zone: ZoneInfo
    person_name: str


@dataclass(frozen=True)
class Void:
    """A link that is not good any more."""

    why: str
    change: str


@dataclass(frozen=True)
class Choice:
    """One way to answer."""

    command: type[Command]
    form: Form


@router.get("/answer/{token}")
@needs(Operation.OPEN)
async def look(request: Request, services: ServicesHere, token: str) -> Response:
    """What is asked, with a button for each answer. Looking changes nothing."""
    found = await _found(request, services, token)
    if isinstance(found, Void):
        return _void(request, found)
    return await _show(request, services, found)


@router.post("/answer/{token}/{kind}")
@needs(Operation.OPEN)
async def answer(request: Request, services: ServicesHere, token: str, kind: str) -> Response:
    """Answer, in the name of the person to whom the mail went."""
    found = await _found(request, services, token)
    if isinstance(found, Void):
        return _void(request, found)
    if kind not in found.question.commands:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    if await _has_to_sign_in(request, services, found):
        return await _show(request, services, found, status=HTTPStatus.FORBIDDEN)
    command_type = HUMAN_COMMANDS[kind]
    posted = Posted((await request.form(max_fields=200)).multi_items())
    answers = answering.without_blank_groups(command_type, answering.read(command_type, posted))
    try:
        body = answering.body(command_type, answers, found.offered, found.zone)
        command = command_type.model_validate(body)
    except ValidationError as error:
        wrong = findings(error.errors(), subject=lambda place: label_at(command_type, place), model=command_type)
        return await _show(request, services, found, command_type, answers, wrong)
    given = await give(
        services,
        command,
        change=found.change.ref,
        key=f"mail-{hashed(f'{token}/{command.fingerprint()}')[:40]}",
        actor=found.link.person,
        via="mail",
        expected_version=found.change.version,
    )
    if isinstance(given.answer, Refused):
        return await _show(request, services, found, command_type, answers, (), given.answer)
    now = services.clock()
    await services.write(lambda connection: use_link(connection, token, now))
    return page(request, "answered.html", visitor=None, change=found.change, summary=given.answer.summary)


async def _found(request: Request, services: Services, token: str) -> Asked | Void:
    """What the link leads to.

    Raises:
        HTTPException: 404, there is no such link.
        TooFast: too many links from there do not exist.
    """
    if seconds := services.failed_sign_ins.wait(address_of(request)):
        raise TooFast(seconds)
    found = await services.read(lambda connection: _look_up(services, connection, token, services.clock()))
    if found is None:
        services.failed_sign_ins.take(address_of(request))
        raise HTTPException(HTTPStatus.NOT_FOUND, "This link was never made, or was cut off on its way.")
    return found


def _look_up(services: Services, connection: Connection, token: str, now: datetime) -> Asked | Void | None:
    link = mail_link(connection, token)
    if link is None:
        return None
    directory = services.authority.directory(connection)
    change = change_state(connection, link.change)
    person = directory.people.get(link.person)
    if change is None or person is None or not person.active:
        return None
    question = question_for(change, link.person)
    if link.used_at:
        return Void(NO_LONGER["used"], link.change)
    if link.expires_at <= now:
        return Void(NO_LONGER["expired"], link.change)
    if question is None:
        return Void(NO_LONGER["closed"], link.change)
    if question.mark != link.mark:
        return Void(NO_LONGER["changed"], link.change)
    return Asked(
        link=link,
        change=change,
        question=question,
        names=names_within(change.model_dump(mode="json"), directory),
        offered=Offered(directory, parts_of(change)),
        zone=services.zone(connection),
        person_name=person.name,
    )


def _void(request: Request, void: Void) -> Response:
    return page(request, "answer_void.html", visitor=None, status=HTTPStatus.GONE, void=void)


async def _has_to_sign_in(request: Request, services: Services, found: Asked) -> bool:
    """Whether the answer counts only from the person themselves, signed in, and they are not."""
    if not found.question.signed_in_only:
        return False
    visitor: Visitor | None = await visitor_of(request, services)
    return visitor is None or visitor.by != "session" or visitor.ref != found.link.person


async def _show(
    request: Request,
    services: Services,
    found: Asked,
    chosen: type[Command] | None = None,
    answers: Answers | None = None,
    wrong: tuple[Finding, ...] | list[Finding] = (),
    refused: Refused | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    choices = []
    for kind in found.question.commands:
        command = HUMAN_COMMANDS[kind]
        mine = answers if command is chosen and answers is not None else answering.blank(command)
        found_wrong = wrong if command is chosen else ()
        choices.append(Choice(command, form(command, mine, found.offered, found_wrong, prefix=f"{kind}-")))
    notice = None
    if refused:
        status = STATUS[refused.kind]
        notice = Failure(status, refused.rule, TITLES[refused.kind], refused.detail)
    elif wrong:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    return page(
        request,
        "answer.html",
        visitor=None,
        status=status,
        found=found,
        token=request.path_params["token"],
        change=found.change,
        question=found.question,
        packet=Markup(packet_on_a_page(found.change, found.names)),  # noqa: S704 - rendered with autoescape
        choices=choices,
        notice=notice,
        sign_in=await _has_to_sign_in(request, services, found),
        wording=Wording(found.offered.directory, found.zone),
    )
