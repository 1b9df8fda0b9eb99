"""The JSON interface: refusals, bad input, repeated keys, versions, reading, health, and its own description."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
from sqlalchemy import delete

from benchmarks.measuring import statements
from changes.decision import HUMAN_COMMANDS
from store import tables
from store.database import DatabaseUnavailable
from store.sign_in import end_session
from temporal.gateway import CommandFailed, NotNow
from tests.support.attacks import take_triggers_away
from tests.web.office import HOA, JONAS, LEA, MARA, PRIYA, SAMIRA, Office, a_test, proposal
from web.services import Services


def problem(response: httpx2.Response, status: int, rule: str) -> dict[str, Any]:
    """The problem document, which must be of this status and rule and say something."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert set(document) == {"type", "title", "status", "detail", "instance", "request_id", "errors"}
    assert document["type"] == f"/problems/{rule}"
    assert document["status"] == status
    assert document["title"] and document["detail"].rstrip()[-1] in ".?"
    assert document["instance"] == response.request.url.path
    assert document["request_id"] == response.headers["X-Request-Id"]
    assert "Traceback" not in response.text
    return document


def pointers(document: dict[str, Any]) -> dict[str, str]:
    """What is wrong by field."""
    return {error["pointer"]: error["message"] for error in document["errors"]}


# ------------------------------------------------------------------------------------------------------ refusals


async def test_somebody_else_has_to_do_it(office: Office) -> None:
    ref = await office.filed()
    own = problem(await office.give(MARA, "accept_for_testing", {}, ref), 403, "own_change")
    assert own["detail"] == "Nobody decides on their own change. Somebody else has been asked."
    problem(await office.give(PRIYA, "accept_for_testing", {}, ref), 403, "not_asked")


async def test_the_change_is_not_where_this_can_happen(office: Office) -> None:
    ref = await office.filed()
    problem(await office.give(SAMIRA, "endorse", {}, ref), 409, "wrong_stage")


async def test_a_field_does_not_hold_what_the_rule_needs(office: Office) -> None:
    ref = await office.planned()
    twice = {"tests": [a_test("T1"), a_test("T1")]}
    document = problem(await office.give(MARA, "propose_tests", twice, ref), 422, "test_ref_twice")
    assert list(pointers(document)) == ["/tests/1/ref"]
    ended = {"tests": [a_test("T1", ends="2026-01-01", starts="2026-01-01")]}
    document = problem(await office.give(MARA, "propose_tests", ended, ref), 422, "ends_in_the_past")
    assert list(pointers(document)) == ["/tests/0/ends"]


async def test_something_named_does_not_exist(office: Office) -> None:
    document = problem(await office.give(MARA, "submit", proposal(affected_teams=["moon"])), 422, "unknown_team")
    assert list(pointers(document)) == ["/affected_teams/0"]


async def test_what_is_asked_before_a_command_is_sent_costs_four_queries(office: Office) -> None:
    ref = await office.filed()
    said = {"about": "works", "text": "Good."}
    async with office.program(LEA) as client:
        for _ in range(2):  # the first time the token is marked as in use, and the second time nothing is sent
            with statements(office.engine) as seen:
                answer = await client.post(
                    f"/api/v1/changes/{ref}/comment", json=said, headers={"Idempotency-Key": "once"}
                )
            assert answer.status_code == 200, answer.text
    assert answer.headers["Idempotency-Replayed"] == "true"
    assert len(seen) <= 4, "\n\n".join(seen)


async def test_the_address_of_a_command_takes_nothing_else(office: Office) -> None:
    ref = await office.filed()
    async with office.program(LEA) as client:
        problem(await client.get(f"/api/v1/changes/{ref}/comment"), 405, "method_not_allowed")
        for other in (f"{ref}/commenting", f"{ref}/comment%0A", f"{ref}/x/comment"):
            document = {"about": "works", "text": "Good."}
            answer = await client.post(f"/api/v1/changes/{other}", json=document, headers={"Idempotency-Key": "once"})
            assert answer.status_code == 404, other


