"""Where checkpoints are kept outside the database: a folder, an HTTP address, S3, or a kind that a plug-in brings.

Only such a copy shows that the end of the log was cut off, or that it was rewritten with a stolen key (reference/
ledger.md 5). A plug-in is an entry point of the group ``groundswell.checkpoint_sinks``; its name is the scheme of the
address ("sftp"), and it is called with the address and gives a :class:`Sink`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from heapq import merge
from importlib.metadata import entry_points
from itertools import takewhile
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import httpx2

SUFFIX = ".checkpoint"
"""What the name of a file with a checkpoint ends with."""
PLUGINS = "groundswell.checkpoint_sinks"
SECONDS = 10.0
"""How long an HTTP sink may take to answer."""


class SinkUnusable(Exception):
    """A sink cannot be reached, or does not keep what it is given; the message says which and why."""


class Sink(Protocol):
    """A place for checkpoints. What was kept once is never changed by us."""

    @property
    def name(self) -> str:
        """The address, without anything secret in it."""
        ...

    def keep(self, origin: str, size: int, note: str) -> None:
        """Keep the note of the log ``origin`` at ``size``. Keeping the same size again replaces it.

        Raises:
            SinkUnusable: it is not kept.
        """
        ...

    def notes(self, origin: str) -> Iterator[str]:
        """Every note kept for the log, the largest size first; none where nothing was kept yet.

        Raises:
            SinkUnusable: they cannot be read.
        """
        ...

    def put_aside(self, origin: str, larger_than: int, now: datetime) -> Sequence[str]:
        """Have :meth:`notes` not give those of a larger size any more, deleting none; where each lies now.

        Asked for when two people accepted that a database was restored from before they were signed. Asked again, it
        puts aside what is still there.

        Raises:
            SinkUnusable: some are where they were.
        """
        ...


class FolderSink:
    """Files in a folder, best on another machine or volume than the database. A file is there whole or not at all.

    They lie by size, a thousand to a folder and a thousand of those to one above it: the largest is found by looking
    into three folders, however many there are. Files that earlier versions put side by side are read where they are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def name(self) -> str:
        """The folder as an address."""
        return f"file://{self._folder}"

    def keep(self, origin: str, size: int, note: str) -> None:
        """See :class:`Sink`."""
        top = self._folder / safe_name(origin)
        name = f"{size:020}{SUFFIX}"
        try:
            folder = top if (top / name).exists() else top / name[:14] / name[14:17]
            new = [one for one in (folder, *folder.parents) if not one.exists()]
            folder.mkdir(parents=True, exist_ok=True)
            unfinished = folder / f".{size:020}.{os.getpid()}.part"
            with unfinished.open("w", encoding="utf-8") as file:
                file.write(note)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(folder / name)
            for changed in (folder, *(one.parent for one in new)):
                _sync(changed)
        except OSError as error:
            raise SinkUnusable(f"{self.name} does not keep the checkpoint: {error.strerror}") from error

    def notes(self, origin: str) -> Iterator[str]:
        """See :class:`Sink`. A folder that is not there holds none: it is made when the first is kept."""
        try:
            for file in self._files(origin):
                yield file.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise SinkUnusable(f"{self.name} cannot be read: {error.strerror}") from error

    def put_aside(self, origin: str, larger_than: int, now: datetime) -> Sequence[str]:
        """See :class:`Sink`; they go into a folder beside the others, named by the time."""
        top = self._folder / safe_name(origin)
        aside = top / f"put-aside-{now:%Y%m%dT%H%M%SZ}"
        moved, folders = [], {aside, top}
        try:
            for file in takewhile(lambda file: int(file.stem) > larger_than, self._files(origin)):
                aside.mkdir(exist_ok=True)
                folders.add(file.parent)
                moved.append(f"file://{file.rename(aside / file.name)}")
            for changed in folders if moved else ():
                _sync(changed)
        except OSError as error:
            raise SinkUnusable(f"{self.name} does not put checkpoints aside: {error.strerror}") from error
        return moved[::-1]

    def _files(self, origin: str) -> Iterator[Path]:
        """The files of a log, that of the largest size first; no folder is looked into before it is its turn."""
        top = self._folder / safe_name(origin)
        names = _names_in(top)
        by_size = (
            file
            for million in _falling(names, r"[0-9]{14}")
            for thousand in _falling(_names_in(top / million), r"[0-9]{3}")
            for file in self._in_one(top / million / thousand, _names_in(top / million / thousand))
        )
        return merge(self._in_one(top, names), by_size, key=lambda file: file.name, reverse=True)

    def _in_one(self, folder: Path, names: Iterable[str]) -> Iterator[Path]:
        return (folder / name for name in _falling(names, rf"[0-9]{{20}}{re.escape(SUFFIX)}"))


