"""Answering from a mail: a link decides nothing, is good for one person and one question, and for one answer."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx2

from changes.answering import question_for
from notifications.rendering import Recipient, render
from store.database import reading, writing
from store.mail_links import LASTS, keep_links, links_for, mail_link, token_for
from store.outbox import Outgoing, waiting_to_leave
from tests.support.desk import everything_written
from tests.web.office import HOA, JONAS, MARA, SAMIRA, Office, Page, a_test

SECRET = b"s" * 32
RETURNS = {"reversible": True, "customer_facing": False}


def letters(office: Office, person: str) -> list[tuple[Outgoing, str]]:
    """What waits to leave for somebody, each with the token in it, made as the worker makes it."""
    with writing(office.engine) as connection:
        waiting = [item for item in waiting_to_leave(connection, limit=500) if item.notice.recipient == person]
        links = links_for(connection, waiting, SECRET)
        keep_links(connection, links.values(), office.clock())
    return [(item, links[item.number].token if item.number in links else "") for item in waiting]


def link(office: Office, person: str) -> str:
    """The path of the latest link in somebody's mail."""
    token = next(token for _, token in reversed(letters(office, person)) if token)
    return f"/answer/{token}"


async def press(office: Office, path: str, kind: str, **fields: str) -> httpx2.Response:
    async with office.anybody() as browser:
        return await browser.post(f"{path}/{kind}", data=fields, headers={"Sec-Fetch-Site": "same-origin"})


async def test_a_manager_answers_from_the_mail_without_signing_in(office: Office) -> None:
    ref = await office.filed(**RETURNS)
    path = link(office, JONAS)
    async with office.anybody() as browser:
        page = Page(await browser.get(path))
    assert page.status == 200 and page.headings[0][1] == "Answer the proposal"
    assert "Customers wait four days" in page.text, "the packet is on the page"
    answered = await press(office, path, "accept_for_testing", note="go ahead")
    assert answered.status_code == 200 and "on record" in answered.text, answered.text
    assert office.gateway.state(ref).phase.value == "planning_tests"
    assert office.gateway.sent[-1].assertion.via == "mail" and office.gateway.sent[-1].assertion.actor == JONAS
    again = await press(office, path, "accept_for_testing")
    assert again.status_code == 410 and "You have answered it" in again.text
    async with office.anybody() as browser:
        assert (await browser.get(path)).status_code == 410


async def test_a_scanner_that_opens_everything_decides_nothing(office: Office) -> None:
    ref = await office.filed(**RETURNS)
    with reading(office.engine) as connection:
        directory = office.app.state.services.authority.directory(connection)
    pages = []
    for person in (JONAS, MARA, SAMIRA, HOA):
        for item, token in letters(office, person):
            recipient = Recipient(ref=person, name=directory.people[person].name, email=directory.people[person].email)
            letter = render(item.notice, recipient, {}, "http://groundswell.test", "g@nordwind.example", token)
            content = letter.content.decode().replace("=\r\n", "").replace("=\n", "").replace("=3D", "=")
            pages += re.findall(r"http://groundswell\.test(/[^\s\"'<>)]*)", content)
    assert any(path.startswith("/answer/") for path in pages)
    before = everything_written(office.engine)
    async with office.anybody() as scanner:
        for path in list(pages):
            for method in ("GET", "HEAD", "GET", "OPTIONS"):
                answer = await scanner.request(method, path)
                assert answer.status_code < 500
                if method == "GET" and "text/html" in answer.headers.get("content-type", ""):
                    pages += [found for found in Page(answer).links if found.startswith("/") and found not in pages]
    assert everything_written(office.engine) == before
    assert office.gateway.state(ref).closing is None
    assert (await press(office, link(office, JONAS), "accept_for_testing")).status_code == 200, "the link is still good"


async def test_the_reason_has_to_be_there_and_what_was_typed_is_kept(office: Office) -> None:
    await office.filed(**RETURNS)
    path = link(office, JONAS)
    missing = await press(office, path, "decline", reason="Too soon for us")
    page = Page(missing)
    assert page.status == 422 and "Too soon for us" in page.html and "There is a problem" in page.text
    done = await press(office, path, "decline", reason="Too soon for us", way_forward="Come back in May")
    assert done.status_code == 200


