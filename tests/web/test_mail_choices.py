"""Choosing how one gets each kind of mail, in the settings and by the link in a mail."""

from __future__ import annotations

from notifications.leaving import leaving_token
from tests.web.office import JONAS, MARA, Office


async def test_somebody_chooses_for_themselves(office: Office) -> None:
    async with office.program(MARA) as mara, office.program(JONAS) as jonas:
        changed = await mara.put("/api/v1/mail-choices/commented", json={"choice": "digest"})
        assert changed.status_code == 200
        mine = {one["kind"]: one["choice"] for one in changed.json()["choices"]}
        assert mine["commented"] == "digest" and mine["moved_on"] == "mail" and "asked" not in mine
        others = {one["kind"]: one["choice"] for one in (await jonas.get("/api/v1/mail-choices")).json()["choices"]}
        assert others["commented"] == "mail"
        for kind in ("asked", "nonsense"):
            assert (await mara.put(f"/api/v1/mail-choices/{kind}", json={"choice": "off"})).status_code == 404
        assert (await mara.put("/api/v1/mail-choices/commented", json={"choice": "never"})).status_code == 422


async def test_a_mail_program_turns_a_digest_off_with_one_click(office: Office) -> None:
    path = f"/mail/off/{leaving_token(office.settings.actor_secret(), MARA, 'digest')}"
    async with office.anybody() as stranger, office.program(MARA) as mara:
        looked = await stranger.get(path)
        assert looked.status_code == 200 and "Turn it off" in looked.text
        choices = (await mara.get("/api/v1/mail-choices")).json()["choices"]
        assert {one["kind"]: one["choice"] for one in choices}["digest"] == "mail", "looking changes nothing"
        done = await stranger.post(path, data={"List-Unsubscribe": "One-Click"})
        assert done.status_code == 200
        choices = (await mara.get("/api/v1/mail-choices")).json()["choices"]
        assert {one["kind"]: one["choice"] for one in choices}["digest"] == "off"
        assert (await stranger.post(f"{path}x")).status_code == 404
        forged = leaving_token(b"o" * 32, MARA, "digest")
        assert (await stranger.post(f"/mail/off/{forged}")).status_code == 404
