"""Webhooks: what is told of an event, how it is signed, and what an answer means.

Body: CloudEvents 1.0, structured JSON. Signature: Standard Webhooks, with the secret before last beside the present one
while it is being replaced. An event names no person and holds nothing that anybody wrote but the title: a receiver asks
the API for more, with its own rights.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import httpx2
from standardwebhooks.webhooks import Webhook

from changes.events import Event
from changes.state import Change
from changes.values import Value
from changes.waiting import standing
from notifications.outside import NotOutside

TYPE = "groundswell.change."
"""How the type of every event begins; the kind of event follows."""
TEST_TYPE = "groundswell.test"
PATIENCE = timedelta(days=3)
"""After which an event is given up for an endpoint."""
TIMEOUT = 10.0
"""Seconds to connect, and to wait for each part of an answer."""
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 4 * 3600.0
"""Seconds between attempts: 5 s, 20 s, 80 s, 5 min, 21 min, 85 min, then every four hours."""
GONE = 410
"""By which a receiver says that it wants nothing more."""
SECRET_PREFIX = "whsec_"  # noqa: S105 - the public prefix of the standard


class Posting(Value):
    """One event to be sent, as it is written down with the decision."""

    event: str
    """The same for the same event, whenever it is worked out; receivers deduplicate by it."""
    type: str
    change: str
    data: str
    """JSON."""


def postings_for(after: Change, events: Sequence[Event], version: int) -> tuple[Posting, ...]:
    """What endpoints hear of one command.

    Votes, interest and answers to invitations are never sent: nobody else is told of them either.

    Args:
        version: the version of the change before the first event.
    """
    state = {
        "change": after.ref,
        "title": after.title,
        "process": after.proposal.content.process,
        "stage": after.stage.value,
        "phase": after.phase.value,
        "outcome": after.closing.outcome.value if after.closing else None,
        "standing": standing(after),
        "version": after.version,
    }
    return tuple(
        Posting(
            event=_event_id(f"{after.ref}/{number}"),
            type=f"{TYPE}{event.kind}",
            change=after.ref,
            data=json.dumps({**state, "event": event.kind, "number": number, "at": event.at.isoformat()}),
        )
        for number, event in enumerate(events, start=version + 1)
        if not event.discreet
    )


def trial(now: datetime) -> Posting:
    """An event by which a receiver can be tried out."""
    data = json.dumps({"message": "This is a test. Nothing has happened.", "at": now.isoformat()})
    return Posting(event=_event_id(secrets.token_hex(16)), type=TEST_TYPE, change="", data=data)


def _event_id(what: str) -> str:
    return f"evt_{hashlib.sha256(what.encode()).hexdigest()[:32]}"


def new_secret() -> str:
    """A secret as receivers' libraries take it."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def body(posting: Posting, source: str) -> str:
    """The CloudEvent, the same at every attempt."""
    data: dict[str, Any] = json.loads(posting.data)
    event = {
        "specversion": "1.0",
        "id": posting.event,
        "source": source,
        "type": posting.type,
        "time": data.pop("at"),
        "datacontenttype": "application/json",
        "data": data,
    }
    if posting.change:
        event["subject"] = posting.change
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def headers(event: str, content: str, signing: Sequence[str], now: datetime) -> dict[str, str]:
    """The headers of a request, signed with each of the secrets ``signing``."""
    return {
        "Content-Type": "application/cloudevents+json; charset=utf-8",
        "User-Agent": "Groundswell",
        "webhook-id": event,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(event, now, content) for secret in signing),
    }


@dataclass(frozen=True)
class Answered:
    """What became of an attempt."""

    status: int | None
    milliseconds: int
    error: str = ""

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Whether the receiver wants nothing more."""
        return self.status == GONE


def post(client: httpx2.Client, url: str, content: str, with_headers: dict[str, str]) -> Answered:
    """Send it once. The answer's body is not read: nobody needs it, and it could be endless."""
    began = monotonic()

    def took() -> int:
        return round((monotonic() - began) * 1000)

    try:
        with client.stream("POST", url, content=content.encode(), headers=with_headers) as response:
            status = response.status_code
    except NotOutside as error:
        return Answered(None, took(), str(error))
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return Answered(None, took(), f"{type(error).__name__}: {error}"[:500])
    if 300 <= status < 400:
        return Answered(status, took(), "It answered with another address; webhooks do not follow those.")
    return Answered(status, took())


def pause_after(attempts: int) -> float:
    """Seconds to wait after ``attempts`` that failed."""
    return float(min(FIRST_PAUSE * 4 ** max(attempts - 1, 0), LONGEST_PAUSE))
