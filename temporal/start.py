"""What a change's workflow starts with, and what it carries into its next run."""

from __future__ import annotations

from changes.instruction import Applied
from changes.state import Change
from changes.values import Ref, Value


class Carried(Value):
    """A change's workflow state: one value that survives continue-as-new.

    Update ids deduplicate within a run only, so the keys that were applied travel along (reference/temporal.md 7.1).
    """

    change: Change | None = None
    applied: dict[str, Applied] = {}  # noqa: RUF012 - pydantic copies defaults
    undelivered: bool = False
    """Notices of this change may still wait in the outbox."""
    ahead: float = 0
    """Seconds by which the demonstration's clock is ahead of the server's; always 0 in production."""


class ChangeStart(Value):
    """The input of a change's workflow. Without ``carried`` it rebuilds the change from its records."""

    change: Ref
    carried: Carried | None = None
    demonstration: bool = False
    """Whether to look at the demonstration's clock first. A worker in production answers that there is none."""
