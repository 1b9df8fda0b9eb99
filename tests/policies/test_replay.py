"""Past changes tried against another policy."""

from __future__ import annotations

from policies.loader import shipped
from policies.replay import PastChange, replay
from tests.changes.road import filed, put_forward
from tests.policies.organisations import TUESDAY, altered, change, firm

POLICY, _ = shipped()
SMALL = PastChange(ref="CH-1", title="Small", subject=change())
WIDE = PastChange(ref="CH-2", title="Wide", subject=change(people_affected=90))
URGENT = PastChange(ref="CH-3", title="Urgent", subject=change(urgency="emergency"))


def test_only_changes_whose_road_differs_are_told_with_what_differs() -> None:
    stricter = altered(
        ("people_affected, over: 50", "people_affected, over: 5"), ("people_affected: 10\n", "people_affected: 5\n")
    )
    found = replay(POLICY, stricter, firm(), [SMALL, WIDE, URGENT], TUESDAY)
    assert found.summary == "1 of 3 changes on record would take another road."
    [one] = found.differ
    assert (one.change, one.before.route, one.after.route) == ("CH-1", "everyday", "cross-team")
    assert one.differences == (
        "Route: everyday becomes cross-team",
        "Its proposer could not decide alone any more",
        "For the endorsement of the tests: Mara Lind (their answer is enough), within 5 working days becomes "
        "Mara Lind and Otto Kern (2 of 2 must say yes), within 5 working days",
        "For the signatures after the tests: Mara Lind (1 of 1 must say yes), within 5 working days becomes "
        "Mara Lind and Otto Kern (2 of 2 must say yes), within 5 working days",
    )


def test_reviews_and_times_make_a_road_different_too() -> None:
    other = altered(
        ("    review_within: 10d\n", ""), ("answer_proposal: {answer_in: 4h}", "answer_proposal: {answer_in: 2h}")
    )
    [one] = replay(POLICY, other, firm(), [SMALL, URGENT], TUESDAY).differ
    assert one.differences == (
        "For the answer to the proposal: Mara Lind (their answer is enough), within 4 hours becomes "
        "Mara Lind (their answer is enough), within 2 hours",
        "A review afterwards: within 10 working days becomes none",
    )


def test_the_same_policy_changes_nothing() -> None:
    assert replay(POLICY, POLICY, firm(), [SMALL, WIDE], TUESDAY).summary == (
        "All 2 changes on record would take the same road."
    )
    assert replay(POLICY, POLICY, firm(), [], TUESDAY).summary.startswith("There is no change on record yet")


def test_a_change_on_record_is_tried_as_it_was_filed() -> None:
    past = PastChange.of(put_forward().change)
    assert (past.subject.kind, past.subject.endorsers, past.subject.testers) == ("policy", (), ())
    assert PastChange.of(filed().change).subject.kind == "process"
