"""Who hears what, and who does not."""

from __future__ import annotations

from decimal import Decimal

import pytest

from changes.any_moment import Follow
from changes.events import EVENTS, Event
from changes.facts import ENDORSE_TESTS, SYSTEM, Quorum
from changes.hearing import AcceptForTesting
from changes.proposal import Edit
from changes.rollout import PlanRollout
from changes.testing import Endorse, ProposeTests
from changes.values import Value
from notifications.kinds import ALREADY_ASKING, ASKED_OF_ANYBODY, IMPORTANCE, KINDS
from notifications.notices import Notice, notices_for
from notifications.telling import HEARERS, SILENT
from tests.changes.road import PILOT, REST
from tests.changes.world import World, a_test, proposal
from tests.notifications.stories import Step, at_champions, at_endorsement, at_learning, at_rollout, every_step, filed

OURS = {kind: event for kind, event in EVENTS.items() if event.__module__.startswith("changes.")}
STEPS = every_step()
ABOUT_NO_CHANGE = {"delegated_to_you", "delegated_by_you", "delegation_ended", "webhook_disabled"}
"""Told when somebody acts for the organisation, and of its webhooks; see tests/store/test_acts.py and
tests/activities/test_posting.py."""
PEERS = {
    "asked": {"asked", "tests_to_run"},
    "reminded": {"reminded", "champion_reminded", "step_reminded"},
    "escalated": {"escalated"},
    "delegated to you, back to you": {"delegated_to_you", "delegation_ended"},
    "endorsed": {"answered"},
    "declined with reason": {"declined"},
    "changed since you approved": {"changed_since_you_answered"},
    "withdrawn": {"withdrawn"},
    "duplicate of": {"duplicate"},
    "concern raised, resolved": {"concern_raised", "concern_resolved"},
    "champion asked, accepted": {"champion_invited", "champion_accepted"},
    "stage started, paused, rolled back": {"moved_on", "wave_started", "wave_paused", "wave_rolled_back"},
    "closing soon": {"last_call"},
    "review due": {"review_due", "effect_check_due"},
}
"""What people expect to be mailed about from the first day (reference of peers, section 5); the digest is no notice."""


@pytest.mark.parametrize("event", OURS.values(), ids=list(OURS))
def test_every_event_is_told_or_deliberately_silent(event: type[Event]) -> None:
    assert (event in HEARERS) != (event in SILENT)
    assert event in HEARERS or SILENT[event]


def test_the_stories_hold_every_event_and_every_kind() -> None:
    assert {event.kind for step in STEPS for event in step.events} == set(OURS)
    assert {notice.kind for step in STEPS for notice in step.notices} == set(KINDS) - ABOUT_NO_CHANGE


@pytest.mark.parametrize("event", [event for event in OURS.values() if event in HEARERS])
def test_each_told_event_is_heard_by_somebody(event: type[Event]) -> None:
    heard = [step for step in STEPS if any(isinstance(one, event) for one in step.events) and step.notices]
    assert heard, f"nobody hears of {event.kind}"


def test_silent_events_alone_are_told_to_nobody() -> None:
    silent = [step for step in STEPS if all(type(event) in SILENT for event in step.events)]
    assert len({event.kind for step in silent for event in step.events}) > 8
    assert all(step.notices == () for step in silent)


def test_nobody_hears_of_their_own_acts() -> None:
    for step in STEPS:
        for notice in step.notices:
            assert notice.recipient not in {SYSTEM, notice.data["by"]}
            assert notice.recipient != step.giver or notice.kind in ASKED_OF_ANYBODY


def test_one_notice_per_person_and_command_with_a_key_of_its_own() -> None:
    for step in STEPS:
        recipients = [notice.recipient for notice in step.notices]
        assert len(set(recipients)) == len(recipients)
    story = at_champions()
    keys = [notice.key for step in story.steps for notice in step.notices]
    assert len(set(keys)) == len(keys)


def test_the_key_names_change_version_kind_and_recipient_and_is_stable() -> None:
    story = filed()
    step = story.steps[0]
    assert step.notice("mara").key == "CH-0001:2:asked:mara"
    assert [notice.key for notice in step.notices] == [notice.key for notice in step.notices]
    assert Notice.model_validate_json(step.notice("mara").model_dump_json()) == step.notice("mara")


@pytest.mark.parametrize("expected", PEERS)
def test_what_people_expect_mail_about_comes_of_a_command(expected: str) -> None:
    told = {notice.kind for step in STEPS for notice in step.notices} | ABOUT_NO_CHANGE
    assert PEERS[expected] <= told


