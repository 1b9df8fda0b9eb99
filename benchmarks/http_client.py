"""A client of HTTP/1.1 that costs next to nothing: one connection kept alive, one request at a time.

A general client spends about as much processor time on a request as what it measures, in the process that measures the
other roads as well. This one sends what any client sends and reads what any server answers with a length.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 60
"""Seconds to wait for an answer; three times as long as the web process waits for a decision."""


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class KeptAlive:
    """One open connection."""

    def __init__(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._host = host
        self._reader = reader
        self._writer = writer

    async def post(self, path: str, content: object, headers: Mapping[str, str]) -> Answer:
        """Send ``content`` as JSON and wait for the answer.

        Raises:
            TimeoutError: it has not come after :data:`PATIENCE` seconds.
            asyncio.IncompleteReadError: the server has closed the connection.
            ValueError: the answer does not say how long it is.
        """
        body = json.dumps(content).encode()
        said = {
            "Host": self._host,
            "Accept": "*/*",
            **headers,
            "Content-Type": "application/json",
            "Content-Length": len(body),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
        async with asyncio.timeout(PATIENCE):
            return await self._exchange(f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)

    async def _exchange(self, request: bytes) -> Answer:
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        for line in head[1:]:
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                return Answer(int(head[0].split(" ", 2)[1]), await self._reader.readexactly(int(value)))
        raise ValueError(f"The answer has no length: {head[0]}")


@asynccontextmanager
async def kept_alive(address: str) -> AsyncIterator[KeptAlive]:
    """A connection to the server at ``address``, such as http://127.0.0.1:8000.

    Raises:
        OSError: nothing listens there.
    """
    parts = urlsplit(address)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield KeptAlive(parts.netloc, reader, writer)
    finally:
        writer.close()
