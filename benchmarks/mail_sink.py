"""A mail server that takes every letter and forgets it: ``python -m benchmarks.mail_sink PORT``.

The bench measures what Groundswell spends on mail, not what somebody else's mail server does with it.
"""

from __future__ import annotations

import asyncio
import sys

ANSWERS = {b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n", b"EHLO": b"250-sink\r\n250 PIPELINING\r\n"}


async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Talk to one client until it leaves."""
    writer.write(b"220 sink\r\n")
    while line := await reader.readline():
        word = line[:4].upper()
        writer.write(ANSWERS.get(word, b"250 ok\r\n"))
        if word == b"DATA":
            await reader.readuntil(b"\r\n.\r\n")
            writer.write(b"250 taken\r\n")
        elif word == b"QUIT":
            break
    writer.close()


async def main(port: int) -> None:
    """Listen until the process is ended."""
    server = await asyncio.start_server(take, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
