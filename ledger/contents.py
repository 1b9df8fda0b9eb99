"""The checks of what the tree cannot see: canonical form, query columns, and private values with their erasures.

A tree alone would call a log in order whose columns or values were edited (immudb #2091 was exactly that omission).
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from typing import Any

from ledger.canonical import NotCanonical, parse_canonical
from ledger.commitments import verify as verify_commitment
from ledger.findings import Findings, Kind, Layer
from ledger.record import FORM, FOUNDATION_FORM, columns_of, commitments_of, erasures_of
from ledger.stored import StoredPrivate, StoredRecord

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT[0-2]\d:[0-5]\d:[0-5]\d\.\d{6}Z", re.ASCII)


class ContentCheck:
    """C and P: each body is canonical, of this log, in the order of time, and agrees with its columns and values."""

    def __init__(self, origin: str, findings: Findings, read: Container[int]) -> None:
        """``read`` are the records that are read; erasures of others are passed over."""
        self._origin = origin
        self._findings = findings
        self._privates = PrivateCheck(findings, read)
        self._recorded_at = ""
        self._form = FOUNDATION_FORM

    def check(self, record: StoredRecord) -> None:
        """Look at one record. The records come in their order."""
        try:
            body = parse_canonical(record.body)
        except NotCanonical as error:
            self._add(Kind.NOT_CANONICAL, record.seq, f"record {record.seq}: {error}")
            return
        columns = columns_of(body)
        if record.columns != columns or body.get("seq") != record.seq:
            self._compare_columns(record, columns)
        self._check_form(record.seq, body)
        if body.get("v") != FOUNDATION_FORM and body.get("log") != self._origin:
            message = f"record {record.seq} belongs to the log {body.get('log')!r}"
            self._add(Kind.OTHER_LOG, record.seq, message)
        self._check_times(record.seq, body)
        self._privates.check(record.seq, body, record.private)

    def finish(self, end_of_log: bool) -> int:
        """Say what stayed open at the end of the log; the number of values that were erased under a record."""
        return self._privates.finish(end_of_log)

    def _compare_columns(self, record: StoredRecord, expected: Mapping[str, object]) -> None:
        named = {"seq": record.seq, **record.columns}
        names = [name for name in (*expected, *named) if named.get(name, _ABSENT) != expected.get(name, _ABSENT)]
        name = names[0] if names else "seq"
        message = f"the column {name} of record {record.seq} says something else than its body"
        self._add(Kind.COLUMN_DIFFERS, record.seq, message)

    def _check_form(self, seq: int, body: Mapping[str, Any]) -> None:
        """The foundation's records stand at the beginning; behind a newer one, such a record would be smuggled in."""
        form = body.get("v")
        if form not in (FOUNDATION_FORM, FORM) or form < self._form:
            self._add(Kind.NOT_CANONICAL, seq, f"record {seq} has a form that no record there can have")
            return
        self._form = form

    def _check_times(self, seq: int, body: Mapping[str, Any]) -> None:
        for name in ("recorded_at", "occurred_at"):
            moment = body.get(name)
            if not isinstance(moment, str) or not _INSTANT.fullmatch(moment):
                self._add(Kind.NOT_CANONICAL, seq, f"{name} of record {seq} is not a time in the ledger's form")
                return
        if body["recorded_at"] < self._recorded_at:
            message = f"record {seq} was recorded before the one that precedes it"
            self._add(Kind.TIME_BACKWARDS, seq, message)
        self._recorded_at = body["recorded_at"]

    def _add(self, kind: Kind, seq: int, message: str) -> None:
        self._findings.add(Layer.CONTENT, kind, seq, message)


class PrivateCheck:
    """P: private values fit their commitments, and what is not there was erased under a record.

    Memory grows with the number of erased values, by some hundred bytes each, and not with the log.
    """

    def __init__(self, findings: Findings, read: Container[int]) -> None:
        """``read`` are the records that are read."""
        self._findings = findings
        self._read = read
        self._missing: set[tuple[int, str]] = set()
        self._erased: set[tuple[int, str]] = set()

    def check(self, seq: int, body: Mapping[str, Any], values: Sequence[StoredPrivate]) -> None:
        """Look at one record's parsed body and the values still there."""
        commitments = commitments_of(body)
        if commitments or values:
            self._compare(seq, commitments, values)
        if "links" in body:
            self._take_erasures(seq, body)

    def finish(self, end_of_log: bool) -> int:
        """Report what is missing without a record, if the log was read to its end; the number of erased values."""
        if self._missing and end_of_log:
            seq, label = min(self._missing)
            message = f"{label} of record {seq} is gone, and no later record says that it was erased"
            self._add(Kind.VALUE_MISSING, seq, message)
        return len(self._erased)

    def _compare(self, seq: int, commitments: Mapping[str, Any], values: Sequence[StoredPrivate]) -> None:
        unseen = set(commitments)
        for value in values:
            if value.label not in unseen:
                message = f"record {seq} does not speak of a private value {value.label}, or only of one"
                self._add(Kind.VALUE_UNKNOWN, seq, message)
                continue
            unseen.discard(value.label)
            if not _fits(value, commitments[value.label]):
                message = f"{value.label} of record {seq} is not the value, or not the salt, that was recorded"
                self._add(Kind.VALUE_DIFFERS, seq, message)
        self._missing.update((seq, label) for label in unseen)

    def _take_erasures(self, seq: int, body: Mapping[str, Any]) -> None:
        try:
            erasures = erasures_of(body)
        except ValueError:
            self._add(Kind.ERASURE_MALFORMED, seq, f"record {seq} does not say plainly what it erased")
            return
        for place in erasures:
            if place in self._missing and place[0] < seq:
                self._missing.discard(place)
                self._erased.add(place)
            elif place[0] in self._read and place not in self._erased:
                message = f"record {seq} says that {place[1]} of record {place[0]} was erased, but it is there"
                self._add(Kind.VALUE_NOT_ERASED, place[0], message)

    def _add(self, kind: Kind, seq: int, message: str) -> None:
        self._findings.add(Layer.PRIVATE, kind, seq, message)


_ABSENT = object()


def _fits(value: StoredPrivate, commitment: object) -> bool:
    try:
        stated = bytes.fromhex(commitment) if isinstance(commitment, str) else b""
    except ValueError:
        return False
    return verify_commitment(value.label, value.value, value.salt, stated)
