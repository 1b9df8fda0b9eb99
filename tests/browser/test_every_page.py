"""axe finds nothing on any page, in light and dark, and no page makes the browser complain of the content policy.

The pages come from the application's own addresses: one that is not visited here fails the first test.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from changes.decision import HUMAN_COMMANDS
from notifications.leaving import leaving_token
from settings import Settings
from store.database import DatabaseUnavailable, writing
from store.mail_links import keep_links, links_for
from store.outbox import waiting_to_leave
from store.sign_in import make_link
from temporal.gateway import NotNow
from tests.browser.people import Desk, Person
from tests.web.office import JONAS, LEA, MARA, MONDAY, SAMIRA, Clock, InProcessGateway, Office
from tests.web.situations import AMARA, ARJUN, INGRID, KENJI, SITUATIONS
from tests.web.test_mail_page import NAME, put_letter
from web.application import create_app
from web.pages.filing import STEPS
from web.security.authorising import addresses

STRANGER = ""
"""Nobody is signed in."""
NO_PAGES = {
    "/openapi.json": "the interface's document",
    "/healthz": "for programs",
    "/readyz": "for programs",
    "/live": "a stream",
    "/audit/export": "a file",
    "/drafts/{ref}/filed": "leads on to the change",
    "/sign-in/openid": "leads on to the provider",
    "/sign-in/openid/back": "leads on from the provider; where that fails it shows the page for what went wrong",
}
PAGES: tuple[tuple[str, str], ...] = (
    (MARA, "/"),
    (JONAS, "/"),
    (JONAS, "/approvals"),
    (MARA, "/approvals"),
    *((MARA, f"/changes/{{{name}}}") for name in ("asked", "endorsing", "declined", "anonymous", "closed", "rolling")),
    (SAMIRA, "/changes/{rolling}"),
    (JONAS, "/changes/{asked}/decide"),
    (SAMIRA, "/changes/{endorsing}/decide"),
    (MARA, "/changes/{returned}/versions"),
    (MARA, "/changes"),
    (MARA, "/changes?text=nothing-like-it"),
    (MARA, "/changes/new"),
    (MARA, "/changes/new/one-page"),
    *((MARA, f"/drafts/{{draft}}/{step.name}") for step in STEPS),
    (MARA, "/drafts/{draft}/check"),
    *((JONAS, f"/changes/{{asked}}/do/{kind}") for kind in HUMAN_COMMANDS if kind != "submit"),
    (SAMIRA, "/changes/{rolling}/do/plan_rollout"),
    (ARJUN, "/audit"),
    (ARJUN, "/audit?text=nothing-like-it"),
    (ARJUN, "/audit/records/1"),
    (INGRID, "/overview"),
    (INGRID, "/listening"),
    (MARA, "/people"),
    (MARA, "/people/mara.lind"),
    (KENJI, "/administration"),
    (KENJI, "/administration/webhooks"),
    (KENJI, "/administration/webhooks/{webhook}"),
    (MARA, "/policy"),
    (MARA, "/policy/versions"),
    (AMARA, "/policy/try"),
    (AMARA, "/policy/proven"),
    (MARA, "/settings"),
    (MARA, "/settings/access"),
    (JONAS, "/standing-in"),
    (MARA, "/help"),
    (MARA, "/api"),
    (MARA, "/demo"),
    (MARA, "/demo/mail"),
    (MARA, f"/demo/mail/{NAME}"),
    (STRANGER, "/sign-in"),
    (STRANGER, "/sign-in/{sign_in}"),
    (STRANGER, "/answer/{answer}"),
    (STRANGER, "/mail/off/{leaving}"),
)
"""Who looks at what. What stands in braces is made beforehand."""
FAILING: tuple[tuple[str, str, int], ...] = (
    (STRANGER, "/", 401),
    (MARA, "/audit", 403),
    (MARA, "/nowhere", 404),
    (MARA, "/changes/CH-404", 404),
    (MARA, "/changes/CH-404/decide", 404),
    (STRANGER, "/sign-in/x", 404),
    (STRANGER, "/answer/x", 404),
    (STRANGER, "/mail/off/x", 404),
)


@dataclass(frozen=True)
class Prepared:
    """What stands in the braces of an address."""

    names: Mapping[str, str]

    def at(self, path: str) -> str:
        """The address with everything in its place."""
        return path.format_map(self.names)


def office_on(engine: Engine, mail: Path) -> Office:
    """The same database without a browser, some months ago."""
    settings = Settings(mode="demo", public_url="http://groundswell.test", mail_folder=mail)
    clock = Clock(max(MONDAY, datetime.now(UTC) - timedelta(days=120)))
    gateway = InProcessGateway(engine, settings.actor_secret(), clock)
    return Office(create_app(settings, engine, gateway, clock=clock), engine, gateway, clock, settings)


async def prepared(office: Office, secret: bytes) -> Prepared:
    """Changes in several situations, and one of everything else that has a page."""
    wanted = ("returned", "asked", "endorsing", "declined", "anonymous", "closed", "rolling")
    names = {name: await SITUATIONS[name](office) for name in wanted}
    async with office.browser(MARA) as mara, office.browser(KENJI) as kenji:
        names["draft"] = (await mara.post("/changes/new")).headers["location"].split("/")[2]
        hook = {"url": "https://receiver.example/groundswell", "description": "screens"}
        made = (await kenji.post("/api/v1/webhooks", json=hook)).json()["endpoint"]
        await kenji.post(f"/api/v1/webhooks/{made['ref']}/test")
        names["webhook"] = made["ref"]
        away = {"to": LEA, "starts": "2027-03-09", "ends": "2027-03-12", "reason": "Holidays."}
        async with office.browser(JONAS) as jonas:
            await jonas.post("/api/v1/delegations", json=away, headers={"Idempotency-Key": "d"})
    now = datetime.now(UTC)
    with writing(office.engine) as connection:
        names["sign_in"] = make_link(connection, MARA, now)
        asked = [one for one in waiting_to_leave(connection, limit=500) if one.notice.change == names["asked"]]
        links = links_for(connection, asked, secret)
        keep_links(connection, links.values(), now)
        names["answer"] = next(link.token for link in links.values())
    names["leaving"] = leaving_token(secret, MARA, "digest")
    return Prepared(names)


def prepare(desk: Desk, mail: Path) -> Prepared:
    """As :func:`prepared`, beside playwright, whose own loop runs in this thread."""
    put_letter(mail)
    office = office_on(desk.served.engine, mail)
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(asyncio.run, prepared(office, office.settings.actor_secret())).result()


def found_by_axe(person: Person) -> list[str]:
    """What axe finds on the page."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(person.page)
    return [
        f"{person.page.url}: {one['id']}: {one['help']} {[node['target'] for node in one['nodes']]}"
        for one in found.response["violations"]
    ]


