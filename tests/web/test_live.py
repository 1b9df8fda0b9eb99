"""Pages that are looked at hear that something moved, once, and nothing that nobody may know of."""

from __future__ import annotations

import asyncio
import re

import httpx2

from store.database import DatabaseUnavailable
from tests.web.office import HOA, MARA, PRIYA, Office
from web.live import Live


async def heard(office: Office, address: str, **headers: str) -> list[int]:
    """What a page at ``address`` hears until the server lets it go."""
    async with office.browser(PRIYA) as browser:
        answer = await browser.get(address, headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    return [int(number) for number in re.findall(r"^id: (\d+)$", answer.text, re.MULTILINE)]


def impatient(office: Office, lasts: float = 0.15) -> Live:
    """Have the office's pages be let go soon."""
    office.app.state.services.live.every = 0.02
    office.app.state.services.live.lasts = lasts
    live: Live = office.app.state.services.live
    return live


async def test_a_page_that_is_behind_hears_so_at_once_and_one_that_is_not_hears_nothing(office: Office) -> None:
    ref = await office.filed()
    impatient(office)
    latest = (await heard(office, f"/live?change={ref}&since=0"))[-1]
    assert await heard(office, f"/live?change={ref}&since={latest}") == []
    assert await heard(office, "/live?change=CH-99&since=0") == []


async def test_what_happens_while_a_page_listens_is_told(office: Office) -> None:
    ref, other = await office.filed(), await office.filed()
    impatient(office, 0.6)
    latest = (await heard(office, "/live?since=0"))[-1]
    listening = asyncio.gather(
        heard(office, f"/live?change={ref}&since={latest}"),
        heard(office, f"/live?change={other}&since={latest}"),
        heard(office, f"/live?since={latest}"),
    )
    await asyncio.sleep(0.1)
    await office.done(MARA, "comment", {"about": "works", "text": "Good."}, ref)
    mine, others, all_of_them = await listening
    assert mine == all_of_them == [latest + 1] and others == []


async def test_a_page_that_comes_back_goes_on_where_it_was(office: Office) -> None:
    ref = await office.filed()
    impatient(office)
    latest = (await heard(office, f"/live?change={ref}&since=0"))[-1]
    await office.done(MARA, "comment", {"about": "works", "text": "Good."}, ref)
    missed = await heard(office, f"/live?change={ref}&since=0", **{"Last-Event-ID": str(latest)})
    assert missed == [latest + 1]
    assert await heard(office, f"/live?change={ref}&since=0", **{"Last-Event-ID": str(missed[-1])}) == []


async def test_a_no_to_an_invitation_moves_nobodys_page(office: Office) -> None:
    ref = await office.recruiting()
    await office.done(MARA, "invite", {"people": [HOA]}, ref)
    impatient(office)
    latest = (await heard(office, f"/live?change={ref}&since=0"))[-1]
    await office.done(HOA, "decline_invitation", {}, ref)
    assert await heard(office, f"/live?change={ref}&since={latest}") == []


async def test_pages_are_let_go_when_the_server_stops(office: Office) -> None:
    live = impatient(office, 30)
    listening = asyncio.create_task(heard(office, "/live?since=0"))
    await asyncio.sleep(0.1)
    live.close()
    assert await asyncio.wait_for(listening, 5) == []


async def test_a_server_that_ends_waits_for_the_look_that_is_under_way() -> None:
    live, looking, may_end, ended = Live(every=0.01, lasts=0.03), asyncio.Event(), asyncio.Event(), list[str]()
    looks = 0

    async def read(work: object) -> object:
        nonlocal looks
        looks += 1
        if looks <= 2:  # the two with which listening begins
            return 4
        looking.set()
        await may_end.wait()
        ended.append("look")
        return ()

    assert [seq async for seq in live.follow(read, 4, None)] == []
    await asyncio.wait_for(looking.wait(), 5)
    asyncio.get_running_loop().call_later(0.05, may_end.set)
    await asyncio.wait_for(live.ended(), 5)
    assert ended == ["look"]


async def test_a_database_that_is_away_for_a_moment_ends_no_page() -> None:
    live, answers = Live(every=0.01, lasts=0.3), iter([4, 4, DatabaseUnavailable("away"), ((5, "CH-1"),)])

    async def read(work: object) -> object:
        found = next(answers, ())
        if isinstance(found, DatabaseUnavailable):
            raise found
        return found

    assert [seq async for seq in live.follow(read, 4, "CH-1")] == [5]


async def test_strangers_hear_nothing(office: Office) -> None:
    async with office.anybody() as stranger:
        answer: httpx2.Response = await stranger.get("/live")
    assert answer.status_code == 401
