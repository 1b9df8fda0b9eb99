"""The decision packet holds everything there is to know at a gate."""

from __future__ import annotations

from decimal import Decimal

from changes.concerns import OverruleConcern, RaiseConcern
from changes.facts import ANSWER_PROPOSAL
from changes.packet import MEANINGS, packet_for
from changes.recruiting import CoverageSigned
from changes.state import ConcernCode, Verdict
from changes.testing import Conclude, RecordResult, Signed
from tests.changes.road import at_coverage, at_planning, at_signing, at_testing, filed
from tests.changes.world import a_test


def test_says_what_a_yes_means() -> None:
    packet = packet_for(filed().change)
    assert (packet.gate, packet.signing) == (ANSWER_PROPOSAL, "This proposal is worth testing.")
    assert packet.due is not None
    assert packet.risk.people_affected == 8


def test_the_meaning_is_the_one_that_is_signed() -> None:
    assert MEANINGS["sign_tests"] == Signed.model_fields["meaning"].default
    assert MEANINGS["start_rollout"] == CoverageSigned.model_fields["meaning"].default


def test_holds_predictions_results_and_the_conclusion() -> None:
    packet = packet_for(at_signing().change)
    [one] = packet.tests
    assert (one.test.hypothesis, one.outcome, one.value, one.sample) == (
        "People at the desk can decide small returns.",
        "passed",
        Decimal(20),
        40,
    )
    assert (packet.verdict, packet.computed) == ("adopt", "adopt")


def test_keeps_the_dissent_beside_the_open_concerns() -> None:
    road = at_planning()
    worry = RaiseConcern(title="Fraud", text="No checks.", code=ConcernCode.R09)
    road.do("kai", worry)
    road.do("uta", worry.having(title="Time", code=ConcernCode.R05))
    road.do("vera", OverruleConcern(concern="C1", reason="Finance looked into it."))
    packet = packet_for(road.change)
    assert [one.ref for one in packet.open_concerns] == ["C2"]
    assert [(one.ref, one.overruled_because) for one in packet.overruled_concerns] == [
        ("C1", "Finance looked into it.")
    ]


def test_shows_waves_and_the_way_back_at_the_rollout() -> None:
    packet = packet_for(at_coverage().change)
    assert [wave.name for wave in packet.waves] == ["Pilot", "Everybody else"]
    assert packet.back_out_plan
    assert packet.champions == 2


def test_several_results_of_a_test_add_up_to_its_sample() -> None:
    road = at_testing(tests=(a_test().having(target_sample=100),))
    first = RecordResult(test="T1", value=Decimal(30), sample=40, evidence="week 1", evidence_sha256="ab" * 32)
    [event] = road.do("tom", first)
    assert "so far not on its pass line, from 40 of 100" in event.sentence()
    assert packet_for(road.change).tests[0].outcome == "partial"
    assert road.rule("paul", Conclude(verdict=Verdict.ADAPT)) == "results_missing"
    road.do("tom", RecordResult(test="T1", value=Decimal(20), sample=60, evidence="week 2"))
    [one] = packet_for(road.change).tests
    assert (one.outcome, one.value, one.sample) == ("passed", Decimal(24), 100)
    assert one.evidence == ("week 1", "week 2")
    assert one.evidence_sha256 == ("ab" * 32,)
    road.do("paul", Conclude(verdict=Verdict.ADOPT))
