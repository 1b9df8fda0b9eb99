"""Sessions and tokens in the settings: seen, made, shown once, and ended, by plain forms."""

from __future__ import annotations

import re

from store.tokens import well_formed
from tests.web.office import JONAS, MARA, Office, Page
from tests.web.test_pages import sound

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
