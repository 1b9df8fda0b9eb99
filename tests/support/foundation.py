"""The ledger as the foundation wrote it (schema 0001), frozen: what a migration has to carry over."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import uuid
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from ledger.merkle import CompactRange
from tests.support.desk import MONDAY


def write(connection: Connection, count: int) -> None:
    """Append ``count`` records in batches of two, each with one head, as the foundation's programs did."""
    tree = CompactRange()
    for seq in range(count):
        at = MONDAY + timedelta(seconds=seq)
        content = json.dumps({"kind": "commented", "by": "mara.lind", "about": "works", "text": f"Word {seq}"})
        salt = os.urandom(32)
        commitment = hmac.digest(salt, b"content\0" + content.encode(), hashlib.sha256).hex()
        body = {
            "v": 1,
            "seq": seq,
            "record_id": str(uuid.uuid4()),
            "idem_key": f"CH-1/{seq + 1}",
            "recorded_at": _stamp(at),
            "occurred_at": _stamp(at),
            "action": "commented",
            "outcome": "applied",
            "actor": {"ref": "mara.lind", "via": "page"},
            "subject": {"change": "CH-1", "version": seq + 1, "stage": "proposal", "phase": "awaiting_answer"},
            "commit": {"content": commitment},
            "source": {"component": "worker", "namespace": "", "workflow_id": "", "run_id": "", "update_id": ""},
            "command": "add_comment",
            "policy": {"name": "default", "version": 1, "sha256": "ab" * 32},
        }
        raw = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        leaf = hashlib.sha256(b"\0" + raw).digest()
        tree.append(leaf)
        _insert(connection, body, raw, leaf, at)
        connection.execute(
            text("INSERT INTO ledger_private (seq, salt, value) VALUES (:seq, :salt, :value)"),
            {"seq": seq, "salt": salt, "value": content},
        )
        if seq % 2 or seq == count - 1:
            connection.execute(
                text(
                    "INSERT INTO ledger_head (size, root, frontier, recorded_at) VALUES (:size, :root, :frontier, :at)"
                ),
                {"size": tree.size, "root": tree.root(), "frontier": tree.to_bytes(), "at": _moment(connection, at)},
            )


def _insert(connection: Connection, body: dict[str, object], raw: bytes, leaf: bytes, at: datetime) -> None:
    names = "seq, record_id, idem_key, recorded_at, occurred_at, action, outcome, change, stage, actor, body, leaf_hash"
    values = ", ".join(f":{name.strip()}" for name in names.split(","))
    moment = _moment(connection, at)
    row = {name: body[name] for name in ("seq", "record_id", "idem_key", "action", "outcome")}
    row |= {"recorded_at": moment, "occurred_at": moment, "change": "CH-1", "stage": "proposal", "actor": "mara.lind"}
    statement = text(f"INSERT INTO ledger_record ({names}) VALUES ({values})")  # noqa: S608 - names of ours
    connection.execute(statement, {**row, "body": raw, "leaf_hash": leaf})


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _moment(connection: Connection, moment: datetime) -> object:
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f") if connection.dialect.name == "sqlite" else moment
