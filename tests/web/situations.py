"""Changes in every situation that matters for who may do what, each brought there by real commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.web.office import HOA, JONAS, LEA, MARA, SAMIRA, Office, a_test, a_wave, proposal

DAVID = "david.brueckner"
"""Works in Service Desk; proposes together with Mara."""
ZEYNEP = "zeynep.kaya"
"""Works in Shop Support; has raised a concern on each change, C1."""
BIRGIT = "birgit.sorensen"
"""Leads Customer Care: above Mara, Jonas, Samira and Zeynep."""
GEORG = "georg.thiele"
"""Buys things. No change here has anything to do with him."""
INGRID, ARJUN, AMARA = "ingrid.halvorsen", "arjun.mehta", "amara.diallo"
KENJI, ELIF = "kenji.watanabe", "elif.aydin"

PEOPLE = {
    "proposer": MARA,
    "co-proposer": DAVID,
    "manager": JONAS,
    "owner": SAMIRA,
    "boss": BIRGIT,
    "tester": LEA,
    "champion": HOA,
    "concerned": ZEYNEP,
    "stranger": GEORG,
    "executive": INGRID,
    "auditor": ARJUN,
    "steward": AMARA,
    "administrator": KENJI,
    "ombuds": ELIF,
}
"""Who asks, by what they have to do with the change. The manager is the proposer's, the owner the process's."""

WORRY = {"title": "Too fast", "text": "Who checks?", "code": "R07"}

Make = Callable[[Office], Awaitable[str]]
SITUATIONS: dict[str, Make] = {}
"""How a change gets into each situation."""


def situation(make: Make) -> Make:
    """Register how a change gets into the situation of this name."""
    SITUATIONS[make.__name__] = make
    return make


async def worried(office: Office, ref: str) -> None:
    """A concern, and somebody asks why."""
    await office.done(ZEYNEP, "raise_concern", WORRY, ref)
    await office.done(INGRID, "ask_why", {"concern": "C1", "question": "What would be too fast?"}, ref)


@situation
async def asked(office: Office) -> str:
    """Filed; the proposer's manager and the owner of the process are asked for a first answer."""
    ref = await office.filed(co_proposers=[DAVID])
    await office.done(DAVID, "join_authors", {}, ref)
    await worried(office, ref)
    return ref


@situation
async def heard(office: Office) -> str:
    """The manager has said back what he heard."""
    ref = await asked(office)
    await office.done(JONAS, "say_back", {"heard": "Returns, faster."}, ref)
    return ref


@situation
async def returned(office: Office) -> str:
    """The proposer was asked for changes."""
    ref = await asked(office)
    await office.done(JONAS, "ask_for_changes", {"what": "Name the desk."}, ref)
    return ref


@situation
async def window(office: Office) -> str:
    """The proposer decided alone, within the limits; her manager may still object."""
    ref = await office.filed(process="enquiries")
    await worried(office, ref)
    await office.done(MARA, "decide_yourself", {}, ref)
    return ref


@situation
async def planning(office: Office) -> str:
    """Accepted for testing; its tests have to be proposed."""
    ref = await asked(office)
    await office.done(JONAS, "accept_for_testing", {}, ref)
    return ref


@situation
async def endorsing(office: Office) -> str:
    """Its tests wait to be endorsed."""
    ref = await planning(office)
    await office.done(MARA, "propose_tests", {"tests": [a_test("T1")]}, ref)
    return ref


@situation
async def testing(office: Office) -> str:
    """The owner has endorsed its test; it runs."""
    ref = await endorsing(office)
    await office.done(SAMIRA, "endorse", {}, ref)
    return ref


@situation
async def signing(office: Office) -> str:
    """Its test passed; whoever endorsed it is asked to sign the gate."""
    ref = await testing(office)
    result = {"test": "T1", "value": "20", "sample": 40, "evidence": "returns-week-10.csv"}
    await office.done(LEA, "record_result", result, ref)
    await office.done(MARA, "conclude", {"verdict": "adopt"}, ref)
    return ref


