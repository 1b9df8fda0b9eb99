"""Sending webhooks: what waits for one endpoint, in order, one round at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx2
import structlog
from sqlalchemy import Engine
from temporalio import activity

from notifications import webhooks
from notifications.outside import Outside, OutsideTransport
from notifications.webhooks import PATIENCE, Answered
from store.database import reading, writing
from store.webhooks import (
    MOST_GIVEN_UP,
    Due,
    Endpoint,
    due,
    endpoint_of,
    give_up_endpoint,
    given_up_in_a_row,
    signing_secrets,
    write_attempt,
)
from temporal import calls

MOST_IN_A_ROUND = 20
"""Events in one activity, so that it ends in time even where each answer takes long."""

NOTHING_ARRIVED = f"{MOST_GIVEN_UP} events in a row could not be delivered, each tried for {PATIENCE.days} days."

log = structlog.get_logger()


class PostingActivities:
    """Activities that send webhooks.

    Args:
        keys: under which secrets are stored: the present one and those used before.
        source: what events name as their source: where our pages are.
        transport: how requests leave; for tests.
    """

    def __init__(
        self,
        engine: Engine,
        keys: Sequence[bytes],
        source: str,
        outside: Outside,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self._engine = engine
        self._keys = keys
        self._source = source
        self._client = httpx2.Client(
            transport=OutsideTransport(outside, inner=transport),
            timeout=webhooks.TIMEOUT,
            follow_redirects=False,
            trust_env=False,
        )

    def all(self) -> list[Callable[..., Any]]:
        """The activities, for the worker's list."""
        return [self.post_events]

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    @activity.defn(name=calls.POST_EVENTS)
    def post_events(self, endpoint: str) -> calls.Posted:
        """Send what waits for ``endpoint``, the oldest first, until one fails. Run again, it goes on from there."""
        sent = 0
        for _ in range(MOST_IN_A_ROUND):
            with reading(self._engine) as connection:
                known, waiting = endpoint_of(connection, endpoint), due(connection, endpoint)
            if known is None or known.disabled_at or waiting is None:
                return calls.Posted(sent=sent)
            outcome = self._post(known, waiting)
            if outcome == "waiting":
                return calls.Posted(sent=sent, more=True, pause=webhooks.pause_after(waiting.attempts + 1))
            sent += outcome == "delivered"
        return calls.Posted(sent=sent, more=True)

    def _post(self, endpoint: Endpoint, waiting: Due) -> str:
        """Send one event once; what that makes of its delivery."""
        now = datetime.now(UTC)
        with reading(self._engine) as connection:
            signing = signing_secrets(connection, endpoint.ref, self._keys, now)
        content = webhooks.body(waiting.posting, self._source)
        headers = webhooks.headers(waiting.posting.event, content, signing, now)
        answered = webhooks.post(self._client, endpoint.url, content, headers)
        outcome = self._write_down(endpoint, waiting, answered)
        log.info(
            "webhook",
            endpoint=endpoint.ref,
            about=waiting.posting.event,
            status=answered.status,
            milliseconds=answered.milliseconds,
            outcome=outcome,
        )
        return outcome

    def _write_down(self, endpoint: Endpoint, waiting: Due, answered: Answered) -> str:
        now = datetime.now(UTC)
        with writing(self._engine) as connection:
            outcome = write_attempt(connection, waiting, answered, now)
            if answered.gone:
                because = "It answered 410: it wants no more events."
                give_up_endpoint(connection, endpoint, waiting.number, because, now)
                return "dropped"
            if outcome == "given up" and given_up_in_a_row(connection, endpoint.ref) >= MOST_GIVEN_UP:
                give_up_endpoint(connection, endpoint, waiting.number, NOTHING_ARRIVED, now)
        return outcome
