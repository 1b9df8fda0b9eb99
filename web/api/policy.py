"""The policy over JSON: what it says about a proposal, the one in force, trying another out, putting one forward."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from changes.facts import PolicyRef
from changes.instruction import Receipt
from changes.permissions import Operation
from changes.values import PersonRef
from policies.explanation import Draft, Explanation, explain
from policies.loader import PolicyError
from policies.proven import CannotBeAdded, Proven, with_process
from store.policies import PublishedVersion, published_versions
from web.api.commands import PROBLEMS, IdempotencyKey, answer
from web.failures import Failure
from web.plain_words import Finding
from web.policy_desk import (
    PolicyProposal,
    PolicyText,
    TriedOut,
    put_forward,
    standard_change,
    suggestions,
    text_in_force,
    try_out,
)
from web.problems import problem, problem_responses
from web.security.authorising import needs
from web.security.sign_in import SignedIn
from web.services import ServicesHere

router = APIRouter(
    responses=problem_responses(
        HTTPStatus.UNAUTHORIZED, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE
    )
)


class RouteQuestion(Draft):
    """A proposal as far as it is written, and whose it is."""

    proposer: PersonRef | None = Field(default=None, description="Whose idea it is; the person who asks, if left out")
    co_proposers: tuple[PersonRef, ...] = Field(default=(), max_length=10, description="Who proposes it with them")

    @property
    def draft(self) -> Draft:
        """What of it decides the road."""
        return Draft.model_construct(**{name: getattr(self, name) for name in Draft.model_fields})


@router.post("/route-preview", summary="What the policy says about a proposal")
@needs(Operation.READ_POLICY)
async def route_preview(services: ServicesHere, visitor: SignedIn, question: RouteQuestion) -> Explanation:
    """Whether the proposer may decide alone, or who will be asked, why them and by when; with every rule looked at.

    Nothing is stored. References that the directory does not know stand for themselves.
    """

    def preview(connection: Connection) -> Explanation:
        return explain(
            services.policies.bound(connection, None),
            services.authority.directory(connection),
            question.draft,
            question.proposer or visitor.ref,
            services.clock(),
            filer=visitor.ref,
            co_proposers=question.co_proposers,
        )

    return await services.read(preview)


class PolicyInForce(BaseModel):
    """The policy that decides about changes that begin now."""

    policy: PolicyRef
    text: str
    """As it was written, in YAML."""


class PolicyVersions(BaseModel):
    """Every version that is or was in force, the newest first."""

    versions: tuple[PublishedVersion, ...]


class ProvenList(BaseModel):
    """Processes whose changes keep working, the best proven first."""

    proven: tuple[Proven, ...]


FORBIDDEN = problem_responses(HTTPStatus.FORBIDDEN)
BEGINNING = problem_responses(*PROBLEMS)


@router.get("/policy", summary="The policy in force")
@needs(Operation.READ_POLICY)
async def in_force(services: ServicesHere, visitor: SignedIn) -> PolicyInForce:
    """Its name, version, content hash and text."""

    def read(connection: Connection) -> PolicyInForce:
        policy = services.policies.bound(connection, None)
        return PolicyInForce(policy=policy.ref, text=text_in_force(services, connection))

    return await services.read(read)


@router.get("/policy/versions", summary="Every version of the policy")
@needs(Operation.READ_POLICY)
async def versions(services: ServicesHere, visitor: SignedIn) -> PolicyVersions:
    """Each with the change that brought it."""
    return PolicyVersions(versions=await services.read(published_versions))


@router.post("/policy/try", summary="Try a policy against the changes on record", responses=FORBIDDEN)
@needs(Operation.TRY_POLICY)
async def try_policy(services: ServicesHere, visitor: SignedIn, candidate: PolicyText) -> TriedOut:
    """What is wrong with it, what is different, and whose road would be another one. Nothing is stored."""
    return await services.read(lambda connection: try_out(services, connection, candidate.text))


@router.post(
    "/policy/proposals",
    summary="Put a policy forward",
    status_code=HTTPStatus.CREATED,
    response_model=Receipt,
    responses=BEGINNING,
)
@needs(Operation.PUBLISH_POLICY)
async def propose_policy(
    request: Request, services: ServicesHere, visitor: SignedIn, key: IdempotencyKey, proposal: PolicyProposal
) -> Response:
    """File the change that puts it forward; it takes force once that change is signed."""
    return await _put_forward(request, services, visitor, key, proposal)


@router.get("/policy/proven", summary="What could be authorised beforehand")
@needs(Operation.READ_POLICY)
async def proven_processes(services: ServicesHere, visitor: SignedIn) -> ProvenList:
    """Processes whose changes were closed as effective, with the evidence for and against."""
    found = await services.read(lambda connection: suggestions(services, connection))
    return ProvenList(proven=tuple(one.proven for one in found))


@router.post(
    "/policy/proven/{process}/proposals",
    summary="Put forward that a proven process is authorised beforehand",
    status_code=HTTPStatus.CREATED,
    response_model=Receipt,
    responses=BEGINNING,
)
@needs(Operation.PUBLISH_POLICY)
async def propose_standard(
    request: Request,
    services: ServicesHere,
    visitor: SignedIn,
    key: IdempotencyKey,
    process: Annotated[str, Path(description="The process's reference")],
) -> Response:
    """File the change of the policy that adds the process to its pre-authorised route."""
    found = await services.read(lambda connection: suggestions(services, connection))
    one = next((one for one in found if one.proven.process == process and one.proven.often_enough), None)
    if one is None:
        return problem(request, NOT_PROVEN)
    try:
        text = with_process(await services.read(lambda connection: text_in_force(services, connection)), process)
    except CannotBeAdded as error:
        return problem(request, _not_possible(str(error)))
    return await _put_forward(request, services, visitor, key, standard_change(process, one.name, text, one.proven))


NOT_PROVEN = Failure(
    HTTPStatus.CONFLICT,
    "not_proven",
    "Not proven yet",
    "Too few changes of this process were closed as effective. GET /policy/proven shows the evidence.",
)


def _not_possible(detail: str) -> Failure:
    return Failure(HTTPStatus.CONFLICT, "cannot_be_added", "Not possible with this policy", detail)


async def _put_forward(
    request: Request, services: ServicesHere, visitor: SignedIn, key: str, proposal: PolicyProposal
) -> Response:
    try:
        given = await put_forward(services, proposal, by=visitor.ref, via=visitor.via, key=key)
    except PolicyError as error:
        found = [Finding(pointer="/text", code="policy", message=str(problem)) for problem in error.problems]
        return problem(
            request,
            Failure(
                HTTPStatus.UNPROCESSABLE_ENTITY, "policy_unreadable", "Not a policy", "Look at each place named.", found
            ),
        )
    return answer(request, given, begun=True)
