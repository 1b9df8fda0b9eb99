"""The demonstration's mail page."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

from tests.web.office import MARA, Office, Page

NAME = "20260302T090000000000Z-0123abcd.eml"


def put_letter(folder: Path) -> None:
    """A letter with hostile words, as the catcher keeps it."""
    folder.mkdir(parents=True, exist_ok=True)
    letter = EmailMessage()
    letter["From"] = "Groundswell <groundswell@nordwind.example>"
    letter["To"] = "Jonas Okafor <jonas.okafor@nordwind.example>"
    letter["Subject"] = "CH-1: please answer <b>"
    letter.set_content("Open http://groundswell.test/changes/CH-1 <script>")
    letter.add_alternative("<p>Open <a href='x'>it</a><script>alert(1)</script></p>", subtype="html")
    (folder / NAME).write_bytes(letter.as_bytes())


async def test_letters_are_listed_and_shown_as_text(office: Office) -> None:
    assert office.settings.mail_folder
    async with office.browser(MARA) as browser:
        assert "No letter yet." in Page(await browser.get("/demo/mail")).text
        put_letter(office.settings.mail_folder)
        listed = Page(await browser.get("/demo/mail"))
        assert f"/demo/mail/{NAME}" in listed.links
        assert "CH-1: please answer <b>" in listed.text
        shown = Page(await browser.get(f"/demo/mail/{NAME}"))
        assert "http://groundswell.test/changes/CH-1" in shown.links
        assert "<script>" not in shown.html and "alert(1)" in shown.text
        for missing in ("20260302T090000000000Z-ffffffff.eml", "..%2F..%2Fsettings.py", "x"):
            assert (await browser.get(f"/demo/mail/{missing}")).status_code == 404
    async with office.anybody() as stranger:
        assert (await stranger.get("/demo/mail")).status_code == 401