def test_kinds_that_are_named_elsewhere_exist() -> None:
    assert set(ASKED_OF_ANYBODY) | set(ALREADY_ASKING) <= set(KINDS)
    assert list(IMPORTANCE.values()) == list(range(len(KINDS)))


# --------------------------------------------------------------------------------------------------- who is told


def last(kind: str, person: str) -> Step:
    """The last step in any story in which ``person`` is told ``kind``."""
    return [step for step in STEPS if step.told.get(person) == kind][-1]


def test_the_people_at_a_gate_are_asked_with_the_packet_and_why_it_is_them() -> None:
    data = filed().steps[0].notice("omar").data
    assert data["task"] == "answer the proposal"
    assert data["due"] == "2026-03-07T09:00:00+00:00"
    assert data["problem"] == "Customers wait four days for a yes or no."
    assert data["seat_because"] == "Omar Haddad owns the process"
    assert data["by"] == SYSTEM
    assert data["asker"] == "paul"


def test_who_stands_in_for_somebody_is_told_for_whom() -> None:
    world = World()
    world.alter("mara", away=True)
    assert filed(world).steps[0].notice("vera").data["stands_in_for"] == "mara"


def test_the_proposer_hears_that_somebody_filed_in_their_name() -> None:
    step = filed(submit=proposal(proposer="paul"), filer="fina").steps[0]
    assert step.told["paul"] == "filed_for_you"
    assert "fina" not in step.told


def test_free_edits_do_not_ask_the_same_people_again() -> None:
    story = filed()
    story.do("paul", Edit(title="Answer returns in a day"))
    assert story.last_step.told == {}
    story.wait(hours=2)
    story.do("paul", Edit(title="Answer returns at once", what_changed="A better title."))
    assert story.last_step.notice("mara").data["occasion_words"] == "A better title."


def test_a_free_edit_asks_whoever_is_new_at_the_gate() -> None:
    story = filed(submit=proposal(process="invoicing"))
    story.do("paul", Edit(process="returns"))
    assert story.last_step.told == {"omar": "asked"}


def test_an_answer_and_the_gate_it_passes_are_one_letter() -> None:
    story = filed()
    story.do("mara", AcceptForTesting(note="A good idea."))
    data = story.last_step.notice("paul").data
    assert (data["answer"], data["note"], data["passed"], data["by"]) == (
        "accepted",
        "A good idea.",
        "answer_proposal",
        "mara",
    )


def test_an_answer_that_is_not_yet_enough_says_so() -> None:
    world = World()
    world.quorums[ENDORSE_TESTS] = Quorum(rule="all")
    story = at_endorsement(world)
    story.do("omar", Endorse())
    assert story.last_step.notice("paul").data["passed"] == ""


def test_stale_endorsers_hear_that_the_tests_changed_and_are_asked_again_in_the_same_letter() -> None:
    world = World()
    world.quorums[ENDORSE_TESTS] = Quorum(rule="all")
    story = at_endorsement(world)
    story.do("omar", Endorse())
    story.do("paul", ProposeTests(tests=(a_test().having(pass_line=Decimal(12)),)))
    assert story.last_step.told == {"omar": "changed_since_you_answered", "mara": "asked"}
    data = story.last_step.notice("omar").data
    assert data["task"].startswith("endorse the tests")
    assert data["due"]


def test_signers_of_an_earlier_rollout_plan_hear_that_it_changed() -> None:
    story = at_rollout()
    story.do("paul", PlanRollout(waves=(PILOT, REST), back_out_plan="The old form, within a day."))
    assert story.last_step.told == {"omar": "changed_since_you_answered"}
    data = story.last_step.notice("omar").data
    assert (data["what"], data["gate"]) == ("rollout", "start_rollout")
    assert data["back_out_plan"] == "The old form, within a day."


def test_escalation_is_told_to_the_newly_asked_and_to_those_who_wait_and_to_the_silent() -> None:
    story = filed()
    while "escalated" not in story.last_step.told.values():
        story.to_next_moment()
    parts = {notice.recipient: notice.data["part"] for notice in story.last_step.notices}
    assert parts == {"vera": "asked", "mara": "asked before", "omar": "asked before", "paul": "author"}
    assert story.last_step.notice("paul").data["escalated_to"] == "vera"


def test_expiry_is_told_to_both_sides_and_to_followers() -> None:
    assert set(last("expired", "kai").told) == {"paul", "mara", "omar", "vera", "kai"}


