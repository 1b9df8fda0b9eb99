"""What one may not even know of answers 404, to everybody but its owner, and stays as it was.

Made from the addresses that are about one's own things; an address that comes to them fails here until it is listed.
"""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import MetaData, select

from changes.permissions import Operation
from store import tables
from store.database import reading
from tests.changes.test_permissions import EVERYBODY, MORE
from tests.web.office import MARA, Office
from tests.web.situations import ARJUN, PEOPLE, anonymous, asked
from tests.web.test_permissions import filled
from tests.web.who_may import BODIES
from web.security.authorising import addresses

OWN = {Operation.READ_OWN, Operation.CHANGE_OWN, Operation.CHANGE_OWN_ACCESS}
NOT_A_THING = {"/api/v1/mail-choices/{kind}", "/standing-in/{kind}"}
"""Addresses whose last part names a kind of setting, not something that belongs to somebody."""
AS_IF_DONE = {"/drafts/{ref}/discard"}
"""What may be pressed twice: it answers alike whether the thing was there, is gone, or never was the visitor's."""
MOVES_WHEN_LOOKED_AT = {"session", "api_token"}
"""Tables that note when somebody was last here."""


async def things_of_mara(office: Office) -> dict[str, str]:
    """One of everything that can belong to somebody; what stands in an address for it."""
    async with office.browser(MARA) as browser, office.program(MARA) as program:
        draft = (await browser.post("/changes/new")).headers["location"].split("/")[2]
        new = {"name": "secret", "days": 3, "scopes": ["read"]}
        made = await browser.post("/api/v1/tokens", json=new)
        assert made.is_success, made.text
        [token] = [t for t in (await program.get("/api/v1/tokens")).json()["tokens"] if t["name"] == "secret"]
        session = (await browser.get("/api/v1/sessions")).json()["sessions"][0]
        body = {"to": "pavel.dvorak", "starts": "2026-03-09", "ends": "2026-03-12", "reason": "Holidays."}
        given = await program.post("/api/v1/delegations", json=body, headers={"Idempotency-Key": "d"})
        away = {"starts": "2026-03-09", "ends": "2026-03-12"}
        absent = await program.post("/api/v1/absences", json=away, headers={"Idempotency-Key": "a"})
        assert given.is_success and absent.is_success, given.text + absent.text
        standing = (await program.get("/api/v1/standing-in")).json()
    return {
        "/drafts/{ref}": draft,
        "tokens/{id}": token["id"],
        "sessions/{id}": session["id"],
        "/delegations/{ref}": standing["delegations"][0]["ref"],
        "/absences/{ref}": standing["absences"][0]["ref"],
    }


def rows(office: Office) -> dict[str, list[Any]]:
    """Everything that is stored, but for when somebody was last here."""
    metadata: MetaData = tables.metadata
    with reading(office.engine) as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table)).all()))
            for table in metadata.sorted_tables
            if table.name not in MOVES_WHEN_LOOKED_AT
        }


@pytest.mark.slow
async def test_what_belongs_to_somebody_is_not_there_for_anybody_else(office: Office) -> None:
    things = await things_of_mara(office)
    own = [
        (method, path)
        for method, path, operation in addresses(office.app)
        if (operation in OWN and "{" in path and path not in NOT_A_THING) or path.startswith("/drafts/")
    ]
    assert {"/drafts/{ref}/check", "/api/v1/tokens/{id}", "/api/v1/delegations/{ref}/revoke"} <= {p for _, p in own}
    before = rows(office)
    for persona, person in PEOPLE.items():
        if person == MARA:
            continue
        async with office.browser(person) as browser:
            for method, path in own:
                answer = await browser.request(method, _at(path, things), **_content(method, path))
                expected = 303 if path in AS_IF_DONE else 404
                assert answer.status_code == expected, f"{persona} {method} {path}: {answer.status_code}"
    assert {name for name, found in rows(office).items() if found != before[name]} <= KEYS | LEDGER


KEYS = {"applied_command", "act"}
"""What stands for each used key, a refusal too."""
LEDGER = {name for name in tables.metadata.tables if name.startswith("ledger_")} | {"deployment"}
"""What a rule refuses is on record, and so is what was taken out of the trail, which is sealed for it; the first such
record makes the secret that hides who asked for what."""


