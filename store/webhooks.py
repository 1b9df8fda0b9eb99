"""Webhooks in the database: where events go, which wait to leave, and what became of each attempt."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from changes.facts import SYSTEM
from changes.values import Moment, Value
from notifications.notices import Notice
from notifications.webhooks import PATIENCE, Answered, Posting, new_secret
from store import tables
from store.sealing import seal, unseal

_PURPOSE = "webhook secret"
ROTATING = timedelta(hours=24)
"""How long the earlier secret signs beside a new one."""
KEPT = timedelta(days=90)
"""How long the log of deliveries is kept."""
MOST_GIVEN_UP = 3
"""After so many events in a row that could not be delivered in three days each, an endpoint is disabled."""
PAGE = 50


class Endpoint(Value):
    """Where events are sent."""

    ref: str
    url: str
    description: str
    types: tuple[str, ...]
    """The kinds of events that are sent; empty for all."""
    made_by: str
    created_at: Moment
    disabled_at: Moment | None
    disabled_because: str


class Due(Value):
    """The event that an endpoint gets next."""

    number: int
    posting: Posting
    attempts: int
    created_at: Moment
    last_at: Moment | None


class Attempt(Value):
    """What an endpoint answered once."""

    at: Moment
    status: int | None
    milliseconds: int
    error: str


class Delivery(Value):
    """An event on its way to an endpoint, or arrived, or given up."""

    number: int
    event: str
    type: str
    change: str
    created_at: Moment
    outcome: str
    """``waiting``, ``delivered``, ``given up`` or ``dropped``."""
    attempts: tuple[Attempt, ...]


def add_endpoint(
    connection: Connection,
    url: str,
    description: str,
    types: Collection[str],
    maker: str,
    key: bytes,
    now: datetime,
) -> tuple[Endpoint, str]:
    """A new endpoint and its secret, which is shown this once."""
    secret = new_secret()
    endpoint = Endpoint(
        ref=f"wh_{secrets.token_hex(8)}",
        url=url,
        description=description,
        types=tuple(sorted(set(types))),
        made_by=maker,
        created_at=now,
        disabled_at=None,
        disabled_because="",
    )
    row = endpoint.model_dump() | {"types": list(endpoint.types), "created_at": now}
    connection.execute(
        insert(tables.webhook_endpoint).values(
            **row, secret=seal(secret, key, _PURPOSE), earlier_secret="", earlier_until=None
        )
    )
    return endpoint, secret


def endpoints(connection: Connection) -> tuple[Endpoint, ...]:
    """All endpoints, the oldest first."""
    table = tables.webhook_endpoint
    rows = connection.execute(select(table).order_by(table.c.created_at, table.c.ref)).mappings()
    return tuple(Endpoint(**{name: row[name] for name in Endpoint.model_fields}) for row in rows)


def endpoint_of(connection: Connection, ref: str) -> Endpoint | None:
    """One endpoint."""
    return next((endpoint for endpoint in endpoints(connection) if endpoint.ref == ref), None)


def change_endpoint(connection: Connection, ref: str, **changed: Any) -> None:
    """Change ``url``, ``description`` or ``types``."""
    table = tables.webhook_endpoint
    if "types" in changed:
        changed["types"] = sorted(set(changed["types"]))
    connection.execute(update(table).where(table.c.ref == ref).values(**changed))


def remove_endpoint(connection: Connection, ref: str) -> bool:
    """Forget an endpoint and its log. Whether there was such a one."""
    table, attempts = tables.webhook_delivery, tables.webhook_attempt
    numbers = select(table.c.number).where(table.c.endpoint == ref)
    connection.execute(delete(attempts).where(attempts.c.delivery.in_(numbers)))
    connection.execute(delete(table).where(table.c.endpoint == ref))
    removed = connection.execute(delete(tables.webhook_endpoint).where(tables.webhook_endpoint.c.ref == ref))
    return removed.rowcount > 0


def disable_endpoint(connection: Connection, ref: str, because: str, now: datetime) -> None:
    """Send nothing more; what waits is dropped, and says so in the log."""
    table, deliveries = tables.webhook_endpoint, tables.webhook_delivery
    connection.execute(update(table).where(table.c.ref == ref).values(disabled_at=now, disabled_because=because[:300]))
    connection.execute(
        update(deliveries)
        .where(deliveries.c.endpoint == ref, deliveries.c.finished_at.is_(None))
        .values(finished_at=now, outcome="dropped")
    )


def give_up_endpoint(connection: Connection, endpoint: Endpoint, delivery: int, because: str, now: datetime) -> None:
    """Disable an endpoint that does not take events, and have whoever added it told by mail.

    Args:
        delivery: the number of the delivery that was one too many; it makes the letter a letter of its own.
    """
    disable_endpoint(connection, endpoint.ref, because, now)
    notice = Notice(
        recipient=endpoint.made_by,
        kind="webhook_disabled",
        change=endpoint.ref,
        version=delivery,
        data={
            "receiving": endpoint.url,
            "because": because,
            "title": endpoint.description,
            "part": "webhook",
            "by": SYSTEM,
            "at": now.isoformat(),
            "seat_because": "",
            "stands_in_for": "",
            "waits": "",
            "address": f"/administration/webhooks/{endpoint.ref}",
        },
    )
    connection.execute(
        insert(tables.outbox).values(
            key=notice.key,
            change=endpoint.ref,
            recipient=notice.recipient,
            notice=notice.model_dump_json(),
            created_at=now,
            attempts=0,
        )
    )


def given_up_in_a_row(connection: Connection, ref: str) -> int:
    """How many of an endpoint's latest finished deliveries were given up, since one arrived or it was disabled."""
    table = tables.webhook_delivery
    latest = select(table.c.outcome).where(table.c.endpoint == ref, table.c.finished_at.is_not(None))
    outcomes = connection.execute(latest.order_by(table.c.number.desc()).limit(MOST_GIVEN_UP)).scalars()
    return sum(1 for _ in takewhile("given up".__eq__, outcomes))


