"""Whether this process is up, and whether everything it needs answers."""

from __future__ import annotations

from collections.abc import Sequence

import anyio.to_thread
from fastapi import APIRouter, Response
from pydantic import BaseModel
from sqlalchemy import Connection

from changes.permissions import Operation
from store.database import DatabaseUnavailable
from store.migrating import latest_revision, present_revision
from web.refusing import RETRY_AFTER
from web.security.authorising import needs
from web.services import Services, ServicesHere

router = APIRouter()


class Health(BaseModel):
    """The process answers."""

    status: str = "up"


class Readiness(BaseModel):
    """Whether commands can be given now, and if not, what does not answer."""

    ready: bool
    missing: list[str] = []


@router.get("/healthz", summary="The process is up")
@needs(Operation.OPEN)
async def healthz() -> Health:
    """Answers as long as the process does; asks nothing else."""
    return Health()


@router.get("/readyz", summary="Everything answers", responses={503: {"model": Readiness}})
@needs(Operation.OPEN)
async def readyz(response: Response, services: ServicesHere) -> Readiness:
    """Database at its schema, a policy published, Temporal there, a worker at its queue."""
    missing = [*await _database(services), *await services.not_answering()]
    if missing:
        response.status_code = 503
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return Readiness(ready=not missing, missing=missing)


async def _database(services: Services) -> Sequence[str]:
    """What the database lacks. Which database it is stays out of the answer, because nobody is signed in here."""
    try:
        present = await anyio.to_thread.run_sync(present_revision, services.engine, limiter=services.threads)
        if present != latest_revision():
            return ["The database is not at the schema that this program needs."]
        return await services.read(lambda connection: _policy(services, connection))
    except DatabaseUnavailable:
        return ["The database does not answer."]


def _policy(services: Services, connection: Connection) -> Sequence[str]:
    try:
        services.authority.policy_in_force(connection)
    except LookupError:
        return ["No policy is published."]
    return []
