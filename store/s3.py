"""Checkpoints in an object store that speaks S3: Amazon's, MinIO, Ceph, or another. Best with a retention lock on it.

The address is ``s3://bucket/folder?region=eu-central-1&endpoint=https://minio.example``; without an endpoint it is
Amazon's of the region. Credentials come from the environment, where all S3 programs look: AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from html import unescape
from itertools import islice
from urllib.parse import parse_qs, urlsplit

import httpx2

from store.signature_v4 import Credentials, path_of, query_of, signed_headers
from store.sinks import SECONDS, SinkUnusable, safe_name

LARGEST = 10**19
"""More than any log's size."""
MOST_AT_ONCE = 16
"""Checkpoints that are asked for at once, where all are read: each takes a journey, and there may be one a minute."""
KNOWN_PARTS = {"region", "endpoint"}


class S3Sink:
    """One object for each checkpoint. Its key begins with a number that falls as the log grows: a store lists keys in
    their order, so the largest checkpoint is on the first page however many there are.
    """

    def __init__(
        self,
        address: str,
        credentials: Credentials,
        client: httpx2.Client | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``address`` as in this module's first lines.

        Raises:
            SinkUnusable: it names no bucket, or something else than a region and an endpoint.
        """
        parts = urlsplit(address)
        asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if not parts.netloc or asked.keys() - KNOWN_PARTS:
            raise SinkUnusable(f"{address} must look like s3://bucket/folder?region=eu-central-1&endpoint=https://host")
        self._bucket, self._folder = parts.netloc, parts.path.strip("/")
        self._region = asked.get("region", "us-east-1")
        amazon = f"https://{self._bucket}.s3.{self._region}.amazonaws.com"
        # Other stores know their buckets as the first part of the path; Amazon's new ones only as a host.
        self._base = f"{asked['endpoint'].rstrip('/')}{path_of(self._bucket)}" if "endpoint" in asked else amazon
        self._credentials, self._clock = credentials, clock
        self._client = client or httpx2.Client(timeout=SECONDS)

    @property
    def name(self) -> str:
        """The bucket and the folder."""
        return f"s3://{self._bucket}/{self._folder}".rstrip("/")

    def keep(self, origin: str, size: int, note: str) -> None:
        """See :class:`store.sinks.Sink`."""
        self._put(f"{self._prefix(origin)}{LARGEST - size:020}-{size}.checkpoint", note.encode())

    def notes(self, origin: str) -> Iterator[str]:
        """See :class:`store.sinks.Sink`."""
        keys, many = self._keys(self._prefix(origin)), 1
        while batch := list(islice(keys, many)):
            if many == 1:  # mostly only the largest is asked for
                yield self._text(batch[0])
            else:
                with ThreadPoolExecutor(len(batch)) as threads:
                    texts = list(threads.map(self._text, batch))
                yield from texts
            many = min(2 * many, MOST_AT_ONCE)

    def _text(self, key: str) -> str:
        return self._ask("GET", key).text

    def put_aside(self, origin: str, larger_than: int, now: datetime) -> Sequence[str]:
        """See :class:`store.sinks.Sink`; an object that is under retention cannot be moved, and is said to be."""
        prefix = self._prefix(origin)
        moved = []
        for key in list(self._keys(prefix)):
            file = key.removeprefix(prefix)
            if LARGEST - int(file.partition("-")[0]) <= larger_than:
                break
            aside = f"{prefix}put-aside-{now:%Y%m%dT%H%M%SZ}/{file}"
            self._put(aside, self._ask("GET", key).content)
            self._ask("DELETE", key)
            moved.append(f"s3://{self._bucket}/{aside}")
        return moved

    def _prefix(self, origin: str) -> str:
        return f"{self._folder}/{safe_name(origin)}/".lstrip("/")

    def _keys(self, prefix: str) -> Iterator[str]:
        """The keys of checkpoints below ``prefix`` in their order, not those that were put aside."""
        last = ""
        while True:
            query = {"list-type": "2", "prefix": prefix, "delimiter": "/", **({"start-after": last} if last else {})}
            listed = self._ask("GET", "", query).text
            keys = [unescape(key) for key in re.findall(r"<Contents>.*?<Key>(.*?)</Key>", listed, re.DOTALL)]
            yield from (key for key in keys if key.endswith(".checkpoint"))
            if not keys or "<IsTruncated>true</IsTruncated>" not in listed:
                return
            last = keys[-1]

    def _put(self, key: str, content: bytes) -> None:
        # Where a bucket has a retention lock, a store wants the digest in this form, too.
        digest = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
        self._ask("PUT", key, body=content, headers={"content-md5": digest, "content-type": "text/plain"})

    def _ask(
        self,
        method: str,
        key: str,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        url = self._base + path_of(key) if key else f"{self._base}/"
        asked, now = query or {}, self._clock()
        signed = signed_headers(method, url, asked, body, self._credentials, self._region, now, headers)
        address = f"{url}?{query_of(asked)}" if asked else url
        try:
            answer = self._client.request(method, address, content=body, headers=signed)
        except httpx2.HTTPError as error:
            raise SinkUnusable(f"{self.name} does not answer: {error}") from error
        if not answer.is_success:
            said = re.search(r"<Message>(.*?)</Message>", answer.text)
            because = unescape(said[1]) if said else answer.text[:200]
            raise SinkUnusable(f"{self.name} answered {answer.status_code} to {method}: {because}".rstrip(": "))
        return answer


def s3_sink(address: str) -> S3Sink:
    """The sink at ``address``, with the credentials of the environment.

    Raises:
        SinkUnusable: there are no credentials, or the address names no bucket.
    """
    access_key, secret = os.environ.get("AWS_ACCESS_KEY_ID", ""), os.environ.get("AWS_SECRET_ACCESS_KEY", "")
    if not access_key or not secret:
        raise SinkUnusable(f"{address} needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment.")
    return S3Sink(address, Credentials(access_key, secret, os.environ.get("AWS_SESSION_TOKEN", "")))
