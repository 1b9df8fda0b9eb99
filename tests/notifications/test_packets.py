"""What somebody has to know to answer at each gate."""

from __future__ import annotations

from decimal import Decimal

from changes.state import Verdict
from changes.testing import Conclude, RecordResult, StopEarly
from notifications.packets import MOST_LINES, all_results_in, evidence, packet
from tests.changes.road import measured, planned, recruited
from tests.changes.world import a_test, proposal
from tests.notifications.stories import a_concern, at_champions, at_endorsement, at_testing, filed


def test_a_packet_has_the_same_keys_at_every_gate() -> None:
    at_coverage = at_champions()
    recruited(at_coverage)
    packets = [packet(story.change, story.change.gate) for story in (filed(), at_endorsement(), at_coverage)]
    packets.append(packet(filed().change, None))
    assert len({tuple(one) for one in packets}) == 1


def test_the_proposals_risk_is_in_it() -> None:
    submit = proposal().having(cost=Decimal("1200.00"), reversible=False, customer_facing=True, urgency="emergency")
    data = packet(filed(submit=submit).change, None)
    assert (data["cost"], data["reversible"], data["customer_facing"]) == ("1,200", "", "yes")
    assert (data["emergency"], data["regulated"]) == ("yes", "")


def test_endorsers_see_the_tests_and_who_runs_them() -> None:
    change = at_endorsement().change
    data = packet(change, change.gate)
    first = data["tests"].splitlines()[0]
    assert first.startswith("T1: Waiting time at most 24 hours (today 96), Desk 2, Tuesday 3 March 2026 to ")
    assert data["testers"] == "tom,uta"
    assert data["results"] == ""


def test_signers_see_the_results_beside_the_pass_lines_and_the_conclusion() -> None:
    story = at_testing()
    measured(story)
    story.do("paul", Conclude(verdict=Verdict.ADOPT))
    data = packet(story.change, story.change.gate)
    assert "T1: 20 hours from 40 observations, passed (Waiting time at most 24 hours)" in data["results"]
    assert (data["verdict"], data["computed"]) == ("adopt", "adopt")


def test_results_tell_the_last_value_the_stopped_and_the_missing() -> None:
    story = at_testing()
    assert "no result yet" in evidence(story.change.round)["results"]
    assert not all_results_in(story.change.round)
    for value in ("30", "21.50"):
        story.do("tom", RecordResult(test="T1", value=Decimal(value), sample=1200, evidence="log", note="Tuesday."))
    story.do("uta", StopEarly(test="T2", reason="The desk\nwas closed."))
    first, second = evidence(story.change.round)["results"].splitlines()
    assert first.startswith("T1: 21.5 hours from 1,200 observations, passed (Waiting time at most 24 hours).")
    assert first.endswith(" Evidence: log Tuesday.")
    assert second == "T2: stopped early. The desk was closed."
    assert all_results_in(story.change.round)


def test_signers_of_the_rollout_see_champions_waves_and_the_way_back() -> None:
    story = at_champions()
    recruited(story)
    planned(story)
    data = packet(story.change, story.change.gate)
    assert (data["champions"], data["places"]) == ("2", "2")
    assert data["waves"].splitlines()[0] == "Pilot: 1 team; Complaints at most 5 a day"
    assert data["back_out_plan"].startswith("Go back")


def test_open_concerns_stand_at_every_gate_the_blocking_ones_first() -> None:
    story = filed()
    story.do("nora", a_concern(blocking=False))
    story.do("nora", a_concern())
    lines = packet(story.change, story.change.gate)["concerns"].splitlines()
    assert [line.partition(" “")[0] for line in lines] == ["C2 (blocking)", "C1"]


def test_long_lists_say_how_much_more_there_is() -> None:
    story = at_testing()
    round_ = story.change.round.having(tests=tuple(a_test(f"T{number}") for number in range(MOST_LINES + 3)))
    lines = evidence(round_)["results"].splitlines()
    assert len(lines) == MOST_LINES + 1
    assert lines[-1] == "… and 3 more on the page"
