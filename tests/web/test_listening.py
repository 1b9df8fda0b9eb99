"""How people listen, over the API: counts for those who look over everything, and nothing that points at somebody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.web.office import HOA, JONAS, LEA, MARA, PRIYA, SAMIRA, Office

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
    assert (await asked(office, JONAS, "7")).json()["asked_why"]["due"] == 0, "raised before"


async def test_is_for_those_who_look_over_everything(office: Office) -> None:
    assert (await asked(office, MARA)).status_code == 403
    assert (await asked(office, JONAS, "0")).status_code == 422