class HttpSink:
    """An HTTP service: ``PUT {address}/{origin}/{size}`` keeps a note, ``GET {address}/{origin}/latest`` gives the
    largest, 404 while there is none. docs/ledger.md describes it for those who write one.
    """

    def __init__(self, address: str, client: httpx2.Client | None = None) -> None:
        self._address = address.rstrip("/")
        self._client = client or httpx2.Client(timeout=SECONDS)

    @property
    def name(self) -> str:
        """The address without user and password."""
        parts = urlsplit(self._address)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    def keep(self, origin: str, size: int, note: str) -> None:
        """See :class:`Sink`."""
        try:
            answer = self._client.put(f"{self._address}/{safe_name(origin)}/{size}", content=note.encode())
            answer.raise_for_status()
        except httpx2.HTTPError as error:
            raise SinkUnusable(f"{self.name} does not keep the checkpoint: {error}") from error

    def notes(self, origin: str) -> Iterator[str]:
        """See :class:`Sink`; an HTTP service gives its latest only."""
        try:
            answer = self._client.get(f"{self._address}/{safe_name(origin)}/latest")
            if answer.status_code == 404:
                return
            answer.raise_for_status()
        except httpx2.HTTPError as error:
            raise SinkUnusable(f"{self.name} cannot be read: {error}") from error
        yield answer.text

    def put_aside(self, origin: str, larger_than: int, now: datetime) -> Sequence[str]:
        """See :class:`Sink`; an HTTP service is in other hands, and only they can.

        Raises:
            SinkUnusable: always, saying whom to ask for what.
        """
        raise SinkUnusable(
            f"{self.name} is in its keepers' hands: ask them to put aside, and not to delete, the checkpoints of "
            f"{origin} that are larger than {larger_than:,}."
        )


def sinks_from(addresses: str) -> Sequence[Sink]:
    """The sinks in a list of addresses, separated by spaces or commas.

    Raises:
        SinkUnusable: nobody knows the scheme of an address.
    """
    return [_sink(address) for address in re.split(r"[\s,]+", addresses) if address]


def _sink(address: str) -> Sink:
    scheme = urlsplit(address).scheme
    if scheme in ("http", "https"):
        return HttpSink(address)
    if scheme in ("", "file"):
        return FolderSink(Path(address.removeprefix("file://")))
    if scheme == "s3":
        from store.s3 import s3_sink

        return s3_sink(address)
    for plugin in entry_points(group=PLUGINS, name=scheme):
        made: Sink = plugin.load()(address)
        return made
    raise SinkUnusable(
        f"Nothing here keeps checkpoints at {scheme}://. Use a folder (file:///path), http, https, s3, "
        f"or install a plug-in that registers {scheme!r} under {PLUGINS}."
    )


def safe_name(origin: str) -> str:
    """The log's name as one part of a path."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", origin)


def _falling(names: Iterable[str], form: str) -> Iterator[str]:
    """Those of the form, the largest first; mostly it is the only one that is asked for, and the others not sorted."""
    fitting = list(filter(re.compile(form).fullmatch, names))
    if fitting:
        largest = max(fitting)
        yield largest
        yield from sorted((name for name in fitting if name != largest), reverse=True)


def _names_in(folder: Path) -> list[str]:
    """What lies in a folder; an error, and not nothing, where it may not be looked into."""
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def _sync(folder: Path) -> None:
    """Have the folder itself survive a power cut, with the new name in it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
