"""Who holds something open on a change, and who goes on with it where they are missed.

What becomes of it is in :mod:`changes.holders`. Source: docs/decisions/0027.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from changes.review import owed
from changes.state import Change, ConcernStatus, InvitationStatus, Missing, Phase, Stage, Test
from changes.values import nobodys_name


class Item(NamedTuple):
    """One thing somebody holds."""

    kind: Literal["authorship", "test", "place", "concern", "answer", "overruling", "check", "review", "wave", "naming"]
    words: str
    test: Test | None = None


def everyone_holding(change: Change) -> tuple[str, ...]:
    """Those about whom it has to be known where they are; nobody who stays anonymous, whose leaving would tell,
    and nobody who was erased."""
    invited = (i.person for i in change.recruiting.invitations if i.status is InvitationStatus.SENT)
    asked = (*invited, *change.proposal.asked_to_join)
    everybody = (*(person for person, _ in held(change)), *asked, *(one.person for one in change.missing))
    return tuple(dict.fromkeys(person for person in everybody if not nobodys_name(person)))


def champions_at_work(change: Change) -> tuple[str, ...]:
    """The champions, while there is something for them to do."""
    return change.recruiting.champions if change.stage in {Stage.CHAMPIONS, Stage.ROLLOUT} else ()


def held(change: Change) -> Iterator[tuple[str, Item]]:
    """Everything that one person carries, with the person."""
    for author in dict.fromkeys((*change.proposal.authors, *leading(change), *speaking(change))):
        yield author, Item("authorship", "the next step of its authors")
    for test in to_be_run(change):
        for tester in test.testers:
            yield tester, Item("test", f"the test {test.ref}", test)
    for test, missed in without_a_tester(change):
        for person in missed.asked:
            yield person, Item("naming", f"who else runs {test.ref}")
    for champion in champions_at_work(change):
        yield champion, Item("place", "a champion's place")
    upcoming = change.rollout.upcoming
    if change.phase is Phase.PREPARING_WAVE and upcoming and upcoming.wave.gate == "person":
        for signer in wave_starters(change):
            yield signer, Item("wave", f"the start of the wave “{upcoming.wave.name}”")
    for check in change.learning.checks:
        if check.outcome is None:
            yield check.owner, Item("check", f"the effect check {check.ref}")
    for seat in reviewers(change):
        yield seat, Item("review", "the review of the short road")
    yield from _about_concerns(change)


def to_be_run(change: Change) -> tuple[Test, ...]:
    """The tests whose results are still awaited."""
    if change.phase not in {Phase.AWAITING_ENDORSEMENT, Phase.RUNNING_TESTS}:
        return ()
    return tuple(test for test in change.round.tests if test.ref not in change.round.finished)


def wave_starters(change: Change) -> tuple[str, ...]:
    """Whoever signed the rollout plan as it is now, or was asked in their place: they start a wave that waits."""
    if change.rollout.starters:
        return change.rollout.starters
    version = change.rollout.plan_version
    signed = (s.person for s in change.recruiting.signatures if s.about_version == version and s.decision != "hold")
    return tuple(dict.fromkeys(signed))


def reviewers(change: Change) -> tuple[str, ...]:
    """Whoever is asked for a review that is owed."""
    review = owed(change)
    return tuple(seat.person for seat in review.asked) if review else ()


def _about_concerns(change: Change) -> Iterator[tuple[str, Item]]:
    for concern in change.concerns:
        if concern.status is not ConcernStatus.OPEN:
            continue
        yield concern.by, Item("concern", f"the concern {concern.ref}, which only they can resolve")
        for person in concern.left_to:
            yield person, Item("overruling", f"the word on the concern {concern.ref}")
        for person in concern.must_answer if not concern.responses else ():
            yield person, Item("answer", f"an answer to the concern {concern.ref}")


def leading(change: Change) -> tuple[str, ...]:
    """Whoever does the authors' next step: the authors who are here, or those who were asked when the last had left."""
    return _authors_here(change) or _last_author(change).asked


def speaking(change: Change) -> tuple[str, ...]:
    """Whoever speaks for the change: the authors who are here, or those who may once the last of them has left."""
    return _authors_here(change) or _last_author(change).speaking


def _authors_here(change: Change) -> tuple[str, ...]:
    return tuple(person for person in change.proposal.authors if person not in change.left)


def _last_author(change: Change) -> Missing:
    authors = change.proposal.authors
    return max((one for one in change.missing if one.person in authors and one.why == "left"), key=lambda one: one.at)


def without_a_tester(change: Change) -> tuple[tuple[Test, Missing], ...]:
    """The tests that nobody of those named for them may run now, each with whoever was missed last."""
    missing = {one.person: one for one in change.missing}
    found = ((test, [missing[person] for person in test.testers if person in missing]) for test in to_be_run(change))
    return tuple(
        (test, max(gone, key=lambda one: one.at)) for test, gone in found if gone and len(gone) == len(test.testers)
    )


def champion_missed(change: Change) -> Missing | None:
    """The last champion who left or moved, where nobody has had champions recommended since."""
    since = change.recruiting.planned_at
    held = {*champions_at_work(change), *change.recruiting.with_status(InvitationStatus.GONE)}
    if change.stage not in {Stage.CHAMPIONS, Stage.ROLLOUT}:
        return None
    gone = [one for one in change.missing if one.person in held and (since is None or one.at > since)]
    return max(gone, key=lambda one: one.at, default=None)
