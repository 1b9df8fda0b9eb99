"""An identity provider for tests: discovery, keys, codes with PKCE, and every way to answer wrongly."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from fastapi import FastAPI, Request
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from starlette.responses import JSONResponse, Response

ISSUER = "https://identity.nordwind.example"
CLIENT, SECRET = "groundswell", "client-secret"


@dataclass
class IdentityProvider:
    """The provider, with what it says and what it does wrong."""

    claims: dict[str, Any] = field(default_factory=dict)
    """Laid over the ID token's claims; None leaves one out."""
    issuer: str = ISSUER
    """What its discovery document says it is called."""
    away: bool = False
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first"}))
    signing: RSAKey | OctKey | None = None
    """Signs in place of :attr:`key`, which stays the published one."""
    algorithm: str = "RS256"
    id_token: bool = True
    asked: list[dict[str, str]] = field(default_factory=list)
    """What browsers came with."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def authorise(self, address: str, subject: str = "sub-1", **person: Any) -> dict[str, str]:
        """What a browser comes back with, after somebody signed in at ``address``."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        self.asked.append(asked)
        code = f"code-{len(self.asked)}"
        self.codes[code] = asked
        self.claims = {"sub": subject, **person, **self.claims}
        return {"code": code, "state": asked["state"]}

    def app(self) -> FastAPI:
        """Its web server."""
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        async def discovery() -> Response:
            if self.away:
                return JSONResponse({}, status_code=503)
            return JSONResponse(
                {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{ISSUER}/authorize",
                    "token_endpoint": f"{ISSUER}/token",
                    "jwks_uri": f"{ISSUER}/keys",
                }
            )

        @app.get("/keys")
        async def keys() -> Response:
            return JSONResponse({"keys": [self.key.as_dict(private=False)]})

        @app.post("/token")
        async def token(request: Request) -> Response:
            form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
            asked = self.codes.pop(form.get("code", ""), None)
            wanted = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
            if request.headers.get("authorization") != f"Basic {wanted}":
                return JSONResponse({"error": "invalid_client"}, status_code=401)
            if asked is None or asked["code_challenge"] != _challenge(form.get("code_verifier", "")):
                return JSONResponse({"error": "invalid_grant"}, status_code=400)
            answer = {"access_token": "opaque", "token_type": "Bearer", "expires_in": 300}
            if self.id_token:
                answer["id_token"] = self._token(asked["nonce"])
            return JSONResponse(answer)

        return app

    def _token(self, nonce: str) -> str:
        now = int(time.time())
        said = {
            "iss": ISSUER,
            "aud": CLIENT,
            "nonce": nonce,
            "iat": now,
            "exp": now + 300,
            **self.claims,
        }
        content = {name: value for name, value in said.items() if value is not None}
        header = {"alg": self.algorithm, "kid": "first"}
        if self.algorithm == "none":
            return ".".join([*(_encoded(json.dumps(part).encode()) for part in (header, content)), ""])
        return jwt.encode(header, content, self.signing or self.key, algorithms=[self.algorithm])


def _challenge(verifier: str) -> str:
    return _encoded(hashlib.sha256(verifier.encode()).digest())


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def back(answer: dict[str, str]) -> str:
    """The address a browser comes back to."""
    return f"/sign-in/openid/back?{urlencode(answer)}"
