"""Appending to the ledger: dense numbers, canonical bodies, a Merkle head, all in the caller's transaction.

What people wrote stays out of the tree: the body holds a salted commitment, the words lie in ``ledger_private``, which
can be erased while the tree still verifies (reference/ledger.md 6.9).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from changes.facts import PolicyRef
from ledger.canonical import canonical_bytes
from ledger.commitments import commit, new_salt
from ledger.merkle import CompactRange, leaf_hash
from store import tables

LABEL = "content"
"""What a record's commitment is about: the event or refusal as JSON, with everything people wrote."""
BODY_VERSION = 1


@dataclass(frozen=True)
class Source:
    """Where a record comes from: the workflow that decided it and the program that wrote it."""

    namespace: str = ""
    workflow_id: str = ""
    run_id: str = ""
    update_id: str = ""
    component: str = "worker"


@dataclass(frozen=True)
class Entry:
    """One thing to record: who did what, when, under which policy, with what outcome."""

    key: str
    """The business key: appended once, however often it is delivered."""
    change: str
    version: int
    action: str
    outcome: str
    actor: str
    via: str
    occurred_at: datetime
    stage: str
    phase: str
    content: str
    """Canonical JSON of the event or refusal; committed to, not contained."""
    policy: PolicyRef | None = None
    meaning: str = ""
    """What a signature says, for endorsements and gates."""
    command: str = ""
    source: Source = field(default_factory=Source)


def append_many(connection: Connection, entries: Sequence[Entry], now: datetime) -> int:
    """Append ``entries`` in order and return the size of the log; none leave it as it is. The caller holds the
    ledger's lock.

    Raises:
        ledger.canonical.NotCanonical: when an entry cannot be written in the canonical form, such as one too large.
    """
    head = connection.execute(select(tables.ledger_head).order_by(tables.ledger_head.c.size.desc()).limit(1)).first()
    tree = CompactRange.from_bytes(head.size, head.frontier) if head else CompactRange()
    if not entries:
        return tree.size
    recorded_at = max(now, head.recorded_at) if head else now
    records, private = [], []
    for entry in entries:
        salt = new_salt()
        row = _record(entry, tree.size, recorded_at, commit(LABEL, entry.content, salt).hex())
        tree.append(row["leaf_hash"])
        records.append(row)
        private.append({"seq": row["seq"], "salt": salt, "value": entry.content})
    connection.execute(insert(tables.ledger_record), records)
    connection.execute(insert(tables.ledger_private), private)
    connection.execute(
        insert(tables.ledger_head).values(
            size=tree.size, root=tree.root(), frontier=tree.to_bytes(), recorded_at=recorded_at
        )
    )
    return tree.size


def _record(entry: Entry, seq: int, recorded_at: datetime, commitment: str) -> dict[str, Any]:
    record_id = str(uuid.uuid4())
    body: dict[str, Any] = {
        "v": BODY_VERSION,
        "seq": seq,
        "record_id": record_id,
        "idem_key": entry.key,
        "recorded_at": _stamp(recorded_at),
        "occurred_at": _stamp(entry.occurred_at),
        "action": entry.action,
        "outcome": entry.outcome,
        "actor": {"ref": entry.actor, "via": entry.via},
        "subject": {"change": entry.change, "version": entry.version, "stage": entry.stage, "phase": entry.phase},
        "commit": {LABEL: commitment},
        "source": {
            "component": entry.source.component,
            "namespace": entry.source.namespace,
            "workflow_id": entry.source.workflow_id,
            "run_id": entry.source.run_id,
            "update_id": entry.source.update_id,
        },
    }
    if entry.command:
        body["command"] = entry.command
    if entry.meaning:
        body["signature"] = {"meaning": entry.meaning, "signer": entry.actor}
    if entry.policy:
        body["policy"] = entry.policy.model_dump()
    raw = canonical_bytes(body)
    return {
        "seq": seq,
        "record_id": record_id,
        "idem_key": entry.key,
        "recorded_at": recorded_at,
        "occurred_at": entry.occurred_at,
        "action": entry.action,
        "outcome": entry.outcome,
        "change": entry.change,
        "stage": entry.stage,
        "actor": entry.actor,
        "body": raw,
        "leaf_hash": leaf_hash(raw),
    }


def _stamp(moment: datetime) -> str:
    """Fixed-width UTC with six digits: sorts as text, equal on both databases."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
