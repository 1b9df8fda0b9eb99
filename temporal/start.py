"""What a change's workflow starts with, and what it carries into its next run."""

from __future__ import annotations

from itertools import islice

from changes.instruction import Applied
from changes.state import Change
from changes.values import Ref, Value

KEYS_CARRIED = 200
"""Some hundred bytes each. Older ones are answered by the records, for ever."""


class Carried(Value):
    """A change's workflow state: one value that survives continue-as-new.

    Update ids deduplicate within a run only, so the newest keys that were applied travel along (reference/temporal.md
    7.1). The change itself does not: it grows for as long as it lives, and a run that could not begin because its input
    is too large would be its end. Each run reads it from its records (docs/decisions/0045).
    """

    change: Change | None = None
    """As this run knows it. Only runs of release 0.2 and before carried it into the next."""
    applied: dict[str, Applied] = {}  # noqa: RUF012 - pydantic copies defaults
    undelivered: bool = False
    """Notices of this change may still wait in the outbox."""
    ahead: float = 0
    """Seconds by which the demonstration's clock is ahead of the server's; always 0 in production."""
    look_again: tuple[str, ...] = ()
    """Signals that came too late for this run."""

    def for_the_next_run(self, look_again: tuple[str, ...]) -> Carried:
        """What no record says."""
        older = max(len(self.applied) - KEYS_CARRIED, 0)
        newest = dict(islice(self.applied.items(), older, None))
        return Carried(applied=newest, undelivered=self.undelivered, look_again=look_again)


class ChangeStart(Value):
    """The input of a change's workflow, which rebuilds the change from its records."""

    change: Ref
    carried: Carried | None = None
    demonstration: bool = False
    """Whether to look at the demonstration's clock first. A worker in production answers that there is none."""
