"""The whole life of a change, clicked by seven people, with and without JavaScript."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.browser.people import Desk
from tests.web.office import HOA, JONAS, LEA, MARA, PRIYA, SAMIRA, Clock

if TYPE_CHECKING:
    from playwright.sync_api import Route

INGRID = "ingrid.halvorsen"

A_TEST = {
    "tests__0__ref": "T1",
    "tests__0__hypothesis": "People at the desk can decide small returns.",
    "tests__0__measure": "Waiting time",
    "tests__0__unit": "hours",
    "tests__0__baseline": "96",
    "tests__0__operator": "at_most",
    "tests__0__pass_line": "24",
    "tests__0__where": "Desk 2",
    "tests__0__testers": LEA,
    "tests__0__starts": "2026-01-05",
    "tests__0__ends": "2030-12-31",
}
THE_ROLLOUT = {
    "waves__0__name": "Pilot",
    "waves__0__teams": "service-desk",
    "waves__0__guards__0__metric": "Complaints",
    "waves__0__guards__0__unit": "a day",
    "waves__0__guards__0__operator": "at_most",
    "waves__0__guards__0__threshold": "5",
    "back_out_plan": "The lead of Returns decides again.",
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_the_life_of_a_change_clicked_by_seven_people(desk: Desk, scripts: bool) -> None:  # noqa: PLR0915 - a life is long
    mara, jonas, samira, lea, hoa, priya, ingrid = (
        desk.person(ref, scripts=scripts) for ref in (MARA, JONAS, SAMIRA, LEA, HOA, PRIYA, INGRID)
    )
    # Mara writes it down, one question at a time.
    mara.opens("/")
    mara.presses("Start a change")
    mara.presses("Begin")
    mara.writes("What did you see?", "Customers wait four days for a yes or no.")
    mara.presses("Save and go on")
    mara.writes("What do you suggest?", "Decide small returns at the desk.")
    mara.presses("Save and go on")
    mara.chooses("The process that could work better", "Returns and refunds")
    mara.presses("Save and go on")
    mara.writes("A name people will recognise", "Answer returns within a day")
    mara.presses("Save and go on")
    mara.ticks("Service Desk")
    mara.writes("How many people would work differently", "5")
    mara.presses("Save and go on")
    while "/check" not in mara.page.url:
        mara.presses("Save and go on")
    assert "Samira Haddad" in mara.text
    mara.presses("File the proposal")
    ref = mara.page.url.partition("/changes/")[2].partition("?")[0]
    assert f"Filed as {ref}" in mara.text and "What happens next." in mara.text

    # Jonas looks at the packet and says yes to testing it.
    jonas.opens("/")
    jonas.presses(f"Look and answer {ref}")
    jonas.presses("Accept for testing", exact=True)
    assert "Recorded" in jonas.text

    # Priya worries, Jonas asks why, Mara answers with a change.
    priya.does(ref, "raise_concern", title="Who checks?", text="Fraud.", code="R09")
    jonas.does(ref, "ask_why", concern="C1", question="What happened before?")
    priya.does(ref, "answer_why", concern="C1", answer="Two false returns in May.")
    mara.does(ref, "respond", concern="C1", text="Only below 50 euros.", changed_something="yes")
    priya.does(ref, "resolve_concern", concern="C1")

    # The tests are written, endorsed, run, concluded and signed.
    mara.does(ref, "propose_tests", **A_TEST)
    samira.opens(f"/changes/{ref}/decide")
    samira.presses("Endorse the tests", exact=True)
    lea.does(ref, "record_result", test="T1", value="20", sample="40", evidence="week-10.csv")
    mara.does(ref, "conclude", verdict="adopt")
    samira.does(ref, "sign_gate")
    assert "Champions" in samira.text

    # Hoa becomes its champion, and the first team begins.
    mara.does(ref, "plan_champions")
    mara.does(ref, "invite", people=HOA)
    hoa.opens("/approvals")
    hoa.does(ref, "accept_invitation")
    mara.does(ref, "plan_rollout", **THE_ROLLOUT)
    samira.does(ref, "sign_coverage", decision="go")
    mara.does(ref, "start_wave", wave="Pilot")
    mara.does(ref, "report_metric", metric="Complaints", value="3")
    mara.does(ref, "complete_wave", adoption="90")
    assert "Learning" in mara.text

    # Months later its effect is looked at, and what was learned changes something.
    gateway = desk.served.gateway
    while coming := [check for check in gateway.state(ref).learning.checks if not check.opened]:
        gateway.clock = Clock(coming[0].opens + timedelta(hours=1))
        gateway.notice_time(ref)
        check = next(check for check in gateway.state(ref).learning.checks if check.opened and check.outcome is None)
        owner = desk.person(check.owner, scripts=scripts)
        owner.does(ref, "record_effect", outcome="effective", numbers="20 hours, was 96.")
    words = {"prediction_and_result": "24 expected, 20 found.", "consequence": "none", "because": "It just works."}
    mara.does(ref, "hold_retrospective", **words)
    mara.does(ref, "close", summary="Returns are answered within a day.")
    assert "adopted" in mara.text.lower()

    # Ingrid sees what came of it.
    ingrid.opens("/overview")
    assert "Adopted" in ingrid.text
    ingrid.presses("Adopted")
    assert "Answer returns within a day" in ingrid.text


@pytest.mark.timeout(300)
def test_a_page_shows_what_others_do_without_being_loaded_again(desk: Desk) -> None:
    mara, jonas = desk.person(MARA), desk.person(JONAS)
    ref = filed(desk)
    mara.page.route("**/hx-sse*", late)
    mara.opens(f"/changes/{ref}")
    mara.page.evaluate("window.sameWindow = true")
    jonas.does(ref, "comment", about="works", text="I like that.")
    mara.page.bring_to_front()  # a window behind another is not painted, and what is not painted is never "visible"
    mara.page.get_by_text("I like that.").first.wait_for()
    assert mara.page.evaluate("window.sameWindow"), "the page was loaded again"


@pytest.mark.timeout(300)
def test_what_is_known_already_follows_the_typing(desk: Desk) -> None:
    mara = desk.person(MARA)
    filed(desk)
    mara.opens("/changes/new")
    mara.presses("Begin")
    mara.writes("What did you see?", "Customers wait four days for a yes or no.")
    mara.page.get_by_role("heading", name="Something like it").wait_for()
    assert "Answer returns within a day" in mara.text


def late(route: Route) -> None:
    """What listens comes after everything else, as over a slow line."""
    time.sleep(0.5)
    route.continue_()


def filed(desk: Desk) -> str:
    """A change that Mara has filed on the one page with all questions."""
    mara = desk.person(MARA, scripts=False)
    mara.opens("/changes/new/one-page")
    mara.writes("A name people will recognise", "Answer returns within a day")
    mara.chooses("The process that could work better", "Returns and refunds")
    mara.writes("What did you see?", "Customers wait four days for a yes or no.")
    mara.writes("What do you suggest?", "Decide small returns at the desk.")
    mara.ticks("Service Desk")
    mara.writes("How many people would work differently", "60")
    mara.presses("Submit the proposal", exact=True)
    return str(mara.page.url).partition("/changes/")[2].partition("?")[0]
