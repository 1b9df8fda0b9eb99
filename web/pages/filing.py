"""Filing a proposal: one question at a time, each answer saved, and beside it what the organisation knows already.

A draft is private to its author. The command is the same as everywhere; whoever likes all questions at once finds
them on one page (:mod:`web.pages.giving`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from pydantic import ValidationError
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from changes.permissions import Operation
from changes.proposal import Submit
from changes.refusals import Refused
from policies.explanation import Draft as Case
from policies.explanation import Explanation, explain
from store import freshness
from store.drafts import Draft, begin_draft, discard_draft, draft_of, drafts_of, renew_key, save_draft
from store.pseudonyms import filed_anonymously
from store.reading import Lesson, lessons_of
from store.similar import Similar, similar_changes
from temporal.gateway import NotNow
from web.anonymity import promise_for
from web.commanding import KEY, SENT_ANOTHER_WAY, give, new_key
from web.failures import Failure
from web.forms import answers as answering
from web.forms.answers import Answers, Posted
from web.forms.controls import form, label_at
from web.forms.options import Offered
from web.forms.questions import Kind, questions_of
from web.pages.rendering import page
from web.pages.wording import Wording, wording_for
from web.plain_words import Finding, findings
from web.refusing import STATUS, not_now
from web.security.authorising import needs
from web.security.sign_in import SignedIn, Visitor
from web.services import Services, ServicesHere

router = APIRouter()


@dataclass(frozen=True)
class Step:
    """A page with one question, or a few that belong together."""

    name: str
    title: str
    fields: tuple[str, ...]
    hint: str = ""


ASKED = (
    Step(
        "seen",
        "What did you see?",
        ("problem",),
        "Describe it as you would tell a colleague: what happens, how often, to whom.",
    ),
    Step(
        "suggestion",
        "What do you suggest?",
        ("suggestion",),
        "It need not be perfect. It will be tested small before anything changes for good.",
    ),
    Step(
        "process",
        "Which process could work better?",
        ("process",),
        "Whoever owns it will hear of your proposal.",
    ),
    Step("title", "What shall we call it?", ("title",), "A name people will recognise in a list."),
    Step(
        "teams",
        "Who would notice?",
        ("affected_teams", "people_affected"),
        "The teams whose work would change, and about how many people that is.",
    ),
    Step(
        "reach",
        "How far does it reach?",
        ("cost", "reversible", "customer_facing", "regulated", "urgency"),
        "These answers decide who is asked. You see it beside them.",
    ),
    Step(
        "authors",
        "Who stands behind it?",
        ("co_proposers", "proposer", "goal"),
        "All of this may stay empty. Whoever you ask to propose it with you is named only once they say yes.",
    ),
)
PLACED = frozenset(name for step in ASKED for name in step.fields)
REST = tuple(question.name for question in questions_of(Submit) if question.name not in PLACED)
"""What a submission asks beyond these; it comes last, so that no question is ever lost."""
STEPS: tuple[Step, ...] = (*ASKED, Step("more", "One more thing", REST)) if REST else ASKED
ENOUGH = 20
"""Characters after which looking for similar changes makes sense."""
BY_NAME = {step.name: step for step in STEPS}


@dataclass(frozen=True)
class Beside:
    """What is shown beside the questions."""

    route: Explanation | None
    alike: Sequence[Similar]
    lessons: Sequence[Lesson]


@dataclass(frozen=True)
class Asked:
    """A step as it is shown."""

    draft: Draft
    answers: Answers
    found: Sequence[Finding] = ()


@dataclass(frozen=True)
class Checked:
    """The answers as they are shown before they are filed."""

    draft: Draft
    found: Sequence[Finding] = ()
    notice: Failure | None = None
    """Why it could not be filed, where that is not about an answer."""
    anonymously: bool = False
    """Without the author's name, as it was chosen last."""
    sent: bool = False
    """It was sent and may still arrive, so it is sent again the same way: with or without the name."""


