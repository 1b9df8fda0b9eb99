"""Who answers for whom: delegations and absences, given and taken back. Plain forms."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from pydantic import ValidationError
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from changes.acts import ACTS, Act
from changes.permissions import Operation
from directory.model import Directory, Person
from directory.standing_in import KINDS_OF_DECISION, AnnounceAbsence, Delegate, EndAbsence, RevokeDelegation
from store.standing_in import absences_of, delegations_of
from web.acting import act
from web.commanding import KEY, new_key
from web.forms.options import Offered
from web.pages.rendering import page
from web.pages.wording import wording_for
from web.plain_words import findings
from web.security.authorising import needs
from web.security.sign_in import SignedIn, Visitor
from web.services import Services, ServicesHere

router = APIRouter()

HERE: dict[str, type[Act]] = {each.kind: each for each in (Delegate, RevokeDelegation, AnnounceAbsence, EndAbsence)}


@dataclass(frozen=True)
class Sent:
    """What was sent, and why it could not be done."""

    kind: str = ""
    values: dict[str, str | list[str]] | None = None
    wrong: tuple[str, ...] = ()


@router.get("/standing-in")
@needs(Operation.READ_OWN)
async def standing_in(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """Who answers for me, for whom I do, and when I am away."""
    return await _show(request, services, visitor, Sent(), request.query_params.get("done", ""))


@router.post("/standing-in/{kind}")
@needs(Operation.CHANGE_OWN)
async def give_act(request: Request, services: ServicesHere, visitor: SignedIn, kind: str) -> Response:
    """Delegate, take back, go away or come back."""
    if kind not in HERE:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    form = await request.form()
    several = {name for name, field in ACTS[kind].model_fields.items() if field.default == ()}
    values: dict[str, str | list[str]] = {}
    for name in ACTS[kind].model_fields:
        if name in several:
            values[name] = [part for text in form.getlist(name) for part in str(text).replace(",", " ").split()]
        elif form.get(name):
            values[name] = str(form[name])
    if "to" in values:  # a name or an address, where there are too many people to choose from
        directory = await services.read(services.authority.directory)
        values["to"] = Offered(directory).reference("person", str(values["to"]))
    key = str(form.get("_key", ""))
    try:
        wanted = HERE[kind].model_validate(values)
    except ValidationError as error:
        wrong = tuple(finding.message for finding in findings(error.errors(), model=HERE[kind]))
        return await _show(request, services, visitor, Sent(kind, values, wrong))
    done = await act(services, wanted, actor=visitor.ref, via="page", key=key if KEY.fullmatch(key) else new_key())
    if done.receipt is None:
        detail = done.refused.detail if done.refused else ""
        return await _show(request, services, visitor, Sent(kind, values, (detail,)))
    return RedirectResponse(f"/standing-in?done={kind}", status_code=HTTPStatus.SEE_OTHER)


async def _show(request: Request, services: Services, visitor: Visitor, sent: Sent, done: str = "") -> Response:
    def read(connection: Connection) -> dict[str, Any]:
        directory = services.authority.directory(connection)
        few = Offered(directory).few("person")
        return {
            "wording": wording_for(services, connection, visitor),
            "delegations": delegations_of(connection, visitor.ref),
            "absences": absences_of(connection, visitor.ref),
            "today": services.authority.today(connection, services.clock()),
            "colleagues": _colleagues(directory, visitor.ref) if few else None,
        }

    shown = await services.read(read)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if sent.wrong else HTTPStatus.OK
    return page(
        request,
        "standing_in.html",
        visitor=visitor,
        status=status,
        sent=sent,
        done=DONE.get(done, ""),
        kinds=KINDS_OF_DECISION,
        key=new_key(),
        **shown,
    )


def _colleagues(directory: Directory, reader: str) -> list[Person]:
    others = (person for person in directory.people.values() if person.active and person.ref != reader)
    return sorted(others, key=lambda person: person.name)


DONE = {
    "delegate": "What waits for you goes to them as soon as their first day has come. Both of you get a mail.",
    "revoke_delegation": "It is over. You are asked again.",
    "announce_absence": "Whoever you delegated to is asked meanwhile, or somebody in your line.",
    "end_absence": "Welcome back. You are asked again.",
}
