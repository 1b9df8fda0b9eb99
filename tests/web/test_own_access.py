"""Sessions and tokens in the settings: seen, made, shown once, and ended, by plain forms."""

from __future__ import annotations

import re

import pytest

from store.tokens import well_formed
from tests.web.office import JONAS, MARA, Office, Page
from tests.web.test_pages import sound
from web.pages.wording import browser_in_words

ACCESS = "/settings/access"


async def test_a_token_is_made_shown_once_and_revoked(office: Office) -> None:
    async with office.browser(MARA) as browser:
        assert ACCESS in Page(await browser.get("/settings")).links
        form = sound(Page(await browser.get(ACCESS)))
        assert "Administer" not in form.text
        answers = form.answers(name="my report", scopes=["read"], days="30")
        made = sound(Page(await browser.post(form.action, data=answers)))
        [token] = re.findall(r"<code>([^<]+)</code>", made.html)
        assert well_formed(token) and "It works until Wed 1 Apr 2026" in made.text
        listed = sound(Page(await browser.get(ACCESS)))
        assert token not in listed.html and "my report" in listed.text and "Not used yet." in listed.text
        twice = sound(Page(await browser.post(form.action, data=answers)))
        assert twice.status == 409 and "exists already" in twice.text and twice.title.startswith("Error: ")
        async with office.anybody() as program:
            program.headers["Authorization"] = f"Bearer {token}"
            assert (await program.get("/api/v1/changes")).status_code == 200
            [revoking] = re.findall(r'action="(/settings/access/tokens/[^"]+/revoke)"', listed.html)
            async with office.browser(JONAS) as other:
                assert (await other.post(revoking)).status_code == 404, "somebody else's"
            done = sound(Page(await browser.get((await browser.post(revoking)).headers["location"].partition("#")[0])))
            assert "The token has stopped working." in done.text and "my report" not in done.text
            assert (await program.get("/api/v1/changes")).status_code == 401
            assert (await browser.post(revoking)).status_code == 404


async def test_what_is_wrong_with_a_token_is_said_and_what_was_typed_stays(office: Office) -> None:
    async with office.browser(MARA) as browser:
        mistakes: tuple[dict[str, str | list[str]], ...] = (
            {"name": " "},
            {"scopes": []},
            {"scopes": ["everything"]},
            {"days": "4000"},
            {"days": "soon"},
        )
        for wrong in mistakes:
            sent: dict[str, str | list[str]] = {"name": "kept words", "scopes": ["read"], "days": "7", **wrong}
            shown = sound(Page(await browser.post(f"{ACCESS}/tokens", data=sent)))
            assert shown.status == 422 and "There is a problem" in shown.text
            assert "name" in wrong or shown.answers()["name"] == "kept words"
        assert "No program has a token of yours" in Page(await browser.get(ACCESS)).text


async def test_one_signs_out_elsewhere_and_stays_here(office: Office) -> None:
    async with office.browser(MARA) as here, office.browser(MARA) as there, office.browser(MARA) as third:
        listed = sound(Page(await here.get(ACCESS)))
        ending = re.findall(r'action="(/settings/access/sessions/[^"]+/end)"', listed.html)
        assert len(ending) == 2 and "This one." in listed.text
        async with office.browser(JONAS) as other:
            assert (await other.post(ending[0])).status_code == 404
        assert (await here.post(ending[0])).status_code == 303
        assert sorted([(await there.get("/")).status_code, (await third.get("/")).status_code]) == [200, 401]
        assert (await here.post(f"{ACCESS}/sessions/end-others")).status_code == 303
        assert [(await browser.get("/")).status_code for browser in (there, third, here)] == [401, 401, 200]


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("", "A browser that does not say what it is"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/156.0 Safari/537.36 Edg/156.0", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605 Version/17 Safari/605", "Safari on a Mac"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17 like Mac OS X) Version/17 Safari/604", "Safari on an iPhone"),
        ("Mozilla/5.0 (Android 14; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", "Firefox on Android"),
    ],
)
def test_a_browser_is_called_what_people_call_it(agent: str, words: str) -> None:
    assert browser_in_words(agent) == words