def enable_endpoint(connection: Connection, ref: str) -> None:
    """Send again, from the next event on."""
    table = tables.webhook_endpoint
    connection.execute(update(table).where(table.c.ref == ref).values(disabled_at=None, disabled_because=""))


def rotate_secret(connection: Connection, ref: str, key: bytes, now: datetime) -> str:
    """A new secret, shown this once. For a day the earlier one signs as well, so that no event is missed meanwhile."""
    table = tables.webhook_endpoint
    secret = new_secret()
    connection.execute(
        update(table)
        .where(table.c.ref == ref)
        .values(earlier_secret=table.c.secret, secret=seal(secret, key, _PURPOSE), earlier_until=now + ROTATING)
    )
    return secret


def signing_secrets(connection: Connection, ref: str, keys: Sequence[bytes], now: datetime) -> tuple[str, ...]:
    """The secrets that sign now: the present one, and during a rotation the earlier one.

    Raises:
        store.sealing.CannotBeRead: they were sealed under a key that is not configured any more.
    """
    table = tables.webhook_endpoint
    row = connection.execute(
        select(table.c.secret, table.c.earlier_secret, table.c.earlier_until).where(table.c.ref == ref)
    ).one()
    sealed = [row.secret, *([row.earlier_secret] if row.earlier_until and row.earlier_until > now else [])]
    return tuple(unseal(one, keys, _PURPOSE) for one in sealed)


# -------------------------------------------------------------------------------------------------- deliveries

_LISTENING = select(tables.webhook_endpoint.c.ref, tables.webhook_endpoint.c.types).where(
    tables.webhook_endpoint.c.disabled_at.is_(None)
)


def write_postings(connection: Connection, postings: Sequence[Posting], now: datetime) -> bool:
    """Put events on their way to every endpoint that listens, in the caller's transaction; whether there are any."""
    listening = connection.execute(_LISTENING).all() if postings else ()
    rows = [
        _row(endpoint.ref, posting, now)
        for endpoint in listening
        for posting in postings
        if not endpoint.types or posting.type in endpoint.types
    ]
    if rows:
        connection.execute(insert(tables.webhook_delivery), rows)
    return bool(rows)


def write_posting(connection: Connection, endpoint: str, posting: Posting, now: datetime) -> int:
    """Put one event on its way to one endpoint, such as a test; its number."""
    table = tables.webhook_delivery
    row = _row(endpoint, posting, now)
    return int(connection.execute(insert(table).values(row).returning(table.c.number)).scalar_one())