async def test_a_change_that_has_moved_on(office: Office) -> None:
    ref = await office.filed()
    async with office.program(JONAS) as client:
        version = (await client.get(f"/api/v1/changes/{ref}")).headers["ETag"]
    await office.done(LEA, "comment", {"about": "works", "text": "Good."}, ref)
    problem(await office.give(JONAS, "accept_for_testing", {}, ref, **{"If-Match": version}), 412, "stale_version")
    fresh = f'"{office.gateway.state(ref).version}"'
    assert (await office.give(JONAS, "accept_for_testing", {}, ref, **{"If-Match": fresh})).status_code == 200


async def test_an_unknown_change(office: Office) -> None:
    problem(await office.give(JONAS, "accept_for_testing", {}, "CH-999"), 404, "unknown_change")
    assert not office.gateway.sent, "no workflow begins for a name that somebody made up"
    async with office.program(JONAS) as client:
        problem(await client.get("/api/v1/changes/CH-999"), 404, "unknown_change")
        problem(await client.get("/api/v1/changes/CH-999/trail"), 404, "unknown_change")


# ----------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("fields", "pointer", "message"),
    [
        ({"titel": "x"}, "/titel", "There is no field called “titel”. Did you mean “title”?"),
        ({"title": 7}, "/title", "“title” must be text."),
        ({"title": "x" * 201}, "/title", "“title” can have at most 200 characters; this has 201."),
        ({"title": " "}, "/title", "“title” must not be empty."),
        ({"title": "a\nb"}, "/title", "“title” must be one line."),
        ({"problem": "a\x07"}, "/problem", "“problem” contains the control character U+0007; please remove it."),
        ({"people_affected": "many"}, "/people_affected", "“people_affected” must be a whole number, such as 12."),
        ({"people_affected": 0}, "/people_affected", "“people_affected” must be 1 or more."),
        ({"people_affected": 2_000_000}, "/people_affected", "“people_affected” must be 1,000,000 or less."),
        ({"cost": "free"}, "/cost", "“cost” must be a number, such as 12 or 12.5."),
        ({"cost": "0.1234567"}, "/cost", "“cost” can have at most 6 digits after the point."),
        ({"reversible": "perhaps"}, "/reversible", "“reversible” must be true or false."),
        ({"urgency": "soon"}, "/urgency", "“urgency” must be one of: normal, emergency."),
        ({"affected_teams": []}, "/affected_teams", "“affected_teams” needs at least 1 entry."),
        ({"affected_teams": "billing"}, "/affected_teams", "“affected_teams” must be a list."),
        (
            {"affected_teams": ["a b"]},
            "/affected_teams/0",
            "“affected_teams 1” must be a reference: letters, digits, dots, colons, hyphens or underscores, "
            "without blanks.",
        ),
    ],
)
async def test_bad_fields(office: Office, fields: dict[str, Any], pointer: str, message: str) -> None:
    document = problem(await office.give(MARA, "submit", proposal(**fields)), 422, "invalid_fields")
    assert pointers(document) == {pointer: message}
    assert document["detail"] == message


async def test_missing_and_nested_fields(office: Office) -> None:
    document = problem(await office.give(MARA, "submit", {"title": "x"}), 422, "invalid_fields")
    assert pointers(document)["/problem"] == "“problem” is missing."
    assert document["detail"].endswith("And 2 more.")
    ref = await office.planned()
    wrong = {"tests": [a_test("T1"), a_test("T2", ends="soon", passline="3")]}
    document = problem(await office.give(MARA, "propose_tests", wrong, ref), 422, "invalid_fields")
    assert pointers(document) == {
        "/tests/1/ends": "“ends of tests 2” must be a date such as 2026-03-02.",
        "/tests/1/passline": "There is no field called “passline”. Did you mean “pass_line”?",
    }


