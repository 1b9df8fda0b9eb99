"""Policies and short roads: who hears that a policy is in force, that an emergency was declared, that a review is owed.

Source: docs/decisions/0016 and 0017. What is loud in the trail is loud in the mail as well.
"""

from __future__ import annotations

from changes.publishing import MovedToNewerPolicy, PolicyPutForward, PolicyTookForce, Superseded
from changes.review import ReviewAsked, Reviewed, ReviewOverdue, ReviewReminded, ShortRoadTaken, deciders
from changes.waiting import parts_in
from notifications.packets import matter
from notifications.telling import ASKED, AUTHOR, REVIEWER, SILENT, WATCHING, Scene, Telling, Tellings, tell, tells
from notifications.wording import FULL_LENGTH, shortened

SILENT[PolicyPutForward] = "the people at the gate are asked in the same breath, and read it there"


@tells(ShortRoadTaken)
def _short_road(scene: Scene, event: ShortRoadTaken) -> Tellings:
    yield from tell(event, "short_road", {**matter(scene.after), "route": event.route}, (event.told, WATCHING))


@tells(ReviewAsked)
def _review_asked(scene: Scene, event: ReviewAsked) -> Tellings:
    yield from _to_reviewers(scene, event)


@tells(ReviewReminded)
def _review_reminded(scene: Scene, event: ReviewReminded) -> Tellings:
    yield from _to_reviewers(scene, event, "yes")


@tells(ReviewOverdue)
def _review_overdue(scene: Scene, event: ReviewOverdue) -> Tellings:
    yield from _to_reviewers(scene, event, "overdue")


def _to_reviewers(scene: Scene, event: ReviewAsked | ReviewReminded | ReviewOverdue, again: str = "") -> Tellings:
    review = scene.after.review
    if review is not None:
        data = {**matter(scene.after), "due": review.due.isoformat(), "again": again}
        yield from tell(event, "review_due", data, ((seat.person for seat in review.asked), REVIEWER))


@tells(Reviewed)
def _reviewed(scene: Scene, event: Reviewed) -> Tellings:
    """Its authors, and everybody who decided about it."""
    data = {
        "justified": event.justified,
        "findings": shortened(event.findings, FULL_LENGTH),
        "consequence": shortened(event.consequence, FULL_LENGTH),
    }
    others = [person for person in deciders(scene.after) if person not in scene.authors]
    yield from tell(event, "reviewed", data, (scene.authors, AUTHOR), (others, WATCHING))


@tells(PolicyTookForce)
def _took_force(scene: Scene, event: PolicyTookForce) -> Tellings:
    """Everybody who had a part in it; the change and its page say what is different."""
    put = scene.after.policy_change
    changes = "\n".join(put.what_changes) if put else ""
    data = {"policy": event.name, "number": str(event.version), "changes": shortened(changes, FULL_LENGTH)}
    for person, parts in parts_in(scene.after).items():
        part = AUTHOR if person in scene.authors else parts[0]
        yield Telling(person, "policy_in_force", part, event.by, data)


@tells(Superseded)
def _superseded(scene: Scene, event: Superseded) -> Tellings:
    yield from tell(event, "superseded", {"policy": event.name, "number": str(event.version)}, (scene.authors, AUTHOR))


@tells(MovedToNewerPolicy)
def _moved(scene: Scene, event: MovedToNewerPolicy) -> Tellings:
    data = {"number": str(event.version), "route": event.route, "reason": shortened(event.reason, FULL_LENGTH)}
    asked = [person for person in scene.at_the_gate if person not in scene.authors]
    yield from tell(event, "policy_moved", data, (scene.authors, AUTHOR), (asked, ASKED))
