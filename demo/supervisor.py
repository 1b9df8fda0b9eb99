"""Starts the parts of the demonstration, watches them, and stops them all when one ends or somebody says so.

Nothing is left behind: each part has a process group of its own, which is ended in order, and on Linux a part ends
with this process even when that is killed (temporal.child_process).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx2

from demo.arrangement import Arrangement, shown
from demo.place import Running
from demo.preparing import NotForDemonstration, SignInLink, prepare, sign_in_links, story_so_far
from demo.telling import Listener, tell_story
from notifications.catcher import Catcher
from settings import CHECKOUT
from store.database import open_database
from temporal.child_process import ChildProcess
from temporal.connection import connect
from temporal.development_server import DevelopmentServer
from temporal.occupancy import changes_under_way

READY_SECONDS = 60.0
"""How long the parts may take until all of them answer; five seconds are usual on two cores."""
PATIENCE = 25.0
"""Seconds a program of ours may take to stop; a little longer than the worker gives what it has begun."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

T = TypeVar("T")


class PartEnded(Exception):
    """A part ended by itself; the message names it, with the last it said."""

    def __init__(self, part: ChildProcess) -> None:
        lines = part.last_lines()
        said = "\n  ".join(lines) if lines else "nothing"
        super().__init__(
            f"{part.name[0].upper()}{part.name[1:]} ended ({part.how_it_ended}), so everything was stopped. "
            f"It said:\n  {said}\nThe whole log: {shown(part.log_file)}"
        )


class NotReady(Exception):
    """The parts run and do not answer; the message says which."""


class Audience:
    """Whom the supervisor tells what it does. This one does not listen; the command line has one that prints."""

    def hear(self, part: str, what: str) -> None:
        """A part has come this far."""

    @contextmanager
    def story(self) -> Iterator[Listener]:
        """Hears of each act while the story is told."""
        yield lambda tale, done: None

    def ready(self, arrangement: Arrangement, links: tuple[SignInLink, ...]) -> None:
        """All parts answer."""

    def stopping(self) -> None:
        """Somebody asked to stop."""


