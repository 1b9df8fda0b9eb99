"""Who is asking: a person by their session's cookie, or by an API token. Nobody, when they are not active any more."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from fastapi import Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response

from changes.instruction import SYSTEM_VIA
from changes.permissions import EVERY_SCOPE, Actor, Scope
from directory.model import Person
from store import freshness
from store.frame import Frame, frame_of
from store.sign_in import SESSION_LASTS, touch_session
from store.tokens import UNBOUND, Bounds, token_holder, touch_token
from web.services import Services, ServicesHere

TOUCH_EVERY = timedelta(minutes=5)
"""A session or token in use is marked so at most this often, so that reading a page is not a write."""


class NotSignedIn(Exception):
    """Nobody who may be here is signed in."""


@dataclass(frozen=True)
class Visitor:
    """Somebody who is signed in."""

    person: Person
    by: Literal["session", "token"]
    roles: frozenset[str] = frozenset()
    """Given and implied roles, see :class:`changes.permissions.Actor`."""
    scopes: frozenset[Scope] = EVERY_SCOPE
    service: str = ""
    """The system that asks, on this person's behalf; empty for the person themselves."""
    bounds: Bounds = UNBOUND
    """What a system's token is for."""
    frame: Frame = field(default_factory=Frame)
    """What stands around their pages."""
    zone: ZoneInfo | None = None
    """The clock on which they read: their own choice, else the organisation's. None for a token, which reads UTC."""

    @property
    def ref(self) -> str:
        """The person's reference."""
        return self.person.ref

    @property
    def via(self) -> str:
        """The way their commands come, when they come over the API."""
        return f"{SYSTEM_VIA}{self.service}" if self.service else "api"

    @property
    def actor(self) -> Actor:
        """Who asks, as the permissions see it."""
        return Actor(self.person.ref, self.roles, self.person.active, self.scopes, self.service)


def cookie_name(secure: bool) -> str:
    """The session cookie's name. Browsers take ``__Host-`` only over https, for this host alone and for all paths."""
    return "__Host-groundswell" if secure else "groundswell"


def give_cookie(response: Response, token: str, secure: bool) -> None:
    """Have the browser carry the session."""
    response.set_cookie(
        cookie_name(secure),
        token,
        max_age=int(SESSION_LASTS.total_seconds()),
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def take_cookie(response: Response, secure: bool) -> None:
    """Have the browser forget the session."""
    response.delete_cookie(cookie_name(secure), path="/", secure=secure, httponly=True, samesite="lax")


def session_token(request: Request, services: Services) -> str | None:
    """The session that the browser carries, whether or not it still counts."""
    return request.cookies.get(cookie_name(services.settings.secure_cookies))


def address_of(request: Request) -> str:
    """Where a request comes from, as far as the proxy in front tells."""
    return request.client.host if request.client else ""


async def visitor_of(request: Request, services: ServicesHere) -> Visitor | None:
    """Who is signed in, or None. Where a token is sent, a cookie beside it does not count. Looked up once a request."""
    if not hasattr(request.state, "visitor"):
        request.state.visitor = await _look_up(request, services)
    visitor: Visitor | None = request.state.visitor
    return visitor


async def _look_up(request: Request, services: Services) -> Visitor | None:
    now = services.clock()
    header = request.headers.get("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            return None
        visitor = await services.read(lambda connection: _by_token(services, connection, token.strip(), now))
        if visitor and _due_for_touch(services.touched, token, now):
            await services.write(lambda connection: touch_token(connection, token.strip(), now))
        return visitor
    token = session_token(request, services) or ""
    if not token:
        return None
    visitor = await services.read(lambda connection: _by_session(services, connection, token, now))
    if visitor and _due_for_touch(services.touched, token, now):
        await services.write(lambda connection: touch_session(connection, token, now))
    return visitor


async def signed_in(visitor: Annotated[Visitor | None, Depends(visitor_of)]) -> Visitor:
    """Who is signed in.

    Raises:
        NotSignedIn: nobody is.
    """
    if visitor is None:
        raise NotSignedIn
    return visitor


SignedIn = Annotated[Visitor, Depends(signed_in)]


def _by_token(services: Services, connection: Connection, token: str, now: datetime) -> Visitor | None:
    holder = token_holder(connection, token, now)
    visitor = _visitor(services, connection, holder.person if holder else None, "token")
    if visitor is None or holder is None:
        return None
    return replace(visitor, scopes=holder.scopes, service=holder.service, bounds=holder.bounds)


def _by_session(services: Services, connection: Connection, token: str, now: datetime) -> Visitor | None:
    with freshness.once():  # what the frame was told of the directory is a moment old
        found = frame_of(connection, token, now)
        if found is None:
            return None
        ref, frame = found
        visitor = _visitor(services, connection, ref, "session")
        return replace(visitor, frame=frame, zone=_zone(services, connection, frame)) if visitor else None


def _zone(services: Services, connection: Connection, frame: Frame) -> ZoneInfo:
    return ZoneInfo(frame.zone) if frame.zone in available_timezones() else services.zone(connection)


def _visitor(
    services: Services, connection: Connection, ref: str | None, by: Literal["session", "token"]
) -> Visitor | None:
    directory = services.authority.directory(connection)
    person = directory.people.get(ref) if ref else None
    return Visitor(person, by, directory.roles_of(person.ref)) if person and person.active else None


MOST_REMEMBERED = 10_000
"""Sessions whose last touch is remembered; beyond that all are forgotten and touched once more."""


def _due_for_touch(touched: dict[str, datetime], token: str, now: datetime) -> bool:
    if token in touched and now - touched[token] < TOUCH_EVERY:
        return False
    if len(touched) >= MOST_REMEMBERED:
        touched.clear()
    touched[token] = now
    return True
