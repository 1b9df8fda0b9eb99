"""The demonstration's time is moved from its page, what falls due happens, and every page says the day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from store.database import reading, writing
from store.demonstration_clock import DemonstrationClock
from store.readiness import mark_demonstration
from store.trail import trail
from temporal.gateway import NotNow
from tests.web.office import JONAS, MARA, Clock, Office, Page
from tests.web.test_pages import sound


class Moved(Clock):
    """The demonstration's clock, as an office has it."""

    def __init__(self, clock: DemonstrationClock) -> None:
        super().__init__(datetime.now(UTC))
        self.clock = clock

    def __call__(self) -> datetime:
        return self.clock()


@pytest.fixture
def told(office: Office) -> list[str]:
    """The changes that were told to look at the clock, which they do; the office lives in the real present."""
    with writing(office.engine) as connection:
        mark_demonstration(connection)
    clock = DemonstrationClock(office.engine)
    office.clock = office.gateway.clock = Moved(clock)
    found: list[str] = []

    async def tell(changes: Sequence[str]) -> None:
        for change in changes:
            found.append(change)
            office.gateway.notice_time(change)

    office.app.state.services = replace(office.app.state.services, clock=clock, tell_clocks=tell)
    return found


async def test_time_is_moved_and_what_falls_due_happens(office: Office, told: list[str]) -> None:
    ref = await office.filed()
    async with office.browser(MARA) as browser:
        before = sound(Page(await browser.get("/demo")))
        assert "Time has been moved" not in before.text
        sent = await browser.post("/demo/time", data={"days": "14"})
        assert sent.headers["location"] == "/demo?moved=yes#main"
        sound(Page(await browser.get("/demo?moved=yes")))
        for zone in ("", "Pacific/Kiritimati", "Pacific/Pago_Pago"):  # it is never the same day in the last two
            await browser.post("/settings", data={"theme": "auto", "zone": zone})
            day = (datetime.now(UTC) + timedelta(days=14)).astimezone(ZoneInfo(zone or "Europe/Berlin"))
            for path in ("/demo", f"/changes/{ref}", "/help"):
                shown = Page(await browser.get(path)).text
                assert f"Time has been moved: it is {day:%A} {day.day} {day:%B %Y} here." in shown, path
    assert told == [ref]
    with reading(office.engine) as connection:
        happened = [entry.action for entry in trail(connection, ref, MARA)]
    assert {"reminded", "escalated"} & set(happened), happened


async def test_nonsense_moves_nothing_and_says_what_to_do(office: Office, told: list[str]) -> None:
    async with office.browser(MARA) as browser:
        for days in ("", "0", "-3", "soon", "401", "9" * 30):
            wrong = sound(Page(await browser.post("/demo/time", data={"days": days})))
            assert wrong.status == 422 and "Choose between 1 and 400 days." in wrong.text
        assert "Time has been moved" not in Page(await browser.get("/demo")).text


async def test_where_temporal_is_away_the_page_says_what_that_means(office: Office, told: list[str]) -> None:
    async def away(changes: Sequence[str]) -> None:
        raise NotNow(retry_after=5)

    office.app.state.services = replace(office.app.state.services, tell_clocks=away)
    async with office.browser(JONAS) as browser:
        sent = await browser.post("/demo/time", data={"days": "1"})
        shown = sound(Page(await browser.get(sent.headers["location"].partition("#")[0])))
    assert "changes have not noticed yet" in shown.text and "Time has been moved" in shown.text
