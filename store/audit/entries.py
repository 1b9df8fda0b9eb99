"""A record as a reader may see it: auditors see everything but who stands behind an anonymous one; for others what is
secret or discreet about a change stays so (docs/decisions/0049).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from changes.anonymity import full_hour
from changes.sight import QUIET_COMMANDS, UNTOLD, WITHHELD, is_quiet
from ledger.canonical import NotCanonical, parse_canonical
from store.audit.questions import Reader
from store.trail import Line, TrailEntry, told


class AuditEntry(TrailEntry):
    """A line of the trail with the change it is about."""

    change: str
    record_id: str
    withheld: str = ""
    """Why nothing but the number, the hash and the hour is told of it, where that is so."""


def entry_of(line: Line, reader: Reader, names: Mapping[str, str]) -> AuditEntry:
    """A line of the trail as ``reader`` may see it."""
    # Nothing is validated: what stands in the ledger has been, and once more for fifty records is a fifth of the time.
    if not reader.sees_all and line.person != reader.ref and is_quiet(line.action, line.outcome):
        return _veiled(line)
    parts = told(line, names, reader.ref, reader.sees_all)
    return AuditEntry.model_construct(**parts, change=line.change, record_id=line.record_id)


def _veiled(line: Line) -> AuditEntry:
    hour = full_hour(line.recorded_at)
    told: dict[str, Any] = dict.fromkeys(AuditEntry.model_fields, "")
    told |= {"seq": line.seq, "occurred_at": hour, "recorded_at": hour, "leaf_hash": line.leaf_hash.hex()}
    return AuditEntry.model_construct(**{**told, "sentence": WITHHELD, "withheld": WITHHELD})


def withheld_from(reader: Reader, action: str, outcome: str, body: bytes, *, mine: bool) -> str:
    """Why the bytes of a record are withheld from ``reader``, in a sentence; empty where they are not. They hold the
    number of whoever acted, which stands in everything that this person did openly.

    Args:
        mine: it is the reader's own.
    """
    if reader.sees_all or mine:
        return ""
    if is_quiet(action, outcome):
        return WITHHELD
    return UNTOLD if mapping_in(body).get("command") in QUIET_COMMANDS else ""


def mapping_in(body: bytes) -> dict[str, Any]:
    """What the bytes of a record say; nothing, where they are none that were ever recorded."""
    try:
        return parse_canonical(body)
    except NotCanonical:
        return {}
