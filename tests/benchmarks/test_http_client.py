"""The client that measures: it speaks HTTP/1.1 over one connection, and says when it cannot go on."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.http_client import kept_alive


async def served(answers: list[bytes], heard: list[bytes]) -> asyncio.Server:
    """A server that gives these answers to what it hears on each connection, and then closes it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            heard.append(head + await reader.readexactly(length))
            writer.write(answer)
        writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


async def test_several_requests_go_over_one_connection() -> None:
    heard: list[bytes] = []
    answers = [
        b'HTTP/1.1 201 Created\r\nContent-Length: 8\r\n\r\n{"a": 1}',
        b"HTTP/1.1 409 Conflict\r\nDate: now\r\ncontent-length: 2\r\n\r\n{}",
    ]
    async with await served(answers, heard) as server:
        port = server.sockets[0].getsockname()[1]
        async with kept_alive(f"http://127.0.0.1:{port}") as http:
            first = await http.post("/one", {"text": "ä"}, {"Idempotency-Key": "k"})
            second = await http.post("/two", {}, {})
            assert (first.status, first.json(), second.status, second.body) == (201, {"a": 1}, 409, b"{}")
            assert heard[0].startswith(b"POST /one HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % port)
            assert b"\r\nIdempotency-Key: k\r\n" in heard[0] and heard[0].endswith(b'{"text": "\\u00e4"}')
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await http.post("/three", {}, {})


async def test_an_answer_without_a_length_is_not_read_for_ever() -> None:
    async with await served([b"HTTP/1.1 204 No Content\r\n\r\n"], []) as server:
        port = server.sockets[0].getsockname()[1]
        async with kept_alive(f"http://127.0.0.1:{port}") as http:
            with pytest.raises(ValueError, match="204"):
                await http.post("/", {}, {})
