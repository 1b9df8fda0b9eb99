"""A small object store that speaks as much S3 as keeping checkpoints takes, behind an HTTP client without sockets.

It checks each signature over what really arrived, and lists in pages as small as a test likes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from urllib.parse import parse_qsl, unquote

import httpx2

from store.signature_v4 import Credentials, signed_headers


@dataclass
class SmallS3:
    """One bucket, on a host of its own."""

    credentials: Credentials
    bucket: str
    page: int = 1_000
    retained: bool = False
    """Whether a retention lock keeps objects from being deleted."""
    objects: dict[str, bytes] = field(default_factory=dict)
    listings: int = 0
    asked: int = 0

    def client(self) -> httpx2.Client:
        """A client whose requests this store answers."""
        return httpx2.Client(transport=httpx2.MockTransport(self._answer))

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked += 1
        if not self._signed(request):
            return _problem(403, "The request signature we calculated does not match the signature you provided.")
        _, bucket, key = unquote(request.url.raw_path.decode().partition("?")[0]).split("/", 2)
        if bucket != self.bucket:
            return _problem(404, "The specified bucket does not exist")
        match request.method:
            case "PUT":
                digest = base64.b64encode(hashlib.md5(request.content, usedforsecurity=False).digest()).decode()
                assert request.headers["content-md5"] == digest
                self.objects[key] = request.content
                return httpx2.Response(200)
            case "DELETE" if self.retained:
                return _problem(403, "Access Denied because object protected by object lock.")
            case "DELETE":
                del self.objects[key]
                return httpx2.Response(204)
            case _ if key:
                return httpx2.Response(200, content=self.objects[key])
            case _:
                return self._list(dict(parse_qsl(request.url.query.decode(), keep_blank_values=True)))

    def _signed(self, request: httpx2.Request) -> bool:
        said = request.headers["authorization"]
        found = re.search(r"/(\d{8})/([a-z0-9-]+)/s3/aws4_request,SignedHeaders=([a-z0-9;-]+),", said)
        assert found
        url, _, query = str(request.url).partition("?")
        names = found[3].split(";")
        made_here = {"host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"}
        others = {name: request.headers[name] for name in names if name not in made_here}
        at = datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        asked = dict(parse_qsl(query, keep_blank_values=True))
        again = signed_headers(request.method, url, asked, request.content, self.credentials, found[2], at, others)
        return again["authorization"] == said and again["host"] == request.headers["host"]

    def _list(self, asked: dict[str, str]) -> httpx2.Response:
        assert asked["list-type"] == "2"
        self.listings += 1
        prefix, after = asked["prefix"], asked.get("start-after", "")
        keys = [key for key in sorted(self.objects) if key.startswith(prefix) and key > after]
        keys = [key for key in keys if asked["delimiter"] not in key.removeprefix(prefix)]
        rows = "".join(f"<Contents><Key>{escape(key)}</Key><Size>1</Size></Contents>" for key in keys[: self.page])
        more = str(len(keys) > self.page).lower()
        return httpx2.Response(
            200, text=f"<ListBucketResult><IsTruncated>{more}</IsTruncated>{rows}</ListBucketResult>"
        )


def _problem(status: int, message: str) -> httpx2.Response:
    return httpx2.Response(status, text=f"<Error><Code>Problem</Code><Message>{message}</Message></Error>")