@situation
async def recruiting(office: Office) -> str:
    """Champions are looked for; one is invited and has not answered."""
    ref = await signing(office)
    await office.done(SAMIRA, "sign_gate", {}, ref)
    await office.done(MARA, "plan_champions", {}, ref)
    await office.done(MARA, "invite", {"people": [HOA]}, ref)
    return ref


@situation
async def covered(office: Office) -> str:
    """A champion has accepted and the rollout is planned; the owner is asked to sign."""
    ref = await recruiting(office)
    await office.done(MARA, "plan_rollout", {"waves": [a_wave()], "back_out_plan": "Go back."}, ref)
    await office.done(HOA, "accept_invitation", {}, ref)
    return ref


@situation
async def preparing(office: Office) -> str:
    """The owner has signed; the first wave may start."""
    ref = await covered(office)
    await office.done(SAMIRA, "sign_coverage", {"decision": "go"}, ref)
    return ref


@situation
async def rolling(office: Office) -> str:
    """The first wave runs."""
    ref = await preparing(office)
    await office.done(MARA, "start_wave", {"wave": "Pilot"}, ref)
    return ref


@situation
async def paused(office: Office) -> str:
    """A breached guard has paused the wave."""
    ref = await rolling(office)
    await office.done(MARA, "report_metric", {"metric": "Complaints", "value": "9"}, ref)
    return ref


@situation
async def learning(office: Office) -> str:
    """Rolled out, and its first effect check is open."""
    ref = await rolling(office)
    await office.done(MARA, "report_metric", {"metric": "Complaints", "value": "1"}, ref)
    await office.done(MARA, "complete_wave", {"adoption": 90}, ref)
    while not any(check.opened for check in office.gateway.state(ref).learning.checks):
        office.gateway.wait_for_next(ref)
    return ref


@situation
async def closed(office: Office) -> str:
    """Its effect was looked at twice, it was learned from, and it is closed as adopted."""
    ref = await learning(office)
    while check := next((one for one in office.gateway.state(ref).learning.checks if one.outcome is None), None):
        while not next(one for one in office.gateway.state(ref).learning.checks if one.ref == check.ref).opened:
            office.gateway.wait_for_next(ref)
        found = {"check": check.ref, "outcome": "effective", "numbers": "20 hours, was 96."}
        owner = next(one for one in office.gateway.state(ref).learning.checks if one.ref == check.ref).owner
        await office.done(owner, "record_effect", found, ref)
    words = {"prediction_and_result": "24 expected, 20 found.", "consequence": "none", "because": "It works."}
    await office.done(MARA, "hold_retrospective", words, ref)
    await office.done(MARA, "close", {"summary": "Returns are answered within a day."}, ref)
    return ref


@situation
async def declined(office: Office) -> str:
    """The manager said no, with a reason and a way forward."""
    ref = await asked(office)
    await office.done(JONAS, "decline", {"reason": "We test another way.", "way_forward": "Join that test."}, ref)
    return ref


@situation
async def withdrawn(office: Office) -> str:
    """The proposer took it back."""
    ref = await asked(office)
    await office.done(MARA, "withdraw", {"reason": "Somebody else solved it."}, ref)
    return ref


@situation
async def held(office: Office) -> str:
    """On hold while its test runs."""
    ref = await testing(office)
    await office.done(MARA, "hold", {"reason": "Stocktaking."}, ref)
    return ref


@situation
async def anonymous(office: Office) -> str:
    """As asked, but the proposer left her name out. Everybody here acts under their own name, she does too."""
    async with office.program(MARA) as program:
        headers = {"Idempotency-Key": "nobody", "Groundswell-Anonymously": "true"}
        answer = await program.post("/api/v1/changes", json=proposal(), headers=headers)
    ref = str(answer.json()["change"])
    await worried(office, ref)
    return ref