def test_every_page_of_the_application_is_visited(engine: Engine, tmp_path: Path) -> None:
    app = office_on(engine, tmp_path).app
    known = {path for method, path, _ in addresses(app) if method == "GET" and not path.startswith("/api/v1")}
    visited = {template(path, known) for _, path in PAGES}
    assert known - visited - NO_PAGES.keys() == set(), "look at these with axe too, in PAGES"
    assert NO_PAGES.keys() <= known


def template(path: str, known: set[str]) -> str:
    """The application's address that ``path`` is an example of."""
    parts = path.partition("?")[0].split("/")
    for candidate in sorted(known, key=lambda one: one.count("{")):
        others = candidate.split("/")
        if len(parts) == len(others) and all(a == b or b.startswith("{") for a, b in zip(parts, others, strict=True)):
            return candidate
    raise AssertionError(f"the application has no page {path}")


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_on_any_page(desk: Desk, tmp_path: Path, dark: bool) -> None:
    here = prepare(desk, tmp_path / "mail")
    people = {who: desk.person(who, dark=dark) for who, _ in PAGES}
    told = []
    for who, path in PAGES:
        people[who].opens(here.at(path))
        told += found_by_axe(people[who])
    for who, path, status in FAILING:
        answer = people[who].page.goto(desk.served.address + path)
        assert answer is not None and answer.status == status, f"{path}: {answer and answer.status}"
        told += found_by_axe(people[who])
    assert told == [], "\n".join(told)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_where_something_went_wrong(desk: Desk, tmp_path: Path, dark: bool) -> None:
    """Wrong answers, Temporal away, the database away; and everything in a narrow window."""
    here = prepare(desk, tmp_path / "mail")
    samira, mara = desk.person(SAMIRA, dark=dark), desk.person(MARA, dark=dark, width=390)
    samira.opens(here.at("/changes/{asked}/do/raise_concern"))
    samira.presses("Raise a concern", exact=True)
    assert samira.page.title().startswith("Error: ")
    told = found_by_axe(samira)
    for failure in (NotNow(5), DatabaseUnavailable("away")):
        desk.served.gateway.failing = failure
        samira.opens(here.at("/changes/{asked}/do/comment"))
        samira.answers("about", "better")
        samira.answers("text", "Words that must not be lost.")
        samira.presses("Comment", exact=True)
        assert "Words that must not be lost." in samira.page.content()
        told += found_by_axe(samira)
    desk.served.gateway.failing = None
    mara.opens("/changes/new")
    mara.presses("Begin")
    mara.presses("Save and go on")
    assert "There is a problem" in mara.text
    told += found_by_axe(mara)
    for path in ("/", "/changes/{rolling}", "/changes", "/settings", "/drafts/{draft}/check"):
        mara.opens(here.at(path))
        told += found_by_axe(mara)
        wide = mara.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{path} is {wide} pixels wider than a small window"
    assert told == [], "\n".join(told)
