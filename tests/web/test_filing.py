"""Filing a proposal, one question at a time, as a browser without JavaScript would."""

from __future__ import annotations

import pytest

from store.database import DatabaseUnavailable
from tests.web.office import JONAS, LEA, MARA, PRIYA, Office, Page
from tests.web.test_pages import sound

ANSWERS: dict[str, dict[str, str | list[str]]] = {
    "seen": {"problem": "Customers wait four days for a yes or no."},
    "suggestion": {"suggestion": "Decide small returns at the desk."},
    "process": {"process": "returns"},
    "title": {"title": "Answer returns within a day"},
    "teams": {"affected_teams": ["service-desk"], "people_affected": "5"},
    "reach": {"cost": "0", "reversible": "yes", "urgency": "normal"},
}


async def test_a_proposal_is_written_one_question_at_a_time_and_filed(office: Office) -> None:
    async with office.browser(MARA) as browser:
        sound(Page(await browser.get("/changes/new")))
        address = (await browser.post("/changes/new")).headers["location"]
        for answers in ANSWERS.values():
            form = sound(Page(await browser.get(address)))
            address = (await browser.post(form.action, data=form.answers(**answers))).headers["location"]
        form = sound(Page(await browser.get(address)))
        assert ("h2", "You may decide this yourself") in form.headings and "Samira Haddad" in form.text
        while not address.endswith("/check"):
            form = sound(Page(await browser.get(address)))
            address = (await browser.post(form.action, data=form.answers())).headers["location"]
        check = sound(Page(await browser.get(address)))
        assert "Decide small returns at the desk." in check.text and "Returns and refunds" in check.text
        sent = await browser.post(check.action)
        again = await browser.post(check.action)
        filed = await browser.get(sent.headers["location"])
        done = sound(Page(await browser.get(filed.headers["location"].partition("#")[0])))
        began = Page(await browser.get("/changes/new"))
    assert again.headers["location"] == sent.headers["location"], "pressed twice, it was filed twice"
    assert ("h2", "Filed as CH-1") in done.headings
    assert "What happens next." in done.text and "asked for the answer to the proposal, by" in done.text
    assert "Answer returns within a day" not in began.text, "it is no draft any more"
    assert office.gateway.state("CH-1").proposal.content.people_affected == 5


async def test_what_was_typed_is_saved_even_where_it_is_wrong(office: Office) -> None:
    async with office.browser(MARA) as browser:
        first = (await browser.post("/changes/new")).headers["location"]
        teams = first.replace("/seen", "/teams")
        form = Page(await browser.get(teams))
        wrong = sound(Page(await browser.post(teams, data=form.answers(people_affected="many"))))
        assert wrong.status == 422 and wrong.title.startswith("Error: ")
        assert "must be a whole number" in wrong.text and "#people-affected" in wrong.links
        later = sound(Page(await browser.get(teams)))
        assert later.answers()["people_affected"] == "many"
        check = sound(Page(await browser.get(first.replace("/seen", "/check"))))
        assert "not answered yet" in check.text
        refused = sound(Page(await browser.post(check.action)))
    assert refused.status == 422 and "“What did you see?” is missing." in refused.text


async def test_several_drafts_can_be_gone_on_with_and_thrown_away(office: Office) -> None:
    async with office.browser(MARA) as browser:
        for words in ("The scanner freezes.", "Parcels are weighed twice."):
            address = (await browser.post("/changes/new")).headers["location"]
            sent = await browser.post(address, data={"problem": words, "_later": "yes"})
            assert sent.headers["location"] == "/changes/new"
        page = sound(Page(await browser.get("/changes/new")))
        assert "The scanner freezes." in page.text and "Parcels are weighed twice." in page.text
        await browser.post(address.replace("/seen", "/discard"))
        page = Page(await browser.get("/changes/new"))
        gone = await browser.get(address)
    assert "Parcels are weighed twice." not in page.text and gone.status_code == 404


