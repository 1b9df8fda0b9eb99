"""Making an API token of one's own, for API and pages alike."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from changes.permissions import Scope
from changes.values import Line, Moment
from store.tokens import make_token, tokens_of
from web.failures import Failure
from web.security.sign_in import Visitor
from web.services import Services

LONGEST_DAYS = 366
"""A token lasts a year at most (ASVS 9.2.1)."""
MOST_TOKENS = 50

Days = Annotated[int, Field(ge=1, le=LONGEST_DAYS, description="For how many days it works")]


class NewToken(BaseModel):
    """A token to be made."""

    model_config = ConfigDict(extra="forbid")

    name: Line = Field(description="What it is for, in your words; no two of your tokens are called the same")
    scopes: Annotated[
        tuple[Scope, ...], Field(min_length=1, max_length=len(Scope), description="What it may be used for")
    ] = (Scope.READ,)
    days: Days = 90


class MadeToken(BaseModel):
    """A new token. It is shown this once."""

    token: str
    name: str
    scopes: tuple[Scope, ...]
    expires_at: Moment


def name_taken(name: str) -> Failure:
    """There is a token of this name already, perhaps because the request was sent twice."""
    return Failure(
        HTTPStatus.CONFLICT,
        "name_taken",
        "There is one of this name",
        f"A token called “{name}” exists already. If you sent this twice, it was made the first time; revoke it "
        "to make another, since it is shown only once.",
    )


TOO_MANY = Failure(
    HTTPStatus.CONFLICT,
    "too_many_tokens",
    "Too many tokens",
    f"There are {MOST_TOKENS} tokens already. Revoke some first.",
)


async def make_own_token(services: Services, visitor: Visitor, wanted: NewToken) -> MadeToken | Failure:
    """Make a token of ``visitor``'s. It can do what they can, within its scopes."""
    now = services.clock()

    def work(connection: Connection) -> str | Failure:
        known = tokens_of(connection, visitor.ref, now)
        if any(token.name == wanted.name for token in known):
            return name_taken(wanted.name)
        if len(known) >= MOST_TOKENS:
            return TOO_MANY
        lasts = timedelta(days=wanted.days)
        return make_token(connection, visitor.ref, wanted.name, lasts, now, scopes=frozenset(wanted.scopes))

    if missing := frozenset(wanted.scopes) - visitor.scopes:
        return _beyond(missing)
    made = await services.write(work)
    if isinstance(made, Failure):
        return made
    scopes = tuple(sorted(set(wanted.scopes)))
    return MadeToken(token=made, name=wanted.name, scopes=scopes, expires_at=now + timedelta(days=wanted.days))


def _beyond(missing: frozenset[Scope]) -> Failure:
    names = ", ".join(f"“{scope}”" for scope in sorted(missing))
    detail = f"A token cannot make one that may do more than itself. It lacks {names}."
    return Failure(HTTPStatus.FORBIDDEN, "beyond_own_scopes", "More than this token has", detail)
