"""Signing in with the organisation's identity provider: OpenID Connect, authorisation code with PKCE.

Authlib speaks OAuth 2, joserfc checks the ID token. What counts: the state and the nonce are those of this browser's
attempt, the issuer is the configured one, the audience is us, the signature is by one of the provider's keys. Sources:
OpenID Connect Core 3.1.3.7, RFC 9207, reference/web.md section 4 (ASVS 10).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx2
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, ValidationError

from settings import Settings
from web.failures import Failure

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""How an ID token may be signed: never with a shared secret, never not at all."""
LEEWAY = 60
"""Seconds by which the provider's clock may differ from ours."""
PATIENCE = 10.0
"""Seconds to wait for each answer of the provider."""
KEPT = 3600.0
"""Seconds for which the provider's addresses and keys are kept; an unknown key is looked for at once."""

log = structlog.get_logger()


class SignInFailed(Exception):
    """Signing in did not work; the failure says why and what to do."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


class Provider(BaseModel):
    """Where the provider's parts are, from its discovery document."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    authorization_response_iss_parameter_supported: bool = False


class Attempt(BaseModel):
    """What a browser that went to the provider has to come back with. It carries this in a signed cookie."""

    state: str
    nonce: str
    verifier: str
    onward: str = "/"
    """Where to go afterwards, a path of ours."""


@dataclass(frozen=True)
class Identity:
    """Who the provider says has signed in. ``issuer`` and ``subject`` identify them, nothing else does."""

    issuer: str
    subject: str
    email: str
    """Empty unless the provider vouches for it."""
    name: str
    groups: tuple[str, ...]


@dataclass
class OpenId:
    """One configured provider.

    Args:
        transport: how to reach it; for tests.
        clock: seconds since 1970.
    """

    issuer: str
    client_id: str
    client_secret: str
    scopes: str = "openid email profile"
    groups_claim: str = "groups"
    transport: httpx2.AsyncBaseTransport | None = None
    clock: Callable[[], float] = time.time
    _known: tuple[float, Provider, KeySet] | None = field(default=None, repr=False)

    async def begin(self, redirect_uri: str, onward: str) -> tuple[str, Attempt]:
        """The address to send a browser to, and what it has to come back with.

        Raises:
            SignInFailed: the provider does not answer.
        """
        provider, _ = await self._provider()
        attempt = Attempt(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            onward=onward,
        )
        async with self._client(redirect_uri) as client:
            address, _state = client.create_authorization_url(
                provider.authorization_endpoint,
                state=attempt.state,
                nonce=attempt.nonce,
                code_verifier=attempt.verifier,
            )
        return str(address), attempt

    async def finish(self, redirect_uri: str, attempt: Attempt | None, answer: Mapping[str, str]) -> Identity:
        """Who came back.

        Args:
            redirect_uri: the same as at the beginning.
            attempt: what the browser's cookie holds, None when it carries none.
            answer: the query of the address it came back to.

        Raises:
            SignInFailed: it did not work.
        """
        if attempt is None or not secrets.compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
            raise SignInFailed(NOT_THIS_BROWSER)
        if "error" in answer:
            log.warning("the identity provider refused a sign-in", error=answer["error"][:100])
            raise SignInFailed(REFUSED_THERE)
        provider, _ = await self._provider()
        named = answer.get("iss")
        if (named is None and provider.authorization_response_iss_parameter_supported) or named not in {
            None,
            self.issuer,
        }:
            raise _untrusted("the answer names another issuer")
        token = await self._exchange(provider, redirect_uri, attempt, answer.get("code", ""))
        return self._identity(await self._claims(token, attempt))

    async def _exchange(self, provider: Provider, redirect_uri: str, attempt: Attempt, code: str) -> str:
        """The ID token for the code."""
        try:
            async with self._client(redirect_uri) as client:
                found: Mapping[str, Any] = await client.fetch_token(
                    provider.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=attempt.verifier,
                    redirect_uri=redirect_uri,
                )
        except (httpx2.HTTPError, ValueError) as error:
            raise _away(error) from error
        except AuthlibBaseError as error:
            log.warning("the identity provider did not take the code", error=str(error.error)[:100])
            raise SignInFailed(NOT_THIS_BROWSER) from error
        token = found.get("id_token")
        if not isinstance(token, str):
            raise _untrusted("there is no ID token in the answer")
        return token

    async def _claims(self, token: str, attempt: Attempt) -> Mapping[str, Any]:
        """The checked content of an ID token."""
        registry = jwt.JWTClaimsRegistry(
            now=lambda: int(self.clock()),
            leeway=LEEWAY,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": attempt.nonce},
        )
        try:
            claims: dict[str, Any] = (await self._decoded(token)).claims
            registry.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise _untrusted(str(error)) from error
        audience = claims["aud"]
        if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != self.client_id:
            raise _untrusted("the token was issued to another party (azp)")
        return claims

    async def _decoded(self, token: str) -> jwt.Token:
        """The token, its signature checked; the keys are fetched once more where it is signed by one we do not know."""
        _, keys = await self._provider()
        try:
            return jwt.decode(token, keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            self._known = None
            _, keys = await self._provider()
            return jwt.decode(token, keys, algorithms=ALGORITHMS)

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        email, groups = claims.get("email"), claims.get(self.groups_claim)
        vouched = claims.get("email_verified") is True and isinstance(email, str)
        return Identity(
            issuer=self.issuer,
            subject=str(claims["sub"]),
            email=str(email).lower() if vouched else "",
            name=str(claims.get("name") or ""),
            groups=tuple(str(group) for group in groups) if isinstance(groups, list) else (),
        )

    async def _provider(self) -> tuple[Provider, KeySet]:
        if self._known and self.clock() - self._known[0] < KEPT:
            return self._known[1:]
        try:
            async with httpx2.AsyncClient(transport=self.transport, timeout=PATIENCE) as client:
                described = await client.get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
                provider = Provider.model_validate(described.raise_for_status().json())
                keys = KeySet.import_key_set((await client.get(provider.jwks_uri)).raise_for_status().json())
        except (httpx2.HTTPError, ValidationError, ValueError, JoseError, KeyError) as error:
            raise _away(error) from error
        if provider.issuer != self.issuer:
            raise _untrusted(f"the provider calls itself {provider.issuer[:200]}")
        self._known = (self.clock(), provider, keys)
        return provider, keys

    def _client(self, redirect_uri: str) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            client_id=self.client_id,
            client_secret=self.client_secret,
            scope=self.scopes,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            transport=self.transport,
            timeout=PATIENCE,
        )


