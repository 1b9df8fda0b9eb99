"""Turns templates into answers. Everything is escaped; a name that a template misspells is an error, not a blank."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse

from changes.decision import HUMAN_COMMANDS
from changes.state import READINGS_KEPT
from store.demonstration_clock import DemonstrationClock
from web.pages.charts import guard_chart, test_chart
from web.pages.comparing import compared
from web.pages.navigation import places_for
from web.pages.wording import OUTCOME_NAMES, STAGE_NAMES, browser_in_words, number, plain, sentence, without
from web.security.sign_in import Visitor
from web.services import Services

HERE = Path(__file__).parent.parent
STATIC = HERE / "static"
SCRIPTS = ("vendor/htmx.min.js", "vendor/hx-sse.min.js", "groundswell.js")
"""In the order in which they are run."""


def fingerprint(name: str) -> str:
    """The address of a static file; it changes with the content, so that browsers may keep the file for ever."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:16]
    return f"/static/{name}?v={digest}"


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "browser": browser_in_words,
        "number": number,
        "plain": plain,
        "sentence": sentence,
        "without": without,
    }
    environment.globals |= {
        "commands": HUMAN_COMMANDS,
        "outcome_names": OUTCOME_NAMES,
        "stage_names": STAGE_NAMES,
        "chart_of_guard": guard_chart,
        "readings_kept": READINGS_KEPT,
        "chart_of_test": test_chart,
        "compared": compared,
        "places_for": places_for,
        "stylesheet": fingerprint("groundswell.css"),
        "icon": fingerprint("groundswell.svg"),
        "scripts": [fingerprint(name) for name in SCRIPTS],
    }
    return environment


ENVIRONMENT = _environment()


def page(
    request: Request,
    template: str,
    *,
    visitor: Visitor | None,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
    **content: Any,
) -> HTMLResponse:
    """A page. ``template`` extends ``frame.html``, which shows who is signed in and the demonstration's banner."""
    services: Services = request.app.state.services
    html = ENVIRONMENT.get_template(template).render(
        visitor=visitor,
        demonstration=services.settings.demonstration,
        moved_to=_moved_to(services, visitor),
        path=request.url.path,
        **content,
    )
    return HTMLResponse(html, status_code=status, headers=headers)


def _moved_to(services: Services, visitor: Visitor | None) -> str:
    """Which day it is for the reader where the demonstration's time has been moved; empty where it has not."""
    clock = services.clock
    if not isinstance(clock, DemonstrationClock) or not clock.known_ahead or visitor is None:
        return ""
    today = (datetime.now(UTC) + clock.known_ahead).astimezone(visitor.zone or UTC)
    return f"{today:%A} {today.day} {today:%B %Y}"
