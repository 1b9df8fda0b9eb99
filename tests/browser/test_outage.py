"""What was typed into a long form survives: the database is gone, Temporal is gone, and both come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from store import tables
from store.database import reading
from temporal.link import TemporalLink
from temporal.ports import free_port
from tests.browser.people import Desk, Person
from tests.support.databases import ON_POSTGRESQL
from tests.web.office import MARA

LONG = "Customers wait four days for a yes or no. " * 40


@contextmanager
def without_database(desk: Desk) -> Iterator[None]:
    """The file of the database is taken away, and a folder stands in its place."""
    file = Path(make_url(desk.served.database_url).database or "")
    aside = file.with_suffix(".aside")
    file.rename(aside)
    file.mkdir()
    try:
        yield
    finally:
        file.rmdir()
        aside.rename(file)


@contextmanager
def without_temporal(desk: Desk) -> Iterator[None]:
    """Commands go to a Temporal server at an address where nobody answers."""
    app, services = desk.served.app, desk.served.app.state.services
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{free_port()}")
        app.state.services = replace(services, gateway=TemporalLink("nobody", demonstration=True))
        try:
            yield
        finally:
            app.state.services = services


LOSSES: Mapping[str, tuple[Callable[[Desk], AbstractContextManager[None]], str]] = {
    "database": (without_database, "Send again"),
    "Temporal": (without_temporal, "Submit the proposal"),
}
"""What is lost, and the button that sends again when it is back."""


def fills_in(mara: Person) -> None:
    """Everything that a proposal asks, at length."""
    mara.opens("/changes/new/one-page")
    mara.writes("A name people will recognise", "Answer returns within a day")
    mara.chooses("The process that could work better", "Returns and refunds")
    mara.writes("What did you see?", LONG)
    mara.writes("What do you suggest?", "Decide small returns at the desk.")
    mara.ticks("Service Desk")
    mara.writes("How many people would work differently", "60")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
@pytest.mark.parametrize("lost", LOSSES)
def test_a_long_form_is_sent_again_with_one_button(desk: Desk, lost: str, scripts: bool) -> None:
    if lost == "database" and ON_POSTGRESQL:
        pytest.skip("takes SQLite's file away")
    away, again = LOSSES[lost]
    mara = desk.person(MARA, scripts=scripts)
    fills_in(mara)
    with away(desk):
        mara.presses("Submit the proposal", exact=True)
        assert "Not right now" in mara.text and "Nothing is lost" in mara.text
        assert LONG.strip() in " ".join(mara.page.content().split()), "what was typed is on the page"
        if lost == "database":
            program = httpx2.get(f"{desk.served.address}/api/v1/me", headers={"Authorization": "Bearer gw_x"})
            assert program.status_code == 503 and int(program.headers["Retry-After"]) > 0
            assert program.json()["type"] == "/problems/database_unavailable"
    mara.presses(again, exact=True)
    assert "Filed as CH-1" in mara.text and "What happens next." in mara.text
    with reading(desk.served.engine) as connection:
        assert connection.execute(select(func.count()).select_from(tables.change)).scalar_one() == 1
