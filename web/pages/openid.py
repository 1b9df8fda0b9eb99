"""Signing in with the organisation's identity provider: to it, and back again."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

import structlog
from fastapi import APIRouter, Request
from itsdangerous import BadData, URLSafeTimedSerializer
from pydantic import ValidationError
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from changes.permissions import Operation
from store.directory import grant_roles
from store.identities import identified, link_identity, touch_identity
from store.sign_in import begin_session, end_session
from web.failures import Failure
from web.security.authorising import TooFast, needs
from web.security.openid import Attempt, Identity, OpenId, SignInFailed
from web.security.sign_in import address_of, give_cookie, session_token
from web.services import Services, ServicesHere

BACK = "/sign-in/openid/back"
ATTEMPT_LASTS = 600
"""Seconds somebody may take at the provider."""
_PURPOSE = "sign-in attempt"

log = structlog.get_logger()
router = APIRouter()


@router.get("/sign-in/openid")
@needs(Operation.OPEN)
async def to_the_provider(services: ServicesHere, onward: str = "/") -> Response:
    """Send the browser to the provider. Nothing happens here until it comes back."""
    address, attempt = await _openid(services).begin(_back(services), _ours(onward))
    response = RedirectResponse(address, status_code=HTTPStatus.SEE_OTHER)
    secure = services.settings.secure_cookies
    response.set_cookie(
        _cookie_name(secure),
        _serializer(services).dumps(attempt.model_dump()),
        max_age=ATTEMPT_LASTS,
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )
    return response


@router.get(BACK)
@needs(Operation.OPEN)
async def back_from_the_provider(request: Request, services: ServicesHere) -> Response:
    """Sign in whoever comes back, as the person they are here."""
    if seconds := services.failed_sign_ins.wait(address_of(request)):
        raise TooFast(seconds)
    attempt = _attempt(request, services)
    try:
        identity = await _openid(services).finish(_back(services), attempt, request.query_params)
        assert attempt is not None  # noqa: S101 - finishing without one fails
        earlier, agent = session_token(request, services), request.headers.get("user-agent", "")
        session = await services.write(lambda connection: _begin(services, connection, identity, earlier, agent))
    except SignInFailed:
        services.failed_sign_ins.take(address_of(request))
        raise
    response = RedirectResponse(attempt.onward, status_code=HTTPStatus.SEE_OTHER)
    secure = services.settings.secure_cookies
    give_cookie(response, session, secure)
    response.delete_cookie(_cookie_name(secure), path="/", secure=secure, httponly=True, samesite="lax")
    return response


def _openid(services: Services) -> OpenId:
    if services.openid is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return services.openid


def _back(services: Services) -> str:
    return services.settings.public_url.rstrip("/") + BACK


def _ours(onward: str) -> str:
    """A path of ours, or the first page: never the address of another site."""
    plain = onward.isprintable() and "\\" not in onward
    return onward if plain and onward.startswith("/") and not onward.startswith("//") else "/"


def _cookie_name(secure: bool) -> str:
    return "__Host-groundswell-sign-in" if secure else "groundswell-sign-in"


def _serializer(services: Services) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(services.settings.actor_secret(), salt=_PURPOSE)


def _attempt(request: Request, services: Services) -> Attempt | None:
    carried = request.cookies.get(_cookie_name(services.settings.secure_cookies), "")
    try:
        return Attempt.model_validate(_serializer(services).loads(carried, max_age=ATTEMPT_LASTS))
    except (BadData, ValidationError):
        return None


def _begin(services: Services, connection: Connection, identity: Identity, earlier: str | None, agent: str) -> str:
    """A session for whoever this is here; somebody who was signed in before in this browser is signed out.

    Raises:
        SignInFailed: they are nobody here.
    """
    now = services.clock()
    ref = _person(services, connection, identity, now)
    if services.settings.oidc_role_groups:
        granted = {role for group, role in services.settings.oidc_role_groups.items() if group in identity.groups}
        grant_roles(connection, ref, granted, now)
    if earlier:
        end_session(connection, earlier, now)
    return begin_session(connection, ref, now, how="oidc", agent=agent)


def _person(services: Services, connection: Connection, identity: Identity, now: datetime) -> str:
    people = services.authority.directory(connection).people
    known = identified(connection, identity.issuer, identity.subject)
    if known is not None:
        if known not in people or not people[known].active:
            raise SignInFailed(NOT_HERE)
        touch_identity(connection, identity.issuer, identity.subject, now)
        return known
    if not services.settings.oidc_link_by_email or not identity.email:
        # An operator links it by hand (groundswell directory link), and learns here what to link.
        log.warning("a sign-in is linked to nobody", subject=identity.subject)
        raise SignInFailed(NOT_VERIFIED if services.settings.oidc_link_by_email else NOT_LINKED)
    person = next((person for person in people.values() if person.email == identity.email and person.active), None)
    if person is None:
        raise SignInFailed(NOT_HERE)
    if not link_identity(connection, identity.issuer, identity.subject, person.ref, "email", now):
        raise SignInFailed(TAKEN)
    return person.ref


NOT_HERE = Failure(
    HTTPStatus.FORBIDDEN,
    "not_in_directory",
    "You are not in the directory",
    "Your organisation knows you, but Groundswell's directory has nobody active with your address. Please ask your "
    "administrator to add you.",
)
NOT_LINKED = Failure(
    HTTPStatus.FORBIDDEN,
    "not_linked",
    "Your sign-in is not linked yet",
    "In this installation an administrator links sign-ins to people. Please ask yours.",
)
NOT_VERIFIED = Failure(
    HTTPStatus.FORBIDDEN,
    "email_not_verified",
    "Your address is not verified",
    "Your organisation's sign-in does not vouch for your e-mail address, so Groundswell cannot tell who you are here. "
    "Please have it verified there, or ask your administrator to link you.",
)
TAKEN = Failure(
    HTTPStatus.FORBIDDEN,
    "linked_to_another",
    "Somebody else is linked to your entry",
    "Another sign-in is linked to the person with your address, perhaps one that you had before. An administrator can "
    "unlink it.",
)
