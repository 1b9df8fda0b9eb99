"""The programs of an installation: migrate, web, worker."""

from __future__ import annotations

from typing import Annotated

import typer

from commandline.exits import FAILED, Stopped
from commandline.output import say
from temporal.ports import LOOPBACK, is_free


def migrate() -> None:
    """Bring the configured database (DATABASE_URL) to the newest schema."""
    from settings import load_settings
    from store.database import in_words, open_database
    from store.migrating import migrate as bring_up_to_date
    from store.migrating import present_revision

    engine = open_database(load_settings().database_url)
    try:
        before = present_revision(engine)
        bring_up_to_date(engine)
        after = present_revision(engine)
    finally:
        engine.dispose()
    if before == after:
        say(f"{in_words(engine)} is at the newest schema already ({after}).")
    else:
        say(f"{in_words(engine)} is now at schema {after}.")


def web(
    host: Annotated[str, typer.Option(help="Where to listen; 0.0.0.0 for every address.")] = LOOPBACK,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 8000,
) -> None:
    """Serve pages and the JSON interface until told to stop."""
    from logs import set_up_logs
    from settings import load_settings
    from web.application import serve

    settings = load_settings()
    set_up_logs(settings.log_format)
    if not is_free(port, host):
        raise Stopped(
            f"Port {port} is taken on {host}. Stop what listens there, or choose another with --port.", FAILED
        )
    serve(settings, host, port)


def worker() -> None:
    """Run a worker until told to stop; it finishes what it has begun."""
    import worker as program
    from commandline.mail import mail_of
    from settings import load_settings

    settings = load_settings()
    mail_of(settings)  # said early and in plain words, not by the worker's log
    if settings.metrics_port and not is_free(settings.metrics_port, settings.metrics_host):
        raise Stopped(
            f"Port {settings.metrics_port} of {settings.metrics_host} cannot be had for the worker's metrics. "
            "Set GROUNDSWELL_METRICS_PORT to another, or to 0 to do without.",
            FAILED,
        )
    program.main()