@pytest.mark.parametrize(
    ("content", "media_type", "status", "rule"),
    [
        (b'{"note": ', "application/json", 400, "json_invalid"),
        (b"[]", "application/json", 422, "invalid_fields"),
        (b'"x"', "application/json", 422, "invalid_fields"),
        (b"null", "application/json", 422, "invalid_fields"),
        (b'{"note": "\xff"}', "application/json", 400, "unreadable"),
        (b'{"note": "\\ud800"}', "application/json", 422, "invalid_fields"),
        (b"[" * 100_000, "application/json", 400, "unreadable"),
        (b"note=x", "application/x-www-form-urlencoded", 415, "not_json"),
        (b"{}", "text/plain", 415, "not_json"),
        (b"{}", "", 415, "not_json"),
        (b'{"note": "' + b"x" * 300_000 + b'"}', "application/json", 413, "body_too_large"),
    ],
)
async def test_bad_bodies(office: Office, content: bytes, media_type: str, status: int, rule: str) -> None:
    ref = await office.filed()
    async with office.program(JONAS) as client:
        headers = {"Idempotency-Key": "k", **({"Content-Type": media_type} if media_type else {})}
        response = await client.post(f"/api/v1/changes/{ref}/accept_for_testing", content=content, headers=headers)
    problem(response, status, rule)


async def test_a_body_that_grows_without_saying_how_long_it_is(office: Office) -> None:
    ref = await office.filed()

    async def endless() -> Any:
        for _ in range(100):
            yield b" " * 10_000

    async with office.program(JONAS) as client:
        headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
        response = await client.post(f"/api/v1/changes/{ref}/comment", content=endless(), headers=headers)
    problem(response, 413, "body_too_large")


async def test_a_command_in_which_nothing_has_to_be_filled_in_needs_no_body(office: Office) -> None:
    ref = await office.filed()
    async with office.program(LEA) as client:
        response = await client.post(f"/api/v1/changes/{ref}/follow", headers={"Idempotency-Key": "k"})
    assert response.status_code == 200
    assert office.gateway.state(ref).followers == (LEA,)


async def test_unknown_addresses_and_methods(office: Office) -> None:
    ref = await office.filed()
    async with office.program(LEA) as client:
        problem(await client.post(f"/api/v1/changes/{ref}/fly", json={}), 404, "not_found")
        problem(await client.delete(f"/api/v1/changes/{ref}"), 405, "method_not_allowed")
        problem(await client.get("/api/v1/changes?stage=sleep&limit=x"), 422, "invalid_fields")
        problem(await client.get("/api/v1/changes?cursor=x"), 400, "cursor_invalid")


# ---------------------------------------------------------------------------------------------------------- keys


async def test_a_key_is_required(office: Office) -> None:
    ref = await office.filed()
    async with office.program(JONAS) as client:
        for headers, rule in (
            ({}, "idempotency_key_missing"),
            ({"Idempotency-Key": "two words"}, "idempotency_key_malformed"),
            ({"Idempotency-Key": "x" * 129}, "idempotency_key_malformed"),
            ({"Idempotency-Key": "k", "If-Match": "seven"}, "if_match_malformed"),
        ):
            path = f"/api/v1/changes/{ref}/accept_for_testing"
            problem(await client.post(path, json={"note": 7}, headers=headers), 400, rule)


async def test_the_same_key_again_gets_the_same_answer(office: Office) -> None:
    first = await office.give(MARA, "submit", proposal(), key="once")
    again = await office.give(MARA, "submit", proposal(), key="once")
    assert again.status_code == 201
    assert again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert len(office.gateway.sent) == 1


async def test_a_refusal_is_replayed_too(office: Office) -> None:
    ref = await office.filed()
    refused = await office.give(MARA, "accept_for_testing", {}, ref, key="own")
    again = await office.give(MARA, "accept_for_testing", {}, ref, key="own")
    assert problem(again, 403, "own_change")["detail"] == refused.json()["detail"]
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_the_same_key_with_another_body_is_refused(office: Office) -> None:
    ref = await office.filed()
    await office.give(LEA, "comment", {"about": "works", "text": "One."}, ref, key="same")
    problem(await office.give(LEA, "comment", {"about": "works", "text": "Two."}, ref, key="same"), 422, "key_reused")
    problem(await office.give(LEA, "follow", {}, ref, key="same"), 422, "key_reused")
    assert (await office.give(MARA, "submit", proposal(), key="s")).status_code == 201
    problem(await office.give(MARA, "submit", proposal(title="Other"), key="s"), 422, "key_reused")


