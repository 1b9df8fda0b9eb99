"""Delegations and absences over API and page, and one answer for several changes."""

from __future__ import annotations

from typing import Any

from tests.web.office import JONAS, MARA, PRIYA, SAMIRA, Office
from tests.web.test_anonymity import PROPOSAL, ask

DAYS = {"starts": "2026-03-02", "ends": "2026-03-09"}


async def test_a_delegation_is_given_once_listed_for_both_and_taken_back(office: Office) -> None:
    first = await ask(office, SAMIRA, "POST", "/delegations", {"to": PRIYA, **DAYS}, key="d")
    again = await ask(office, SAMIRA, "POST", "/delegations", {"to": PRIYA, **DAYS}, key="d")
    assert first.status_code == 201, first.text
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
    for person in (SAMIRA, PRIYA):
        [one] = (await ask(office, person, "GET", "/standing-in")).json()["delegations"]
        assert (one["giver"], one["receiver"], one["revoked_at"]) == (SAMIRA, PRIYA, None)
    ref = first.json()["ref"]
    assert (await ask(office, MARA, "POST", f"/delegations/{ref}/revoke")).status_code == 404
    assert (await ask(office, PRIYA, "POST", f"/delegations/{ref}/revoke")).status_code == 200
    gone = await ask(office, SAMIRA, "POST", f"/delegations/{ref}/revoke", key="x")
    assert gone.json()["type"].endswith("revoked_already")


async def test_who_is_asked_for_a_new_change_follows_it_at_once(office: Office) -> None:
    await ask(office, SAMIRA, "POST", "/delegations", {"to": PRIYA, **DAYS, "decisions": ["answer_proposal"]})
    ref = (await ask(office, MARA, "POST", "/changes", PROPOSAL)).json()["change"]
    change = office.gateway.state(ref)
    assert change.gate is not None
    assert {seat.person: seat.stands_in_for for seat in change.gate.asked} == {JONAS: None, PRIYA: SAMIRA}
    assert (await ask(office, PRIYA, "POST", f"/changes/{ref}/accept_for_testing", {})).status_code == 200
    trail = (await ask(office, MARA, "GET", f"/changes/{ref}/trail")).json()["entries"]
    assert any("in place of Samira Haddad" in entry["sentence"] for entry in trail)


async def test_what_makes_no_sense_is_refused_with_its_field(office: Office) -> None:
    ref = (await ask(office, PRIYA, "POST", "/changes", PROPOSAL)).json()["change"]
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"to": SAMIRA, **DAYS}, "to_oneself"),
        ({"to": "nobody", **DAYS}, "unknown_person"),
        ({"to": PRIYA, "starts": "2026-03-09", "ends": "2026-03-02"}, "ends_before_start"),
        ({"to": PRIYA, "starts": "2025-03-02", "ends": "2025-03-09"}, "in_the_past"),
        ({"to": PRIYA, "starts": "2026-03-02", "ends": "2029-03-02"}, "too_long"),
        ({"to": PRIYA, **DAYS, "decisions": ["everything"]}, "unknown_decision"),
        ({"to": PRIYA, **DAYS, "changes": ["CH-99"]}, "unknown_change"),
        ({"to": PRIYA, **DAYS, "changes": [ref]}, "to_the_proposer"),
    ]
    for body, rule in wrong:
        answer = await ask(office, SAMIRA, "POST", "/delegations", body)
        assert answer.json()["type"].endswith(rule), (body, answer.text)
    for reason in ("a\x00b", "x" * 100_000):
        answer = await ask(office, SAMIRA, "POST", "/delegations", {"to": PRIYA, **DAYS, "reason": reason}, key="k")
        assert answer.status_code == 422
    kept = await ask(office, SAMIRA, "POST", "/delegations", {"to": PRIYA, **DAYS, "reason": "שלום 👋🏽"}, key="r")
    assert kept.status_code == 201, kept.text
    [one] = (await ask(office, SAMIRA, "GET", "/standing-in")).json()["delegations"]
    assert one["reason"] == "שלום 👋🏽"


async def test_an_absence_is_announced_and_ended(office: Office) -> None:
    ref = (await ask(office, SAMIRA, "POST", "/absences", DAYS)).json()["ref"]
    change = (await ask(office, MARA, "POST", "/changes", PROPOSAL)).json()["change"]
    gate = office.gateway.state(change).gate
    assert gate is not None
    assert SAMIRA not in {seat.person for seat in gate.asked}
    assert (await ask(office, SAMIRA, "POST", f"/absences/{ref}/end")).status_code == 200
    after = (await ask(office, MARA, "POST", "/changes", PROPOSAL, key="second")).json()["change"]
    gate = office.gateway.state(after).gate
    assert gate is not None
    assert SAMIRA in {seat.person for seat in gate.asked}


async def test_several_changes_are_answered_together_each_for_itself(office: Office) -> None:
    refs = [
        (await ask(office, MARA, "POST", "/changes", PROPOSAL, key=f"n{number}")).json()["change"]
        for number in range(2)
    ]
    own = (await ask(office, SAMIRA, "POST", "/changes", PROPOSAL)).json()["change"]
    said = {"reason": "No.", "way_forward": "Later."}
    body = {"command": "decline", "changes": [*refs, own, "CH-99"], "content": said}
    answer = (await ask(office, SAMIRA, "POST", "/commands/together", body, key="t")).json()
    assert answer["done"] == 2
    assert [bool(one["receipt"]) for one in answer["answers"]] == [True, True, False, False]
    assert answer["answers"][2]["refused"]["rule"] == "own_change"
    again = (await ask(office, SAMIRA, "POST", "/commands/together", body, key="t")).json()
    assert again["done"] == 2, "sent again it answers the same, and declines nothing twice"
    wrong = await ask(office, SAMIRA, "POST", "/commands/together", body | {"content": {"reason": "No."}}, key="u")
    assert wrong.status_code == 422
    assert "way_forward" in wrong.text
    unknown = await ask(office, SAMIRA, "POST", "/commands/together", body | {"command": "submit"}, key="v")
    assert unknown.status_code == 422


async def test_the_page_gives_and_takes_back_without_javascript(office: Office) -> None:
    async with office.browser(SAMIRA) as browser:
        assert "Nobody answers for you" in (await browser.get("/standing-in")).text
        form = {"_key": "k1", "to": PRIYA, **DAYS, "decisions": ["endorse_tests"], "changes": "", "reason": "Leave"}
        given = await browser.post("/standing-in/delegate", data=form)
        assert given.status_code == 303, given.text
        shown = (await browser.get("/standing-in")).text
        assert "Priya Nair" in shown
        assert "endorsing tests" in shown
        [one] = (await ask(office, SAMIRA, "GET", "/standing-in")).json()["delegations"]
        wrong = await browser.post("/standing-in/delegate", data=form | {"_key": "k2", "ends": "2020-01-01"})
        assert wrong.status_code == 422
        assert "cannot end on 2020-01-01" in wrong.text
        await browser.post("/standing-in/revoke_delegation", data={"_key": "k3", "delegation": one["ref"]})
        assert "Ended" in (await browser.get("/standing-in")).text
