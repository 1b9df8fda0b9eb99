"""What a proposer may decide alone, limit by limit (product.md: empower people to suggest and decide)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from changes.facts import Empowerment
from changes.values import is_pseudonym
from policies.case import Case
from policies.circumstances import circumstances_of, roles_of
from policies.conditions import Circumstances, yes_or_no
from policies.schema import Grant, Policy, Route
from policies.values import Duration
from policies.wording import amount, counted
from policies.working_time import working_time


@dataclass(frozen=True, slots=True)
class Check:
    """One limit held against a change."""

    within: bool
    because: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a proposer may decide alone, whatever the hour."""

    allowed: bool
    because: tuple[str, ...]
    objection_window: Duration | None = None
    """How long the proposer's manager may object; none where there is no grant."""

    def as_of(self, policy: Policy, now: datetime) -> Empowerment:
        """The same with the moment until which a decision made now could be objected to."""
        window = self.objection_window
        due = working_time(policy.time).add(now, window) if window is not None else now
        return Empowerment(allowed=self.allowed, because=self.because, objection_due=due)


def verdict_in(case: Case) -> Verdict:
    """Whether the proposer of a change may decide alone; the most generous grant of their roles counts.

    The reasons speak to the proposer. Without a grant there is no objection window.
    """
    policy, directory, subject = case.policy, case.directory, case.subject
    roles = roles_of(directory, subject.proposer)
    grants = [grant for grant in policy.empowerment if grant.role in roles]
    proposer = directory.people.get(subject.proposer)
    if is_pseudonym(subject.proposer):
        return _others("Others decide with you: what is proposed anonymously is not decided alone")
    if proposer is None or not proposer.active:
        return _others("Only people who work here may decide alone")
    if subject.kind == "policy":
        return _others("Others decide with you: nobody changes the policy alone")
    if not grants:
        return _others("The policy gives none of your roles limits to decide within")
    circumstances = circumstances_of(directory, subject)
    grant, checks = _most_generous(grants, circumstances)
    allowed, headline = _verdict(case.route, grant, all(check.within for check in checks))
    reasons = tuple(_sentence(check.because) for check in checks) if case.route.decide_alone == "within_limits" else ()
    return Verdict(allowed, (headline, *reasons), grant.objection_window)


def _others(reason: str) -> Verdict:
    return Verdict(allowed=False, because=(reason,))


def _verdict(route: Route, grant: Grant, within: bool) -> tuple[bool, str]:
    match route.decide_alone:
        case "always":
            return True, f"You may decide this yourself: changes on the route {route.name} are authorised beforehand"
        case "never":
            return False, f"Others decide with you: nobody decides alone on the route {route.name}"
        case "within_limits" if within:
            return True, f"You may decide this yourself: it is within the limits of the role {grant.role}"
        case _:
            return False, f"Others decide with you: it is beyond the limits of the role {grant.role}"


def _most_generous(grants: list[Grant], circumstances: Circumstances) -> tuple[Grant, tuple[Check, ...]]:
    """The grant with the fewest limits in the way; among equals the one that reaches furthest."""

    def reach(item: tuple[Grant, tuple[Check, ...]]) -> tuple[int, int, Decimal]:
        grant, checks = item
        limits = grant.limits
        return (sum(check.within for check in checks), limits.people_affected, limits.cost)

    measured = [(grant, tuple(_checks(grant, circumstances))) for grant in grants]
    return max(measured, key=reach)


def _checks(grant: Grant, circumstances: Circumstances) -> Iterator[Check]:
    limits = grant.limits
    people = counted(circumstances.people_affected, "person", "people")
    yield Check(
        circumstances.people_affected <= limits.people_affected,
        f"it touches {people}; you may decide up to {limits.people_affected:,}",
    )
    yield Check(
        circumstances.cost <= limits.cost,
        f"it costs {amount(circumstances.cost)}; you may decide up to {amount(limits.cost)}",
    )
    yield _choice("reversible", circumstances, open_to_all=not limits.reversible, harmless=True)
    for name in ("crosses_teams", "customer_facing", "regulated"):
        yield _choice(name, circumstances, open_to_all=getattr(limits, name), harmless=False)


_BOUNDS = {
    "reversible": "you may decide only what can be undone",
    "crosses_teams": "you may decide only what stays inside one team",
    "customer_facing": "you may decide only what customers will not notice",
    "regulated": "you may decide only what is not regulated",
}


def _choice(name: str, circumstances: Circumstances, *, open_to_all: bool, harmless: bool) -> Check:
    actual: bool = getattr(circumstances, name)
    bound = "you may decide that either way" if open_to_all else _BOUNDS[name]
    return Check(open_to_all or actual == harmless, f"{yes_or_no(name, circumstances)}; {bound}")


def _sentence(clause: str) -> str:
    return clause[0].upper() + clause[1:]
