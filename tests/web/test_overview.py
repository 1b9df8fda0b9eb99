"""How it goes: figures that are right, that lead to their changes, and that tell nothing about small groups."""

from __future__ import annotations

from datetime import timedelta

from tests.web.office import JONAS, MARA, SAMIRA, Office, Page
from tests.web.test_pages import sound

INGRID = "ingrid.halvorsen"


async def test_the_figures_count_what_happened(office: Office) -> None:
    declined, open_one = await office.filed(), await office.filed()
    office.clock.now += timedelta(days=2)
    no = {"reason": "No time.", "way_forward": "Ask again after Easter."}
    await office.done(JONAS, "decline", no, declined)
    concern = {"title": "Too fast", "text": "Who checks?", "code": "R07"}
    await office.done(SAMIRA, "raise_concern", concern, open_one)
    await office.done(MARA, "ask_why", {"concern": "C1", "question": "What happened before?"}, open_one)
    office.clock.now += timedelta(days=9)
    async with office.browser(INGRID) as browser:
        page = sound(Page(await browser.get("/overview")))
        narrowed = sound(Page(await browser.get("/changes?outcome=declined")))
    assert "Changes under way 1 " in page.text
    assert "Declines with a reason 1 of 1" in page.text
    assert "Asked why within 3 days 1 of 1" in page.text
    assert "Time to the first answer 2.0 days" in page.text
    assert "half of 1 proposals were answered sooner; 1 still wait" in page.text
    assert f'href="/changes/{open_one}"' in page.html and "#stuck" in page.links
    assert "Jonas Okafor" in page.text, "with whom it is stuck"
    assert "/changes?outcome=declined" in page.links
    assert declined in narrowed.text and f"/changes/{open_one}" not in narrowed.links


async def test_nothing_is_told_about_groups_under_five(office: Office) -> None:
    await office.filed()
    async with office.browser(INGRID) as browser:
        page = Page(await browser.get("/overview?days=30"))
    assert "Service Desk" in page.text
    assert "Purchasing" not in page.text, "a team of fewer than five"


async def test_an_empty_organisation_has_an_overview_too(office: Office) -> None:
    async with office.browser(INGRID) as browser:
        page = sound(Page(await browser.get("/overview?days=365")))
    assert "Nothing is overdue." in page.text
