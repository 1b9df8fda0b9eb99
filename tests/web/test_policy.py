"""The policy on pages and over JSON: read, tried out, put forward, signed and in force."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import select

from changes.state import Change
from ledger.offline import LOG_KEY, OK, Key, verify_bundle
from policies.loader import parse_policy, shipped
from policies.values import Duration
from policies.working_time import working_time
from store import tables
from store.database import reading, writing
from store.policies import publish_policy, published_versions
from tests.support.leaving import leads_their_manager
from tests.web.office import HOA, JONAS, LEA, MARA, SAMIRA, Office, Page, a_test, a_wave, proposal
from tests.web.test_api import problem
from tests.web.test_pages import sound

AMARA = "amara.diallo"
"""The steward."""
INGRID = "ingrid.halvorsen"
"""The executive."""
ARJUN = "arjun.mehta"
"""The auditor."""

TEXT = shipped()[1]
STRICTER = TEXT.replace("version: 1\n", "version: 2\n").replace("people_affected, over: 50", "people_affected, over: 4")
BROKEN = TEXT.replace("  levels: 2", "  lewels: 2")


def candidate(text: str = STRICTER) -> dict[str, Any]:
    return {
        "text": text,
        "title": "Ask more people",
        "problem": "Changes for five people surprised the others.",
        "suggestion": "From five people on, all teams concerned are asked.",
        "process": "returns",
    }


async def put_forward(office: Office, person: str, text: str = STRICTER, key: str = "p1") -> Any:
    async with office.program(person) as client:
        return await client.post("/api/v1/policy/proposals", json=candidate(text), headers={"Idempotency-Key": key})


async def signed(office: Office, ref: str, **more: str) -> Change:
    """The try-out is endorsed, run and signed by others than its writer; nobody speaks up in the last call."""
    await office.done(INGRID, "accept_for_testing", {}, ref)
    await office.done(AMARA, "propose_tests", {"tests": [a_test("T1")]}, ref)
    await office.done(INGRID, "endorse", {}, ref)
    await office.done(ARJUN, "endorse", {}, ref)
    result = {"test": "T1", "value": "20", "sample": 40, "evidence": "try-out of Monday", **more}
    await office.done(LEA, "record_result", result, ref)
    await office.done(AMARA, "conclude", {"verdict": "adopt"}, ref)
    await office.done(INGRID, "sign_gate", {}, ref)
    last = await office.done(ARJUN, "sign_gate", {}, ref)
    assert last["happened"] == ["signed", "last_call_made"]
    office.gateway.wait_for_next(ref)
    return office.gateway.state(ref)


async def test_a_policy_takes_force_through_a_change_that_others_sign(office: Office) -> None:
    under_way = await office.filed()
    ref = (await put_forward(office, AMARA)).json()["change"]
    assert (await put_forward(office, AMARA)).json()["change"] == ref, "sent twice, it was filed twice"
    change = office.gateway.state(ref)
    assert change.route == "policy"
    assert change.policy_change and change.policy_change.what_changes == (
        "version: 1 becomes 2",
        "routes.cross-team.when: any of (crosses_teams is true, people_affected over 50) becomes "
        "any of (crosses_teams is true, people_affected over 4)",
    )
    problem(await office.give(AMARA, "accept_for_testing", {}, ref), 403, "own_change")
    problem(await office.give(AMARA, "decide_yourself", {}, ref), 403, "beyond_limits")
    last = await signed(office, ref)
    assert last.policy_change and last.policy_change.in_force_since
    assert last.stage == "learning"

    with reading(office.engine) as connection:
        newest, first = published_versions(connection)
    assert (newest.version, newest.change, first.change) == (2, ref, None)
    assert office.gateway.state(under_way).policy.version == 1, "what is under way keeps its policy"
    new = office.gateway.state(await office.filed(people_affected=5))
    assert (new.policy.version, new.route) == (2, "cross-team")

    problem(await office.give(JONAS, "move_to_newer_policy", {"reason": "Fairer."}, under_way), 403, "stewards_only")
    moved = await office.done(AMARA, "move_to_newer_policy", {"reason": "Fairer."}, under_way)
    assert moved["happened"][:2] == ["moved_to_newer_policy", "gate_opened"]
    after = office.gateway.state(under_way)
    assert (after.policy.version, after.route) == (2, "cross-team")
    problem(await office.give(AMARA, "move_to_newer_policy", {"reason": "Again."}, under_way), 403, "policy_already")
    problem(await office.give(AMARA, "withdraw", {"reason": "Back."}, ref), 409, "policy_in_force")


async def test_the_bundle_of_a_policys_change_holds_its_text_and_an_outsider_can_check_it(office: Office) -> None:
    ref = (await put_forward(office, AMARA)).json()["change"]

    async def bundle() -> dict[str, Any]:
        async with office.program(ARJUN) as auditor:
            made: dict[str, Any] = (await auditor.get(f"/api/v1/audit/bundles/{ref}")).json()
        return made

    before = await bundle()
    key = Key.parse(before["keys"]["vkeys"][0], LOG_KEY)
    await signed(office, ref, evidence_sha256="ab" * 32)
    for made in (before, await bundle()):
        texts = {one["version"]: one["text"] for one in made["policies"]}
        assert texts == {1: parse_policy(TEXT).canonical, 2: parse_policy(STRICTER).canonical}
        assert verify_bundle(made, [key]).exit_code == OK
        made["policies"][-1]["text"] = made["policies"][-1]["text"].replace('"version":2', '"version":3')
        assert "is not the one with that digest" in verify_bundle(made, [key]).problems[0]
        made["policies"][-1]["sha256"] = sha256(made["policies"][-1]["text"].encode()).hexdigest()
        assert "no record says that the policy" in verify_bundle(made, [key]).problems[0]
    assert {one["name"] for one in made["evidence"]} >= {"policy default 2", "the evidence of a test's result"}
    assert "ab" * 32 in {one["sha256"] for one in made["evidence"]}


async def test_of_two_policies_put_forward_the_second_cannot_undo_the_first(office: Office) -> None:
    one = (await put_forward(office, AMARA)).json()["change"]
    other = TEXT.replace("version: 1\n", "version: 2\n").replace("levels: 2", "levels: 1")
    two = (await put_forward(office, AMARA, other, "p2")).json()["change"]
    await signed(office, one)
    await office.done(INGRID, "accept_for_testing", {}, two)
    await office.done(AMARA, "propose_tests", {"tests": [a_test("T1")]}, two)
    await office.done(INGRID, "endorse", {}, two)
    await office.done(ARJUN, "endorse", {}, two)
    await office.done(LEA, "record_result", {"test": "T1", "value": "1", "sample": 1, "evidence": "e"}, two)
    await office.done(AMARA, "conclude", {"verdict": "adopt"}, two)
    await office.done(INGRID, "sign_gate", {}, two)
    await office.done(ARJUN, "sign_gate", {}, two)
    office.gateway.wait_for_next(two)
    overtaken = office.gateway.state(two)
    assert (overtaken.phase, overtaken.proposal.changes_asked) == ("overtaken", "")
    async with office.browser(AMARA) as browser:
        page = Page(await browser.get(f"/changes/{two}"))
    assert "Another policy took force meanwhile: version 2 of “default”. Nobody said no" in page.text
    assert "Changes were asked for" not in page.text


async def test_what_cannot_be_put_forward_says_why(office: Office) -> None:
    problem(await put_forward(office, JONAS), 403, "not_permitted")
    problem(await office.give(JONAS, "submit", proposal(policy="ab" * 32)), 422, "unknown_policy")
    unreadable = problem(await put_forward(office, AMARA, BROKEN), 422, "policy_unreadable")
    assert 'unknown key "lewels"; did you mean "levels"?' in " ".join(e["message"] for e in unreadable["errors"])
    same = problem(await put_forward(office, AMARA, TEXT, "p3"), 422, "policy_in_force")
    assert same["errors"][0]["pointer"] == "/policy"
    jump = problem(
        await put_forward(office, AMARA, TEXT.replace("version: 1\n", "version: 7\n"), "p4"), 422, "policy_version"
    )
    assert "so the next is 2" in jump["detail"]
    alone = STRICTER.replace("      sign_tests: {who: [endorsers], quorum: {count: 2}, last_call: true}\n", "").replace(
        "[role:executive, role:auditor], quorum: {count: 2}}", "[role:executive, role:auditor], quorum: any}"
    )
    weak = problem(await put_forward(office, AMARA, alone, "p5"), 422, "policy_would_stick")
    assert "one person alone could change the policy" in weak["detail"]
    # Checked in by a steward, and put forward by somebody else:
    await put_forward(office, AMARA)
    known = proposal(policy=parse_policy(STRICTER).sha256)
    problem(await office.give(JONAS, "submit", known), 403, "stewards_only")
    async with office.program(AMARA) as client:
        versions = (await client.get("/api/v1/policy/versions")).json()["versions"]
    assert [one["version"] for one in versions] == [1]


async def test_trying_a_policy_says_whose_road_would_differ(office: Office) -> None:
    ref = await office.filed(people_affected=5)
    async with office.program(ARJUN) as client:
        tried = (await client.post("/api/v1/policy/try", json={"text": STRICTER})).json()
        assert [one["change"] for one in tried["replay"]["differ"]] == [ref]
        assert tried["replay"]["differ"][0]["differences"][0] == "Route: everyday becomes cross-team"
        assert (await client.post("/api/v1/policy/try", json={"text": "- 1"})).json()["problems"]
        assert (await client.get("/api/v1/policy")).json()["text"] == TEXT
    async with office.program(MARA) as client:
        problem(await client.post("/api/v1/policy/try", json={"text": STRICTER}), 403, "not_permitted")


async def test_a_newer_policys_freeze_moves_the_deadline_of_what_a_steward_moves_to_it(office: Office) -> None:
    stays, moves = await office.filed(), await office.filed(title="Answer parcels at once")
    before = office.gateway.state(moves).gate
    assert before is not None
    day = (before.due - timedelta(days=1)).date()
    text = TEXT.replace("version: 1\n", "version: 2\n").replace(
        "  freezes:\n", f"  freezes:\n    - {{name: stocktaking, from: {day - timedelta(days=3)}, to: {day}}}\n"
    )
    with writing(office.engine) as connection:
        publish_policy(connection, parse_policy(text), text, office.clock())
    await office.done(AMARA, "move_to_newer_policy", {"reason": "We count the stock."}, moves)
    after, kept = office.gateway.state(moves).gate, office.gateway.state(stays).gate
    assert after is not None and kept is not None
    assert after.due == working_time(parse_policy(text).time).add(office.clock(), Duration.parse("5d")) > before.due
    assert kept.due == before.due, "what nobody moves keeps the calendar it began under"


async def test_managers_in_a_circle_are_an_error_with_a_line_over_json_and_on_the_page(office: Office) -> None:
    leads_their_manager(office.engine, MARA)
    line = 1 + TEXT.splitlines().index("escalation:")
    async with office.program(AMARA) as client:
        tried = (await client.post("/api/v1/policy/try", json={"text": STRICTER})).json()
        [circle] = [one for one in tried["found"] if one["path"] == "escalation"]
        assert (circle["severity"], circle["line"]) == ("error", line)
        assert circle["message"].startswith("runs in a circle, because they are each other's managers: ")
        assert "Mara Lind" in circle["message"] and "Jonas Okafor" in circle["message"]
    refused = problem(await put_forward(office, AMARA), 422, "policy_would_stick")
    assert f"Line {line}, escalation: runs in a circle" in refused["detail"]
    async with office.browser(AMARA) as browser:
        form = sound(Page(await browser.get("/policy/try")))
        shown = sound(Page(await browser.post("/policy/try", data=form.answers(text=STRICTER))))
        assert f"line {line}, escalation: runs in a circle" in shown.text
        assert shown.action != "/policy/propose"


async def test_the_pages_lead_from_the_policy_in_force_to_a_change_that_puts_another_forward(office: Office) -> None:
    ref = await office.filed(people_affected=5)
    async with office.browser(AMARA) as browser:
        shown = sound(Page(await browser.get("/policy")))
        assert "It is for changes of which this is true: kind is policy." in shown.text
        assert "Nobody changes it alone." in shown.text
        form = sound(Page(await browser.get("/policy/try")))
        broken = sound(Page(await browser.post("/policy/try", data=form.answers(text=BROKEN))))
        assert broken.status == 422 and 'did you mean "levels"?' in broken.text
        tried = sound(Page(await browser.post("/policy/try", data=form.answers(text=STRICTER.replace("\n", "\r\n")))))
        assert "1 of 1 changes on record would take another road." in tried.text
        assert f"/changes/{ref}" in tried.links and tried.action == "/policy/propose"
        incomplete = sound(Page(await browser.post(tried.action, data=tried.answers(title="Ask more people"))))
        assert incomplete.status == 422 and "This could not be done." in incomplete.text
        words = {name: value for name, value in candidate().items() if name != "text"}
        sent = await browser.post(tried.action, data=tried.answers(**words))
        assert sent.status_code == 303
        change = sound(Page(await browser.get(sent.headers["location"])))
        assert "people_affected over 50" in change.text
        versions = sound(Page(await browser.get("/policy/versions")))
        assert "default 1" in versions.text and "Nothing is different." in versions.text
        put = office.gateway.state(str(sent.headers["location"]).split("/")[2].split("?")[0]).policy_change
        assert put is not None
        compared = sound(Page(await browser.get(f"/policy/versions?after={put.candidate.sha256}")))
        assert "any of (crosses_teams is true, people_affected over 4)" in compared.text
        assert sound(Page(await browser.get("/policy/versions?before=moon"))).status == 404
        assert "No process has an effective change" in sound(Page(await browser.get("/policy/proven"))).text
    async with office.browser(SAMIRA) as browser:
        assert (await browser.get("/policy")).status_code == 200
        assert (await browser.get("/policy/try")).status_code == 403


async def test_a_file_counts_instead_of_the_text(office: Office) -> None:
    async with office.browser(AMARA) as browser:
        sent = await browser.post(
            "/policy/try", data={"text": TEXT}, files={"file": ("policy.yaml", STRICTER.encode(), "text/yaml")}
        )
        assert "version: 1 becomes 2" in Page(sent).text
        binary = await browser.post(
            "/policy/try", data={"text": ""}, files={"file": ("x", b"\xff\x00\x01", "text/yaml")}
        )
        assert binary.status_code == 422 and "control character" in Page(binary).text


async def test_a_rollout_plan_begins_with_the_waves_of_the_policy(office: Office) -> None:
    ref = await office.recruiting()
    async with office.browser(MARA) as browser:
        form = sound(Page(await browser.get(f"/changes/{ref}/do/plan_rollout")))
    answers = form.answers()
    assert answers["waves/0/name"] == "Everybody", "one team is one wave"


async def effective(office: Office) -> str:
    """A change to returns that ran its whole road and was found effective twice."""
    ref = await office.recruiting()
    await office.done(MARA, "plan_champions", {}, ref)
    await office.done(MARA, "invite", {"people": [HOA]}, ref)
    await office.done(HOA, "accept_invitation", {}, ref)
    await office.done(MARA, "plan_rollout", {"waves": [a_wave()], "back_out_plan": "Back within an hour."}, ref)
    await office.done(SAMIRA, "sign_coverage", {"decision": "go"}, ref)
    await office.done(MARA, "start_wave", {"wave": "Pilot"}, ref)
    await office.done(MARA, "report_metric", {"metric": "Complaints", "value": "1"}, ref)
    await office.done(MARA, "complete_wave", {"adoption": 90}, ref)
    for number in (1, 2):
        while not office.gateway.state(ref).learning.checks[number - 1].opened:
            office.gateway.wait_for_next(ref)
        check = office.gateway.state(ref).learning.checks[number - 1]
        found = {"check": check.ref, "outcome": "effective", "numbers": "20 hours"}
        await office.done(check.owner, "record_effect", found, ref)
    looked_back = {"prediction_and_result": "24, got 20.", "consequence": "standard_change", "because": "It works."}
    await office.done(MARA, "hold_retrospective", looked_back, ref)
    await office.done(MARA, "close", {"summary": "Works."}, ref)
    return ref


async def test_what_is_proven_is_authorised_beforehand_by_a_change_with_the_evidence(office: Office) -> None:
    ref = await effective(office)
    often = TEXT.replace("version: 1\n", "version: 2\n").replace("proven_after: 3", "proven_after: 1")
    async with office.program(AMARA) as client:
        [one] = (await client.get("/api/v1/policy/proven")).json()["proven"]
        assert (one["process"], one["effective"], one["often_enough"]) == ("returns", [ref], False)
        too_soon = await client.post("/api/v1/policy/proven/returns/proposals", headers={"Idempotency-Key": "s0"})
        problem(too_soon, 409, "not_proven")
    await signed(office, (await put_forward(office, AMARA, often)).json()["change"])

    async with office.browser(SAMIRA) as browser:
        assert "a steward can put it forward" in sound(Page(await browser.get("/policy/proven"))).text
    async with office.browser(AMARA) as browser:
        shown = sound(Page(await browser.get("/policy/proven")))
        assert f"/changes/{ref}" in shown.links and shown.action == "/policy/proven/returns"
        sent = await browser.post(shown.action, data=shown.answers())
        assert sent.status_code == 303
        standard = str(sent.headers["location"]).split("/")[2].split("?")[0]
        page = sound(Page(await browser.get(f"/changes/{standard}")))
        assert "The policy it puts forward" in page.text
        assert f"{ref} were closed as effective" in page.text
    put = office.gateway.state(standard).policy_change
    assert put and put.what_changes[0] == "version: 2 becomes 3" and len(put.what_changes) == 2
    await signed(office, standard)

    wide = await office.filed(people_affected=400, cost="90000")
    assert office.gateway.state(wide).route == "standard"
    assert (await office.done(MARA, "decide_yourself", {}, wide))["phase"] == "objection_window"
    async with office.program(AMARA) as client:
        assert (await client.get("/api/v1/policy/proven")).json() == {"proven": []}


async def test_an_emergency_is_shown_with_the_review_it_owes(office: Office) -> None:
    urgent = await office.filed(urgency="emergency")
    async with office.browser(MARA) as browser:
        page = sound(Page(await browser.get(f"/changes/{urgent}")))
    assert "ATTENTION: this takes the short road “emergency”" in page.text
    with reading(office.engine) as connection:
        told = connection.execute(select(tables.outbox.c.recipient, tables.outbox.c.notice)).all()
    assert any(recipient == INGRID and '"short_road"' in notice for recipient, notice in told)