def _row(endpoint: str, posting: Posting, now: datetime) -> dict[str, Any]:
    return {
        "endpoint": endpoint,
        "event": posting.event,
        "type": posting.type,
        "change": posting.change,
        "body": posting.data,
        "created_at": now,
        "attempts": 0,
        "outcome": "waiting",
    }


def endpoints_to_wake(connection: Connection, change: str | None) -> tuple[str, ...]:
    """Endpoints for which something waits: of one change, or at all."""
    table = tables.webhook_delivery
    query = select(table.c.endpoint).where(table.c.finished_at.is_(None)).distinct()
    if change is not None:
        query = query.where(table.c.change == change)
    return tuple(connection.execute(query.order_by(table.c.endpoint)).scalars())


def due(connection: Connection, endpoint: str) -> Due | None:
    """The event that ``endpoint`` gets next: the oldest that waits, so that they arrive in order."""
    table, attempts = tables.webhook_delivery, tables.webhook_attempt
    row = connection.execute(
        select(table)
        .where(table.c.endpoint == endpoint, table.c.finished_at.is_(None))
        .order_by(table.c.number)
        .limit(1)
    ).first()
    if row is None:
        return None
    last = connection.execute(select(func.max(attempts.c.at)).where(attempts.c.delivery == row.number)).scalar()
    posting = Posting(event=row.event, type=row.type, change=row.change, data=row.body)
    return Due(number=row.number, posting=posting, attempts=row.attempts, created_at=row.created_at, last_at=last)


def write_attempt(connection: Connection, delivery: Due, answered: Answered, now: datetime) -> str:
    """Write down what an endpoint answered; what that makes of the delivery."""
    given_up = now - delivery.created_at >= PATIENCE
    outcome = "delivered" if answered.delivered else "given up" if given_up else "waiting"
    connection.execute(
        insert(tables.webhook_attempt).values(
            delivery=delivery.number,
            attempt=delivery.attempts + 1,
            at=now,
            status=answered.status,
            milliseconds=answered.milliseconds,
            error=answered.error.replace("\0", "")[:500],
        )
    )
    connection.execute(
        update(tables.webhook_delivery)
        .where(tables.webhook_delivery.c.number == delivery.number)
        .values(attempts=delivery.attempts + 1, outcome=outcome, finished_at=None if outcome == "waiting" else now)
    )
    return outcome


def deliveries(
    connection: Connection, endpoint: str, before: int | None = None, limit: int = PAGE
) -> tuple[Delivery, ...]:
    """The log of an endpoint, newest first, from before number ``before``."""
    table, attempts = tables.webhook_delivery, tables.webhook_attempt
    query = select(table).where(table.c.endpoint == endpoint).order_by(table.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(table.c.number < before)
    rows = connection.execute(query).mappings().all()
    found: dict[int, list[Attempt]] = {row["number"]: [] for row in rows}
    for row in connection.execute(
        select(attempts).where(attempts.c.delivery.in_(found)).order_by(attempts.c.attempt)
    ).mappings():
        found[row["delivery"]].append(Attempt(**{name: row[name] for name in Attempt.model_fields}))
    return tuple(
        Delivery(
            attempts=tuple(found[row["number"]]),
            **{name: row[name] for name in Delivery.model_fields if name != "attempts"},
        )
        for row in rows
    )


def send_again(connection: Connection, endpoint: str, number: int, now: datetime) -> int | None:
    """Put a finished event on its way once more, as the same event; the new delivery's number."""
    table = tables.webhook_delivery
    row = connection.execute(
        select(table).where(table.c.endpoint == endpoint, table.c.number == number, table.c.finished_at.is_not(None))
    ).first()
    if row is None:
        return None
    posting = Posting(event=row.event, type=row.type, change=row.change, data=row.body)
    return write_posting(connection, endpoint, posting, now)


def forget_old_deliveries(connection: Connection, now: datetime) -> None:
    """Forget what was finished longer ago than the log is kept."""
    table, attempts = tables.webhook_delivery, tables.webhook_attempt
    old = select(table.c.number).where(table.c.finished_at < now - KEPT)
    connection.execute(delete(attempts).where(attempts.c.delivery.in_(old)))
    connection.execute(delete(table).where(table.c.finished_at < now - KEPT))
