"""The policy over JSON: what it says about a proposal that is still being written."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import Connection

from changes.permissions import Operation
from changes.values import PersonRef
from policies.explanation import Draft, Explanation, explain
from web.problems import problem_responses
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
