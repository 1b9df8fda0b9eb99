"""The page of somebody who is asked shows the decision packet: what a yes means, predictions with results, dissent."""

from __future__ import annotations

from changes.packet import packet_for
from tests.web.office import HOA, JONAS, LEA, MARA, SAMIRA, Office, Page, a_test
from tests.web.test_pages import sound


async def test_the_page_shows_the_packet(office: Office) -> None:
    ref = await office.planned()
    await office.done(MARA, "propose_tests", {"tests": [a_test("T1")]}, ref)
    await office.done(SAMIRA, "endorse", {}, ref)
    worry = {"title": "Fraud", "text": "Nobody checks.", "code": "R09", "would_settle": "A sample of ten a week."}
    await office.done(HOA, "raise_concern", worry, ref)
    result = {"test": "T1", "value": "20", "sample": 40, "evidence": "returns-week-10.csv"}
    await office.done(LEA, "record_result", result, ref)
    await office.done(MARA, "conclude", {"verdict": "adopt"}, ref)
    packet = packet_for(office.gateway.state(ref))
    async with office.browser(SAMIRA) as browser:
        page = sound(Page(await browser.get(f"/changes/{ref}/decide")))
    assert f"A yes means: {packet.signing}" in page.text.replace("  ", " ")
    assert "20 hours from 40 observations: passed returns-week-10.csv" in page.text
    assert "at most 24 hours" in page.text
    [concern] = packet.open_concerns
    assert concern.by == HOA
    assert f"{concern.reason}. Would be settled by: A sample of ten a week." in page.text
    assert packet.rule in page.text


async def test_an_author_who_was_heard_is_not_told_that_they_decide(office: Office) -> None:
    ref = await office.filed()
    await office.done(JONAS, "say_back", {"heard": "Returns, faster."}, ref)
    async with office.browser(MARA) as browser:
        page = sound(Page(await browser.get(f"/changes/{ref}/decide")))
    assert "Yes, that is what I meant" in page.text and "Returns, faster." in page.text
    assert "You are asked because" not in page.text and "A yes means" not in page.text