def openid_of(settings: Settings) -> OpenId | None:
    """The provider that the settings name, if they name one."""
    if not settings.oidc_issuer:
        return None
    return OpenId(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_secret_text(),
        scopes=settings.oidc_scopes,
        groups_claim=settings.oidc_groups_claim,
    )


NOT_THIS_BROWSER = Failure(
    HTTPStatus.BAD_REQUEST,
    "sign_in_interrupted",
    "Signing in was interrupted",
    "It took too long, or was begun in another window. Nothing is wrong with your account: please sign in again.",
)
REFUSED_THERE = Failure(
    HTTPStatus.FORBIDDEN,
    "sign_in_refused",
    "You were not signed in",
    "Your organisation's sign-in did not let you through, or it was cancelled there. Try again, or ask your "
    "administrator whether you may use Groundswell.",
)
AWAY = Failure(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "sign_in_away",
    "Not right now",
    "Your organisation's sign-in does not answer at the moment. Please try again shortly.",
    headers={"Retry-After": "30"},
)
NOT_TRUSTED = Failure(
    HTTPStatus.BAD_GATEWAY,
    "sign_in_not_trusted",
    "This sign-in cannot be trusted",
    "The answer of your organisation's sign-in is not what it has to be, so nobody was signed in. Please try again; if "
    "it happens once more, tell your administrator, who finds the reason in the log.",
)


def _away(error: Exception) -> SignInFailed:
    log.warning("the identity provider does not answer", error=repr(error)[:300])
    return SignInFailed(AWAY)


def _untrusted(reason: str) -> SignInFailed:
    log.error("an answer of the identity provider cannot be trusted", reason=reason[:300])
    return SignInFailed(NOT_TRUSTED)