def _at(path: str, things: dict[str, str]) -> str:
    [place] = [place for place in things if place in path]
    named = path.replace(place, place.partition("{")[0] + things[place])
    return named.replace("{name}", "seen")


def _content(method: str, path: str) -> dict[str, Any]:
    if method != "POST":
        return {}
    if not path.startswith("/api"):
        return {"data": {}}
    return {"json": {}, "headers": {"Idempotency-Key": path.translate({ord("{"): None, ord("}"): None})}}


async def test_what_was_made_for_this_is_there_for_its_owner(office: Office) -> None:
    things = await things_of_mara(office)
    async with office.browser(MARA) as browser:
        for path in ("/drafts/{ref}/check", "/drafts/{ref}/{name}"):
            assert (await browser.get(_at(path, things))).status_code == 200
        for path in ("/api/v1/delegations/{ref}/revoke", "/api/v1/absences/{ref}/end"):
            answer = await browser.post(_at(path, things), headers={"Idempotency-Key": path[8:15]})
            assert answer.status_code == 200, answer.text
        for path in ("/api/v1/tokens/{id}", "/api/v1/sessions/{id}"):
            assert (await browser.delete(_at(path, things))).status_code == 204


async def test_who_stays_anonymous_is_not_there_for_anybody(office: Office) -> None:
    ref = await anonymous(office)
    pseudonym = office.gateway.state(ref).proposal.proposer
    for person in PEOPLE.values():
        async with office.program(person) as program:
            for name in (pseudonym, "anon-0"):
                answer = await program.get(f"/api/v1/changes/{ref}/revealed/{name}")
                assert answer.status_code == 404 and MARA not in answer.text
            assert MARA not in (await program.get(f"/api/v1/changes/{ref}")).text or person == MARA
            assert MARA not in (await program.get(f"/api/v1/changes/{ref}/trail")).text


async def test_a_change_nobody_filed_is_nowhere(office: Office) -> None:
    """Every address about a change, by somebody who may do everything: 404 as a page and as a problem."""
    async with office.browser(MARA) as browser:
        for method, path, _ in addresses(office.app):
            if "/changes/{ref}" not in path:
                continue
            address = path.replace("{ref}", "CH-404").replace("{kind}", "follow").replace("{pseudonym}", "anon-0")
            headers = {"Idempotency-Key": "k", "If-Match": "*"} if path.startswith("/api") else {}
            body: dict[str, Any] = (
                {"json": BODIES.get(path.rpartition("/")[2], {})} if path.startswith("/api") else {"data": {}}
            )
            answer = await browser.request(method, address, headers=headers, **body if method == "POST" else {})
            assert answer.status_code == 404, f"{method} {path}: {answer.status_code} {answer.text[:300]}"


async def test_an_auditor_changes_nothing(office: Office) -> None:
    """What the role adds is for reading: after all of it, everything stored is as it was, but that they took it out."""
    ref = await asked(office)
    before = rows(office)
    theirs = MORE["auditor"] - EVERYBODY
    async with office.browser(ARJUN) as browser:
        for method, path, operation in addresses(office.app):
            if operation in theirs:
                assert method == "GET" or path in {"/policy/try", "/api/v1/policy/try"}, f"{method} {path}"
                await browser.request(method, filled(path, ref).replace("{change}", ref), **_content(method, path))
        changed = {name for name, found in rows(office).items() if found != before[name]}
        assert changed <= LEDGER | KEYS
        for method, path, operation in addresses(office.app):
            if operation not in {*theirs, *EVERYBODY, None}:
                answer = await browser.request(method, filled(path, ref), **_content(method, path))
                assert answer.status_code == 403, f"{method} {path}: {answer.status_code}"
    for kind in ("accept_for_testing", "decline", "edit", "withdraw", "hold", "overrule_concern", "move_deadline"):
        answer = await office.give(ARJUN, kind, BODIES.get(kind, {}), ref)
        assert answer.status_code == 403, f"{kind}: {answer.text}"
    assert {name for name, found in rows(office).items() if found != before[name]} <= LEDGER | KEYS
