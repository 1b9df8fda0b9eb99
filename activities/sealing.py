"""Sealing the ledger: a signed checkpoint at least each minute when there is something new, kept outside too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError

from settings import SettingsWrong
from store.checkpoints import LedgerDamaged, Sealer, latest_vouched
from store.database import reading
from store.searching import index_new_words
from temporal import calls

WITNESSED_AT = "groundswell_ledger_witnessed_timestamp_seconds"
"""The metric: when somebody outside last vouched for the ledger, in seconds since 1970. Its age is the window in which
a loss could go unseen."""
WITNESSED_SIZE = "groundswell_ledger_witnessed_records"

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
            vouched = latest_vouched(connection)
        if vouched:
            meter = activity.metric_meter()
            meter.create_gauge_float(WITNESSED_AT, "when the ledger was last vouched for").set(vouched.at.timestamp())
            meter.create_gauge(WITNESSED_SIZE, "records vouched for outside").set(vouched.size)
