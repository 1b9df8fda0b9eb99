"""How people listen, over the API: counts for those who look over everything, and nothing that points at somebody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.web.office import HOA, JONAS, LEA, MARA, PRIYA, SAMIRA, Office, Page
from tests.web.test_pages import sound

WORRY = {"title": "No time", "text": "There is too much to do already.", "code": "R05", "blocking": False}


async def asked(office: Office, person: str, days: str = "365") -> Any:
    async with office.program(person) as program:
        return await program.get(f"/api/v1/listening?days={days}")


async def test_counts_who_was_asked_in_time_and_shows_a_pattern_of_five(office: Office) -> None:
    ref = await office.filed()
    for person in (JONAS, PRIYA, LEA, HOA):
        await office.done(person, "raise_concern", WORRY, ref)
    await office.done(SAMIRA, "ask_why", {"concern": "C1", "question": "Since when?"}, ref)
    office.clock.now += timedelta(days=30)
    found = (await asked(office, JONAS)).json()
    assert found["asked_why"] == {"due": 4, "in_time": 1, "late": 0, "never": 3}
    assert found["percent_in_time"] == 25
    assert found["patterns"] == [], "four people are too few"
    await office.done("amara.diallo", "raise_concern", WORRY, ref)
    response = await asked(office, JONAS)
    [pattern] = response.json()["patterns"]
    assert (pattern["process"], pattern["code"], pattern["people"]) == ("returns", "R05", 5)
    assert not any(person in response.text for person in (PRIYA, LEA, HOA))
    assert {one["part"]: one["questions"] for one in found["who_asked"]}["who is asked at its gates"] == 1
    assert found["how_soon"]["asked"][0] == {"words": "the same day", "count": 1}
    assert (await asked(office, JONAS, "7")).json()["asked_why"]["due"] == 0, "raised before"


async def test_the_page_draws_each_figure_and_writes_it_as_a_table(office: Office) -> None:
    ref = await office.filed()
    for person in (JONAS, PRIYA, LEA, HOA, "amara.diallo"):
        await office.done(person, "raise_concern", WORRY, ref)
    await office.done(MARA, "ask_why", {"concern": "C1", "question": "Since when?"}, ref)
    office.clock.now += timedelta(days=2)
    await office.done(JONAS, "answer_why", {"concern": "C1", "answer": "Since the autumn."}, ref)
    await office.done("georg.thiele", "ask_why", {"concern": "C2", "question": "What is it?"}, ref)
    office.clock.now += timedelta(days=20)
    async with office.browser(JONAS) as browser:
        page = sound(Page(await browser.get("/listening?days=365")))
        overview = Page(await browser.get("/overview?days=365"))
    assert "Asked why within 3 working days 2 of 5 40 %" in page.text
    assert page.html.count('<div class="bars"') == page.html.count("<summary>As a table</summary>") == 4
    for row in ("Its authors 1", "Nobody with a part 1", "The same day 1", "Up to 3 days 1", "Not asked 3"):
        assert row in page.text
    assert "no time, too many changes 5 0 0" in page.text
    assert "/listening?days=365" in overview.links
    assert not any(name in page.text for name in ("Priya", "Lea", "Hoa"))


async def test_the_page_says_so_where_there_is_nothing_to_tell(office: Office) -> None:
    async with office.browser(JONAS) as browser:
        page = sound(Page(await browser.get("/listening")))
    assert "There is nothing to tell about this period yet" in page.text
    async with office.browser(MARA) as browser:
        assert (await browser.get("/listening")).status_code == 403


async def test_is_for_those_who_look_over_everything(office: Office) -> None:
    assert (await asked(office, MARA)).status_code == 403
    assert (await asked(office, JONAS, "0")).status_code == 422
