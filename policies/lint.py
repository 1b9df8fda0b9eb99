"""Finds in a valid policy what would go wrong later: roads nobody can take, gates nobody can answer, time that stops.

Behind ``groundswell policy check FILE`` (lifecycle.md, The governance policy).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel

from changes.facts import ENDORSE_TESTS, GATES, REVIEW, SIGN_TESTS, Quorum
from directory.cycles import cycles
from directory.model import EMPLOYEE, Directory
from policies.conditions import AllOf, KindComparison, ProcessComparison, TeamsComparison, When
from policies.reachability import can_hold, comparisons
from policies.relations import Kind, parse
from policies.schema import REVEAL, Grant, Policy, Route, Time
from policies.staffing import Staffing
from policies.values import Duration
from policies.wording import counted
from policies.working_time import LONGEST_PAUSE, NeverWorking, WorkingTime

Severity: TypeAlias = Literal["error", "warning", "note"]
"""``error``: some change would be stuck. ``warning``: probably not meant. ``note``: worth knowing."""
LONG_PAUSE = 60
"""Days in a row without working time that are worth a warning."""
_FIRST_DAY_LOOKED_AT = date(2025, 1, 1)
_LAST_YEAR_LOOKED_AT = 2032
_FURTHEST_YEAR = 2080
_SINGLE = (Kind.MANAGER_OF_PROPOSER, Kind.OWNER_OF_PROCESS, Kind.PERSON)
"""Relations that name one person."""
_MAY_BE_ZERO = ("proposal.free_edit", "objection_window")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. ``path`` names routes and gates by their names: ``routes.cross-team.gates.sign_tests``."""

    severity: Severity
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.path}: {self.message}"


def check(policy: Policy, directory: Directory | None = None, today: date | None = None) -> tuple[Finding, ...]:
    """Everything found, errors first.

    Args:
        policy: the policy to look at.
        directory: whose people should be able to answer; without one only the policy itself is looked at.
        today: the day on which absences count; without one nobody is away.
    """
    found = [*_routes(policy), *_grants(policy), *_quorums(policy), *_durations(policy), *_calendar(policy)]
    found += _about_itself(policy)
    if directory is not None:
        found += [
            *_circles(directory),
            *_strangers(policy, directory),
            *_staffing(policy, directory, today or date.max),
        ]
    order = ("error", "warning", "note")
    return tuple(sorted(dict.fromkeys(found), key=lambda finding: order.index(finding.severity)))


def _routes(policy: Policy) -> Iterator[Finding]:
    for number, route in enumerate(policy.routes):
        path, before = f"routes.{route.name}", policy.routes[:number]
        if not can_hold(route.when):
            empty = any(leaf.operator == "in" and not leaf.operand for leaf in comparisons(route.when))
            if empty:
                yield Finding("note", path, "fits no change yet, because a list in its condition is empty")
            else:
                yield Finding("error", path, "fits no change: its condition contradicts itself")
        elif not can_hold(route.when, [earlier.when for earlier in before]):
            taker = next((earlier.name for earlier in before if not can_hold(route.when, [earlier.when])), None)
            by = f'"{taker}"' if taker is not None else "several routes together"
            yield Finding("error", path, f"is never reached: every change that fits it is taken before, by {by}")


def _grants(policy: Policy) -> Iterator[Finding]:
    for number, grant in enumerate(policy.empowerment):
        for other_number, other in enumerate(policy.empowerment):
            same = other.limits == grant.limits and other.role == grant.role
            if number == other_number or (same and other_number > number):
                continue
            if other.role in (EMPLOYEE, grant.role) and _reaches_as_far(other, grant):
                message = f'changes nothing: the limits of "{other.role}" overlap it and reach at least as far'
                yield Finding("warning", f"empowerment.{grant.role}", message)
                break


def _reaches_as_far(one: Grant, other: Grant) -> bool:
    a, b = one.limits, other.limits
    more = a.people_affected >= b.people_affected and a.cost >= b.cost and a.reversible <= b.reversible
    flags = ((a.crosses_teams, b.crosses_teams), (a.customer_facing, b.customer_facing), (a.regulated, b.regulated))
    return more and all(mine >= theirs for mine, theirs in flags)


