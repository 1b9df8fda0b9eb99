"""Speaking anonymously: nobody can tell who it was, the person goes on speaking, and two people bring a name out."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx2
import pytest
from sqlalchemy import inspect, select

from changes.facts import SYSTEM
from store import tables
from store.database import reading
from store.ledger import origin_of
from store.reading import change_state
from store.verifying import verify_stored
from temporal.gateway import NotNow
from tests.web.office import HOA, JONAS, MARA, MONDAY, PRIYA, SAMIRA, Office, Page
from tests.web.test_filing import ANSWERS
from tests.web.test_pages import sound

HEADER = {"Groundswell-Anonymously": "true"}
PROPOSAL = {
    "title": "Answer returns within a day",
    "process": "returns",
    "problem": "Customers wait four days.",
    "suggestion": "The desk decides clear cases.",
    "affected_teams": ["service-desk"],
    "people_affected": 9,
}


async def ask(office: Office, person: str, method: str, path: str, body: Any = None, key: str = "", **more: str) -> Any:
    """Ask the interface as a program of ``person``'s; each request has a key of its own unless ``key`` says one."""
    headers = {"Idempotency-Key": key or f"key-{next(_KEYS)}", "If-Match": "*", **more}
    async with office.program(person) as program:
        if method == "GET":
            return await program.get(f"/api/v1{path}")
        return await program.post(f"/api/v1{path}", json=body if body is not None else {}, headers=headers)


_KEYS = count(1)


def everything_written(office: Office, but: set[str]) -> str:
    """All rows of all tables but some, and everything that went to Temporal, as one text."""
    return repr([i.model_dump_json() for i in office.gateway.sent]) + rows_written(office, but)


def rows_written(office: Office, but: set[str]) -> str:
    """All rows of all tables but some, as one text."""
    found: list[str] = []
    with reading(office.engine) as connection:
        for name in inspect(office.engine).get_table_names():
            if name not in but | {"alembic_version"}:
                rows = connection.exec_driver_sql(f'SELECT * FROM "{name}"')  # noqa: S608 - names of our own tables
                found += [repr(tuple(row)) for row in rows]
    return "\n".join(found)


def without_the_real_clock(rows: str) -> str:
    """Without moments of today: what is beside the story, such as the first start, tells the time of whoever runs this,
    in which any minute may stand."""
    today = datetime.now(UTC).date()
    for day in (today, today - timedelta(days=1)):
        rows = re.sub(rf"{day:%Y-%m-%d}[ T][0-9:.]+", "", rows)
        rows = re.sub(rf"datetime\({day.year}, {day.month}, {day.day},[^)]*\)", "", rows)
    return rows


WHERE_PEOPLE_ARE = {"person", "pseudonym", "process", "session", "api_token", "sign_in_link", "directory_import"}
"""The directory, sign-in, and the one table that knows."""


async def filed(office: Office, person: str = PRIYA) -> str:
    answer = await ask(office, person, "POST", "/changes", PROPOSAL, **HEADER)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["change"])


async def test_nothing_that_is_written_or_sent_says_who_it_was(office: Office) -> None:
    before = everything_written(office, WHERE_PEOPLE_ARE)
    assert PRIYA not in before
    ref = await filed(office)
    await ask(office, PRIYA, "POST", f"/changes/{ref}/edit", {"title": "Answer at once"}, **HEADER)
    await ask(office, PRIYA, "POST", f"/changes/{ref}/nominate", {"person": MARA}, **HEADER)
    written = everything_written(office, WHERE_PEOPLE_ARE)
    assert PRIYA not in written
    assert "Answer at once" in written
    assert office.gateway.state(ref).proposal.proposer.startswith("anon-")


async def test_a_key_in_which_colleagues_would_recognise_the_sender_is_written_nowhere(office: Office) -> None:
    key = f"from-{PRIYA}-at-desk-2"
    ref = (await ask(office, PRIYA, "POST", "/changes", PROPOSAL, key=key, **HEADER)).json()["change"]
    await ask(office, PRIYA, "POST", f"/changes/{ref}/edit", {"title": "Answer at once"}, key=key, **HEADER)
    written = everything_written(office, WHERE_PEOPLE_ARE)
    assert key not in written
    with reading(office.engine) as connection:
        reserved = connection.execute(select(tables.change_number.c.reserved_for)).scalars().all()
    assert all(re.fullmatch(r"anon-[0-9a-f]{24}/[0-9a-f]{64}", each) for each in reserved)