def test_an_objection_asks_the_objector_too_because_they_now_owe_an_answer() -> None:
    assert last("objected", "paul").told == {"paul": "objected", "mara": "asked", "omar": "asked"}


def test_results_are_told_once_when_all_are_in() -> None:
    step = last("results_in", "paul")
    assert step.notice("paul").data["waits"] == ""
    assert step.notice("paul").data["results"].count("\n") == 1


def test_testers_hear_of_their_own_tests_when_they_may_run() -> None:
    story = at_endorsement()
    story.do("mara", Endorse())
    assert "T1" in story.last_step.notice("tom").data["tests"]
    assert "T1" not in story.last_step.notice("uta").data["tests"]


def test_followers_hear_of_stages_pauses_and_the_end_and_of_nothing_else() -> None:
    told = {step.told[person] for step in STEPS for person in step.after.followers if person in step.told}
    assert told == {
        "moved_on",
        "held",
        "resumed",
        "renewed",
        "wave_paused",
        "wave_resumed",
        "wave_rolled_back",
        "declined",
        "duplicate",
        "withdrawn",
        "expired",
        "concluded",
        "closed",
        "concern_answered",  # Kai had asked why
        "concern_overruled",
        "concern_resolved",
        "followers_moved",
    }


def test_a_reporter_hears_of_the_pause_they_caused_because_they_have_to_act() -> None:
    assert last("wave_paused", "paul").giver == "paul"


def test_one_letter_for_two_effect_checks_that_open_at_once() -> None:
    story = at_learning()
    story.wait(days=200)
    story.notice()
    assert story.last_step.told == {"bela": "effect_check_due"}
    assert story.last_step.notice("bela").data["checks"] == "E1 and E2"


def test_everybody_with_a_part_hears_of_the_closing() -> None:
    parts = {notice.recipient: notice.data["part"] for notice in last("closed", "kai").notices}
    assert parts == {
        "tom": "tester",
        "uta": "tester",
        "omar": "endorser",
        "bela": "champion",
        "sina": "champion",
        "kai": "follower",
    }


def test_what_else_waits_is_listed_when_one_notice_wins_over_another() -> None:
    story = filed()
    story.do("mara", Follow())
    story.do("mara", AcceptForTesting())
    assert story.last_step.notice("paul").data["waits"] == "Propose the tests"


# -------------------------------------------------------------------------------------------- what is never told


def test_a_no_to_an_invitation_and_silence_are_told_to_nobody() -> None:
    for kind in ("invitation_declined", "invitations_expired"):
        steps = [step for step in STEPS if kind in {event.kind for event in step.events}]
        assert steps
        # When the time to answer is over the authors hear what follows for the open places, never who answered how.
        told = [notice for step in steps for notice in step.notices]
        assert {notice.kind for notice in told} <= {"places_open"}
        assert not any("bela" in value for notice in told for value in notice.data.values())


def test_names_of_nominators_appear_in_no_notice() -> None:
    nominated = [step for step in STEPS if step.after.recruiting.nominations]
    assert nominated
    after = [step for step in nominated if step.after.ref == nominated[0].after.ref]
    invited = [notice for step in after for notice in step.notices if notice.kind.startswith("champion_")]
    assert invited
    for notice in invited:
        assert "uta" not in notice.mentions
        assert not any("uta" in value.split(",") for value in notice.data.values())


def test_notices_carry_references_of_people_and_never_their_names_as_actors() -> None:
    story = filed()
    notice = story.steps[0].notice("mara")
    assert notice.mentions == ("paul", "returns", "billing", "support")
    assert "Paul" not in " ".join(notice.data.values())


def test_data_stays_small_whatever_people_write() -> None:
    story = filed(submit=proposal().having(problem="wait " * 790, suggestion="x" * 4000))
    data = story.steps[0].notice("mara").data
    assert len(data["problem"]) <= 600
    assert data["problem"].endswith("wait…")
    assert len(data["suggestion"]) == 600


def test_nothing_happened_is_told_to_nobody() -> None:
    story = filed()
    assert notices_for(story.change, story.change, ()) == ()


def test_an_event_that_nobody_registered_is_told_to_nobody() -> None:
    class Unheard(Event, kind="unheard_of_in_notifications", words=""):
        """An event of a later day."""

    story = filed()
    try:
        assert notices_for(story.change, story.change, (Unheard(by="paul"),)) == ()
    finally:
        del EVENTS["unheard_of_in_notifications"]
    assert issubclass(Unheard, Value)
