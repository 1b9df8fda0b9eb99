"""How long we try, by kind of work."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

RECORDING = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), backoff_coefficient=2, maximum_interval=timedelta(minutes=1)
)
"""Look-ups and records: for ever. While the database is away updates wait, and nothing is lost."""
RECORDING_ATTEMPT = timedelta(seconds=45)
"""One attempt; longer than SQLite's busy wait, so that a slow disk is not mistaken for a lost worker."""
IN_THE_DECISION = workflow.LocalActivityConfig(
    start_to_close_timeout=RECORDING_ATTEMPT,
    retry_policy=RECORDING,
    # Pauses up to this long are spent inside the workflow task, which writes two events every few seconds. Longer ones
    # are timers, so that an outage over a weekend does not fill a history (51,200 events) and end the change.
    local_retry_threshold=timedelta(seconds=10),
)
"""How a decision calls its local activities."""

SEALING = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_attempts=3)
"""The ledger's checkpoints: the next round is a minute away."""
SEALING_ATTEMPT = timedelta(seconds=45)

DELIVERING = RetryPolicy(
    initial_interval=timedelta(seconds=5),
    backoff_coefficient=3,
    maximum_interval=timedelta(minutes=10),
    maximum_attempts=6,
)
"""Mail: about ten minutes; what is left then is picked up by housekeeping. A change never waits for its mail."""
DELIVERING_ATTEMPT = timedelta(minutes=2)
LOOKING_ATTEMPT = timedelta(minutes=30)
"""Looking at every open gate of a large organisation, some milliseconds each."""

DIGESTING = RetryPolicy(
    initial_interval=timedelta(seconds=30),
    backoff_coefficient=3,
    maximum_interval=timedelta(hours=1),
    maximum_attempts=15,
)
"""Digests: half a day."""
DIGESTING_ATTEMPT = timedelta(minutes=30)

POSTING = RetryPolicy(initial_interval=timedelta(seconds=5), backoff_coefficient=3, maximum_attempts=4)
"""A round of webhooks that could not be done at all. What a receiver refuses is no failure of a round."""
POSTING_ATTEMPT = timedelta(minutes=10)