async def test_an_anonymous_act_is_recorded_without_name_minute_run_and_update(office: Office) -> None:
    """Nor is what the rules refuse; whoever acts under their name is on record with all of it."""
    office.clock.now += timedelta(minutes=17)
    ref = await filed(office)
    await ask(office, PRIYA, "POST", f"/changes/{ref}/edit", {"title": "Answer at once"}, **HEADER)
    assert (await ask(office, PRIYA, "POST", f"/changes/{ref}/close", {"summary": "No"}, **HEADER)).is_client_error
    await ask(office, SAMIRA, "POST", f"/changes/{ref}/say_back", {"heard": "Faster."})
    with reading(office.engine) as connection:
        records = connection.execute(select(tables.ledger_record).order_by(tables.ledger_record.c.seq)).all()
    bodies = [json.loads(record.body) for record in records if record.change == ref]
    nameless = [body for body in bodies if body["actor"]["kind"] == "anonymous"]
    assert [body["action"] for body in nameless] == ["submitted", "edited", "close"]
    assert [body["outcome"] for body in nameless] == ["applied", "applied", "refused"]
    for body in nameless:
        assert body["actor"].keys() == {"kind", "via"}
        assert body["occurred_at"].endswith("T09:00:00.000000Z")
        assert not {"run_id", "update_id"} & body.get("workflow", {}).keys()
        assert body["idem_key"].startswith("hidden/")
        assert "anon-" not in json.dumps(body)
    named = next(body for body in bodies if body["action"] == "said_back")
    assert named["actor"]["ref"]
    assert named["occurred_at"].startswith("2026-03-02T09:17:")
    assert {record.actor for record in records if record.occurred_at == MONDAY} == {"", SYSTEM}


async def test_no_row_says_in_which_minute_it_was(office: Office) -> None:
    """Of what happened anonymously, and of what Groundswell did because of it; beside it everything keeps its time."""
    office.clock.now += timedelta(minutes=17, seconds=23, microseconds=456_789)
    ref = await filed(office)
    office.clock.now += timedelta(minutes=2)
    await ask(office, PRIYA, "POST", f"/changes/{ref}/edit", {"title": "Answer at once"}, **HEADER)
    assert (await ask(office, PRIYA, "POST", f"/changes/{ref}/close", {"summary": "No"}, **HEADER)).is_client_error
    in_rows = without_the_real_clock(rows_written(office, but=WHERE_PEOPLE_ARE))
    for trace in ("17:23", "19:23", "456789", f"{MONDAY.hour:02}:17", f"{MONDAY.hour:02}:19", "17, 23", "19, 23"):
        assert trace not in in_rows, trace
    office.clock.now += timedelta(minutes=2)
    await ask(office, SAMIRA, "POST", f"/changes/{ref}/say_back", {"heard": "Faster."})
    assert f"{MONDAY.hour:02}:21:23.456789" in rows_written(office, but=WHERE_PEOPLE_ARE), "the test would see one"
    office.clock.now += timedelta(minutes=2)
    await ask(office, PRIYA, "POST", f"/changes/{ref}/confirm_heard", {}, **HEADER)
    assert f"{MONDAY.hour:02}:23" not in without_the_real_clock(rows_written(office, but=WHERE_PEOPLE_ARE))
    with reading(office.engine) as connection:
        records = connection.execute(select(tables.ledger_record).order_by(tables.ledger_record.c.seq)).all()
        times = [record.recorded_at for record in records]
        assert times == sorted(times)
        state = change_state(connection, ref)
        assert state is not None and state.updated_at == times[-1] == office.clock.now - timedelta(minutes=2)
        report = verify_stored(connection, origin_of(connection), [])
    assert report.findings == ()


