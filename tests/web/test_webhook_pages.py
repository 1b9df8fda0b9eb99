"""An administrator adds an address on a page, tries it, reads its log and sends an event again."""

from __future__ import annotations

import re

from notifications.webhooks import Answered
from store.database import writing
from store.webhooks import due, write_attempt
from tests.web.office import MARA, Office, Page
from tests.web.test_pages import sound

KENJI = "kenji.watanabe"
HOOKS = "/administration/webhooks"
URL = "https://receiver.example/groundswell"


async def test_an_address_is_added_tried_read_and_sent_again(office: Office) -> None:
    async with office.browser(KENJI) as browser:
        assert HOOKS in Page(await browser.get("/administration")).links
        empty = sound(Page(await browser.get(HOOKS)))
        assert "Nothing is sent anywhere yet." in empty.text
        answers = empty.answers(url=URL, description="Signage <screens>", events=["closed"])
        made = sound(Page(await browser.post(HOOKS, data=answers)))
        [secret] = re.findall(r"<code>(whsec_[^<]+)</code>", made.html)
        twice = sound(Page(await browser.post(HOOKS, data=answers)))
        assert twice.status == 422 and "for this address already" in twice.text and twice.answers()["url"] == URL
        listed = sound(Page(await browser.get(HOOKS)))
        [ref] = {link.rpartition("/")[2] for link in listed.links if link.startswith(f"{HOOKS}/")}
        one = f"{HOOKS}/{ref}"
        assert (await browser.post(f"{one}/test")).headers["location"] == f"{one}?done=test#main"
        waits = sound(Page(await browser.get(one)))
        assert "groundswell.test" in waits.text and "waiting" in waits.text and secret not in waits.html
        with writing(office.engine) as connection:
            waiting = due(connection, ref)
            assert waiting is not None
            write_attempt(connection, waiting, Answered(204, 12), office.clock())
        arrived = sound(Page(await browser.get(one)))
        assert "delivered" in arrived.text and ": 204 after 12 ms" in arrived.text
        [again] = re.findall(r'action="([^"]+/again/[0-9]+)"', arrived.html)
        assert (await browser.post(again)).headers["location"] == f"{one}?done=again#main"
        assert sound(Page(await browser.get(one))).text.count("groundswell.test") == 2
        renewed = sound(Page(await browser.post(f"{one}/secret")))
        assert re.findall(r"<code>(whsec_[^<]+)</code>", renewed.html) != [secret]
        await browser.post(f"{one}/disable")
        refused = sound(Page(await browser.post(f"{one}/test")))
        assert refused.status == 409 and "disabled" in refused.text
        await browser.post(f"{one}/enable")
        assert "Send a test event" in sound(Page(await browser.get(one))).text
        gone = sound(Page(await browser.get((await browser.post(f"{one}/remove")).headers["location"].split("#")[0])))
        assert "Nothing is sent anywhere yet." in gone.text
        for what in ("", "/test", "/secret", "/disable", "/enable", "/remove", "/again/1", "/again/x"):
            answer = await browser.request("POST" if what else "GET", f"{one}{what}")
            assert answer.status_code == 404, what


async def test_what_is_wrong_is_said_and_others_are_kept_out(office: Office) -> None:
    async with office.browser(KENJI) as browser, office.browser(MARA) as stranger:
        for url, description in (("https://10.0.0.1/", "x"), ("", "x"), (URL, ""), ("not an address", "x")):
            wrong = sound(Page(await browser.post(HOOKS, data={"url": url, "description": description})))
            assert wrong.status == 422 and "There is a problem" in wrong.text
        assert (await stranger.get(HOOKS)).status_code == 403
        assert (await stranger.post(HOOKS, data={"url": URL, "description": "x"})).status_code == 403
