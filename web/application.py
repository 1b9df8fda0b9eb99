"""Composes the web application, and serves it until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from types import FrameType

import structlog
import uvicorn
from fastapi import Depends, FastAPI
from sqlalchemy import Engine
from starlette.middleware import Middleware

from loops import run_program
from settings import Settings
from store.checkpoints import LedgerDamaged, require_whole
from store.database import open_database
from store.demonstration_clock import DemonstrationClock
from store.keeping import sinks_of
from store.readiness import require_ready
from temporal.link import TemporalLink
from web.api import BASE, api_router
from web.api.commands import add_commands
from web.handlers import register, respond
from web.live import Live
from web.openapi import describe
from web.pages import pages_router
from web.security.authorising import authorise
from web.security.body_limit import BodyLimit
from web.security.cross_origin import SameOriginOnly
from web.security.envelope import Envelope
from web.security.limiting import Limiter
from web.security.openid import openid_of
from web.services import (
    AskAgain,
    CommandGateway,
    NotAnswering,
    Services,
    TellClocks,
    nobody_is_told,
    nobody_looks,
    nobody_to_wake,
    nothing_missing,
    utc_now,
)
from web.static_files import static_files

GRACE_SECONDS = 25
"""How long answers that have begun may take when the server is told to stop; longer than a command's patience."""

log = structlog.get_logger()


def create_app(
    settings: Settings,
    engine: Engine,
    gateway: CommandGateway,
    *,
    not_answering: NotAnswering = nothing_missing,
    ask_again: AskAgain = nobody_looks,
    tell_clocks: TellClocks = nobody_is_told,
    wake_endpoint: Callable[[str], Awaitable[None]] = nobody_to_wake,
    clock: Callable[[], datetime] = utc_now,
) -> FastAPI:
    """The web application on one database and one way to Temporal. It holds nothing that has to be closed.

    Args:
        gateway: takes commands to their changes.
        not_answering: what does not answer behind the gateway, for the readiness check.
        ask_again: has open gates looked at, because other people may be asked now.
        tell_clocks: has changes of the demonstration look how far ahead its clock is.
        wake_endpoint: has what waits for a webhook endpoint sent now.
        clock: the present moment, aware.
    """
    app = FastAPI(
        title="Groundswell",
        version="1",
        summary="Governed change from the people who do the work.",
        docs_url=None,  # FastAPI's pages come from a CDN, which our content security policy does not allow
        redoc_url=None,
        openapi_url="/openapi.json",
        dependencies=[Depends(authorise)],
        middleware=[
            Middleware(Envelope, respond=respond, over_tls=settings.secure_cookies),
            Middleware(SameOriginOnly, respond=respond, public_url=settings.public_url),
            Middleware(BodyLimit, respond=respond),
        ],
    )
    app.state.services = Services(
        settings,
        engine,
        gateway,
        clock=clock,
        not_answering=not_answering,
        ask_again=ask_again,
        tell_clocks=tell_clocks,
        openid=openid_of(settings),
        wake_endpoint=wake_endpoint,
        requests=Limiter(settings.requests_per_minute, settings.requests_per_minute // 2),
    )
    register(app)
    add_commands(app.router, BASE)
    app.include_router(api_router(settings.demonstration))
    app.include_router(pages_router(settings.demonstration))
    app.mount("/static", static_files(), name="static")
    describe(app)
    return app


class _Server(uvicorn.Server):
    """Ends with success when it is told to stop; uvicorn would raise the signal once more and die of it."""

    def __init__(self, config: uvicorn.Config, live: Live) -> None:
        super().__init__(config)
        self._live = live

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, and at a second Ctrl-C stop at once. Pages that listen are let go, or they would be waited for."""
        self._live.close()
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


async def run(settings: Settings, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve until SIGTERM or SIGINT, then let answers that have begun finish.

    Temporal may be away: reading works without it, and commands are answered with 503 until it is back.

    Raises:
        store.database.DatabaseUnavailable: the database is not fit to work with.
    """
    engine = open_database(settings.database_url)
    try:
        require_ready(engine, settings.demonstration)
        # Reading goes on where the database is behind its checkpoints; what would add to it says that it is stopped,
        # and what would sign it that a place lost what it had.
        with suppress(LedgerDamaged):
            require_whole(engine, sinks_of(settings))
        link = TemporalLink(settings.temporal_task_queue, demonstration=settings.demonstration)
        app = create_app(
            settings,
            engine,
            link,
            not_answering=link.not_answering,
            ask_again=link.ask_again,
            tell_clocks=link.tell_clocks,
            clock=DemonstrationClock(engine) if settings.demonstration else utc_now,
            wake_endpoint=link.wake_endpoint,
        )
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        connecting = asyncio.create_task(link.connect_early())
        live: Live = app.state.services.live
        await _Server(config, live).serve()
        await live.ended()
        connecting.cancel()
    finally:
        engine.dispose()


def serve(settings: Settings, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve until told to stop; see :func:`run`."""
    run_program(run(settings, host, port))