async def test_no_mail_goes_to_somebody_who_stays_anonymous(office: Office) -> None:
    ref = await filed(office)
    await ask(office, SAMIRA, "POST", f"/changes/{ref}/say_back", {"heard": "Faster."})
    with reading(office.engine) as connection:
        recipients = connection.execute(select(tables.outbox.c.recipient)).scalars().all()
    assert recipients
    assert not any(recipient.startswith("anon-") for recipient in recipients)


async def test_the_person_reads_and_answers_as_themselves(office: Office) -> None:
    ref = await filed(office)
    await ask(office, SAMIRA, "POST", f"/changes/{ref}/say_back", {"heard": "Faster."})
    seen = (await ask(office, PRIYA, "GET", f"/changes/{ref}")).json()
    assert "confirm_heard" in seen["you_may_anonymously"]
    assert "confirm_heard" not in seen["you_may"]
    waiting = (await ask(office, PRIYA, "GET", "/waiting")).json()["items"]
    assert [item["change"] for item in waiting] == [ref]
    assert [c["ref"] for c in (await ask(office, PRIYA, "GET", "/changes?mine=true")).json()["changes"]] == [ref]
    answer = await ask(office, PRIYA, "POST", f"/changes/{ref}/confirm_heard", {}, **HEADER)
    assert answer.status_code == 200, answer.text
    theirs = (await ask(office, MARA, "GET", f"/changes/{ref}")).json()
    assert theirs["pseudonym"] == ""
    assert theirs["names"][theirs["change"]["proposal"]["proposer"]] == "somebody who stays anonymous"


async def test_sent_twice_it_happens_once(office: Office) -> None:
    first = await ask(office, PRIYA, "POST", "/changes", PROPOSAL, key="same", **HEADER)
    again = await ask(office, PRIYA, "POST", "/changes", PROPOSAL, key="same", **HEADER)
    assert first.json()["change"] == again.json()["change"]
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_nobody_decides_on_their_own_anonymous_change_and_no_record_gives_that_away(office: Office) -> None:
    """Samira owns the process, so she is asked; that she is not left out is what keeps her name."""
    ref = await filed(office, SAMIRA)
    change = office.gateway.state(ref)
    assert change.gate is not None
    asked = {seat.person for seat in change.gate.asked}
    assert SAMIRA in asked
    assert len(asked) > 1, "somebody else can always answer"
    refused = await ask(office, SAMIRA, "POST", f"/changes/{ref}/accept_for_testing", {})
    assert refused.status_code == 403
    assert "own change" in refused.json()["detail"]
    assert office.gateway.state(ref) == change
    seen = (await ask(office, SAMIRA, "GET", f"/changes/{ref}")).json()
    assert "accept_for_testing" not in seen["you_may"]
    other = next(person for person in asked if person != SAMIRA)
    assert (await ask(office, other, "POST", f"/changes/{ref}/accept_for_testing", {})).status_code == 200


async def test_an_anonymous_proposal_is_not_decided_alone_and_names_nobody(office: Office) -> None:
    ref = await filed(office)
    assert (await ask(office, PRIYA, "POST", f"/changes/{ref}/decide_yourself", {}, **HEADER)).status_code == 403
    named = PROPOSAL | {"co_proposers": [MARA]}
    answer = await ask(office, PRIYA, "POST", "/changes", named, **HEADER)
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("names_with_a_pseudonym")


async def test_a_concern_is_raised_and_resolved_anonymously(office: Office) -> None:
    ref = (await ask(office, MARA, "POST", "/changes", PROPOSAL)).json()["change"]
    worry = {"title": "Fraud", "text": "Nobody checks.", "code": "R09", "blocking": True}
    assert (
        (await ask(office, JONAS, "POST", f"/changes/{ref}/resolve_concern", {"concern": "C1"}, **HEADER))
        .json()["type"]
        .endswith("not_anonymous_here")
    )
    assert (await ask(office, PRIYA, "POST", f"/changes/{ref}/raise_concern", worry, **HEADER)).status_code == 200
    assert (await ask(office, PRIYA, "POST", f"/changes/{ref}/resolve_concern", {"concern": "C1"})).status_code == 403
    done = await ask(office, PRIYA, "POST", f"/changes/{ref}/resolve_concern", {"concern": "C1"}, key="r", **HEADER)
    assert done.status_code == 200, done.text
    assert PRIYA not in everything_written(office, WHERE_PEOPLE_ARE)


