"""The pages, used as a browser without JavaScript would."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from changes.decision import HUMAN_COMMANDS
from changes.proposal import Submit
from changes.state import READINGS_KEPT
from temporal.gateway import NotNow
from tests.web.office import HOA, JONAS, LEA, MARA, PRIYA, SAMIRA, Office, Page, a_wave, proposal
from tests.web.situations import rolling

OTHERS = [kind for kind, command in HUMAN_COMMANDS.items() if command is not Submit]


def sound(page: Page) -> Page:
    """Check what must be true of every page."""
    assert [tag for tag, _ in page.headings].count("h1") == 1
    assert page.html.startswith('<!doctype html>\n<html lang="en">')
    assert "main" in page.ids and 'href="#main"' in page.html
    assert len(set(page.ids)) == len(page.ids), "an id stands twice"
    assert not re.search(r"<script(?! src=\"/static/[^\"]+\"></script>)", page.html), "inline code"
    assert " style=" not in page.html
    for control in page.controls:
        assert control.get("id") in page.labelled, f"{control} has no label"
    return page


async def test_filing_a_change_on_a_page(office: Office) -> None:
    async with office.browser(MARA) as browser:
        form = sound(Page(await browser.get("/changes/new/one-page")))
        answers = form.answers(
            title="Answer returns within a day",
            process="returns",
            problem="Customers wait.\r\n\r\nFour days.",
            suggestion="Decide small returns at the desk.",
            affected_teams=["service-desk"],
            people_affected="5",
        )
        sent = await browser.post(form.action, data=answers)
        assert sent.status_code == 303
        done = sound(Page(await browser.get(sent.headers["location"])))
        again = await browser.post(form.action, data=answers)
    assert ("h1", "Answer returns within a day") in done.headings
    assert ("h2", "Filed as CH-1") in done.headings and "What happens next." in done.text
    assert again.headers["location"] == sent.headers["location"], "pressed twice, it was filed twice"
    assert "Samira Haddad owns Returns and refunds" in done.text
    assert "Everybody in the organisation can read this change" in done.text


async def test_a_wrong_form_keeps_its_answers_and_says_what_is_wrong(office: Office) -> None:
    async with office.browser(MARA) as browser:
        form = Page(await browser.get("/changes/new/one-page"))
        answers = form.answers(title="", process="returns", problem="Customers wait.", people_affected="many")
        page = sound(Page(await browser.post(form.action, data=answers)))
    assert page.status == 422
    assert page.title.startswith("Error: ")
    assert ("h2", "There is a problem") in page.headings
    assert "“How many people would work differently” must be a whole number, such as 12." in page.text
    assert "“Teams that would notice” needs at least 1 entry." in page.text
    assert "“A name people will recognise” is missing." in page.text
    for link in ("#title", "#people-affected", "#affected-teams-1", "#suggestion"):
        assert link in page.links and link[1:] in page.ids
    kept = page.answers()
    assert kept["problem"] == "Customers wait."
    assert kept["people_affected"] == "many"
    assert kept["process"] == "returns"
    assert kept["_key"] == answers["_key"]


async def test_accepting_on_a_page(office: Office) -> None:
    ref = await office.filed()
    async with office.browser(JONAS) as browser:
        home = sound(Page(await browser.get("/")))
        assert f"/changes/{ref}/decide" in home.links
        packet = sound(Page(await browser.get(f"/changes/{ref}/decide")))
        assert "Jonas Okafor leads Service Desk" in packet.text or "You are asked because" in packet.text
        address = f"/changes/{ref}/do/accept_for_testing"
        assert f'action="{address}"' in packet.html
        form = sound(Page(await browser.get(address)))
        sent = await browser.post(form.action, data=form.answers(note="Let us see."))
        done = Page(await browser.get(sent.headers["location"]))
    assert "Let us see." in done.text
    assert "is waiting for its tests to be proposed" in done.text


async def test_proposing_two_tests_and_endorsing_them_on_pages(office: Office) -> None:
    ref = await office.planned()
    first: dict[str, str | list[str]] = {
        "tests__0__ref": "T1",
        "tests__0__hypothesis": "People at the desk can decide.",
        "tests__0__measure": "Waiting time",
        "tests__0__unit": "hours",
        "tests__0__operator": "at_most",
        "tests__0__pass_line": "24",
        "tests__0__where": "Desk 2",
        "tests__0__testers": [LEA],
        "tests__0__starts": "2026-03-03",
        "tests__0__ends": "2026-12-31",
    }
    async with office.browser(MARA) as browser:
        form = sound(Page(await browser.get(f"/changes/{ref}/do/propose_tests")))
        more = sound(Page(await browser.post(form.action, data=form.answers(**first, _add="tests"))))
        assert more.status == 200
        assert more.answers()["tests/0/hypothesis"] == "People at the desk can decide."
        assert 'name="tests/1/ref" value="" autocomplete="off" autofocus' in more.html
        second = {name.replace("__0__", "__1__"): value for name, value in first.items()}
        wrong = sound(Page(await browser.post(more.action, data=more.answers(**second))))
        assert wrong.status == 422
        assert "Two tests are called T1." in wrong.text and "#tests-1-ref" in wrong.links
        sent = await browser.post(wrong.action, data=wrong.answers(tests__1__ref="T2"))
        assert sent.status_code == 303
    state = office.gateway.state(ref)
    assert [test.ref for test in state.round.tests] == ["T1", "T2"]
    async with office.browser(SAMIRA) as browser:
        form = sound(Page(await browser.get(f"/changes/{ref}/do/endorse")))
        await browser.post(form.action, data=form.answers())
        page = sound(Page(await browser.get(f"/changes/{ref}")))
    assert "endorsed" in page.text and office.gateway.state(ref).round.endorsed


async def test_a_group_can_be_removed_and_blank_ones_do_not_count(office: Office) -> None:
    ref = await office.testing()
    async with office.browser(MARA) as browser:
        form = Page(await browser.get(f"/changes/{ref}/do/propose_tests"))
        assert form.answers()["tests/1/ref"] == "T2", "the plan as it is comes with the form"
        fewer = sound(Page(await browser.post(form.action, data=form.answers(_remove="tests/0"))))
        assert fewer.answers()["tests/0/ref"] == "T2"
        blank = sound(Page(await browser.post(fewer.action, data=fewer.answers(_add="tests"))))
        sent = await browser.post(blank.action, data=blank.answers())
    assert sent.status_code == 303
    assert [test.ref for test in office.gateway.state(ref).round.tests] == ["T2"]


async def test_groups_within_groups(office: Office) -> None:
    ref = await office.recruiting()
    async with office.browser(MARA) as browser:
        form = sound(Page(await browser.get(f"/changes/{ref}/do/plan_rollout")))
        more = sound(Page(await browser.post(form.action, data=form.answers(_add="waves/0/guards"))))
        assert 'name="waves/0/guards/1/metric"' in more.html
        answers: dict[str, str | list[str]] = {
            "waves__0__name": "Pilot",
            "waves__0__teams": ["service-desk"],
            "waves__0__guards__0__metric": "Complaints",
            "waves__0__guards__0__unit": "a day",
            "waves__0__guards__0__operator": "at_most",
            "waves__0__guards__0__threshold": "5",
            "back_out_plan": "Go back.",
        }
        wrong = Page(await browser.post(more.action, data=more.answers(**answers, waves__0__guards__1__metric="Speed")))
        assert wrong.status == 422
        assert "“In which unit (wave 1, guard 2)” is missing." in wrong.text
        assert "#waves-0-guards-1-unit" in wrong.links
        sent = await browser.post(wrong.action, data=wrong.answers(waves__0__guards__1__metric=""))
    assert sent.status_code == 303
    assert len(office.gateway.state(ref).rollout.waves[0].wave.guards) == 1


async def test_editing_begins_with_the_words_that_are_there(office: Office) -> None:
    ref = await office.filed(goal="Faster answers")
    async with office.browser(MARA) as browser:
        form = Page(await browser.get(f"/changes/{ref}/do/edit"))
        answers = form.answers(title="Answer returns the same day", goal="", customer_facing="true")
        assert answers["problem"] == "Customers wait four days for a yes or no."
        assert answers["reversible"] == "true"
        sent = await browser.post(form.action, data=answers)
    assert sent.status_code == 303
    content = office.gateway.state(ref).proposal.content
    assert (content.title, content.goal, content.customer_facing) == ("Answer returns the same day", "", True)


async def test_a_form_that_is_out_of_date_shows_what_happened_meanwhile(office: Office) -> None:
    ref = await office.testing()
    async with office.browser(SAMIRA) as browser:
        form = Page(await browser.get(f"/changes/{ref}/do/endorse"))
        await office.done(LEA, "comment", {"about": "question", "text": "Which desk is it?"}, ref)
        stale = sound(Page(await browser.post(form.action, data=form.answers(note="Go."))))
        assert stale.status == 412
        assert "This change has moved on" in stale.text and "Which desk is it?" in stale.text
        assert stale.answers()["note"] == "Go."
        sent = await browser.post(stale.action, data=stale.answers())
    assert sent.status_code == 303


async def test_a_comment_does_not_mind_what_happened_meanwhile(office: Office) -> None:
    ref = await office.filed()
    async with office.browser(PRIYA) as browser:
        form = Page(await browser.get(f"/changes/{ref}/do/comment"))
        await office.done(LEA, "comment", {"about": "question", "text": "Which desk is it?"}, ref)
        sent = await browser.post(form.action, data=form.answers(about="works", text="Quick answers."))
    assert sent.status_code == 303


async def test_a_refused_command_keeps_the_words_and_can_be_sent_again(office: Office) -> None:
    ref = await office.testing()
    async with office.browser(PRIYA) as browser:
        form = sound(Page(await browser.get(f"/changes/{ref}/do/decline")))
        assert "Not possible for you right now." in form.text
        refused = sound(
            Page(await browser.post(form.action, data=form.answers(reason="No time.", way_forward="In May.")))
        )
        trail = Page(await browser.get(f"/changes/{ref}"))
    assert refused.status == 403
    assert "The policy does not ask you here." in refused.text
    assert refused.answers()["reason"] == "No time."
    assert refused.answers()["_key"] != form.answers()["_key"], "the refusal is on record under the old key"
    assert "was refused “decline”" in trail.text


async def test_what_was_typed_survives_when_temporal_is_away(office: Office) -> None:
    ref = await office.filed()
    async with office.browser(JONAS) as browser:
        form = Page(await browser.get(f"/changes/{ref}/do/decline"))
        office.gateway.failing = NotNow(retry_after=5)
        answers = form.answers(reason="Too <b>early</b>.", way_forward="After the move.")
        away = sound(Page(await browser.post(form.action, data=answers)))
        assert away.status == 503
        assert away.response.headers["Retry-After"] == "5"
        assert "Nothing is lost" in away.text
        assert away.answers() == answers, "key and words are the same, so it can be sent again"
        office.gateway.failing = None
        sent = await browser.post(away.action, data=away.answers())
    assert sent.status_code == 303
    closing = office.gateway.state(ref).closing
    assert closing is not None and closing.reason == "Too <b>early</b>."


async def test_an_answer_that_got_through_after_all_is_told(office: Office) -> None:
    ref = await office.filed()
    async with office.browser(PRIYA) as browser:
        form = Page(await browser.get(f"/changes/{ref}/do/comment"))
        await browser.post(form.action, data=form.answers(about="works", text="First."))
        other = Page(await browser.post(form.action, data=form.answers(about="works", text="Second.")))
        assert other.status == 422
        assert "is on record already" in other.text
        sent = await browser.post(other.action, data=other.answers())
    assert sent.status_code == 303
    assert [comment.text for comment in office.gateway.state(ref).comments] == ["First.", "Second."]


@pytest.mark.parametrize("kind", OTHERS)
async def test_every_command_has_a_form(office: Office, kind: str) -> None:
    ref = await office.filed()
    async with office.browser(MARA) as browser:
        page = sound(Page(await browser.get(f"/changes/{ref}/do/{kind}")))
    assert page.status == 200
    assert ("h1", HUMAN_COMMANDS[kind].button) in page.headings
    assert page.action == f"/changes/{ref}/do/{kind}"


async def test_forms_offer_the_parts_of_the_change(office: Office) -> None:
    ref = await office.testing()
    await office.done(SAMIRA, "endorse", {}, ref)
    async with office.browser(LEA) as browser:
        page = Page(await browser.get(f"/changes/{ref}/do/record_result?test=T2"))
    assert "T1: Waiting time" in page.text
    assert page.answers()["test"] == "T2"


async def test_moments_are_told_and_taken_on_the_clock_of_the_organisation(office: Office) -> None:
    ref = await office.filed()
    async with office.browser(JONAS) as browser:
        form = Page(await browser.get(f"/changes/{ref}/do/move_deadline"))
        answers = form.answers(to="2026-07-01T12:00", reason="Summer.")
        assert answers["deadline"] == "gate"
        await browser.post(form.action, data=answers)
        page = Page(await browser.get(f"/changes/{ref}"))
    gate = office.gateway.state(ref).gate
    assert gate is not None and f"{gate.due:%Y-%m-%d %H:%M}" == "2026-07-01 10:00"
    assert '<time datetime="2026-07-01T10:00:00Z">Wed 1 Jul 2026, 12:00 CEST</time>' in page.html


async def test_somebody_who_declined_an_invitation_is_not_given_away(office: Office) -> None:
    ref = await office.recruiting()
    await office.done(MARA, "invite", {"people": [HOA]}, ref)
    await office.done(HOA, "decline_invitation", {}, ref)
    async with office.browser(MARA) as browser, office.program(MARA) as program, office.browser(HOA) as own:
        page = Page(await browser.get(f"/changes/{ref}"))
        seen = (await program.get(f"/api/v1/changes/{ref}")).json()
        trail = (await program.get(f"/api/v1/changes/{ref}/trail")).json()["entries"]
        hers = Page(await own.get(f"/changes/{ref}"))
    assert "declined" not in page.text
    assert "Hoa Nguyễn: say whether you would like to be a champion" in page.text, "it looks like silence"
    assert seen["change"]["recruiting"]["invitations"][0]["status"] == "sent"
    assert not [entry for entry in trail if entry["action"] == "invitation_declined"]
    assert "declined" in hers.text


async def test_the_whole_road_is_shown(office: Office) -> None:
    ref = await office.recruiting()
    await office.done(MARA, "raise_concern", {"title": "Too fast", "text": "Who checks?", "code": "R07"}, ref)
    await office.done(JONAS, "ask_why", {"concern": "C1", "question": "What happened before?"}, ref)
    await office.done(MARA, "answer_why", {"concern": "C1", "answer": "Nobody asked us."}, ref)
    await office.done(MARA, "respond", {"concern": "C1", "text": "We ask you now.", "changed_something": True}, ref)
    await office.done(MARA, "plan_champions", {}, ref)
    await office.done(HOA, "declare_interest", {"level": "keen"}, ref)
    await office.done(LEA, "nominate", {"person": HOA}, ref)
    await office.done(MARA, "plan_rollout", {"waves": [a_wave()], "back_out_plan": "Go back."}, ref)
    await office.done(MARA, "invite", {"people": [HOA]}, ref)
    await office.done(HOA, "accept_invitation", {}, ref)
    await office.done(HOA, "log_conversation", {"team": "service-desk", "people": 3, "note": "Curious."}, ref)
    await office.done(HOA, "introduce", {"person": LEA, "to": PRIYA, "why": "Both know returns."}, ref)
    await office.done(SAMIRA, "sign_coverage", {"decision": "go"}, ref)
    await office.done(MARA, "start_wave", {"wave": "Pilot"}, ref)
    await office.done(MARA, "report_metric", {"metric": "Complaints", "value": "9"}, ref)
    async with office.browser(PRIYA) as browser:
        page = sound(Page(await browser.get(f"/changes/{ref}")))
    for words in (
        "decided without us",
        "Nobody asked us.",
        "something was changed",
        "Paused by itself",
        "Go back.",
        "Coverage at that moment",
        "Hoa Nguyễn talked with 3 in Service Desk",
        "at most 24 hours",
        "20 from 40 observations",
    ):
        assert words in page.text, words
    assert re.search(r'aria-current="step">.*<span class="step">Rollout', page.html)


async def test_a_page_shows_the_newest_readings_and_says_where_the_others_are(office: Office) -> None:
    ref = await rolling(office)
    for value in ("4.125", *["3"] * (READINGS_KEPT - 2)):
        await office.done(MARA, "report_metric", {"metric": "Complaints", "value": value}, ref)
    async with office.browser(PRIYA) as browser:
        before = sound(Page(await browser.get(f"/changes/{ref}")))
        for _ in range(2):
            await office.done(MARA, "report_metric", {"metric": "Complaints", "value": "3"}, ref)
        after = sound(Page(await browser.get(f"/changes/{ref}")))
    words = f"The newest {READINGS_KEPT} readings are shown here. All of them are in the trail."
    assert "4.125" in before.text and words not in before.text
    table, hint, _ = after.text.partition(words)
    assert hint and "4.125" not in table.partition("The readings as a table")[2]


async def test_nobody_is_kept_at_a_packet_that_asks_nothing_of_them(office: Office) -> None:
    ref = await office.filed()
    async with office.browser(PRIYA) as browser:
        answer = await browser.get(f"/changes/{ref}/decide")
    assert answer.headers["location"] == f"/changes/{ref}"


async def test_several_are_answered_with_one_reason_and_what_is_not_possible_is_named(office: Office) -> None:
    first, second = await office.filed(), await office.testing()
    async with office.browser(SAMIRA) as browser:
        inbox = sound(Page(await browser.get("/approvals")))
        assert "2 in all" in inbox.text
        several = {"_key": "k", "change": [first, second], "kind": "accept_for_testing"}
        wrong = sound(Page(await browser.post("/approvals", data=several)))
        assert wrong.status == 422 and wrong.title.startswith("Error: ")
        assert "Say why." in wrong.text and "#reason" in wrong.links
        done = sound(Page(await browser.post("/approvals", data=several | {"reason": "Good for the desk."})))
    assert "1 of 2 recorded" in done.text and "not done." in done.text
    assert office.gateway.state(first).phase == "planning_tests"
    assert office.gateway.state(second).phase == "awaiting_endorsement"


async def test_a_decline_of_several_needs_a_way_forward(office: Office) -> None:
    ref = await office.filed()
    async with office.browser(JONAS) as browser:
        several = {"change": ref, "kind": "decline", "reason": "No time."}
        wrong = sound(Page(await browser.post("/approvals", data=several)))
        assert "A decline needs a way forward" in wrong.text
        done = sound(Page(await browser.post("/approvals", data=several | {"way_forward": "Again in May."})))
    assert "1 of 1 recorded" in done.text
    assert office.gateway.state(ref).closing is not None


async def test_versions_are_compared_word_by_word(office: Office) -> None:
    ref = await office.filed()
    await office.done(JONAS, "ask_for_changes", {"what": "Say how many."}, ref)
    body = {**proposal(suggestion="Decide all small returns at the desk."), "what_changed": "How many."}
    await office.done(MARA, "resubmit", body, ref)
    async with office.browser(PRIYA) as browser:
        page = sound(Page(await browser.get(f"/changes/{ref}/versions")))
    assert "Version 2" in page.text and re.search(r"<ins>[^<]*all[^<]*</ins>", page.html)


async def test_settings_are_kept_for_every_device(office: Office) -> None:
    ref = await office.filed()
    async with office.browser(MARA) as browser:
        form = sound(Page(await browser.get("/settings")))
        answers = form.answers(theme="dark", zone="Asia/Tokyo")
        await browser.post("/settings", data=answers)
    async with office.browser(MARA) as another:
        page = Page(await another.get(f"/changes/{ref}"))
        await another.post("/settings", data={"theme": "pink", "zone": "Nowhere/Land"})
        plain = Page(await another.get("/settings"))
    assert '<html lang="en" data-theme="dark">' in page.html
    assert "18:00 JST" in page.text
    assert '<html lang="en">' in plain.html


@pytest.mark.slow
async def test_lists_can_be_filtered_and_paged(office: Office) -> None:
    first = await office.filed(title="Alpha 100% better")
    for number in range(51):
        office.clock.now += timedelta(minutes=1)
        await office.filed(title=f"Change {number}")
    async with office.browser(MARA) as browser:
        page = sound(Page(await browser.get("/changes?mine=yes&ended=no")))
        older = next(link for link in page.links if "cursor=" in link)
        assert f"/changes/{first}" not in page.links
        last = sound(Page(await browser.get(older)))
        found = sound(Page(await browser.get("/changes?text=100%25&stage=proposal")))
        nothing = sound(Page(await browser.get("/changes?text=zzz")))
        damaged = sound(Page(await browser.get("/changes?cursor=zzz")))
    assert "mine=yes" in older and "ended=no" in older
    assert f"/changes/{first}" in last.links
    assert [link for link in found.links if link.startswith("/changes/CH")] == [f"/changes/{first}"]
    assert "No change fits." in nothing.text
    assert damaged.status == 400 and "This page address is damaged" in damaged.text


async def test_unknown_changes_and_commands_are_not_found(office: Office) -> None:
    ref = await office.filed()
    async with office.browser(MARA) as browser:
        for address in ("/changes/CH-999", "/changes/CH-999/do/endorse", f"/changes/{ref}/do/fly", "/nowhere"):
            page = sound(Page(await browser.get(address)))
            assert page.status == 404, address
            assert ("h1", "Not found") in page.headings
        assert (await browser.get(f"/changes/{ref}/do/submit")).status_code == 404


async def test_forms_begin_with_what_is_known(office: Office) -> None:
    ref = await office.recruiting()
    await office.done(MARA, "plan_champions", {}, ref)
    await office.done(MARA, "plan_rollout", {"waves": [a_wave()], "back_out_plan": "Go back."}, ref)
    recommended = [pick.person for pick in office.gateway.state(ref).recruiting.plans[-1].picks]
    async with office.browser(MARA) as browser:
        invite = Page(await browser.get(f"/changes/{ref}/do/invite"))
        rollout = Page(await browser.get(f"/changes/{ref}/do/plan_rollout"))
    assert recommended and [value for name, value in invite.fields if name == "people"] == recommended
    answers = rollout.answers()
    assert answers["waves/0/guards/0/metric"] == "Complaints" and answers["back_out_plan"] == "Go back."


async def test_the_trail_tells_times_on_the_readers_clock(office: Office) -> None:
    ref = await office.filed()
    moved = {"deadline": "gate", "to": "2026-03-20T12:00:00Z", "reason": "Holidays."}
    await office.done(SAMIRA, "move_deadline", moved, ref)
    async with office.browser(MARA) as browser:
        for zone, told in (("", "Fri 20 Mar 2026, 13:00 CET"), ("Asia/Tokyo", "Fri 20 Mar 2026, 21:00 JST")):
            await browser.post("/settings", data={"theme": "auto", "zone": zone})
            for path in ("/", f"/changes/{ref}"):
                assert f"moved the deadline of gate to {told}: Holidays." in Page(await browser.get(path)).text


async def test_invitations_that_pass_are_told_as_groundswells_doing(office: Office) -> None:
    ref = await office.recruiting()
    await office.done(MARA, "plan_champions", {}, ref)
    await office.done(MARA, "invite", {"people": [HOA]}, ref)
    while not any(one.status == "expired" for one in office.gateway.state(ref).recruiting.invitations):
        office.gateway.wait_for_next(ref)
    async with office.browser(MARA) as browser:
        assert "Groundswell saw invitations pass without an answer" in Page(await browser.get(f"/changes/{ref}")).text
