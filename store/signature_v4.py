"""AWS Signature Version 4, which every S3-compatible store asks for. Pure: what is to be sent, and with which headers.

Written from "Authenticating Requests (AWS Signature Version 4)" of the S3 API reference; the tests sign its examples.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Credentials:
    """Who asks. ``token`` goes with credentials that were given for a short time."""

    access_key: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


def signed_headers(
    method: str,
    url: str,
    query: Mapping[str, str],
    body: bytes,
    credentials: Credentials,
    region: str,
    now: datetime,
    headers: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The headers with which a request is sent, the signature among them.

    Args:
        url: the address without a query; its path is as it is sent, each part quoted by :func:`path_of`.
        query: the parameters; send exactly :func:`query_of` them.
        now: aware; a store refuses what is more than a quarter of an hour away from its own clock.
        headers: others to send and sign.
    """
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest()
    parts = urlsplit(url)
    sent = {"host": parts.netloc, "x-amz-content-sha256": digest, "x-amz-date": stamp}
    sent |= {name.lower(): value.strip() for name, value in (headers or {}).items()}
    if credentials.token:
        sent["x-amz-security-token"] = credentials.token
    names = ";".join(sorted(sent))
    lines = "".join(f"{name}:{sent[name]}\n" for name in sorted(sent))
    request = "\n".join((method, parts.path or "/", query_of(query), lines, names, digest))
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    text = "\n".join((ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()))
    key = f"AWS4{credentials.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    who = f"Credential={credentials.access_key}/{scope}"
    return {**sent, "authorization": f"{ALGORITHM} {who},SignedHeaders={names},Signature={signature}"}


def query_of(query: Mapping[str, str]) -> str:
    """Parameters as they are signed and have to be sent: sorted, with everything but letters and -._~ quoted."""
    return "&".join(f"{quote(name, safe='-._~')}={quote(query[name], safe='-._~')}" for name in sorted(query))


def path_of(*parts: str) -> str:
    """A path as it is signed and has to be sent; each part may hold slashes."""
    return "/" + "/".join(quote(part, safe="-._~/") for part in parts)
