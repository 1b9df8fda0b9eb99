"""Giving a command on a page: a form, and what becomes of it. One pair of routes serves every command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from pydantic import ValidationError
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from changes.commands import Command
from changes.decision import HUMAN_COMMANDS
from changes.permissions import Operation
from changes.proposal import Submit
from changes.refusals import RefusalKind, Refused
from changes.rollout import PlanRollout
from changes.state import Change, Wave
from policies.waves import first_waves
from store.trail import TrailEntry, trail
from temporal.gateway import NotNow
from web.anonymity import promise_for
from web.commanding import ABOUT_A_VERSION, KEY, SENT_ANOTHER_WAY, give, new_key
from web.failures import Failure
from web.forms import answers as answering
from web.forms.answers import Answers, Posted
from web.forms.controls import form, label_at
from web.forms.options import Offered, parts_of
from web.forms.starting import values_for
from web.looking import Look, look_at
from web.pages.rendering import page
from web.pages.wording import Wording, reader_zone
from web.plain_words import Finding, findings
from web.refusing import STATUS, not_now
from web.security.authorising import needs
from web.security.sign_in import SignedIn, Visitor
from web.services import Services, ServicesHere

router = APIRouter()

MOST_PARTS = 2_000
"""Fields of a form; twenty waves with twenty guards each stay below it."""


@dataclass(frozen=True)
class Desk:
    """Everything a form needs to be drawn."""

    command: type[Command]
    visitor: Visitor
    offered: Offered
    zone: ZoneInfo
    look: Look | None = None
    """The change it is about; none for a submission."""
    promise: str = ""
    """Where this may be done anonymously: who can see what, in plain words."""

    @property
    def action(self) -> str:
        """Where the form is posted."""
        return f"/changes/{self.look.change.ref}/do/{self.command.kind}" if self.look else "/changes/new/one-page"


@dataclass(frozen=True)
class Filled:
    """A form as it is shown: what was answered and what came of it."""

    answers: Answers
    key: str
    """The idempotency key that goes with it: sent twice, it happens once."""
    version: int | None = None
    found: Sequence[Finding] = ()
    notice: Failure | None = None
    """Why it could not be done, where that is not about a field."""
    meanwhile: Sequence[TrailEntry] = ()
    """What happened since the person looked."""
    focus: str = ""
    anonymously: bool = False
    """Given under the person's pseudonym on this change."""
    sent: bool = False
    """It was sent and may still arrive, so it is sent again the same way: with or without the name."""