async def test_a_name_comes_out_by_two_people_with_a_reason_and_for_them_only(office: Office) -> None:
    ref = await filed(office)
    pseudonym = office.gateway.state(ref).proposal.proposer
    look = f"/changes/{ref}/revealed/{pseudonym}"
    agree = {"pseudonym": pseudonym, "reason": "It is about somebody's safety."}
    assert (await ask(office, JONAS, "POST", f"/changes/{ref}/agree_to_reveal", agree)).status_code == 403
    may = may_reveal(office)
    first, second = may[:2]
    assert (await ask(office, first, "POST", f"/changes/{ref}/agree_to_reveal", agree)).status_code == 200
    assert (await ask(office, first, "GET", look)).status_code == 404
    assert (await ask(office, second, "POST", f"/changes/{ref}/agree_to_reveal", agree)).status_code == 200
    for person in (first, second):
        assert (await ask(office, person, "GET", look)).json()["person"] == PRIYA
    for person in (MARA, JONAS):
        assert (await ask(office, person, "GET", look)).status_code == 404
    assert PRIYA not in everything_written(office, WHERE_PEOPLE_ARE)


def may_reveal(office: Office) -> list[str]:
    """Those whom the policy names."""
    with reading(office.engine) as connection:
        directory = office.gateway.authority.directory(connection)
    return [person.ref for role in ("ombuds", "executive") for person in directory.with_role(role)]


async def test_says_in_plain_words_who_can_see_what(office: Office) -> None:
    answer = (await ask(office, MARA, "GET", "/anonymity")).json()
    assert answer["proposals"] is True
    assert "at least two of those with the role ombuds or the role executive agree" in answer["in_words"]


async def checked(browser: httpx2.AsyncClient) -> Page:
    """The check page of a draft with every answer it needs."""
    address = (await browser.post("/changes/new")).headers["location"]
    for answers in ANSWERS.values():
        form = Page(await browser.get(address))
        address = (await browser.post(form.action, data=form.answers(**answers))).headers["location"]
    return sound(Page(await browser.get(f"{address.rpartition('/')[0]}/check")))


async def test_a_draft_is_filed_without_a_name_and_nothing_of_it_is_left(office: Office) -> None:
    async with office.browser(PRIYA) as browser:
        check = await checked(browser)
        assert "Your name is not written down with it" in check.text
        answers = check.answers(_anonymously="yes")
        sent = await browser.post(check.action, data=answers)
        again = await browser.post(check.action, data=answers)
        done = sound(Page(await browser.get(sent.headers["location"].partition("#")[0])))
        begun = Page(await browser.get("/changes/new"))
    assert sent.status_code == 303 and again.headers["location"] == sent.headers["location"], "pressed twice"
    assert ("h2", "Filed as CH-1") in done.headings
    assert "Answer returns within a day" not in begun.text
    written = everything_written(office, WHERE_PEOPLE_ARE)
    assert "Answer returns within a day" in written and PRIYA not in written
    assert office.gateway.state("CH-1").proposal.proposer.startswith("anon-")
    async with office.browser(MARA) as other:
        stranger = await other.post(check.action, data=answers)
    assert stranger.status_code == 404, "a draft that is gone says nothing to anybody else"


async def test_where_it_could_not_be_filed_the_choice_is_kept(office: Office) -> None:
    async with office.browser(PRIYA) as browser:
        check = await checked(browser)
        office.gateway.failing = NotNow(retry_after=1)
        waits = sound(Page(await browser.post(check.action, data=check.answers(_anonymously="yes"))))
        office.gateway.failing = None
        assert waits.status == 503 and waits.answers()["_anonymously"] == "yes"
        sent = await browser.post(waits.action, data=waits.answers())
    assert sent.headers["location"].startswith("/changes/CH-")
    assert PRIYA not in everything_written(office, WHERE_PEOPLE_ARE)