async def test_two_people_may_choose_the_same_key(office: Office) -> None:
    ref = await office.filed()
    for person in (LEA, HOA):
        response = await office.give(person, "follow", {}, ref, key="1")
        assert response.status_code == 200
        assert "Idempotency-Replayed" not in response.headers
    assert office.gateway.state(ref).followers == (LEA, HOA)


# ------------------------------------------------------------------------------------------------- parts away


async def test_temporal_away(office: Office) -> None:
    ref = await office.filed()
    office.gateway.failing = NotNow(retry_after=3)
    away = await office.give(JONAS, "accept_for_testing", {}, ref, key="k")
    problem(away, 503, "not_now")
    assert away.headers["Retry-After"] == "3"
    office.gateway.failing = None
    assert (await office.give(JONAS, "accept_for_testing", {}, ref, key="k")).status_code == 200


async def test_the_worker_failing(office: Office) -> None:
    ref = await office.filed()
    office.gateway.failing = CommandFailed("KeyError: secret detail")
    document = problem(await office.give(JONAS, "accept_for_testing", {}, ref), 500, "internal_error")
    assert "secret" not in str(document)
    assert document["request_id"] in document["detail"]


async def test_our_own_mistakes(office: Office) -> None:
    ref = await office.filed()
    office.gateway.failing = ZeroDivisionError("secret detail")
    response = await office.give(JONAS, "accept_for_testing", {}, ref)
    document = problem(response, 500, "internal_error")
    assert "secret" not in str(document)
    assert response.headers["Content-Security-Policy"]


