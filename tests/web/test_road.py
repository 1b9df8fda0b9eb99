"""One change goes all the way over the API, by different signed-in people."""

from __future__ import annotations

from tests.web.office import HOA, JONAS, LEA, MARA, PRIYA, SAMIRA, Office, a_test, a_wave, proposal


async def test_the_main_road(office: Office) -> None:
    filed = await office.give(MARA, "submit", proposal())
    assert filed.status_code == 201
    ref = filed.json()["change"]
    assert filed.headers["Location"] == f"/api/v1/changes/{ref}"
    assert filed.headers["ETag"] == f'"{filed.json()["version"]}"'

    await office.done(JONAS, "say_back", {"heard": "Small returns could be decided at the desk."}, ref)
    await office.done(MARA, "confirm_heard", {}, ref)
    await office.done(JONAS, "accept_for_testing", {"note": "Let us see."}, ref)
    await office.done(MARA, "propose_tests", {"tests": [a_test("T1")]}, ref)
    await office.done(SAMIRA, "endorse", {}, ref)
    result = {"test": "T1", "value": "20", "sample": 40, "evidence": "returns-week-10.csv"}
    await office.done(LEA, "record_result", result, ref)
    await office.done(MARA, "conclude", {"verdict": "adopt"}, ref)
    await office.done(SAMIRA, "sign_gate", {"statement": "Good enough."}, ref)

    await office.done(MARA, "plan_champions", {}, ref)
    await office.done(MARA, "plan_rollout", {"waves": [a_wave()], "back_out_plan": "Back to the old rules."}, ref)
    await office.done(MARA, "invite", {"people": [HOA]}, ref)
    await office.done(HOA, "accept_invitation", {}, ref)
    await office.done(SAMIRA, "sign_coverage", {"decision": "go"}, ref)
    await office.done(MARA, "start_wave", {"wave": "Pilot"}, ref)
    breached = await office.done(MARA, "report_metric", {"metric": "Complaints", "value": 9}, ref)
    assert breached["phase"] == "wave_paused"
    await office.done(MARA, "resume_wave", {"reason": "A misprinted form, replaced."}, ref)
    await office.done(MARA, "report_metric", {"metric": "Complaints", "value": "2"}, ref)
    await office.done(MARA, "complete_wave", {"adoption": 80}, ref)
    for _ in range(2):
        office.gateway.wait_for_next(ref)
        check = next(c for c in office.gateway.state(ref).learning.checks if c.opened and c.outcome is None)
        effect = {"check": check.ref, "outcome": "effective", "numbers": "18 hours on average."}
        await office.done(check.owner, "record_effect", effect, ref)
    retrospective = {"prediction_and_result": "24 expected, 20 seen.", "consequence": "test_template", "because": "T1."}
    await office.done(MARA, "hold_retrospective", retrospective, ref)
    closed = await office.done(MARA, "close", {"summary": "Small returns are decided at the desk."}, ref)
    assert closed["outcome"] == "adopted"

    async with office.program(PRIYA) as anybody:
        trail = (await anybody.get(f"/api/v1/changes/{ref}/trail")).json()["entries"]
        page = (await anybody.get(f"/api/v1/changes/{ref}")).json()
    assert trail[0]["action"] == "submitted"
    assert trail[-1]["action"] == "closed"
    assert {entry["via"] for entry in trail} == {"api", "groundswell"}
    assert page["standing"] == "has ended: adopted"
    assert page["names"][MARA] == "Mara Lind"
    assert page["names"]["service-desk"] == "Service Desk"


async def test_what_waits_for_somebody_is_offered_to_them(office: Office) -> None:
    ref = await office.filed()
    async with office.program(JONAS) as client:
        items = (await client.get("/api/v1/waiting")).json()["items"]
        seen = (await client.get(f"/api/v1/changes/{ref}")).json()
    assert [(item["change"], item["commands"][0]) for item in items] == [(ref, "accept_for_testing")]
    assert set(items[0]["commands"]) <= set(seen["you_may"])
    assert {task["person"] for task in seen["waiting"]} == {JONAS, SAMIRA}
