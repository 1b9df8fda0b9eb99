from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from changes.facts import GATES, SIGN_TESTS, Picking, PolicyRef, Subject
from directory.standing_in import NOBODY_STANDS_IN, StandIns
from policies.evaluation import facts_for
from policies.judgements import MOST, Judgements
from policies.loader import shipped
from tests.policies.organisations import TODAY, TUESDAY, change, firm, organisations, subjects
from tests.support.thoroughness import examples

POLICY, _ = shipped()
OTHERWISE: dict[str, Any] = {
    "asked_since": datetime(2026, 3, 2, 9, tzinfo=UTC),
    "candidate": "a" * 64,
    "champions": ("ann",),
    "duplicate": "CH-9",
    "holders": ("ann",),
    "named": ("mara",),
    "named_changes": ("CH-9",),
    "named_policies": ("a" * 64,),
    "named_processes": ("invoicing",),
    "named_teams": ("claims",),
    "open_gate": SIGN_TESTS,
    "picking": Picking(places=3, votes={"ann": 2}),
    "policy": PolicyRef(name="p", version=1, sha256="b" * 64),
    "recruits": True,
    "revealing": True,
}
"""Another value for each field of a subject on which no judgement depends."""


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_what_is_remembered_is_what_would_be_worked_out_anew(data: st.DataObject) -> None:
    """Subjects that differ in anything at all, in any order, are asked about one memory and about none."""
    directory = data.draw(organisations().filter(lambda found: any(person.active for person in found.people.values())))
    remembered = Judgements(directory, NOBODY_STANDS_IN, TODAY)
    subject = data.draw(subjects(directory, alone=False))
    for step in range(4):
        other = data.draw(subjects(directory, alone=data.draw(st.booleans())))
        differing = data.draw(st.sets(st.sampled_from(sorted(Subject.model_fields))))
        subject = subject.having(**{name: getattr(other, name) for name in differing})
        now = TUESDAY + timedelta(minutes=step)
        given_anew = facts_for(POLICY, directory, subject, subject.proposer, now)
        assert facts_for(POLICY, directory, subject, subject.proposer, now, judgements=remembered) == given_anew


def test_a_second_look_asks_the_policy_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    judgements = Judgements(firm(), NOBODY_STANDS_IN, TODAY)
    facts_for(POLICY, firm(), change(), "ann", TUESDAY, judgements=judgements)
    monkeypatch.setattr("policies.judgements.people_at", None)
    monkeypatch.setattr("policies.judgements.verdict_in", None)
    monkeypatch.setattr("policies.judgements.evaluate", None)
    later = facts_for(
        POLICY, firm(), change().having(named=("mara",)), "otto", TUESDAY + timedelta(hours=1), judgements=judgements
    )
    assert later.gates.keys() == set(GATES)
    assert later.actor.ref == "otto"


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_a_command_names_does_not_make_a_judgement_of_its_own(name: str) -> None:
    judgements = Judgements(firm(), NOBODY_STANDS_IN, TODAY)
    assert judgements.of(POLICY, change().having(**{name: OTHERWISE[name]})) is judgements.of(POLICY, change())


@pytest.mark.parametrize("name", sorted(Subject.model_fields.keys() - OTHERWISE.keys()))
def test_every_other_field_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those to come included, whatever they are: forgetting one would answer with what holds for another change."""
    monkeypatch.setattr("policies.judgements.judge", lambda *_, **__: object())
    judgements = Judgements(firm(), NOBODY_STANDS_IN, TODAY)
    different: object = {"x": 1} if name == "levels" else "something else"
    assert judgements.of(POLICY, change().having(**{name: different})) is not judgements.of(POLICY, change())


def test_they_hold_for_one_organisation_on_one_day() -> None:
    directory, stand_ins = firm(), StandIns()
    judgements = Judgements(directory, stand_ins, TODAY)
    assert judgements.still_hold(directory, stand_ins, TODAY)
    assert not judgements.still_hold(firm(), stand_ins, TODAY)
    assert not judgements.still_hold(directory, StandIns(), TODAY)
    assert not judgements.still_hold(directory, stand_ins, date(2026, 3, 1))


def test_the_one_that_was_longest_not_asked_about_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST == 1_000
    monkeypatch.setattr("policies.judgements.MOST", 2)
    judgements = Judgements(firm(), NOBODY_STANDS_IN, TODAY)
    first, second = change(), change(people_affected=2)
    kept, gone = judgements.of(POLICY, first), judgements.of(POLICY, second)
    assert judgements.of(POLICY, first) is kept
    judgements.of(POLICY, change(people_affected=3))
    assert judgements.of(POLICY, first) is kept
    assert judgements.of(POLICY, second) is not gone
