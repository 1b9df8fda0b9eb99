"""Who answers for whom: delegations and absences, given and ended, and what was said anonymously."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BaseModel, Field, ValidationError
from pydantic_core import PydanticCustomError
from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from changes.acts import Act
from changes.decision import HUMAN_COMMANDS
from changes.instruction import Receipt
from changes.permissions import Operation
from changes.proposal import Submit
from changes.refusals import Refused
from directory.standing_in import AnnounceAbsence, Delegate, EndAbsence, RevokeDelegation
from store.standing_in import GivenAbsence, GivenDelegation, absences_of, delegations_of
from web.acting import act
from web.anonymity import promise, revealed
from web.api.commands import PROBLEMS, IdempotencyKey, require_json
from web.commanding import MOST_AT_ONCE, give_many
from web.problems import problem, problem_responses
from web.refusing import refusal
from web.security.authorising import needs
from web.security.sign_in import SignedIn
from web.services import ServicesHere

router = APIRouter()


class StandingIn(BaseModel):
    """Whom somebody stands in for and who stands in for them, the latest first."""

    delegations: Sequence[GivenDelegation]
    absences: Sequence[GivenAbsence]


class Promise(BaseModel):
    """What is promised to whoever speaks anonymously."""

    proposals: bool
    """Whether the policy allows anonymous proposals."""
    concerns: bool
    in_words: str
    """Who can see what."""


class Revealed(BaseModel):
    """The name behind a pseudonym."""

    person: str
    name: str


def _known(kind: str) -> str:
    if kind not in HUMAN_COMMANDS or HUMAN_COMMANDS[kind] is Submit:
        raise PydanticCustomError("command", "is no command on a change that exists; GET /commands lists them")
    return kind


class Together(BaseModel):
    """One command for several changes."""

    command: Annotated[str, AfterValidator(_known)] = Field(description="The kind of command, such as endorse")
    changes: list[str] = Field(min_length=1, max_length=MOST_AT_ONCE, description="Which changes")
    versions: dict[str, int] = Field(
        default_factory=dict, description="The version you last saw of each; one that has moved on refuses"
    )
    content: dict[str, object] = Field(default_factory=dict, description="The command's fields, the same for all")


class OneOfSeveral(BaseModel):
    """What became of it on one change."""

    change: str
    receipt: Receipt | None = None
    refused: Refused | None = None
    trouble: str = ""


class Several(BaseModel):
    """What became of it on each change, in the order they were named."""

    answers: list[OneOfSeveral]
    done: int
    """On how many it happened."""


DOING = problem_responses(*PROBLEMS)
JSON = [Depends(require_json)]
READING = problem_responses(HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE)
Which = Annotated[
    str, Path(max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$", description="Its reference, from the list")
]


@router.get("/standing-in", summary="Who answers for me, and for whom I do", responses=READING)
@needs(Operation.READ_OWN)
async def standing_in(services: ServicesHere, visitor: SignedIn) -> StandingIn:
    """Delegations given and received, and absences, those that are over included."""

    def read(connection: Connection) -> StandingIn:
        delegations, absences = delegations_of(connection, visitor.ref), absences_of(connection, visitor.ref)
        return StandingIn(delegations=delegations, absences=absences)

    return await services.read(read)


class Acting:
    """Whoever asks for an act of theirs, and the answer they get: the same for each kind of act."""

    def __init__(self, request: Request, services: ServicesHere, visitor: SignedIn, key: IdempotencyKey) -> None:
        self._request, self._services, self._visitor, self._key = request, services, visitor, key

    async def do(self, wanted: Act, status: HTTPStatus = HTTPStatus.OK) -> Response:
        """The receipt of ``wanted``, or why it was refused."""
        visitor = self._visitor
        done = await act(self._services, wanted, actor=visitor.ref, via=visitor.via, key=self._key)
        replayed = {"Idempotency-Replayed": "true"} if done.replayed else {}
        if done.receipt is None:
            assert done.refused is not None  # noqa: S101 - what was done has a receipt or a refusal
            response = problem(self._request, refusal(done.refused))
            response.headers.update(replayed)
            return response
        return Response(done.receipt.model_dump_json(), status, media_type="application/json", headers=replayed)


ActingHere = Annotated[Acting, Depends()]


@router.post(
    "/delegations", status_code=HTTPStatus.CREATED, summary=Delegate.button, dependencies=JSON, responses=DOING
)
@needs(Operation.CHANGE_OWN)
async def give_delegation(acting: ActingHere, body: Delegate) -> Response:
    """Somebody answers in your place, from and until a day, for some kinds of decision or some changes."""
    return await acting.do(body, HTTPStatus.CREATED)


@router.post("/delegations/{ref}/revoke", summary=RevokeDelegation.button, responses=DOING)
@needs(Operation.CHANGE_OWN)
async def revoke_delegation(acting: ActingHere, ref: Which) -> Response:
    """What was delegated is asked of its giver again from this moment."""
    return await acting.do(RevokeDelegation(delegation=ref))


@router.post(
    "/absences", status_code=HTTPStatus.CREATED, summary=AnnounceAbsence.button, dependencies=JSON, responses=DOING
)
@needs(Operation.CHANGE_OWN)
async def give_absence(acting: ActingHere, body: AnnounceAbsence) -> Response:
    """While you are away, whoever you delegated to is asked, or somebody in your line."""
    return await acting.do(body, HTTPStatus.CREATED)


@router.post("/absences/{ref}/end", summary=EndAbsence.button, responses=DOING)
@needs(Operation.CHANGE_OWN)
async def come_back(acting: ActingHere, ref: Which) -> Response:
    """You are asked again from this moment."""
    return await acting.do(EndAbsence(absence=ref))


@router.get("/anonymity", summary="Who can see what, when somebody speaks anonymously", responses=READING)
@needs(Operation.READ_CHANGES)
async def anonymity(services: ServicesHere, visitor: SignedIn) -> Promise:
    """What the policy in force allows, and what is promised."""
    policy = await services.read(lambda connection: services.policies.bound(connection, None))
    rules = policy.anonymity
    return Promise(
        proposals=rules.proposals == "allowed", concerns=rules.concerns == "allowed", in_words=promise(policy)
    )


@router.get(
    "/changes/{ref}/revealed/{pseudonym}",
    summary="The name behind a pseudonym, for those who agreed to have it shown",
    responses=READING | problem_responses(HTTPStatus.NOT_FOUND),
)
@needs(Operation.READ_CHANGES)
async def reveal(services: ServicesHere, visitor: SignedIn, ref: Which, pseudonym: Which) -> Revealed:
    """Only once enough people agreed, and only for them."""

    def read(connection: Connection) -> Revealed | None:
        person = revealed(connection, ref, pseudonym, visitor.ref)
        if person is None:
            return None
        return Revealed(person=person, name=services.authority.directory(connection).person(person).name)

    found = await services.read(read)
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "There is no name here that you may see.")
    return found


@router.post(
    "/commands/together",
    summary="Give one command to several changes",
    dependencies=JSON,
    responses=DOING,
)
@needs(Operation.GIVE_COMMANDS)
async def together(
    request: Request, services: ServicesHere, visitor: SignedIn, key: IdempotencyKey, body: Together
) -> Several:
    """Each change answers for itself: what one refuses does not keep the others from happening."""
    try:
        command = HUMAN_COMMANDS[body.command].model_validate(body.content)
    except ValidationError as error:
        wrong = [{**one, "loc": ("body", "content", *one["loc"])} for one in error.errors()]
        raise RequestValidationError(wrong) from error
    given = await give_many(
        services, command, body.changes, key=key, actor=visitor.ref, via=visitor.via, versions=body.versions
    )
    answers = [
        OneOfSeveral(
            change=one.change,
            receipt=one.answer if isinstance(one.answer, Receipt) else None,
            refused=one.answer if isinstance(one.answer, Refused) else None,
            trouble=one.trouble,
        )
        for one in given
    ]
    return Several(answers=answers, done=sum(answer.receipt is not None for answer in answers))
