"""People, administration and the demonstration's controls, as a browser without JavaScript would use them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from directory.demonstration import FOLDER
from directory.model import Directory, Team
from store.database import reading, writing
from store.directory import load_directory, save_directory
from tests.web.office import JONAS, MARA, Office, Page
from tests.web.test_pages import sound

KENJI = "kenji.watanabe"
"""The administrator."""


def files(**changed: bytes) -> dict[str, tuple[str, bytes, str]]:
    """The demonstration's directory as it is uploaded, with some files changed."""
    names = ("people", "teams", "processes")
    return {
        name: (f"{name}.csv", changed.get(name, (Path(str(FOLDER)) / f"{name}.csv").read_bytes()), "text/csv")
        for name in names
    }


async def test_colleagues_are_found_by_a_part_of_their_name_and_by_team(office: Office) -> None:
    async with office.browser(MARA) as browser:
        found = sound(Page(await browser.get("/people?text=okafor")))
        team = sound(Page(await browser.get("/people?team=service-desk")))
        nobody = sound(Page(await browser.get("/people?text=zzz")))
        one = sound(Page(await browser.get(f"/people/{JONAS}")))
        missing = await browser.get("/people/nobody.here")
    assert f"/people/{JONAS}" in found.links and f"/people/{MARA}" not in found.links
    assert f"/people/{MARA}" in team.links
    assert ("h2", "Nobody fits") in nobody.headings
    assert ("h1", "Jonas Okafor") in one.headings and "Leads" in one.text
    assert missing.status_code == 404


async def test_the_directory_is_checked_and_loaded_with_its_report_on_the_page(office: Office) -> None:
    people = (Path(str(FOLDER)) / "people.csv").read_text().replace("Mara Lind", "Mara Lindqvist").encode()
    async with office.browser(KENJI) as browser:
        checked = sound(
            Page(await browser.post("/administration/directory", files=files(people=people), data={"check": "yes"}))
        )
        with reading(office.engine) as connection:
            assert load_directory(connection).people[MARA].name == "Mara Lind", "only checked"
        loaded = sound(Page(await browser.post("/administration/directory", files=files(people=people))))
    assert ("h2", "Nothing is wrong") in checked.headings and ("h2", "Loaded") in loaded.headings
    with reading(office.engine) as connection:
        assert load_directory(connection).people[MARA].name == "Mara Lindqvist"


async def test_a_wrong_directory_is_refused_with_file_line_and_column(office: Office) -> None:
    broken = (Path(str(FOLDER)) / "people.csv").read_text().replace("mara.lind@", "mara lind at ").encode()
    async with office.browser(KENJI) as browser:
        wrong = sound(Page(await browser.post("/administration/directory", files=files(people=broken))))
        empty = sound(Page(await browser.post("/administration/directory", files={})))
    assert wrong.status == 422 and "people.csv:" in wrong.text and "email" in wrong.text
    assert empty.status == 422 and "choose this file" in empty.text


async def test_the_state_of_the_system_says_what_waits(office: Office) -> None:
    await office.filed()
    office.clock.now += timedelta(hours=1)
    async with office.browser(KENJI) as browser, office.browser(MARA) as stranger:
        page = sound(Page(await browser.get("/administration")))
        no = await stranger.get("/administration")
    assert "Letters that wait to leave" in page.text and "the oldest since" in page.text
    assert "records, the latest" in page.text
    assert no.status_code == 403


async def test_the_demonstration_is_seen_through_another_personas_eyes(office: Office) -> None:
    async with office.browser(MARA) as browser:
        sound(Page(await browser.get("/demo")))
        earlier = dict(browser.cookies)
        sent = await browser.post("/demo/act-as", data={"person": JONAS})
        assert sent.status_code == 303
        home = Page(await browser.get("/"))
        unknown = await browser.post("/demo/act-as", data={"person": "hoa.nguyen"})
    assert ("h1", "Hello, Jonas") in home.headings
    assert unknown.status_code == 404
    async with office.anybody() as old:
        old.cookies.update(earlier)
        assert (await old.get("/")).status_code == 401, "the session before has ended"


async def test_of_very_many_teams_those_at_the_top_and_below_a_chosen_one_are_listed(office: Office) -> None:
    teams = [
        *(Team(ref=f"d{n}", name=f"Division {n}") for n in range(3)),
        *(Team(ref=f"t{n}", name=f"Crew {n}", parent=f"d{n % 3}") for n in range(450)),
    ]
    with writing(office.engine) as connection:
        known = load_directory(connection)
        everything = Directory(known.people.values(), [*known.teams.values(), *teams], known.processes.values())
        save_directory(connection, everything, office.clock())
    async with office.browser(MARA) as browser:
        top = sound(Page(await browser.get("/people")))
        below = sound(Page(await browser.get("/people?team=division+1")))
        last = sound(Page(await browser.get("/people?team=Crew+1")))
        await browser.post(
            "/standing-in/delegate", data={"to": "Priya Nair", "starts": "2026-03-02", "ends": "2026-03-04"}
        )
        standing_in = sound(Page(await browser.get("/standing-in")))
    assert "Division 1" in top.text and "Crew 1" not in top.text
    assert "Crew 448" in below.text and "Crew 449" not in below.text
    assert "more are not listed here" in below.text
    assert "No team belongs to it." in last.text
    assert "Priya Nair answers for Mara Lind" in standing_in.text, "a name may be typed instead of chosen"