@router.get("/changes/new")
@needs(Operation.GIVE_COMMANDS)
async def begin(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """Start a change, or go on with one that was begun."""
    drafts, wording = await services.read(
        lambda connection: (drafts_of(connection, visitor.ref), wording_for(services, connection, visitor))
    )
    return page(
        request, "drafts.html", visitor=visitor, drafts=drafts, steps=STEPS, wording=wording, now=services.clock()
    )


@router.post("/changes/new")
@needs(Operation.CHANGE_OWN)
async def make_draft(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """Begin a draft."""
    blank = answering.blank(Submit)
    draft = await services.write(lambda connection: begin_draft(connection, visitor.ref, blank, services.clock()))
    return _to(f"/drafts/{draft.ref}/{STEPS[0].name}")


@router.get("/drafts/{ref}/check")
@needs(Operation.READ_OWN)
async def check(request: Request, services: ServicesHere, visitor: SignedIn, ref: str) -> Response:
    """All answers on one page, before they go on the record."""
    draft = await _draft(services, ref, visitor)
    if draft.filed_as:
        return _to(f"/drafts/{ref}/filed")
    return await _show_check(request, services, visitor, Checked(draft))


@router.post("/drafts/{ref}/check")
@needs(Operation.GIVE_COMMANDS)
async def file(request: Request, services: ServicesHere, visitor: SignedIn, ref: str) -> Response:
    """File it; without the author's name where that was chosen, and then nothing is left of the draft."""
    posted = Posted((await request.form()).multi_items())
    anonymously = posted.one("_anonymously") == "yes"
    if earlier := await services.read(lambda connection: _filed_before(connection, ref, visitor, posted.one("_key"))):
        return _to(_confirmation(earlier, posted.one("_key")))
    draft = await _draft(services, ref, visitor)
    command, found = await services.read(lambda connection: _command(services, connection, draft, visitor))
    if command is None:
        return await _show_check(request, services, visitor, Checked(draft, found, anonymously=anonymously))
    try:
        given = await give(
            services, command, change=None, key=draft.key, actor=visitor.ref, via="page", anonymously=anonymously
        )
    except NotNow as error:
        return await _show_check(
            request, services, visitor, Checked(draft, notice=not_now(error), anonymously=anonymously, sent=True)
        )
    if isinstance(given.answer, Refused):
        refused = given.answer
        notice = Failure(STATUS[refused.kind], refused.rule, "This could not be filed", refused.detail)
        if refused.rule == SENT_ANOTHER_WAY:
            as_before = Checked(draft, notice=notice, anonymously=not anonymously, sent=True)
            return await _show_check(request, services, visitor, as_before)
        renewed = draft.having(key=new_key())  # the refusal is on record under its key
        await services.write(lambda connection: renew_key(connection, renewed))
        return await _show_check(request, services, visitor, Checked(renewed, notice=notice, anonymously=anonymously))
    if anonymously:  # a draft names its author and holds the same words as the change
        await services.write(lambda connection: discard_draft(connection, ref, visitor.ref))
        return _to(_confirmation(given.change, draft.key))
    await services.write(
        lambda connection: save_draft(connection, draft, draft.answers, services.clock(), given.change)
    )
    return _to(f"/drafts/{ref}/filed")


@router.get("/drafts/{ref}/filed")
@needs(Operation.READ_OWN)
async def filed(request: Request, services: ServicesHere, visitor: SignedIn, ref: str) -> Response:
    """The confirmation: the reference, and what happens next."""
    draft = await _draft(services, ref, visitor)
    if not draft.filed_as:
        return _to(f"/drafts/{ref}/check")
    return _to(_confirmation(draft.filed_as, draft.key))


@router.post("/drafts/{ref}/discard")
@needs(Operation.CHANGE_OWN)
async def discard(services: ServicesHere, visitor: SignedIn, ref: str) -> Response:
    """Throw a draft away."""
    await services.write(lambda connection: discard_draft(connection, ref, visitor.ref))
    return _to("/changes/new")


@router.post("/drafts/{ref}/beside/{name}")
@needs(Operation.READ_OWN)
async def beside(request: Request, services: ServicesHere, visitor: SignedIn, ref: str, name: str) -> Response:
    """What the organisation knows about the words as they are typed. Saves nothing: only a pressed button does."""
    draft, step = await _draft(services, ref, visitor), _step(name)
    posted = Posted((await request.form()).multi_items())
    typed = draft.having(answers=_with(draft, step, posted))
    with freshness.once():  # it is posted for its length and decides nothing
        shown = await services.read(lambda connection: _beside(services, connection, typed, visitor))
    return page(request, "beside.html", visitor=visitor, beside=shown)


@router.get("/drafts/{ref}/{name}")
@needs(Operation.READ_OWN)
async def question(request: Request, services: ServicesHere, visitor: SignedIn, ref: str, name: str) -> Response:
    """One question."""
    draft = await _draft(services, ref, visitor)
    if draft.filed_as:
        return _to(f"/drafts/{ref}/filed")
    return await _show_step(request, services, visitor, _step(name), Asked(draft, _whole(draft)))


@router.post("/drafts/{ref}/{name}")
@needs(Operation.CHANGE_OWN)
async def answer(request: Request, services: ServicesHere, visitor: SignedIn, ref: str, name: str) -> Response:
    """Keep an answer, right or not, and go on where it is right."""
    draft, step = await _draft(services, ref, visitor), _step(name)
    posted = Posted((await request.form()).multi_items())
    answers = _with(draft, step, posted)
    await services.write(lambda connection: save_draft(connection, draft, answers, services.clock()))
    saved = draft.having(answers=answers)
    _, found = await services.read(lambda connection: _command(services, connection, saved, visitor))
    mine = [
        finding for finding in found if finding.pointer.split("/")[1:2] and finding.pointer.split("/")[1] in step.fields
    ]
    if mine and not posted.one("_later"):
        asked = Asked(saved, answers, mine)
        return await _show_step(request, services, visitor, step, asked, HTTPStatus.UNPROCESSABLE_ENTITY)
    if posted.one("_later"):
        return _to("/changes/new")
    return _to(f"/drafts/{ref}/{_after(step, request.query_params.get('then', ''))}")


def _field(finding: Finding) -> str:
    """The field that ``finding`` is about."""
    return finding.pointer.partition("/")[2].partition("/")[0]


def _to(address: str) -> Response:
    return RedirectResponse(address, status_code=HTTPStatus.SEE_OTHER)


def _filed_before(connection: Connection, ref: str, visitor: Visitor, key: str) -> str | None:
    """The change that a draft became which is gone: it was filed anonymously, and the button was pressed twice."""
    if not KEY.fullmatch(key) or draft_of(connection, ref, visitor.ref):
        return None
    return filed_anonymously(connection, visitor.ref, key)


def _confirmation(change: str, key: str) -> str:
    return f"/changes/{change}?done={key}&new=yes#main"


def _after(step: Step, then: str) -> str:
    """The next step; the check again, where somebody came from there to change one answer."""
    number = STEPS.index(step) + 1
    return "check" if then == "check" or number >= len(STEPS) else STEPS[number].name


def _step(name: str) -> Step:
    if name not in BY_NAME:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return BY_NAME[name]


async def _draft(services: Services, ref: str, visitor: Visitor) -> Draft:
    draft = await services.read(lambda connection: draft_of(connection, ref, visitor.ref))
    if draft is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "There is no such draft. It may have been filed or thrown away.")
    return draft


def _whole(draft: Draft) -> Answers:
    """The draft's answers, with blanks for questions that came later than the draft."""
    return answering.blank(Submit) | {
        name: value for name, value in draft.answers.items() if name in Submit.model_fields
    }


def _with(draft: Draft, step: Step, posted: Posted) -> dict[str, Any]:
    given = answering.read(Submit, posted)
    return _whole(draft) | {name: given[name] for name in step.fields}


def _command(
    services: Services, connection: Connection, draft: Draft, visitor: Visitor
) -> tuple[Submit | None, list[Finding]]:
    """The command that ``draft`` is, or what is wrong with it."""
    wording = wording_for(services, connection, visitor)
    body = answering.body(Submit, _whole(draft), Offered(wording.directory), wording.zone)
    try:
        return Submit.model_validate(body), []
    except ValidationError as error:
        return None, findings(error.errors(), subject=lambda place: label_at(Submit, place), model=Submit)


def _beside(services: Services, connection: Connection, draft: Draft, visitor: Visitor) -> Beside:
    alike = _alike(connection, draft)
    return Beside(
        route=_route(services, connection, draft, visitor),
        alike=alike,
        lessons=lessons_of(connection, [found.ref for found in alike if found.outcome]),
    )


def _alike(connection: Connection, draft: Draft) -> Sequence[Similar]:
    """Changes about something alike, once there are words enough to compare."""
    told = (str(draft.answers.get(field) or "") for field in ("title", "problem", "suggestion"))
    text = " ".join(" ".join(told).split())
    return similar_changes(connection, text, limit=4) if len(text) >= ENOUGH else ()


def _route(services: Services, connection: Connection, draft: Draft, visitor: Visitor) -> Explanation | None:
    """What the policy says about the draft as far as it is written; None until it names a process."""
    wording = wording_for(services, connection, visitor)
    offered = Offered(wording.directory)
    body = answering.body(Submit, _whole(draft), offered, wording.zone)
    told = {name: body[name] for name in Case.model_fields if name in body}
    try:
        case = Case.model_validate(told)
        proposer = str(body.get("proposer") or visitor.ref)
        return explain(
            services.policies.bound(connection, None),
            wording.directory,
            case,
            proposer if proposer in wording.directory.people else visitor.ref,
            services.clock(),
            filer=visitor.ref,
            co_proposers=[ref for ref in body.get("co_proposers", ()) if ref in wording.directory.people],
        )
    except (ValidationError, LookupError):
        return None


async def _show_step(
    request: Request,
    services: Services,
    visitor: Visitor,
    step: Step,
    asked: Asked,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    def read(connection: Connection) -> tuple[Beside, Wording]:
        return _beside(services, connection, asked.draft, visitor), wording_for(services, connection, visitor)

    shown, wording = await services.read(read)
    drawn = form(Submit, asked.answers, Offered(wording.directory), asked.found)
    controls = [control for control in drawn.controls if control.name in step.fields]
    order = {name: number for number, name in enumerate(step.fields)}
    number = STEPS.index(step) + 1
    then = request.query_params.get("then", "")
    return page(
        request,
        "question.html",
        visitor=visitor,
        status=status,
        step=step,
        number=number,
        steps=STEPS,
        back="check" if then == "check" else STEPS[number - 2].name if number > 1 else "",
        then="check" if then == "check" else "",
        draft=asked.draft,
        form=drawn,
        controls=sorted(controls, key=lambda control: order[control.name]),
        beside=shown,
        wording=wording,
    )


async def _show_check(request: Request, services: Services, visitor: Visitor, checked: Checked) -> Response:
    draft, found, notice = checked.draft, checked.found, checked.notice

    def read(connection: Connection) -> tuple[Beside, Wording, list[Finding], str]:
        _, missing = _command(services, connection, draft, visitor)
        return (
            _beside(services, connection, draft, visitor),
            wording_for(services, connection, visitor),
            missing,
            promise_for(services, connection, Submit),
        )

    shown, wording, missing, promise = await services.read(read)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if found else HTTPStatus(notice.status) if notice else HTTPStatus.OK
    return page(
        request,
        "check.html",
        visitor=visitor,
        status=status,
        headers=dict(notice.headers) if notice else {},
        draft=draft,
        rows=_rows(draft, wording),
        missing={_field(finding): finding.message for finding in missing},
        found=found,
        steps={name: step.name for step in STEPS for name in step.fields},
        notice=notice,
        promise=promise,
        anonymously=checked.anonymously,
        sent=checked.sent,
        beside=shown,
        wording=wording,
    )


def _rows(draft: Draft, wording: Wording) -> list[tuple[str, str, str]]:
    """Field, question and answer in words, in the order of the steps."""
    answers = _whole(draft)
    questions = {asked.name: asked for asked in questions_of(Submit)}
    rows = []
    for name in (name for step in STEPS for name in step.fields):
        asked, value = questions[name], answers[name]
        if asked.kind is Kind.TICK:
            text = "Yes" if value else "No"
        elif asked.kind is Kind.MANY:
            text = ", ".join(_named(asked.names, item, wording) for item in value)
        elif asked.options:
            text = next((option.label for option in asked.options if option.value == value), str(value))
        else:
            text = _named(asked.names, str(value), wording)
        rows.append((name, asked.label, text))
    return rows


def _named(thing: str | None, ref: str, wording: Wording) -> str:
    match thing:
        case "person" if ref:
            return wording.person(ref)
        case "team":
            return wording.team(ref)
        case "process":
            return wording.process(ref)
        case _:
            return ref
