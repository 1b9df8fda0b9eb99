"""One's own access: sessions and tokens; tokens of systems; how fast one may ask."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import Engine, select

from changes.permissions import Scope
from directory.model import Directory
from store import tables
from store.database import reading, writing
from store.directory import load_directory, save_directory
from store.tokens import Bounds, make_token, new_token, well_formed
from tests.web.office import JONAS, LEA, MARA, SAMIRA, Office
from web.security.limiting import Limiter

KENJI = "kenji.watanabe"
"""The administrator."""


def with_token(office: Office, token: str) -> httpx2.AsyncClient:
    client = office.anybody()
    client.headers["Authorization"] = f"Bearer {token}"
    return client


async def test_somebody_sees_where_they_are_signed_in_and_ends_it(office: Office) -> None:
    async with office.browser(MARA) as here, office.browser(MARA) as there, office.browser(JONAS) as jonas:
        found = (await here.get("/api/v1/sessions")).json()["sessions"]
        assert len(found) == 2 and [session["here"] for session in found].count(True) == 1
        other = next(session["id"] for session in found if not session["here"])
        not_mine = await jonas.delete(f"/api/v1/sessions/{other}")
        assert not_mine.status_code == 404 and not_mine.json()["type"] == "/problems/not_found"
        assert (await there.get("/api/v1/me")).status_code == 200
        assert (await here.delete(f"/api/v1/sessions/{other}")).status_code == 204
        assert (await there.get("/api/v1/me")).status_code == 401
        assert (await here.get("/api/v1/me")).status_code == 200
        assert (await here.delete(f"/api/v1/sessions/{other}")).status_code == 404
        async with office.browser(MARA) as third:
            assert (await here.delete("/api/v1/sessions")).status_code == 204
            assert (await third.get("/api/v1/me")).status_code == 401
        assert (await here.get("/api/v1/me")).status_code == 200, "signing out elsewhere keeps this one"


async def test_a_token_is_made_used_seen_and_revoked(office: Office) -> None:
    async with office.browser(MARA) as mara:
        made = await mara.post("/api/v1/tokens", json={"name": "my script", "scopes": ["read"], "days": 7})
        assert made.status_code == 201, made.text
        token = made.json()["token"]
        assert well_formed(token)
        twice = await mara.post("/api/v1/tokens", json={"name": "my script", "scopes": ["read"], "days": 7})
        assert twice.status_code == 409 and twice.json()["type"] == "/problems/name_taken"
        async with with_token(office, token) as script:
            assert (await script.get("/api/v1/changes")).status_code == 200
            refused = await script.post("/api/v1/changes", json={}, headers={"Idempotency-Key": "k"})
            assert refused.status_code == 403 and "scope" in refused.json()["detail"]
            refused = await script.post("/api/v1/tokens", json={"name": "more"})
            assert refused.status_code == 403, "a token for reading makes no other"
            [seen] = (await mara.get("/api/v1/tokens")).json()["tokens"]
            assert seen["last_used_at"] is not None and token not in str(seen)
            async with office.browser(JONAS) as jonas:
                assert (await jonas.delete(f"/api/v1/tokens/{seen['id']}")).status_code == 404
            assert (await mara.delete(f"/api/v1/tokens/{seen['id']}")).status_code == 204
            assert (await script.get("/api/v1/changes")).status_code == 401
        assert (await mara.get("/api/v1/tokens")).json()["tokens"] == []


async def test_a_token_ends_by_itself_and_cannot_outgrow_itself(office: Office) -> None:
    with writing(office.engine) as connection:
        own = frozenset({Scope.ACCOUNT})
        token = make_token(connection, MARA, "account", timedelta(days=1), office.clock(), scopes=own)
    async with with_token(office, token) as script:
        beyond = await script.post("/api/v1/tokens", json={"name": "more", "scopes": ["act"]})
        assert beyond.status_code == 403 and beyond.json()["type"] == "/problems/beyond_own_scopes"
        assert (await script.post("/api/v1/tokens", json={"name": "x", "days": 4_000})).status_code == 422
        office.clock.now += timedelta(days=1)
        assert (await script.get("/api/v1/tokens")).status_code == 401


def test_typing_errors_in_a_token_are_noticed_without_the_database() -> None:
    token = new_token()
    assert well_formed(token)
    changed = token[:-9] + ("A" if token[-9] != "A" else "B") + token[-8:]
    assert not any(map(well_formed, ("", "gw_", "gw__", token[:-1], token.upper(), changed, "gw_abc", "Ω" * 9)))


async def test_who_leaves_is_signed_out_and_their_tokens_end(office: Office) -> None:
    async with office.browser(LEA) as lea, office.program(LEA) as script:
        assert (await lea.get("/api/v1/me")).status_code == 200
        _load(office.engine, without=LEA)
        assert (await lea.get("/api/v1/me")).status_code == 401
        _load(office.engine, without=None)
        assert (await lea.get("/api/v1/me")).status_code == 401, "coming back does not bring the session back"
        assert (await script.get("/api/v1/me")).status_code == 401


def _load(engine: Engine, without: str | None) -> None:
    from datetime import UTC, datetime

    with writing(engine) as connection:
        known = load_directory(connection)
        people = [
            person.having(active=person.ref != without) if person.ref == LEA else person
            for person in known.people.values()
        ]
        directory = Directory(people, known.teams.values(), known.processes.values())
        save_directory(connection, directory, datetime.now(UTC))


# ------------------------------------------------------------------------------------------------------ systems


async def system_token(office: Office, **fields: Any) -> httpx2.Response:
    body = {"service": "returns-metrics", "name": "nightly", "on_behalf_of": LEA, "process": "returns", **fields}
    async with office.browser(KENJI) as administrator:
        return await administrator.post("/api/v1/system-tokens", json=body)


async def test_a_system_enters_a_result_on_somebodys_behalf_and_nothing_else(office: Office) -> None:
    ref = await office.testing()
    await office.done(SAMIRA, "endorse", {}, ref)
    made = await system_token(office, change=ref, metric="Waiting time")
    assert made.status_code == 201, made.text
    result = {"test": "T1", "value": "20", "sample": 40, "evidence": "returns.csv"}
    async with with_token(office, made.json()["token"]) as system:
        headers = {"Idempotency-Key": "k1"}
        answer = await system.post(f"/api/v1/changes/{ref}/record_result", json=result, headers=headers)
        assert answer.status_code == 200, answer.text
        for path in ("/api/v1/me", "/api/v1/changes", f"/api/v1/changes/{ref}", "/api/v1/people"):
            assert (await system.get(path)).status_code == 403
        comment = await system.post(f"/api/v1/changes/{ref}/follow", headers={"Idempotency-Key": "k2"})
        assert comment.status_code == 403
        elsewhere = await office.filed()
        other = await system.post(f"/api/v1/changes/{elsewhere}/record_result", json=result, headers=headers)
        assert other.status_code == 404, "what the token is not for does not exist for it"
    async with office.program(JONAS) as jonas:
        entries = (await jonas.get(f"/api/v1/changes/{ref}/trail")).json()["entries"]
    recorded = next(entry for entry in entries if entry["action"] == "result_recorded")
    assert (recorded["actor"], recorded["via"]) == (LEA, "system:returns-metrics")


async def test_a_system_is_held_to_its_metric_and_to_the_rules(office: Office) -> None:
    ref = await office.testing()
    await office.done(SAMIRA, "endorse", {}, ref)
    result = {"test": "T1", "value": "20", "sample": 40, "evidence": "returns.csv"}
    for name, fields, status in (
        ("other metric", {"metric": "Complaints"}, 404),
        ("other process", {"process": "payroll"}, 422),
        ("no tester", {"on_behalf_of": JONAS}, 403),
    ):
        made = await system_token(office, name=name, **fields)
        if made.status_code != 201:
            assert made.status_code == status, made.text
            continue
        async with with_token(office, made.json()["token"]) as system:
            answer = await system.post(
                f"/api/v1/changes/{ref}/record_result", json=result, headers={"Idempotency-Key": name.replace(" ", "")}
            )
            assert answer.status_code == status, f"{name}: {answer.text}"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"on_behalf_of": "nobody.here"}, "/on_behalf_of"),
        ({"process": ""}, "/change"),
        ({"service": "with blanks"}, "/service"),
        ({"days": 0}, "/days"),
    ],
)
async def test_a_systems_token_needs_somebody_and_something(
    office: Office, fields: dict[str, Any], pointer: str
) -> None:
    answer = await system_token(office, **fields)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_systems_tokens_are_listed_and_revoked_by_administrators(office: Office) -> None:
    token = (await system_token(office)).json()["token"]
    assert (await system_token(office)).status_code == 409
    async with office.browser(KENJI) as administrator, office.browser(LEA) as lea:
        [seen] = (await administrator.get("/api/v1/system-tokens")).json()["tokens"]
        assert (seen["service"], seen["person"], seen["scopes"]) == ("returns-metrics", LEA, ["report"])
        assert (await lea.get("/api/v1/tokens")).json()["tokens"] == [], "a system's token is not the person's own"
        assert (await administrator.delete(f"/api/v1/system-tokens/{seen['id']}")).status_code == 204
        async with with_token(office, token) as system:
            assert (await system.get("/api/v1/me")).status_code == 401
    with reading(office.engine) as connection:
        made_by = connection.execute(
            select(tables.api_token.c.made_by).where(tables.api_token.c.service == "returns-metrics")
        ).scalar_one()
    assert made_by == KENJI


def test_bounds_are_part_of_the_token() -> None:
    assert Bounds("CH-1")._asdict() == {"change": "CH-1", "process": "", "metric": ""}


# ------------------------------------------------------------------------------------------------ how fast


def test_a_bucket_fills_steadily_and_never_overflows() -> None:
    now = [0.0]
    limiter = Limiter(a_minute=60, burst=3, clock=lambda: now[0])
    for _ in range(3):
        assert limiter.wait("mara") == 0
        limiter.take("mara")
    assert limiter.wait("mara") == 1 and limiter.wait("jonas") == 0
    now[0] = 1.0
    assert limiter.wait("mara") == 0
    now[0] = 1_000.0
    for _ in range(3):
        limiter.take("mara")
    assert limiter.wait("mara") == 1
    assert Limiter(a_minute=0, burst=0).wait("anybody") == 0


async def test_asking_too_fast_is_answered_calmly(office: Office) -> None:
    services = office.app.state.services
    services.requests.a_minute, services.requests.burst = 6, 2
    async with office.program(MARA) as mara, office.browser(JONAS) as jonas:
        answers = [await mara.get("/api/v1/me") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[2].headers["Retry-After"] == "10"
        assert answers[2].json()["type"] == "/problems/too_many_requests"
        assert (await jonas.get("/changes")).status_code == 200, "others are not slowed down"
        await jonas.get("/changes")
        page = await jonas.get("/changes")
        assert page.status_code == 429 and "try again in 10 seconds" in page.text


async def test_guessing_links_is_slowed_down_and_signing_in_is_not(office: Office) -> None:
    async with office.anybody() as stranger:
        for _ in range(30):
            answer = await stranger.post("/api/v1/sign-in", json={"token": office.link(MARA)})
            assert answer.status_code == 200
        statuses = [(await stranger.get(f"/sign-in/guess{n}")).status_code for n in range(21)]
        assert statuses == [404] * 20 + [429]
        answer = await stranger.post("/api/v1/sign-in", json={"token": office.link(MARA)})
        assert answer.status_code == 429 and int(answer.headers["Retry-After"]) > 0


async def test_an_administrator_ends_somebodys_access(office: Office) -> None:
    await system_token(office)
    async with office.browser(KENJI) as administrator, office.browser(LEA) as lea, office.program(LEA) as script:
        seen = (await administrator.get(f"/api/v1/people/{LEA}/access")).json()
        assert len(seen["sessions"]) == len(seen["tokens"]) == 1
        assert (await administrator.get("/api/v1/people/nobody.here/access")).status_code == 404
        assert (await administrator.delete(f"/api/v1/people/{LEA}/access")).status_code == 204
        assert (await lea.get("/api/v1/me")).status_code == 401
        assert (await script.get("/api/v1/me")).status_code == 401
        assert (await administrator.get("/api/v1/system-tokens")).json()["tokens"] == []
