"""What has proven itself, and how it is authorised beforehand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from typing import Literal

import pytest

from changes.facts import SYSTEM
from changes.learning import Close, RecordEffect
from changes.state import Change, EffectOutcome
from policies.evaluation import facts_for
from policies.loader import parse_policy, shipped
from policies.proven import CannotBeAdded, Verdict, authorised, proven, with_process, worked
from tests.changes.road import at_learning, filed, looked_back
from tests.policies.organisations import TUESDAY, altered, altered_text, change, firm

POLICY, TEXT = shipped()


def closed(ref: str, outcome: EffectOutcome = EffectOutcome.EFFECTIVE, process: str = "returns") -> Change:
    """A change that ran its whole road and was found ``outcome``."""
    road = at_learning()
    for check in ("E1", "E2"):
        road.to_next_moment()
        step: Literal["accept"] | None = "accept" if outcome is EffectOutcome.INEFFECTIVE else None
        effect = RecordEffect(check=check, outcome=outcome, numbers="20 hours", next_step=step, reason="It helps.")
        road.do(road.change.learning.checks[0].owner, effect)
    looked_back(road).do("paul", Close(summary="Done."))
    content = road.change.proposal.content.having(process=process)
    version = road.change.proposal.versions[-1].having(content=content)
    return road.change.having(ref=ref, proposal=road.change.proposal.having(versions=(version,)))


def verdicts(changes: Sequence[Change]) -> list[Verdict]:
    """What the changes say about their processes."""
    found = ((change, worked(change)) for change in changes)
    return [
        Verdict(change.proposal.content.process, change.ref, verdict)
        for change, verdict in found
        if verdict is not None
    ]


GOOD = [closed(f"CH-{number}") for number in range(1, 4)]
BAD = closed("CH-9", EffectOutcome.INEFFECTIVE)


def test_effective_changes_of_a_process_are_counted_and_shown() -> None:
    [one] = proven(POLICY, verdicts([*GOOD, filed().change, BAD]))
    assert (one.process, one.effective, one.against) == ("returns", ("CH-1", "CH-2", "CH-3"), ("CH-9",))
    assert one.often_enough
    assert not proven(POLICY, verdicts(GOOD[:2]))[0].often_enough
    assert not proven(POLICY, verdicts([*GOOD, BAD, BAD]))[0].often_enough, "far more must have worked than not"
    assert proven(POLICY, verdicts([BAD])) == ()


def test_what_was_stored_before_there_were_verdicts_gets_the_same_ones() -> None:
    migration = import_module("store.migrations.versions.0007_at_size")
    for stored in (*GOOD, BAD, filed().change):
        assert migration._worked(json.loads(stored.model_dump_json())) is worked(stored)


def test_how_often_is_often_enough_is_policy() -> None:
    patient = altered(("proven_after: 3", "proven_after: 4"))
    assert not proven(patient, verdicts(GOOD))[0].often_enough
    assert proven(altered(("proven_after: 3", "proven_after: 1")), verdicts(GOOD[:1]))[0].often_enough


def test_a_process_is_added_to_the_pre_authorised_route_and_nothing_else_changes() -> None:
    text = with_process(TEXT, "returns")
    assert text == TEXT.replace("version: 1\n", "version: 2\n").replace("process, in: []", "process, in: [returns]")
    again = parse_policy(with_process(text, "invoicing"))
    assert (again.version, list(authorised(again))) == (3, ["returns", "invoicing"])
    assert proven(parse_policy(text), verdicts(GOOD)) == ()


def test_what_is_authorised_beforehand_is_decided_alone_beyond_the_limits() -> None:
    policy = parse_policy(with_process(TEXT, "invoicing"))
    subject = change(people_affected=400, cost=90_000)
    facts = facts_for(policy, firm(), subject, SYSTEM, TUESDAY)
    assert facts.route.route == "standard"
    assert facts.empowerment.allowed
    assert not facts_for(POLICY, firm(), subject, SYSTEM, TUESDAY).empowerment.allowed


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    decide_alone: always\n", "", "No route has decide_alone: always"),
        ("{field: process, in: []}", "{field: process, is: moon}", "No route has decide_alone: always"),
        ("{field: process, in: []}", "{in: [], field: process}", "is not written as"),
    ],
)
def test_a_policy_without_such_a_list_says_what_to_do(old: str, new: str, message: str) -> None:
    with pytest.raises(CannotBeAdded, match=message):
        with_process(altered_text((old, new)), "returns")