def _quorums(policy: Policy) -> Iterator[Finding]:
    """Find quorums for more people than ``who`` can ever name, without looking at a directory."""
    for route in policy.routes:
        for name in (*GATES, REVEAL):
            gate = policy.gate(route, name)
            if any(parse(entry).kind not in _SINGLE for entry in gate.who):
                continue
            most = len(set(gate.who))
            needed = gate.quorum.needed(most)
            if gate.quorum.each is not None and gate.quorum.each.needed(1) > 1:
                most, needed = 1, gate.quorum.each.needed(1)  # each entry is a group of one
            if needed > most:
                message = f"{needed} must say yes, but it names {counted(most, 'person', 'people')} at most"
                yield Finding("error", _gate_path(policy, route.name, name), message)


def _about_itself(policy: Policy) -> Iterator[Finding]:
    """Find roads on which one person alone could change the policy: those it governs must not weaken it."""
    for route in _roads_of_policies(policy):
        for name in (ENDORSE_TESTS, SIGN_TESTS):
            gate = policy.gate(route, name)
            all_endorsers = gate.quorum.rule == "all" and gate.who == (Kind.ENDORSERS,)
            if _fewest(gate.quorum) < 2 and not all_endorsers:
                message = "one person alone could change the policy on this route; ask for two yeses at least"
                yield Finding("error", f"routes.{route.name}.gates.{name}", message)


def _roads_of_policies(policy: Policy) -> Iterator[Route]:
    """The routes that a change of the policy itself can take."""
    of_policies = KindComparison.model_validate({"field": "kind", "is": "policy"})
    before: list[When] = []
    for route in policy.routes:
        asked = of_policies if route.when == "always" else AllOf.model_validate({"all": [of_policies, route.when]})
        if can_hold(asked, before):
            yield route
        before.append(route.when)


def _fewest(quorum: Quorum) -> int:
    """The fewest yeses with which a quorum can ever be reached."""
    return min(quorum.needed(seats) for seats in range(1, 20))


def _circles(directory: Directory) -> Iterator[Finding]:
    """Find managers above themselves: an escalation would run in a circle and end before it reaches anybody new."""
    managers = {person.ref: person.manager for person in directory.people.values() if person.manager is not None}
    for circle in cycles(managers):
        names = " → ".join(directory.person(ref).name for ref in (*circle, circle[0]))
        yield Finding("error", "escalation", f"runs in a circle, because they are each other's managers: {names}")


def _gate_path(policy: Policy, route: str, gate: str) -> str:
    """Where the people of a gate are written: on the route, or among the defaults."""
    if gate == REVEAL:
        return "anonymity.reveal"
    if gate == REVIEW:
        return "review.by"
    rule = policy.route(route).gates.rule(gate)
    own = rule.who is not None or rule.quorum is not None
    return f"routes.{route}.gates.{gate}" if own else f"gates.{gate}"


def _durations(policy: Policy) -> Iterator[Finding]:
    for path, duration in _durations_in(policy, ""):
        if duration.amount == 0:
            severity: Severity = "warning" if path.endswith(_MAY_BE_ZERO) else "error"
            yield Finding(severity, path, "is zero, so that nobody has any time")


def _durations_in(value: Any, path: str) -> Iterator[tuple[str, Duration]]:
    if isinstance(value, Duration):
        yield path, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _durations_in(getattr(value, name), f"{path}.{name}" if path else name)
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            word = getattr(item, "name", None) or getattr(item, "role", None) or number
            yield from _durations_in(item, f"{path}.{word}")


