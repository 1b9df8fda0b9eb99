"""Holds a system's token to the change, process or metric it was made for. What lies outside does not exist for it."""

from __future__ import annotations

from changes.commands import Command
from changes.permissions import Verdict
from changes.rollout import ReportMetric
from changes.state import Change
from changes.testing import RecordResult
from store.reading import change_state
from store.tokens import Bounds
from web.security.authorising import NotPermitted
from web.security.sign_in import Visitor
from web.services import Services

OUTSIDE = Verdict(False, "This token was made for something else.", hidden=True)


async def require_bounds(services: Services, visitor: Visitor, ref: str, command: Command) -> None:
    """Let a system report only what its token is for; people are not bounded.

    Raises:
        NotPermitted: as if there were no such change.
    """
    if not visitor.service:
        return
    change = await services.read(lambda connection: change_state(connection, ref))
    if change is None or not within(visitor.bounds, change, command):
        raise NotPermitted(OUTSIDE)


def within(bounds: Bounds, change: Change, command: Command) -> bool:
    """Whether ``command`` on ``change`` is what a token with these bounds is for."""
    if bounds.change and change.ref != bounds.change:
        return False
    if bounds.process and change.proposal.content.process != bounds.process:
        return False
    return not bounds.metric or bounds.metric in _measured(change, command)


def _measured(change: Change, command: Command) -> tuple[str, ...]:
    """What ``command`` reports: the guard's metric, or what the test measures."""
    match command:
        case ReportMetric(metric=metric):
            return (metric,)
        case RecordResult(test=ref):
            return tuple(test.measure for test in change.round.tests if test.ref == ref)
        case _:
            return ()