async def demonstrate(arrangement: Arrangement, audience: Audience) -> int:
    """Run the demonstration until a signal asks to stop; 128 and that signal's number, as a shell counts.

    Raises:
        demo.place.RunsAlready: another one runs on the same state.
        PartEnded, NotReady, NotForDemonstration: it could not start, or did not stay.
        TemporalUnavailable, DatabaseUnavailable: what it needs is not there.
    """
    with arrangement.place.alone(), _Stop() as stop:
        life = asyncio.create_task(_live(arrangement, audience, stop.parts))
        asked = asyncio.create_task(stop.asked.wait())
        await asyncio.wait({life, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if stop.signal is not None:
            life.cancel()
            with suppress(OSError):  # the terminal may be gone, which is why we stop
                audience.stopping()
        try:
            await life
        except asyncio.CancelledError:
            if stop.signal is None:
                raise
        return 128 + (stop.signal or 0)


class _Stop:
    """Listens for signals: the first asks to stop, a second one ends the parts without waiting for them."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.signal: signal.Signals | None = None
        self.parts: list[ChildProcess] = []

    def __enter__(self) -> _Stop:
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._heard, number)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.remove_signal_handler(number)

    def _heard(self, number: signal.Signals) -> None:
        if self.signal is None:
            self.signal = number
            self.asked.set()
        else:
            for part in self.parts:
                part.kill()


async def _live(arrangement: Arrangement, audience: Audience, parts: list[ChildProcess]) -> None:
    """Start everything, say that it is ready, and go on until a part ends or we are cancelled."""
    place = arrangement.place
    engine = open_database(arrangement.database_url)
    prepare(engine, datetime.now(UTC))
    audience.hear("database", arrangement.database_because)
    async with AsyncExitStack() as running:
        running.callback(engine.dispose)
        catcher = Catcher(place.mail_folder)
        catcher.start()
        running.callback(catcher.stop)
        audience.hear("mail", f"caught on port {catcher.port}, kept in {shown(place.mail_folder)}; no letter leaves")
        if arrangement.own_server:
            parts.append((await running.enter_async_context(_temporal(arrangement))).process)
            audience.hear(
                "Temporal", f"a server of its own on {arrangement.temporal_address}; no TEMPORAL_ADDRESS is set"
            )
        else:
            await _not_somebody_elses(arrangement, story_so_far(engine) is None)
            audience.hear("Temporal", f"{arrangement.temporal_address}; {arrangement.temporal.because}")
        environment = arrangement.environment(catcher.port)
        for name, arguments in {"worker": ["worker"], "web": ["web", "--port", str(arrangement.web_port)]}.items():
            parts.append(await running.enter_async_context(_program(arrangement, environment, name, arguments)))
        await _while_all_live(parts, _until_ready(arrangement.address))
        audience.hear("worker, web", "running; every part answers")
        with audience.story() as listener:
            story = tell_story(engine, arrangement.address, datetime.now(UTC), listener)
            await _while_all_live(parts, story)
        place.announce(_running(arrangement))
        audience.ready(arrangement, sign_in_links(engine, arrangement.address, datetime.now(UTC)))
        await _while_all_live(parts, asyncio.Event().wait())


def _temporal(arrangement: Arrangement) -> DevelopmentServer:
    return DevelopmentServer(
        arrangement.place.temporal_file,
        namespace=arrangement.temporal.namespace,
        port=arrangement.temporal_port,
        ui_port=arrangement.ui_port,
        metrics_port=arrangement.server_metrics_port,
        log_file=arrangement.place.log_file("temporal"),
    )


@asynccontextmanager
async def _program(
    arrangement: Arrangement, environment: Mapping[str, str], name: str, arguments: list[str]
) -> AsyncIterator[ChildProcess]:
    """One of our own programs, run by the Python that runs us."""
    part = await ChildProcess.start(
        f"the {name} process",
        [sys.executable, "-m", "cli", *arguments],
        log_file=arrangement.place.log_file(name),
        environment=environment,
        folder=CHECKOUT,
    )
    try:
        yield part
    finally:
        await part.stop(PATIENCE)


async def _not_somebody_elses(arrangement: Arrangement, new: bool) -> None:
    """A new story counts its changes from CH-1; a namespace that already carries a CH-1 would mix the two up.

    Raises:
        NotForDemonstration: the configured namespace carries changes of another database.
    """
    under_way = await changes_under_way(await connect()) if new else 0
    if under_way:
        raise NotForDemonstration(
            f"The namespace “{arrangement.temporal.namespace}” on {arrangement.temporal_address} already carries "
            f"{under_way} changes of another Groundswell. Set TEMPORAL_NAMESPACE to one that is for this demonstration."
        )


async def _while_all_live(parts: list[ChildProcess], work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``, unless a part ends before.

    Raises:
        PartEnded: one did.
    """
    task = asyncio.create_task(work)
    ends = {asyncio.create_task(part.ended()): part for part in parts}
    try:
        done, _ = await asyncio.wait({task, *ends}, return_when=asyncio.FIRST_COMPLETED)
        for end, part in ends.items():
            if end in done:
                raise PartEnded(part)
        return task.result()
    finally:
        for each in (task, *ends):
            each.cancel()
        await asyncio.gather(task, *ends, return_exceptions=True)


async def _until_ready(address: str) -> None:
    """Wait until the web server says that everything behind it answers.

    Raises:
        NotReady: saying what does not.
    """
    missing = "The web server does not answer."
    try:
        async with asyncio.timeout(READY_SECONDS), httpx2.AsyncClient(trust_env=False) as client:
            while True:
                try:
                    answer = await client.get(f"{address}/readyz")
                except httpx2.TransportError:
                    await asyncio.sleep(0.1)
                    continue
                if answer.is_success:
                    return
                missing = _what_is_missing(answer)
                await asyncio.sleep(0.2)
    except TimeoutError as error:
        raise NotReady(
            f"After {READY_SECONDS:.0f} seconds the demonstration was not ready, so everything was stopped. {missing}"
        ) from error


def _what_is_missing(answer: httpx2.Response) -> str:
    try:
        return " ".join(answer.json()["missing"])
    except (ValueError, KeyError, TypeError):
        return f"The web server answered {answer.status_code}."


def _running(arrangement: Arrangement) -> Running:
    return Running(
        pid=os.getpid(),
        address=arrangement.address,
        ui_url=arrangement.ui_url,
        mail_url=arrangement.mail_url,
        database_url=arrangement.database_url,
        temporal_address=arrangement.temporal_address,
        temporal_namespace=arrangement.temporal.namespace,
    )