async def test_the_database_away(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    async with office.program(JONAS) as client:

        def away(*_: object) -> None:
            raise DatabaseUnavailable("The PostgreSQL database secret cannot be used right now")

        monkeypatch.setattr("web.services.reading", away)
        response = await client.get("/api/v1/waiting")
        assert "secret" not in str(problem(response, 503, "database_unavailable"))
        assert response.headers["Retry-After"] == "5"
        assert (await client.get("/readyz")).json() == {"ready": False, "missing": ["The database does not answer."]}


# ------------------------------------------------------------------------------------------------------ sign-in


async def test_nobody_is_signed_in(office: Office) -> None:
    ref = await office.filed()
    paths = office.app.openapi()["paths"]
    async with office.anybody() as client:
        for path, operations in paths.items():
            for method in operations:
                if path in {"/healthz", "/readyz", "/api/v1/sign-in"}:
                    continue
                content = b"{}" if method == "post" else b""
                response = await client.request(
                    method,
                    path.replace("{ref}", ref),
                    content=content,
                    headers={"Content-Type": "application/json"},
                )
                problem(response, 401, "not_signed_in")


async def test_tokens_that_do_not_count(office: Office) -> None:
    async with office.program(MARA) as client:
        assert (await client.get("/api/v1/me")).json()["name"] == "Mara Lind"
        token = client.headers["Authorization"]
        for wrong in ("Bearer gw_wrong", "Bearer", f"Basic {token.split()[1]}", token + "x"):
            problem(await client.get("/api/v1/me", headers={"Authorization": wrong}), 401, "not_signed_in")


async def test_a_cookie_does_not_count_beside_a_wrong_token(office: Office) -> None:
    async with office.browser(MARA) as client:
        assert (await client.get("/api/v1/me")).status_code == 200
        problem(await client.get("/api/v1/me", headers={"Authorization": "Bearer gw_wrong"}), 401, "not_signed_in")


async def test_an_ended_session(office: Office) -> None:
    async with office.browser(MARA) as client:
        with office.engine.begin() as connection:
            end_session(connection, next(iter(client.cookies.jar)).value or "", office.clock())
        problem(await client.get("/api/v1/me"), 401, "not_signed_in")


async def test_signing_in_by_a_link(office: Office) -> None:
    token = office.link(MARA)
    async with office.anybody() as client:
        answer = (await client.post("/api/v1/sign-in", json={"token": token})).json()
        assert answer["person"]["name"] == "Mara Lind"
        assert answer["token"].startswith("gw_") and answer["expires_at"].endswith("Z")
        me = await client.get("/api/v1/me", headers={"Authorization": f"Bearer {answer['token']}"})
        assert me.json()["ref"] == MARA
        problem(await client.post("/api/v1/sign-in", json={"token": token}), 401, "link_not_valid")
        problem(await client.post("/api/v1/sign-in", json={"tokn": token}), 422, "invalid_fields")


# ------------------------------------------------------------------------------------------------------ reading


async def test_lists_and_their_pages(office: Office) -> None:
    refs = [await office.filed(title=f"Change {number}") for number in range(3)]
    async with office.program(MARA) as client:
        page = await client.get("/api/v1/changes?limit=2&mine=true")
        assert [item["ref"] for item in page.json()["changes"]] == refs[:0:-1]
        following = page.headers["Link"]
        assert following.endswith('>; rel="next"')
        last = await client.get(following[1 : following.index(">")])
        assert [item["ref"] for item in last.json()["changes"]] == refs[:1]
        assert last.json()["next"] is None and "Link" not in last.headers
        assert (await client.get("/api/v1/changes?ended=true")).json()["changes"] == []
    async with office.program(PRIYA) as client:
        assert (await client.get("/api/v1/changes?mine=true")).json()["changes"] == []
        assert len((await client.get("/api/v1/changes?text=change%201&stage=proposal")).json()["changes"]) == 1


async def test_the_trail_from_a_record_on(office: Office) -> None:
    ref = await office.filed()
    async with office.program(MARA) as client:
        every = (await client.get(f"/api/v1/changes/{ref}/trail")).json()["entries"]
        rest = (await client.get(f"/api/v1/changes/{ref}/trail?after={every[0]['seq']}&limit=1")).json()["entries"]
    assert rest == every[1:2]


async def test_the_organisation(office: Office) -> None:
    async with office.program(MARA) as client:
        people = (await client.get("/api/v1/people?text=nguy")).json()["people"]
        teams = (await client.get("/api/v1/teams")).json()["teams"]
        processes = (await client.get("/api/v1/processes")).json()["processes"]
    assert people == [{"ref": HOA, "name": "Hoa Nguyễn", "team": "service-desk", "title": "Service Adviser"}]
    assert {"ref": "returns", "name": "Returns and refunds", "owner": SAMIRA} in processes
    assert {"ref": "service-desk", "name": "Service Desk", "parent": "customer-care"} in teams


async def test_commands_describe_themselves(office: Office) -> None:
    async with office.program(MARA) as client:
        commands = (await client.get("/api/v1/commands")).json()["commands"]
    assert [command["kind"] for command in commands] == list(HUMAN_COMMANDS)
    endorse = next(command for command in commands if command["kind"] == "endorse")
    assert endorse["button"] == "Endorse the tests"
    assert "note" in endorse["json_schema"]["properties"]


async def test_health(office: Office) -> None:
    async with office.anybody() as client:
        assert (await client.get("/healthz")).json() == {"status": "up"}
        assert (await client.get("/readyz")).json() == {"ready": True, "missing": []}


# ------------------------------------------------------------------------------------------------------ OpenAPI


async def test_the_description_is_openapi_31_and_tells_of_problems(office: Office) -> None:
    async with office.anybody() as client:
        document = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    schemas = document["components"]["schemas"]
    assert "HTTPValidationError" not in schemas
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    by_id = {operation["operationId"]: operation for operation in operations}
    assert len(by_id) == len(operations)
    for kind in HUMAN_COMMANDS:
        responses = by_id[kind]["responses"]
        for status in ("400", "401", "403", "404", "409", "412", "413", "415", "422", "500", "503"):
            assert list(responses[status]["content"]) == ["application/problem+json"], (kind, status)
        assert any(parameter["name"] == "Idempotency-Key" for parameter in by_id[kind]["parameters"])
    for reference in _references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas, reference


def _references(node: Any) -> Any:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


@pytest.mark.parametrize("ref", ["%00", "CH-1%00", "x" * 300, "%F0%9F%98%80", "..%2f..", "CH-1'--"])
async def test_references_that_no_change_can_have(office: Office, ref: str) -> None:
    async with office.program(MARA) as client:
        for method, path in (("GET", ""), ("GET", "/trail"), ("POST", "/follow")):
            response = await client.request(
                method, f"/api/v1/changes/{ref}{path}", headers={"Idempotency-Key": "k", "If-Match": '"1"'}
            )
            assert response.status_code == 404, response.text
    async with office.browser(MARA) as browser:
        assert (await browser.get(f"/changes/{ref}")).status_code == 404
        assert (await browser.get(f"/changes/{await office.filed()}?done=%00")).status_code == 200


async def test_the_same_submission_twice_at_once(office: Office) -> None:
    answers = await asyncio.gather(*(office.give(MARA, "submit", proposal(), key="both") for _ in range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["change"] for answer in answers}) == 1
    async with office.program(MARA) as client:
        assert len((await client.get("/api/v1/changes")).json()["changes"]) == 1


async def test_without_a_policy_nothing_can_be_decided_and_reading_goes_on(office: Office) -> None:
    ref = await office.filed()
    with office.engine.begin() as connection:
        take_triggers_away(connection, tables.policy_version)
        connection.execute(delete(tables.policy_version))
    office.app.state.services = Services(office.settings, office.engine, office.gateway, clock=office.clock)
    async with office.program(JONAS) as client, office.browser(JONAS) as browser:
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["missing"]) == (503, ["No policy is published."])
        assert (await client.get(f"/api/v1/changes/{ref}")).json()["you_may"] == []
        form = await browser.get(f"/changes/{ref}/do/accept_for_testing")
        assert "Nothing can be decided at the moment" in form.text
        assert (await browser.get(f"/changes/{ref}")).status_code == 200


