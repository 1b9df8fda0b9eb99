"""What a policy says of a change whatever the hour, worked out once and remembered.

Between two decisions about a change its circumstances seldom differ: the route is the same, the same people would be
asked at each gate, the same limits hold. Only deadlines move with the clock. What is remembered is thrown away as soon
as the directory, an absence, a delegation or the day is another.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import date, datetime

from changes.facts import Empowerment, GateFacts, PersonFacts, RouteFacts, Subject
from directory.model import Directory
from directory.standing_in import NOBODY_STANDS_IN, StandIns
from policies.case import Case
from policies.circumstances import circumstances_of
from policies.conditions import evaluate
from policies.empowerment import Verdict, verdict_in
from policies.gates import Asked, gate_with, people_at
from policies.schema import Policy
from policies.working_time import working_time

MOST = 1_000
"""Changes that are remembered; the one that was longest not asked about is forgotten first."""
_WHATEVER = frozenset(
    {
        "asked_since",
        "candidate",
        "champions",
        "duplicate",
        "holders",
        "named",
        "named_changes",
        "named_policies",
        "named_processes",
        "named_teams",
        "open_gate",
        "picking",
        "policy",
        "recruits",
        "revealing",
    }
)
"""The fields of a subject on which no judgement depends; everything else, and every field to come, is looked at."""


@dataclass(slots=True)
class Judgement:
    """A change on its route, on one day. Who is asked is worked out when somebody wants to know."""

    case: Case
    route: RouteFacts
    today: date
    _asked: dict[str, Asked] = field(default_factory=dict)
    _verdict: Verdict | None = None

    def asked(self, gate: str) -> Asked:
        """Who would be asked at a gate.

        Raises:
            LookupError: no such gate.
        """
        found = self._asked.get(gate)
        if found is None:
            found = self._asked[gate] = people_at(self.case, gate, self.today)
        return found

    def gate(self, name: str, now: datetime) -> GateFacts:
        """A gate as it would be asked now.

        Raises:
            LookupError: no such gate.
        """
        return gate_with(self.case, name, self.asked(name), now)

    def gate_since(self, name: str, since: datetime, now: datetime) -> GateFacts:
        """The same gate, with the time to answer reckoned from ``since`` by the calendar as it is now."""
        due, reminders = working_time(self.case.policy.time).window(
            since, self.case.policy.gate(self.case.route, name).answer_in
        )
        return self.gate(name, now).having(due=due, reminders=reminders)

    def empowerment(self, now: datetime) -> Empowerment:
        """What the proposer may decide alone, and until when their manager may object to what they decide now."""
        if self._verdict is None:
            self._verdict = verdict_in(self.case)
        return self._verdict.as_of(self.case.policy, now)


def judge(
    policy: Policy, directory: Directory, subject: Subject, stand_ins: StandIns = NOBODY_STANDS_IN, *, today: date
) -> Judgement:
    """The change on the first route that fits, and the reasons. A policy's last route fits every change."""
    circumstances = circumstances_of(directory, subject)
    passed: list[str] = []
    *special, route = policy.routes
    outcome = evaluate(route.when, circumstances)
    for one in special:
        found = evaluate(one.when, circumstances)
        if found.holds:
            route, outcome = one, found
            break
        passed.append(f"Not {one.name}: {found.because}")
    because = (f"Route {route.name}: {outcome.because}", *passed)
    facts = RouteFacts(policy=policy.ref, route=route.name, because=because)
    return Judgement(Case(policy, directory, subject, route, stand_ins), facts, today)


class Judgements:
    """The judgements of one state of the organisation. Safe to share between threads: what two work out at the same
    time is the same."""

    def __init__(self, directory: Directory, stand_ins: StandIns, today: date) -> None:
        self._directory = directory
        self._stand_ins = stand_ins
        self._today = today
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, Judgement] = OrderedDict()
        self._people: dict[str, PersonFacts] = {}

    def still_hold(self, directory: Directory, stand_ins: StandIns, today: date) -> bool:
        """Whether this is about the organisation as it is now."""
        return self._directory is directory and self._stand_ins is stand_ins and self._today == today

    def of(self, policy: Policy, subject: Subject) -> Judgement:
        """What ``policy`` says of a change."""
        key = (policy.ref.sha256, _circumstances(subject))
        with self._lock:
            found = self._known.get(key)
            if found is not None:
                self._known.move_to_end(key)
                return found
        made = judge(policy, self._directory, subject, self._stand_ins, today=self._today)
        with self._lock:
            self._known[key] = made
            while len(self._known) > MOST:
                self._known.popitem(last=False)
        return made

    def person(self, ref: str) -> PersonFacts:
        """Somebody as the rules see them today, with the absence they announced themselves.

        Raises:
            directory.model.UnknownReference: nobody has this reference.
        """
        found = self._people.get(ref)
        if found is None:
            found = self._directory.as_person_facts(ref, self._today)
            if not found.away and self._stand_ins.away_until(ref, self._today):
                found = found.having(away=True)
            self._people[ref] = found
        return found


def _circumstances(subject: Subject) -> Hashable:
    """Everything about a change that a judgement may depend on."""
    parts = {name: value for name, value in subject.__dict__.items() if name not in _WHATEVER}
    parts["levels"] = tuple(parts["levels"].items())
    return tuple(parts.values())