def _calendar(policy: Policy) -> Iterator[Finding]:
    calendar = WorkingTime(policy.time)
    if not policy.time.working_days:
        yield Finding("error", "time.working_days", "names no day, so that no deadline ever comes")
        return
    pause, since = _longest_pause(calendar, policy.time)
    if pause >= LONGEST_PAUSE:
        message = f"leaves no working day for years from {since.isoformat()} on, so that deadlines never come"
        yield Finding("error", "time", message)
        return
    if pause >= LONG_PAUSE:
        message = f"stops every deadline for {pause} days in a row from {since.isoformat()} on"
        yield Finding("warning", "time", message)
    yield from _too_early_expiry(policy, calendar)


def _longest_pause(calendar: WorkingTime, settings: Time) -> tuple[int, date]:
    """The longest run of days without working time, and its first day."""
    named = [int(freeze.end[:4]) for freeze in settings.freezes if not freeze.yearly]
    last = date(min(max([_LAST_YEAR_LOOKED_AT, *named]) + 1, _FURTHEST_YEAR), 12, 31)
    day = since = longest_since = _FIRST_DAY_LOOKED_AT
    longest = 0
    while day <= last:
        if calendar.working_day(day) is not None:
            since = day + timedelta(days=1)
        elif (day - since).days + 1 > longest:
            longest, longest_since = (day - since).days + 1, since
        day += timedelta(days=1)
    return longest, longest_since


def _too_early_expiry(policy: Policy, calendar: WorkingTime) -> Iterator[Finding]:
    """Find gates at which a change expires before the last level of escalation had its time to answer."""
    start = datetime(2026, 3, 2, 12, tzinfo=UTC)  # an ordinary Monday
    try:
        expires = calendar.add(start, policy.escalation.expire_after)
        for route in policy.routes:
            for name in GATES:
                due = start
                for _ in range(policy.escalation.levels + 1):
                    due = calendar.add(due, policy.gate(route, name).answer_in)
                if due > expires:
                    message = f"a change expires before all levels of managers had their time at {name}"
                    yield Finding("warning", f"routes.{route.name}", message)
    except NeverWorking:
        yield Finding("error", "time", "leaves no working day in the years ahead, so that deadlines never come")


def _strangers(policy: Policy, directory: Directory) -> Iterator[Finding]:
    """Find people, roles, processes and teams that the directory does not have."""
    for path, entry in _everyone_named(policy):
        relation = parse(entry)
        if relation.kind is Kind.PERSON:
            person = directory.people.get(relation.argument)
            if person is None:
                yield Finding("error", path, f'nobody in the directory has the reference "{relation.argument}"')
            elif not person.active:
                yield Finding("warning", path, f"{person.name} has left; please name somebody else")
        if relation.kind is Kind.ROLE and not directory.with_role(relation.argument):
            yield Finding("warning", path, f"nobody in the directory has the role {relation.argument}")
    for route in policy.routes:
        for leaf in comparisons(route.when):
            known = directory.processes if isinstance(leaf, ProcessComparison) else directory.teams
            if isinstance(leaf, ProcessComparison | TeamsComparison):
                named = leaf.operand if leaf.operator == "in" else (leaf.operand,)
                for ref in named:
                    if ref not in known:
                        message = f'the directory does not know "{ref}"'
                        yield Finding("warning", f"routes.{route.name}.when", message)


def _everyone_named(policy: Policy) -> Iterator[tuple[str, str]]:
    for route in policy.routes:
        for name in (*GATES, REVEAL):
            path = _gate_path(policy, route.name, name)
            yield from ((path, entry) for entry in policy.gate(route, name).who)
    yield from (("fallback", entry) for entry in policy.fallback)
    if any(route.review_within for route in policy.routes):
        yield from (("review.by", entry) for entry in policy.review.by)
        yield from (("review.tell", entry) for entry in policy.review.tell)


def _staffing(policy: Policy, directory: Directory, today: date) -> Iterator[Finding]:
    staffing = Staffing(policy, directory, today)
    for shortage in (*staffing.shortages(), *staffing.through_fallback(_roads_of_policies(policy))):
        path = _gate_path(policy, shortage.route, shortage.gate)
        yield Finding("error" if shortage.certain else "note", path, shortage.message)
    if not staffing.finished:
        yield Finding("note", "gates", "not every combination of proposer, process and team could be tried")