async def test_a_draft_is_its_authors_alone(office: Office) -> None:
    async with office.browser(MARA) as browser, office.browser(JONAS) as other:
        address = (await browser.post("/changes/new")).headers["location"]
        for way in (address, address.replace("/seen", "/check"), address.replace("/seen", "/filed")):
            assert (await other.get(way)).status_code == 404
        assert (await other.post(address, data={"problem": "Mine now."})).status_code == 404
        assert (await other.post(address.replace("/seen", "/check"))).status_code == 404
        await other.post(address.replace("/seen", "/discard"))
        assert (await browser.get(address)).status_code == 200


async def test_what_stands_beside_the_question_follows_the_typing_and_saves_nothing(office: Office) -> None:
    async with office.browser(MARA) as browser:
        address = (await browser.post("/changes/new")).headers["location"]
        beside = address.replace("/seen", "/beside/process")
        shown = await browser.post(beside, data={"process": "returns"})
        assert "You may decide this yourself" in shown.text and "<html" not in shown.text
        form = Page(await browser.get(address.replace("/seen", "/process")))
    assert form.answers().get("process", "") == ""


async def test_what_is_alike_and_what_was_learned_is_shown_while_writing(office: Office) -> None:
    ref = await office.filed()
    await office.done(JONAS, "decline", {"reason": "No time.", "way_forward": "Ask again after Easter."}, ref)
    async with office.browser(MARA) as browser:
        address = (await browser.post("/changes/new")).headers["location"]
        words = {"problem": "Customers wait four days for a yes or no about returns."}
        shown = await browser.post(address.replace("/seen", "/beside/seen"), data=words)
    assert "Something like it" in shown.text and f'href="/changes/{ref}"' in shown.text
    assert "What was learned before" in shown.text and "Ask again after Easter." in shown.text


@pytest.mark.parametrize("broken", ["web.services.reading", "web.services.writing"])
async def test_a_step_keeps_what_was_typed_while_the_database_is_away(
    office: Office, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def away(*_: object) -> None:
        raise DatabaseUnavailable("gone")

    async with office.browser(MARA) as browser:
        first = (await browser.post("/changes/new")).headers["location"]
        teams = first.replace("/seen", "/teams?then=check")
        form = Page(await browser.get(teams))
        answers = form.answers(affected_teams=["service-desk", "returns-desk"], people_affected="<7>")
        with monkeypatch.context() as patched:
            patched.setattr(broken, away)
            kept = Page(await browser.post(teams, data=answers))
        assert kept.status == 503 and "Your words are kept" in kept.text and "Nothing is lost" in kept.text
        assert kept.answers() == answers and kept.action == teams
        sent = await browser.post(kept.action, data=kept.answers(people_affected="7"))
        assert sent.headers["location"] == first.replace("/seen", "/check"), "back where they came from"
        again = Page(await browser.get(teams))
    assert again.answers()["people_affected"] == "7"


async def test_whoever_is_asked_to_propose_it_too_is_named_once_they_say_yes(office: Office) -> None:
    ref = await office.filed(co_proposers=[LEA, PRIYA])
    async with office.browser(LEA) as lea, office.browser(JONAS) as jonas, office.browser(PRIYA) as priya:
        asked = sound(Page(await lea.get("/approvals")))
        assert "Say whether you propose it with them" in asked.text
        others = Page(await jonas.get(f"/changes/{ref}"))
        assert "Léa Fontaine" not in others.text and "Priya Nair" not in others.text
        page = sound(Page(await lea.get(f"/changes/{ref}/do/join_authors")))
        await lea.post(f"/changes/{ref}/do/join_authors", data=page.answers())
        no = Page(await priya.get(f"/changes/{ref}/do/decline_authorship"))
        await priya.post(f"/changes/{ref}/do/decline_authorship", data=no.answers())
        others = Page(await jonas.get(f"/changes/{ref}"))
        trail = await jonas.get(f"/api/v1/changes/{ref}/trail")
    assert "with Léa Fontaine" in others.text
    assert "Priya Nair" not in others.text
    assert PRIYA not in trail.text and "Priya" not in trail.text
    assert office.gateway.state(ref).proposal.authors == (MARA, LEA)
