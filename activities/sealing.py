"""Sealing the ledger: a signed checkpoint at least each minute when there is something new, kept outside too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError

from settings import SettingsWrong
from store.checkpoints import LedgerDamaged, Sealer, head_of, latest_vouched
from store.database import reading
from store.searching import index_new_words
from store.stopping import stopped_because
from temporal import calls

WITNESSED_AT = "groundswell_ledger_witnessed_timestamp_seconds"
"""The metric: when somebody outside last vouched for the ledger, in seconds since 1970. Its age is the window in which
a loss could go unseen."""
WITNESSED_SIZE = "groundswell_ledger_witnessed_records"
"""How many records were vouched for then."""
SIZE = "groundswell_ledger_records"
"""How many there are now. While this is more for longer than some minutes, something outside does not work."""
STOPPED = "groundswell_ledger_stopped"
"""1 while nothing is recorded because the ledger does not fit what was signed or kept, else 0."""

log = structlog.get_logger()


class SealingActivities:
    """Activities that seal one log."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def all(self) -> list[Callable[..., Any]]:
        """The activities, for the worker's list."""
        return [self.seal_ledger]

    @activity.defn(name=calls.SEAL)
    def seal_ledger(self) -> calls.Sealing:
        """Sign what is new, hand it to whoever keeps copies, and bring the search up to date.

        Raises:
            ApplicationError: the ledger does not fit what was signed or kept; it is stopped.
        """
        try:
            sealed = self._sealer.seal()
        except (LedgerDamaged, SettingsWrong) as error:
            self._measure()
            raise ApplicationError(str(error), type=type(error).__name__, non_retryable=True) from error
        index_new_words(self._sealer.engine)
        self._measure()
        if sealed is None:
            return calls.Sealing()
        if sealed.new:
            log.info("sealed", size=sealed.size, kept=sealed.kept, cosigned=sealed.cosigned)
        return calls.Sealing(size=sealed.size, new=sealed.new, problems=sealed.problems)

    def _measure(self) -> None:
        with reading(self._sealer.engine) as connection:
            vouched, size, stopped = latest_vouched(connection), head_of(connection).size, stopped_because(connection)
        meter = activity.metric_meter()
        meter.create_gauge(SIZE, "records in the ledger").set(size)
        meter.create_gauge(STOPPED, "whether nothing is recorded any more").set(1 if stopped else 0)
        if vouched:
            meter.create_gauge_float(WITNESSED_AT, "when the ledger was last vouched for").set(vouched.at.timestamp())
            meter.create_gauge(WITNESSED_SIZE, "records vouched for outside").set(vouched.size)
