"""Recording a decision: ONE transaction writes ledger entries, read model, outbox and the answer to the key.

The update that caused it returns after this has committed, so whoever acted sees their act, and what nobody was told
did not happen.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine, delete, insert, select, update

from changes.events import AnyEvent, Event
from changes.facts import SYSTEM
from changes.instruction import Applied, Receipt
from changes.passing_time import next_moment
from changes.refusals import Refused
from changes.state import Change, InvitationStatus
from changes.values import Moment, Ref, Value
from changes.waiting import parts_in, standing, waiting_for
from notifications.notices import notices_for
from store import tables
from store.database import lock_ledger, writing
from store.ledger import Entry, Source, append_many


class MovedOn(Exception):
    """The stored change is at another version than the decision was made on; look again and decide again."""


class Decision(Value):
    """Everything there is to record about one command."""

    change: Ref
    key: str
    fingerprint: str
    command: str
    actor: str
    via: str
    at: Moment
    before: Change | None = None
    after: Change | None = None
    events: tuple[AnyEvent, ...] = ()
    refused: Refused | None = None
    receipt: Receipt | None = None


class Recorded(NamedTuple):
    """What is on record for a key, and whether it was there before; then nothing was written."""

    applied: Applied
    repeated: bool


def record(engine: Engine, decision: Decision, source: Source, now: datetime) -> Recorded:
    """Write ``decision`` once. Delivered again, it answers what was recorded the first time.

    Raises:
        MovedOn: when somebody else changed the change in between.
        store.database.DatabaseUnavailable: when nothing could be written; nothing is lost, try again.
    """
    with writing(engine) as connection:
        lock_ledger(connection)
        if known := applied(connection, decision.change, decision.key):
            return Recorded(known, repeated=True)
        answer = Applied(fingerprint=decision.fingerprint, receipt=decision.receipt, refused=decision.refused)
        if decision.after and decision.events:
            # First, because it notices when the change has moved on; then nothing else is written.
            _write_change(connection, decision.before, decision.after)
            _write_lists(connection, decision.after)
            _write_outbox(connection, decision, now)
        append_many(connection, _entries(decision, source), now)
        connection.execute(
            insert(tables.applied_command).values(
                change=decision.change, key=decision.key, applied=answer.model_dump_json(), at=now
            )
        )
        return Recorded(answer, repeated=False)


def applied(connection: Connection, change: str, key: str) -> Applied | None:
    """What became of ``key`` on ``change``, if it was used before."""
    table = tables.applied_command
    stored = connection.execute(select(table.c.applied).where(table.c.change == change, table.c.key == key)).scalar()
    return Applied.model_validate_json(stored) if stored else None


def _entries(decision: Decision, source: Source) -> list[Entry]:
    if decision.refused:
        state = decision.before
        return [
            Entry(
                key=f"{decision.change}/refused/{decision.key}",
                change=decision.change,
                version=state.version if state else 0,
                action=decision.command,
                outcome="refused",
                actor=decision.actor,
                via=decision.via,
                occurred_at=decision.at,
                stage=state.stage if state else "",
                phase=state.phase if state else "",
                content=_canonical_text(decision.refused),
                policy=state.policy if state else None,
                command=decision.command,
                source=source,
            )
        ]
    return [_entry(decision, event, index, source) for index, event in enumerate(decision.events, start=1)]


def _entry(decision: Decision, event: Event, index: int, source: Source) -> Entry:
    after = decision.after
    assert after is not None  # noqa: S101 - a decision with events has a state after them
    version = after.version - len(decision.events) + index
    return Entry(
        key=f"{decision.change}/{version}",
        change=decision.change,
        version=version,
        action=event.kind,
        outcome="applied",
        actor=event.by,
        via=decision.via if event.by != SYSTEM else "groundswell",
        occurred_at=event.at,
        stage=after.stage,
        phase=after.phase,
        content=_canonical_text(event),
        policy=after.policy,
        meaning=getattr(event, "meaning", ""),
        command=decision.command,
        source=source,
    )


def _canonical_text(value: Value) -> str:
    return json.dumps(value.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _write_change(connection: Connection, before: Change | None, after: Change) -> None:
    table = tables.change
    row = {
        "title": after.title,
        "process": after.proposal.content.process,
        "proposer": after.proposal.proposer,
        "stage": after.stage,
        "phase": after.phase,
        "outcome": after.closing.outcome if after.closing else "",
        "standing": standing(after),
        "version": after.version,
        "updated_at": after.updated_at,
        "next_moment": next_moment(after),
        "document": after.model_dump_json(),
    }
    if before is None:
        taken = connection.execute(select(table.c.version).where(table.c.ref == after.ref)).scalar()
        if taken is not None:
            raise MovedOn(after.ref)
        number = int(after.ref.rpartition("-")[2])
        connection.execute(insert(table).values(ref=after.ref, number=number, opened_at=after.opened_at, **row))
        return
    written = connection.execute(
        update(table).where(table.c.ref == after.ref, table.c.version == before.version).values(**row)
    )
    if written.rowcount != 1:
        raise MovedOn(after.ref)


def _write_lists(connection: Connection, after: Change) -> None:
    """What pages list: who is waited for, who has a part, which teams and champions are busy."""
    table = tables.waiting
    known = {
        (row.person, row.task): row.since
        for row in connection.execute(select(table).where(table.c.change == after.ref))
    }
    tasks = [
        {
            "change": after.ref,
            "person": task.person,
            "task": task.task,
            "commands": list(task.commands),
            "since": known.get((task.person, task.task), after.updated_at),
            "due": task.due,
        }
        for task in waiting_for(after)
    ]
    parts = [{"change": after.ref, "person": person, "parts": list(found)} for person, found in parts_in(after).items()]
    current = after.rollout.current
    running = current.wave.teams if current and not after.closing else ()
    invited = after.recruiting.with_status(InvitationStatus.ACCEPTED) if not after.closing else ()
    for target, rows in (
        (table, tasks),
        (tables.part, parts),
        (tables.rollout_load, [{"change": after.ref, "team": team} for team in running]),
        (tables.campaign_place, [{"change": after.ref, "person": person} for person in invited]),
    ):
        connection.execute(delete(target).where(target.c.change == after.ref))
        if rows:
            connection.execute(insert(target), rows)


def _write_outbox(connection: Connection, decision: Decision, now: datetime) -> None:
    assert decision.after is not None  # noqa: S101 - see _entry
    rows = [
        {
            "key": notice.key,
            "change": decision.change,
            "recipient": notice.recipient,
            "notice": notice.model_dump_json(),
            "created_at": now,
            "attempts": 0,
        }
        for notice in notices_for(decision.before, decision.after, decision.events)
    ]
    if rows:
        connection.execute(insert(tables.outbox), rows)


def event_texts(connection: Connection, change: str) -> Sequence[str]:
    """The recorded events of a change as JSON, oldest first; refusals are left out."""
    records, private = tables.ledger_record, tables.ledger_private
    return (
        connection.execute(
            select(private.c.value)
            .join(records, records.c.seq == private.c.seq)
            .where(records.c.change == change, records.c.outcome == "applied")
            .order_by(records.c.seq)
        )
        .scalars()
        .all()
    )