@router.get("/changes/new/one-page")
@needs(Operation.GIVE_COMMANDS)
async def start_form(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """The form that files a change."""
    desk = await services.read(lambda connection: _desk(services, connection, Submit, visitor, None))
    return _show(request, desk, Filled(answering.blank(Submit), new_key()))


@router.post("/changes/new/one-page")
@needs(Operation.GIVE_COMMANDS)
async def start(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """File a change."""
    desk = await services.read(lambda connection: _desk(services, connection, Submit, visitor, None))
    return await _take(request, services, desk)


@router.get("/changes/{ref}/do/{kind}")
@needs(Operation.GIVE_COMMANDS)
async def command_form(request: Request, services: ServicesHere, visitor: SignedIn, ref: str, kind: str) -> Response:
    """The form of one command."""
    command = _command(kind)
    desk = await services.read(lambda connection: _desk(services, connection, command, visitor, ref))
    assert desk.look is not None  # noqa: S101 - a desk made for a change has one
    change = desk.look.change
    values = values_for(command, change, desk.offered.parts)
    if command is PlanRollout and not change.rollout.waves:
        values["waves"] = await services.read(lambda connection: _first_waves(services, connection, change))
    values |= {name: value for name, value in request.query_params.items() if name in desk.offered.parts}
    filled = Filled(answering.known(command, values, desk.zone), new_key(), change.version)
    return _show(request, desk, filled)


@router.post("/changes/{ref}/do/{kind}")
@needs(Operation.GIVE_COMMANDS)
async def give_command(request: Request, services: ServicesHere, visitor: SignedIn, ref: str, kind: str) -> Response:
    """Give one command."""
    command = _command(kind)
    desk = await services.read(lambda connection: _desk(services, connection, command, visitor, ref))
    return await _take(request, services, desk)


def _first_waves(services: Services, connection: Connection, change: Change) -> list[Wave]:
    """The waves that the change's own policy begins a plan with; their guards are for people to choose."""
    policy, directory = services.policies.bound(connection, change.policy), services.authority.directory(connection)
    sketches = first_waves(policy, directory, change.proposal.content.affected_teams)
    return [Wave.model_construct(name=sketch.name, teams=sketch.teams, guards=()) for sketch in sketches]


def _command(kind: str) -> type[Command]:
    command = HUMAN_COMMANDS.get(kind)
    if command is None or command is Submit:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return command


def _desk(
    services: Services, connection: Connection, command: type[Command], visitor: Visitor, ref: str | None
) -> Desk:
    zone = reader_zone(services, connection, visitor)
    directory = services.authority.directory(connection)
    if ref is None:
        return Desk(command, visitor, Offered(directory), zone, promise=promise_for(services, connection, command))
    look = look_at(services, connection, ref, visitor.ref, services.clock())
    return Desk(
        command,
        visitor,
        Offered(directory, parts_of(look.change)),
        zone,
        look,
        promise_for(services, connection, command, look),
    )


async def _take(request: Request, services: Services, desk: Desk) -> Response:
    """Read what was posted; draw the form again where a group is added or something is wrong, else give the command."""
    posted = Posted((await request.form(max_fields=MOST_PARTS)).multi_items())
    filled = Filled(
        answers=answering.read(desk.command, posted),
        key=_posted_key(posted),
        version=_posted_version(posted),
        anonymously=posted.one("_anonymously") == "yes",
    )
    if place := posted.one("_add"):
        added = answering.with_another(filled.answers, desk.command, place)
        return _show(request, desk, replace(filled, answers=added, focus=_last_group(added, place)))
    if place := posted.one("_remove"):
        fewer = answering.without(filled.answers, desk.command, place)
        return _show(request, desk, replace(filled, answers=fewer))
    answers = answering.without_blank_groups(desk.command, filled.answers)
    try:
        command = desk.command.model_validate(answering.body(desk.command, answers, desk.offered, desk.zone))
    except ValidationError as error:
        found = findings(error.errors(), subject=lambda place: label_at(desk.command, place), model=desk.command)
        wrong = replace(filled, answers=answers, found=found)
        return _show(request, desk, wrong, HTTPStatus.UNPROCESSABLE_ENTITY)
    return await _give(request, services, desk, command, replace(filled, answers=answers))


async def _give(request: Request, services: Services, desk: Desk, command: Command, filled: Filled) -> Response:
    about = desk.look.change.ref if desk.look else None
    expected = filled.version if desk.command.kind in ABOUT_A_VERSION else None
    try:
        given = await give(
            services,
            command,
            change=about,
            key=filled.key,
            actor=desk.visitor.ref,
            via="page",
            expected_version=expected,
            anonymously=filled.anonymously,
        )
    except NotNow as error:
        # The same key stays: if the command got through after all, sending it again finds its answer.
        failure = not_now(error)
        kept = replace(filled, notice=failure, sent=True)
        return _show(request, desk, kept, HTTPStatus(failure.status))
    if not isinstance(given.answer, Refused):
        begun = "" if desk.look else "&new=yes"  # the confirmation says what happens next, as after the short form
        return RedirectResponse(
            f"/changes/{given.change}?done={quote(filled.key)}{begun}#main", status_code=HTTPStatus.SEE_OTHER
        )
    return await _refused(request, services, desk, given.answer, filled)


async def _refused(request: Request, services: Services, desk: Desk, refused: Refused, filled: Filled) -> Response:
    """The form again, with the rule's words and everything that was written.

    A refusal is on record under its key, so what is sent next needs a new one. It is about the change as it is now.
    """
    if refused.rule == SENT_ANOTHER_WAY:
        told = Failure(STATUS[refused.kind], refused.rule, TITLE, refused.detail)
        as_before = replace(filled, notice=told, anonymously=not filled.anonymously, sent=True)
        return _show(request, desk, as_before, STATUS[refused.kind])
    version = filled.version
    meanwhile: tuple[TrailEntry, ...] = ()
    if desk.look:
        look = desk.look
        version = look.change.version
        if refused.kind is RefusalKind.STALE:
            meanwhile = await services.read(
                lambda connection: _since(connection, look.change.ref, desk.visitor.ref, filled.version or 0)
            )
    detail = ALREADY_SENT if refused.kind is RefusalKind.REPEATED else refused.detail
    found, notice = _placed(desk.command, refused, detail)
    shown = Filled(filled.answers, new_key(), version, found, notice, meanwhile, anonymously=filled.anonymously)
    return _show(request, desk, shown, STATUS[refused.kind])


ALREADY_SENT = (
    "What you sent from this form a moment ago is on record already, so this was not done in its place. "
    "Look at the change; if you want to say something more, send the form again."
)


def _placed(command: type[Command], refused: Refused, detail: str) -> tuple[Sequence[Finding], Failure | None]:
    """Where a refusal is shown: beside its field, or above the form."""
    if refused.pointer and refused.pointer.split("/")[1] in command.model_fields:
        return [Finding(refused.pointer, refused.rule, detail)], None
    return (), Failure(STATUS[refused.kind], refused.rule, TITLE, detail)


TITLE = "This could not be done"


def _since(connection: Connection, ref: str, reader: str, version: int) -> tuple[TrailEntry, ...]:
    """What happened after ``version``: a change's version is the number of its events."""
    happened = [entry for entry in trail(connection, ref, reader, limit=10_000) if entry.outcome == "applied"]
    return tuple(happened[version:])


def _posted_key(posted: Posted) -> str:
    """The key that came with the form; a form without a fit one gets another, and cannot be sent twice by mistake."""
    key = posted.one("_key")
    return key if KEY.fullmatch(key) else new_key()


def _posted_version(posted: Posted) -> int | None:
    version = posted.one("_version")
    return int(version) if version.isdecimal() and 0 < len(version) < 10 and int(version) > 0 else None


def _last_group(answers: Answers, place: str) -> str:
    """The place of the last group at ``place``."""
    groups: object = answers
    for part in place.split("/"):
        if isinstance(groups, dict) and part in groups:
            groups = groups[part]
        elif isinstance(groups, list) and part.isdecimal() and int(part) < len(groups):
            groups = groups[int(part)]
        else:
            return ""
    return f"{place}/{len(groups) - 1}" if isinstance(groups, list) and groups else ""


def _show(request: Request, desk: Desk, filled: Filled, status: HTTPStatus = HTTPStatus.OK) -> Response:
    headers = dict(filled.notice.headers) if filled.notice else {}
    return page(
        request,
        "giving.html",
        visitor=desk.visitor,
        status=status,
        headers=headers,
        command=desk.command,
        description=(desk.command.__doc__ or "").strip(),
        action=desk.action,
        change=desk.look.change if desk.look else None,
        why_not=desk.look.why_not(desk.command.kind) if desk.look and not desk.promise else "",
        desk_promise=desk.promise,
        standing=desk.look.standing if desk.look else "",
        form=form(desk.command, filled.answers, desk.offered, filled.found, filled.focus),
        filled=filled,
        wording=Wording(desk.offered.directory, desk.zone),
    )
