"""What should never be typed, sent to the real interface: a clear answer, or kept to the letter; nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.office import JONAS, LEA, MARA, SAMIRA, Office, Page, a_test, proposal
from tests.web.test_api import problem
from tests.web.test_pages import sound
from tests.web.test_policy import AMARA, TEXT

ODD = "שלום עליכם \u202eabc\u202c · مرحبا · 👩🏽‍🔧 e\u0301"
KEPT = "שלום עליכם \u202eabc\u202c · مرحبا · 👩🏽‍🔧 \u00e9"
"""The same in one normal form, in which an accented letter is one character."""


async def test_right_to_left_and_emoji_are_kept_and_read_back(office: Office) -> None:
    ref = await office.filed(title=ODD, problem=ODD)
    assert office.gateway.state(ref).proposal.content.problem == KEPT
    async with office.browser(JONAS) as browser:
        page = sound(Page(await browser.get(f"/changes/{ref}")))
        read = (await browser.get(f"/api/v1/changes/{ref}")).json()
    assert "👩🏽‍🔧" in page.text
    assert read["change"]["proposal"]["versions"][-1]["content"]["problem"] == KEPT


@pytest.mark.parametrize("words", ["a\x00b", "a\x07b", "x" * 100_000, " \n "], ids=["nul", "bell", "long", "empty"])
async def test_other_words_are_refused_by_name_and_what_was_typed_stays(office: Office, words: str) -> None:
    ref = await office.filed()
    found = problem(await office.give(JONAS, "say_back", {"heard": words}, ref), 422, "invalid_fields")
    assert [error["pointer"] for error in found["errors"]] == ["/heard"]
    async with office.browser(JONAS) as browser:
        form = Page(await browser.get(f"/changes/{ref}/do/say_back"))
        again = await browser.post(f"/changes/{ref}/do/say_back", data=form.answers(heard=words))
    assert again.status_code == 422
    assert words.strip("\x00\x07 \n")[:50] in again.text
    assert office.gateway.state(ref).proposal.heard == ()


@pytest.mark.parametrize(
    ("person", "kind", "body", "pointer"),
    [
        (JONAS, "hold", {"reason": "Stocktaking.", "until": "2020-01-01T00:00:00Z"}, "/until"),
        (JONAS, "move_deadline", {"deadline": "gate", "to": "2020-01-01T00:00:00Z", "reason": "Sooner."}, "/to"),
    ],
)
async def test_dates_that_have_passed_say_so(
    office: Office, person: str, kind: str, body: dict[str, Any], pointer: str
) -> None:
    found = problem(await office.give(person, kind, body, await office.filed()), 422, "in_the_past")
    assert [error["pointer"] for error in found["errors"]] == [pointer]


async def test_a_test_that_has_ended_and_a_delegation_that_is_over_say_so(office: Office) -> None:
    ref = await office.planned()
    over = a_test("T1", starts="2020-01-01", ends="2020-01-02")
    problem(await office.give(MARA, "propose_tests", {"tests": [over]}, ref), 422, "ends_in_the_past")
    given = {"to": LEA, "starts": "2020-01-01", "ends": "2020-01-02", "reason": "Away."}
    async with office.program(JONAS) as program:
        answer = await program.post("/api/v1/delegations", json=given, headers={"Idempotency-Key": "d"})
    assert answer.status_code == 422, answer.text


async def test_a_delegation_to_the_proposer_does_not_let_them_decide(office: Office) -> None:
    ref = await office.filed()
    today = office.clock.now.date().isoformat()
    given = {"to": MARA, "starts": today, "ends": today, "reason": "Away."}
    async with office.program(SAMIRA) as program:
        await program.post("/api/v1/delegations", json=given, headers={"Idempotency-Key": "d"})
    problem(await office.give(MARA, "accept_for_testing", {}, ref), 403, "own_change")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("levels: 2", "levels: [", "policy:206:3: is not YAML"),
        ("quorum: any\n    # How long they have", "quorum: {count: 40}\n    # How long they have", "40"),
    ],
    ids=["malformed", "impossible quorum"],
)
async def test_a_policy_that_cannot_be_is_explained_with_where(office: Office, old: str, new: str, said: str) -> None:
    assert old in TEXT
    async with office.program(AMARA) as program:
        tried = (await program.post("/api/v1/policy/try", json={"text": TEXT.replace(old, new)})).json()
    assert any(said in line for line in (*tried["problems"], *map(str, tried["found"])))


async def test_an_anonymous_file_of_nonsense_is_one_clear_answer(office: Office) -> None:
    async with office.program(MARA) as program:
        answer = await program.post("/api/v1/changes", content=b"\xff\xfe{", headers={"Idempotency-Key": "n"})
    assert answer.status_code in {400, 415, 422}
    assert (await office.give(MARA, "submit", proposal())).status_code == 201, "and afterwards everything goes on"
