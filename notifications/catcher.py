"""The demonstration's mail catcher: an SMTP server on this machine that keeps each letter as a file to be looked at.

It sends nothing on. The package aiosmtpd is imported when a catcher starts: it belongs to the demonstration and to
tests, and production installs without it.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import socket
import threading
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any, cast
from weakref import WeakSet

from changes.values import Moment, Value

_NAME = re.compile(r"[0-9]{8}T[0-9]{12}Z-[0-9a-f]{8}\.eml")
_STAMP = "%Y%m%dT%H%M%S%fZ"


class Caught(Value):
    """A letter in the list."""

    name: str
    """The file's name; later letters have later names."""
    received: Moment
    sender: str
    recipient: str
    subject: str


class CaughtLetter(Caught):
    """A letter with what is in it."""

    text: str
    html: str
    """As it was sent: show it in a sandbox."""


class NoSuchLetter(LookupError):
    """There is no letter of that name."""


def list_caught(folder: Path, limit: int = 200) -> tuple[Caught, ...]:
    """The letters caught so far, the newest first, at most ``limit``."""
    if not folder.is_dir():
        return ()
    names = sorted((path.name for path in folder.iterdir() if _NAME.fullmatch(path.name)), reverse=True)
    return tuple(Caught(**_heading(name, _parsed(folder / name))) for name in names[:limit])


def read_caught(folder: Path, name: str) -> CaughtLetter:
    """One letter.

    Raises:
        NoSuchLetter: there is none of that name, or the name is not one that the catcher gives.
    """
    path = folder / name
    if not _NAME.fullmatch(name) or not path.is_file():
        raise NoSuchLetter(f"There is no letter called “{name}”.")
    letter = _parsed(path)
    return CaughtLetter(**_heading(name, letter), text=_body(letter, "plain"), html=_body(letter, "html"))


def _parsed(path: Path) -> EmailMessage:
    return message_from_bytes(path.read_bytes(), policy=SMTP)


def _heading(name: str, letter: EmailMessage) -> dict[str, Any]:
    return {
        "name": name,
        "received": datetime.strptime(name.partition("-")[0], _STAMP).replace(tzinfo=UTC),
        "sender": str(letter["From"] or ""),
        "recipient": str(letter["To"] or ""),
        "subject": str(letter["Subject"] or ""),
    }


def _body(letter: EmailMessage, form: str) -> str:
    part = letter.get_body((form,))
    if part is None:
        return ""
    try:
        return str(part.get_content(errors="replace"))
    except LookupError:  # a character set that nobody knows
        return cast(bytes, part.get_payload(decode=True)).decode(errors="replace")


class _Keeper:
    """Writes letters as files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._latest = datetime.min.replace(tzinfo=UTC)

    async def handle_EHLO(
        self, server: object, session: Any, envelope: object, hostname: str, responses: list[str]
    ) -> list[str]:
        """Called by aiosmtpd for each greeting: several commands may be sent at once, as to most mail servers."""
        session.host_name = hostname
        return [responses[0], "250-PIPELINING", *responses[1:]]

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
        """Called by aiosmtpd for each letter (the name is its)."""
        try:
            self._keep(envelope.content)
        except OSError as error:
            return f"452 The letter could not be kept: {error.strerror}"
        return "250 Kept"

    def _keep(self, content: bytes) -> None:
        """Write a letter under a name that sorts by time; never half a letter, because a page may be reading."""
        self._latest = max(datetime.now(UTC), self._latest + timedelta(microseconds=1))
        path = self._folder / f"{self._latest:{_STAMP}}-{secrets.token_hex(4)}.eml"
        unfinished = path.with_suffix(".part")
        unfinished.write_bytes(content)
        os.replace(unfinished, path)


class Catcher:
    """An SMTP server that writes every letter into ``folder``; with port 0 it takes a free one."""

    def __init__(self, folder: Path, host: str = "127.0.0.1", port: int = 0) -> None:
        self._folder = folder
        self._address = (host, port)
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Event, threading.Thread] | None = None
        self._port = port

    @property
    def port(self) -> int:
        """The port it listens on; the one asked for until it is started."""
        return self._port

    def start(self) -> None:
        """Listen, in a thread of its own, until :meth:`stop`. Letters are taken as soon as this returns.

        Raises:
            OSError: the port is taken, or the folder cannot be made.
            ModuleNotFoundError: aiosmtpd is not installed.
        """
        import aiosmtpd.smtp  # noqa: F401  say so here if it is missing, and not in the thread

        self._folder.mkdir(parents=True, exist_ok=True)
        # Connections wait in the socket's queue until the thread serves them, so there is nothing to wait for.
        listening = socket.create_server(self._address)
        self._port = listening.getsockname()[1]
        loop, stopping = asyncio.new_event_loop(), asyncio.Event()
        thread = threading.Thread(
            target=_run, args=(loop, listening, _Keeper(self._folder), stopping), name="mail-catcher", daemon=True
        )
        thread.start()
        self._running = loop, stopping, thread

    def stop(self) -> None:
        """Stop listening, hang up on everybody and wait until the thread has ended. Harmless when not started."""
        if self._running is not None:
            loop, stopping, thread = self._running
            self._running = None
            loop.call_soon_threadsafe(stopping.set)
            thread.join()


def _run(loop: asyncio.AbstractEventLoop, listening: socket.socket, keeper: _Keeper, stopping: asyncio.Event) -> None:
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(_serve(listening, keeper, stopping))


async def _serve(listening: socket.socket, keeper: _Keeper, stopping: asyncio.Event) -> None:
    from aiosmtpd.smtp import SMTP as Conversation

    loop = asyncio.get_running_loop()
    conversations: WeakSet[Conversation] = WeakSet()

    def begin() -> Conversation:
        conversation = Conversation(keeper, hostname="localhost", enable_SMTPUTF8=True, loop=loop)
        conversations.add(conversation)
        return conversation

    server = await loop.create_server(begin, sock=listening)
    await stopping.wait()
    server.close()
    for conversation in conversations:
        if conversation.transport is not None:
            conversation.transport.close()
    await server.wait_closed()
