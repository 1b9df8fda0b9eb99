"""What I want of each kind of mail: at once, weekly, or not at all."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from changes.permissions import Operation, Verdict
from notifications.choices import CHOOSABLE, Choice, how_sent
from store.mail_choices import choices_of, choose
from web.api.commands import require_json
from web.problems import FOR_THE_SIGNED_IN, problem_responses
from web.security.authorising import NotPermitted, needs
from web.security.sign_in import SignedIn
from web.services import ServicesHere

router = APIRouter(responses=FOR_THE_SIGNED_IN)


class MailChoice(BaseModel):
    """One kind of mail and how it is sent."""

    kind: str
    words: str
    choice: Choice


class MailChoices(BaseModel):
    """The kinds of mail about which one may choose. What one is asked to answer is not among them."""

    choices: tuple[MailChoice, ...]


class NewChoice(BaseModel):
    """How a kind of mail is to be sent."""

    model_config = ConfigDict(extra="forbid")

    choice: Choice = Field(description="At once, in the weekly digest, or not at all")


@router.get("/mail-choices", summary="How I get each kind of mail")
@needs(Operation.READ_OWN)
async def mail_choices(services: ServicesHere, visitor: SignedIn) -> MailChoices:
    """Every kind about which one may choose, with the present choice."""
    return await services.read(lambda connection: _choices(connection, visitor.ref))


@router.put(
    "/mail-choices/{kind}",
    summary="Choose how I get a kind of mail",
    dependencies=[Depends(require_json)],
    responses=problem_responses(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ),
)
@needs(Operation.CHANGE_OWN)
async def change_choice(
    services: ServicesHere,
    visitor: SignedIn,
    kind: Annotated[str, Path(max_length=64, description="The kind, as the list gives it")],
    body: NewChoice,
) -> MailChoices:
    """From the next mail on."""
    if kind not in CHOOSABLE:
        raise NotPermitted(Verdict(False, "There is no such choice.", hidden=True))

    def work(connection: Connection) -> MailChoices:
        choose(connection, visitor.ref, kind, body.choice)
        return _choices(connection, visitor.ref)

    return await services.write(work)


def _choices(connection: Connection, person: str) -> MailChoices:
    mine = choices_of(connection, [person]).get(person, {})
    return MailChoices(
        choices=tuple(
            MailChoice(kind=kind, words=words, choice=how_sent(kind, mine)) for kind, words in CHOOSABLE.items()
        )
    )
