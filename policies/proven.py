"""Kinds of change that were proven often enough to be authorised beforehand, and the policy that would do so.

Source: docs/decisions/0018; ServiceNow's standard change proposal is the nearest peer (reference/peers.md, B2). A kind
of change is its process. What has worked is counted; nobody is counted against it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from changes.state import Change, EffectOutcome, Outcome
from changes.values import Ref, Value
from policies.conditions import ProcessComparison
from policies.loader import parse_policy
from policies.reachability import comparisons
from policies.schema import Policy, Route


class CannotBeAdded(Exception):
    """The policy has no list of processes on a route that is authorised beforehand; the message says what to do."""


class Proven(Value):
    """A process whose changes keep working."""

    process: Ref
    effective: tuple[Ref, ...]
    """The closed changes whose last effect check found them effective."""
    against: tuple[Ref, ...] = ()
    """The closed or rolled back ones that were not: evidence too."""
    often_enough: bool
    """Whether it worked as often as the policy asks for, and far more often than not."""


class Verdict(NamedTuple):
    """What one ended change says about its process."""

    process: str
    change: str
    worked: bool


def proven(policy: Policy, verdicts: Iterable[Verdict]) -> tuple[Proven, ...]:
    """Every process with at least one effective change that is not authorised beforehand yet, the best proven first."""
    good: dict[str, list[str]] = defaultdict(list)
    bad: dict[str, list[str]] = defaultdict(list)
    already = set(authorised(policy))
    for verdict in verdicts:
        if verdict.process not in already:
            (good if verdict.worked else bad)[verdict.process].append(verdict.change)
    found = [
        Proven(
            process=ref,
            effective=tuple(refs),
            against=tuple(bad[ref]),
            often_enough=len(refs) >= policy.learning.proven_after and len(refs) > 2 * len(bad[ref]),
        )
        for ref, refs in good.items()
    ]
    return tuple(sorted(found, key=lambda one: (not one.often_enough, -len(one.effective), one.process)))


def worked(change: Change) -> bool | None:
    """Whether a change that ran its whole road was effective; none if that says nothing about its process."""
    content = change.proposal.content
    if change.closing is None or content.policy or content.regulated:
        return None
    if change.closing.outcome is Outcome.ROLLED_BACK:
        return False
    found = [check.outcome for check in change.learning.checks if check.outcome is not None]
    if change.closing.outcome is not Outcome.ADOPTED or not found:
        return None
    return {EffectOutcome.EFFECTIVE: True, EffectOutcome.INEFFECTIVE: False}.get(found[-1])


def authorised(policy: Policy) -> Iterator[str]:
    """The processes whose changes are authorised beforehand."""
    for route in policy.routes:
        for leaf in comparisons(route.when) if route.decide_alone == "always" else ():
            if isinstance(leaf, ProcessComparison):
                yield from leaf.operand if leaf.operator == "in" else (leaf.operand,)


def with_process(text: str, process: str) -> str:
    """The text of a policy with one more process on its pre-authorised route, as the next version; all else as it was.

    Raises:
        CannotBeAdded: there is no such route, or its list is not written as ``{field: process, in: [...]}``.
    """
    before = parse_policy(text)
    route = next((route for route in before.routes if route.decide_alone == "always" and _list_of(route)), None)
    if route is None:
        raise CannotBeAdded(
            "No route has decide_alone: always with a list of processes. Add one such as the shipped policy's "
            "“standard”, and put that forward by hand."
        )
    begin = re.search(rf"^\s*- name: {re.escape(route.name)}\s*$", text, re.MULTILINE)
    listed = re.compile(r"(field: process, in: \[)([^\]]*)(\])").search(text, begin.end() if begin else 0)
    if listed is None:
        raise CannotBeAdded(
            f"The list of route {route.name} is not written as {{field: process, in: [...]}}; edit it by hand."
        )
    known = [one.strip() for one in listed[2].split(",") if one.strip()]
    after = text[: listed.start()] + listed[1] + ", ".join([*known, process]) + listed[3] + text[listed.end() :]
    numbered = re.sub(r"^version: .*$", f"version: {before.version + 1}", after, count=1, flags=re.MULTILINE)
    policy = parse_policy(numbered)
    if process not in authorised(policy) or policy.version != before.version + 1:
        raise CannotBeAdded(f"The list of route {route.name} could not be found in the text; edit it by hand.")
    return numbered


def _list_of(route: Route) -> bool:
    return any(isinstance(leaf, ProcessComparison) and leaf.operator == "in" for leaf in comparisons(route.when))