async def test_a_link_is_void_once_the_question_has_changed_or_is_closed(office: Office) -> None:
    ref = await office.filed(**RETURNS)
    path = link(office, JONAS)
    edited = {"title": "Answer returns within an hour"}
    state = office.gateway.state(ref)
    await office.done(MARA, "edit", state.proposal.content.model_dump(mode="json") | edited, ref)
    changed = await press(office, path, "accept_for_testing")
    assert changed.status_code == 410 and "has changed since" in changed.text
    fresh = link(office, JONAS)
    await office.done(JONAS, "accept_for_testing", {}, ref)
    closed = await press(office, fresh, "accept_for_testing")
    assert closed.status_code == 410 and "not asked any more" in closed.text


async def test_a_link_ends_by_itself(office: Office) -> None:
    await office.filed(**RETURNS)
    path = link(office, JONAS)
    office.clock.now += LASTS + timedelta(seconds=1)
    late = await press(office, path, "accept_for_testing")
    assert late.status_code == 410 and "two weeks" in late.text


async def test_a_link_is_for_the_question_it_asks_and_nothing_else(office: Office) -> None:
    ref = await office.filed(**RETURNS)
    path = link(office, JONAS)
    for kind in ("withdraw", "sign_gate", "submit", "nonsense"):
        assert (await press(office, path, kind)).status_code == 404
    assert (await press(office, "/answer/guessed", "accept_for_testing")).status_code == 404
    async with office.anybody() as browser:
        cross = await browser.post(f"{path}/accept_for_testing", headers={"Sec-Fetch-Site": "cross-site"})
        assert cross.status_code == 403
    assert office.gateway.state(ref).phase.value == "awaiting_answer"


async def test_where_much_depends_on_it_one_has_to_be_signed_in(office: Office) -> None:
    ref = await office.filed(**RETURNS | {"customer_facing": True})
    path = link(office, JONAS)
    async with office.anybody() as browser:
        page = Page(await browser.get(path))
    assert "Please sign in to answer" in page.text and page.action == ""
    assert (await press(office, path, "accept_for_testing")).status_code == 403
    async with office.browser(SAMIRA) as other:
        assert (await other.post(f"{path}/accept_for_testing")).status_code == 403, "signed in as somebody else"
    async with office.browser(JONAS) as jonas:
        assert (await jonas.post(f"{path}/accept_for_testing")).status_code == 200
    assert office.gateway.state(ref).phase.value == "planning_tests"


async def test_an_invitation_is_answered_from_the_mail(office: Office) -> None:
    ref = await office.recruiting()
    await office.done(MARA, "invite", {"people": [HOA]}, ref)
    path = link(office, HOA)
    done = await press(office, path, "accept_invitation")
    assert done.status_code == 200, done.text
    assert HOA in office.gateway.state(ref).recruiting.champions


async def test_one_who_has_left_answers_nothing(office: Office) -> None:
    await office.filed(**RETURNS)
    path = link(office, JONAS)
    services = office.app.state.services
    with reading(office.engine) as connection:
        directory = services.authority.directory(connection)
    person = directory.people[JONAS]
    object.__setattr__(person, "active", False)
    try:
        assert (await press(office, path, "accept_for_testing")).status_code == 404
    finally:
        object.__setattr__(person, "active", True)


async def test_tokens_are_hashed_and_the_same_for_the_same_letter(office: Office) -> None:
    await office.filed(**RETURNS)
    first, second = letters(office, JONAS), letters(office, JONAS)
    assert first == second
    token = first[-1][1]
    assert token == token_for(SECRET, first[-1][0].notice.key) != token_for(b"o" * 32, first[-1][0].notice.key)
    assert token not in str(everything_written(office.engine))
    with reading(office.engine) as connection:
        assert mail_link(connection, token) is not None and mail_link(connection, token + "x") is None


async def test_a_question_is_marked_by_everything_it_is_about(office: Office) -> None:
    ref = await office.planned()
    await office.done(MARA, "propose_tests", {"tests": [a_test("T1")]}, ref)
    before = question_for(office.gateway.state(ref), SAMIRA)
    await office.done(MARA, "propose_tests", {"tests": [a_test("T1", pass_line="20")]}, ref)
    after = question_for(office.gateway.state(ref), SAMIRA)
    assert before and after and before.mark != after.mark
    assert question_for(office.gateway.state(ref), MARA) is None