# ---------------------------------------------------------------------------------------------- while still writing


async def test_the_route_is_told_while_a_proposal_is_still_written(office: Office) -> None:
    async with office.program(MARA) as client:
        small = {"process": "returns", "affected_teams": ["service-desk"], "people_affected": 4}
        alone = (await client.post("/api/v1/route-preview", json=small)).json()
        assert alone["may_decide_alone"]
        assert alone["headline"].startswith("You may decide this yourself, because it is within the limits")
        wide = {**small, "affected_teams": ["service-desk", "returns-desk"], "people_affected": 90}
        others = (await client.post("/api/v1/route-preview", json=wide)).json()
        assert others["route"] == "cross-team"
        assert [asked["person"] for asked in others["gates"][1]["people"]] == [SAMIRA, JONAS]
        assert others["not_matched"][0] == "Not policy: it changes a process, not the policy."
        wrong = problem(
            await client.post("/api/v1/route-preview", json={"process": "returns", "cost": -1}), 422, "invalid_fields"
        )
        assert list(pointers(wrong)) == ["/cost"]


async def test_what_is_said_about_a_version_has_to_name_it(office: Office) -> None:
    ref = await office.filed()
    async with office.program(JONAS) as jonas:
        path = f"/api/v1/changes/{ref}/accept_for_testing"
        missing = await jonas.post(path, json={}, headers={"Idempotency-Key": "k1"})
        assert missing.status_code == 428 and missing.json()["type"] == "/problems/if_match_missing"
        follow = await jonas.post(f"/api/v1/changes/{ref}/follow", headers={"Idempotency-Key": "k2"})
        assert follow.status_code == 200, "following is not about a version"
        any_version = await jonas.post(path, json={}, headers={"Idempotency-Key": "k1", "If-Match": "*"})
        assert any_version.status_code == 200, "a refusal of the header used up no key"
