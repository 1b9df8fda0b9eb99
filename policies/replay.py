"""What would have been different: the changes on record, each on its road under the policy in force and under another.

Both roads are worked out for the organisation as it is now, so that only the policies differ. Behind
``groundswell policy try`` and the policy pages (product.md: a policy can be tried against past changes).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from changes.facts import GATES, START_ROLLOUT, Subject
from changes.gates import GATE_WORDS
from changes.quorums import in_words
from changes.state import Change
from changes.values import Ref, Value, enumerated
from directory.model import Directory
from policies.judgements import judge
from policies.schema import Policy
from policies.working_time import working_time


class PastChange(Value):
    """A change on record, as far as its road depends on it."""

    ref: Ref
    title: str
    subject: Subject

    @classmethod
    def of(cls, change: Change) -> PastChange:
        """The change as it was filed: nobody has endorsed, tested or been silent yet."""
        content, proposal = change.proposal.content, change.proposal
        subject = Subject(
            proposer=proposal.proposer,
            filer=proposal.filer,
            co_proposers=proposal.co_proposers,
            process=content.process,
            affected_teams=content.affected_teams,
            people_affected=content.people_affected,
            cost=content.cost,
            reversible=content.reversible,
            customer_facing=content.customer_facing,
            regulated=content.regulated,
            urgency=content.urgency,
            kind="policy" if content.policy else "process",
        )
        return cls(ref=change.ref, title=change.title, subject=subject)


class Road(Value):
    """What a policy asks of a change."""

    route: str
    alone: bool
    gates: tuple[tuple[str, str], ...]
    """For each gate: its name, and who is asked, how many must say yes, and how long they have."""
    review: str = ""


class RoadDiffers(Value):
    """A change whose road would be another one."""

    change: Ref
    title: str
    before: Road
    after: Road
    differences: tuple[str, ...]


class Replay(Value):
    """Every change that was looked at, and those whose road would differ."""

    looked_at: int
    differ: tuple[RoadDiffers, ...]

    @property
    def summary(self) -> str:
        """Such as "2 of 41 changes on record would take another road."."""
        if not self.looked_at:
            return "There is no change on record yet, so there is nothing to try the policy against."
        if not self.differ:
            return f"All {self.looked_at} changes on record would take the same road."
        return f"{len(self.differ)} of {self.looked_at} changes on record would take another road."


def replay(
    in_force: Policy, candidate: Policy, directory: Directory, changes: Iterable[PastChange], now: datetime
) -> Replay:
    """Hold every change's road under ``candidate`` against its road under ``in_force``."""
    differ, looked_at = [], 0
    for change in changes:
        looked_at += 1
        before = road_of(in_force, directory, change.subject, now)
        after = road_of(candidate, directory, change.subject, now)
        if before != after:
            told = tuple(_differences(before, after))
            differ.append(
                RoadDiffers(change=change.ref, title=change.title, before=before, after=after, differences=told)
            )
    return Replay(looked_at=looked_at, differ=tuple(differ))


def road_of(policy: Policy, directory: Directory, subject: Subject, now: datetime) -> Road:
    """The road a policy sends a change on, were it filed at ``now``."""
    judgement = judge(policy, directory, subject, today=working_time(policy.time).today(now))
    case = judgement.case
    names = [name for name in GATES if subject.kind != "policy" or name != START_ROLLOUT]
    gates = []
    for name in names:
        asked = judgement.asked(name)
        people = enumerated(directory.people[seat.person].name for seat in asked.seats) or "nobody"
        within = policy.gate(case.route, name).answer_in.in_words()
        gates.append((name, f"{people} ({in_words(asked.quorum, asked.seats)}), within {within}"))
    review = case.route.review_within
    return Road(
        route=judgement.route.route,
        alone=judgement.empowerment(now).allowed,
        gates=tuple(gates),
        review=f"within {review.in_words()}" if review else "",
    )


def _differences(before: Road, after: Road) -> Iterator[str]:
    if before.route != after.route:
        yield f"Route: {before.route} becomes {after.route}"
    if before.alone != after.alone:
        yield "Its proposer could decide alone" if after.alone else "Its proposer could not decide alone any more"
    was = dict(before.gates)
    for name, asked in after.gates:
        if was.get(name) != asked:
            yield f"For {GATE_WORDS[name]}: {was.get(name, 'nobody')} becomes {asked}"
    if before.review != after.review:
        yield f"A review afterwards: {before.review or 'none'} becomes {after.review or 'none'}"