async def test_the_one_page_forms_file_and_raise_without_a_name(office: Office) -> None:
    async with office.browser(PRIYA) as browser:
        form = sound(Page(await browser.get("/changes/new/one-page")))
        one_page = {name: value for answers in ANSWERS.values() for name, value in answers.items()}
        filed = await browser.post(form.action, data=form.answers(_anonymously="yes", **one_page))
        assert filed.headers["location"].startswith("/changes/CH-1?"), filed.text
    async with office.browser(HOA) as browser:
        form = sound(Page(await browser.get("/changes/CH-1/do/raise_concern")))
        worry = {"title": "Fraud", "text": "Nobody checks.", "code": "R09", "_anonymously": "yes"}
        raised = await browser.post(form.action, data=form.answers(**worry))
        assert raised.status_code == 303, raised.text
    written = everything_written(office, WHERE_PEOPLE_ARE)
    assert "Nobody checks." in written
    assert PRIYA not in written and HOA not in written


async def test_where_the_policy_wants_names_nothing_else_is_offered(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reading(office.engine) as connection:
        policy = office.app.state.services.policies.bound(connection, None)
    refusing = policy.anonymity.model_copy(update={"proposals": "refused", "concerns": "refused"})
    named = policy.model_copy(update={"anonymity": refusing})
    monkeypatch.setattr(office.app.state.services.policies, "bound", lambda connection, version: named)
    async with office.browser(PRIYA) as browser:
        check = await checked(browser)
        assert "Without my name" not in check.text
        assert "Without my name" not in Page(await browser.get("/changes/new/one-page")).text


@pytest.mark.parametrize("first", [{}, HEADER], ids=["with a name", "without a name"])
async def test_what_waits_with_a_name_is_not_filed_again_without_one_nor_the_other_way(
    office: Office, first: dict[str, str]
) -> None:
    """Nobody knows after a 503 whether it still arrives; the same key sent the other way would make two of it."""
    second = {} if first else HEADER
    office.gateway.failing = NotNow(retry_after=1)
    assert (await ask(office, PRIYA, "POST", "/changes", PROPOSAL, key="same", **first)).status_code == 503
    office.gateway.failing = None
    turned = await ask(office, PRIYA, "POST", "/changes", PROPOSAL, key="same", **second)
    assert turned.status_code == 422 and turned.json()["type"] == "/problems/sent_another_way", turned.text
    sent = await ask(office, PRIYA, "POST", "/changes", PROPOSAL, key="same", **first)
    assert sent.status_code == 201
    assert (await ask(office, PRIYA, "POST", "/changes", PROPOSAL, key="same", **second)).status_code == 422
    assert [c["ref"] for c in (await ask(office, MARA, "GET", "/changes")).json()["changes"]] == ["CH-1"]


@pytest.mark.parametrize("first", [{}, HEADER], ids=["with a name", "without a name"])
async def test_a_concern_is_not_there_twice_with_a_name_and_without(office: Office, first: dict[str, str]) -> None:
    ref = await filed(office, MARA)
    worry = {"title": "Fraud", "text": "Nobody checks.", "code": "R09"}
    path = f"/changes/{ref}/raise_concern"
    assert (await ask(office, PRIYA, "POST", path, worry, key="same", **first)).status_code == 200
    turned = await ask(office, PRIYA, "POST", path, worry, key="same", **({} if first else HEADER))
    assert turned.status_code == 422 and turned.json()["type"] == "/problems/sent_another_way", turned.text
    assert len(office.gateway.state(ref).concerns) == 1


async def test_the_page_sends_again_as_it_sent_first(office: Office) -> None:
    async with office.browser(PRIYA) as browser:
        check = await checked(browser)
        office.gateway.failing = NotNow(retry_after=1)
        waits = sound(Page(await browser.post(check.action, data=check.answers(_anonymously="yes"))))
        assert "It is sent again as it was sent first: without your name" in waits.text
        office.gateway.failing = None
        with_name = {name: value for name, value in waits.answers().items() if name != "_anonymously"}
        refused = sound(Page(await browser.post(check.action, data=with_name)))
        assert refused.status == 422 and "You sent this without your name a moment ago" in refused.text
        assert refused.answers() == waits.answers(), "the key and the choice stay"
        assert (await browser.post(check.action, data=refused.answers())).status_code == 303
    assert office.gateway.state("CH-1").proposal.proposer.startswith("anon-")
    async with office.program(MARA) as program:
        assert len((await program.get("/api/v1/changes")).json()["changes"]) == 1
