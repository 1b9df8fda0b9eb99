"""What a verification found: the layers that look, the first wrong thing each saw, and the report in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple


class Layer(StrEnum):
    """Which check found something (reference/ledger.md 5)."""

    ROW = "L1"
    """The records alone: a dense sequence, each leaf the hash of its body."""
    HEAD = "L2"
    """The tree's states in the database."""
    CHECKPOINT = "L3"
    """The checkpoints in the database, verified with pinned keys."""
    WITNESS = "L4"
    """The checkpoints held outside the database."""
    CONTENT = "C"
    """The canonical form, the query columns, and the rules every body keeps."""
    PRIVATE = "P"
    """Private values against their commitments, and erasures against their records."""
    TILE = "T"
    """The stored tiles that proofs are read from."""


class Kind(StrEnum):
    """What kind of wrong it is."""

    RECORD_MISSING = "record missing"
    RECORD_OUT_OF_ORDER = "record out of order"
    LEAF_DIFFERS = "leaf differs from body"
    HEAD_DIFFERS = "head differs from records"
    HEAD_OUT_OF_ORDER = "head out of order"
    RECORDS_WITHOUT_HEAD = "records without head"
    CHECKPOINT_UNREADABLE = "checkpoint unreadable"
    CHECKPOINT_UNTRUSTED = "checkpoint not signed by a trusted key"
    CHECKPOINT_DIFFERS = "checkpoint differs from records"
    CHECKPOINT_MISSING = "checkpoint held outside missing"
    LOG_TOO_SHORT = "records missing at the end"
    NOT_CANONICAL = "not canonical"
    COLUMN_DIFFERS = "column differs from body"
    OTHER_LOG = "record of another log"
    TIME_BACKWARDS = "time of recording runs backwards"
    ERASURE_MALFORMED = "erasure malformed"
    VALUE_DIFFERS = "private value differs from commitment"
    VALUE_UNKNOWN = "private value without commitment"
    VALUE_MISSING = "private value missing without a record of its erasure"
    VALUE_NOT_ERASED = "erased value still there"
    TILE_MISSING = "tile missing"
    TILE_DIFFERS = "tile differs from records"


class Finding(NamedTuple):
    """The first wrong thing one layer saw. ``seq`` is the record, or the last record of the state that is wrong."""

    seq: int
    layer: Layer
    kind: Kind
    message: str


class Findings:
    """Keeps the first finding of each layer, and only that, so that memory does not grow with the damage."""

    def __init__(self) -> None:
        """Nothing found yet."""
        self._first: dict[Layer, Finding] = {}

    def add(self, layer: Layer, kind: Kind, seq: int, message: str) -> None:
        """Note a finding, unless this layer saw an earlier one."""
        known = self._first.get(layer)
        if known is None or seq < known.seq:
            self._first[layer] = Finding(seq, layer, kind, message)

    def in_order(self) -> tuple[Finding, ...]:
        """One finding per layer, the earliest record first."""
        order = list(Layer)
        return tuple(sorted(self._first.values(), key=lambda one: (one.seq, order.index(one.layer))))


@dataclass(frozen=True)
class Report:
    """The outcome of a verification. Sizes count records; they are 0 where nothing was verified."""

    origin: str
    size: int
    root: bytes
    findings: tuple[Finding, ...]
    trust: tuple[str, ...]
    """The pinned keys that were used, as "name+id"; empty if none was given."""
    signed_size: int
    signed_by: str
    witnessed_size: int
    """The largest size vouched for from outside the database: by a copy held there, or by a known witness."""
    cosigned_size: int
    """The largest size that a known witness cosigned."""
    cosigned_at: datetime | None
    """The latest time in those cosignatures."""
    cosigned_by: tuple[str, ...]
    erased: int
    """Private values that were erased, each under a record."""
    contents: bool
    """Whether bodies, columns and private values were looked at, or the tree only."""
    start: int = 0
    """The size from which on records were read."""

    @property
    def first(self) -> Finding | None:
        """The first wrong thing, if any."""
        return self.findings[0] if self.findings else None

    @property
    def layers(self) -> frozenset[Layer]:
        """The layers that found something."""
        return frozenset(one.layer for one in self.findings)

    @property
    def exit_code(self) -> int:
        """0 in order, 1 tampered, 2 not verifiable: no key was pinned, or none of them has signed any of it."""
        if self.findings:
            return 1
        return 0 if self.trust and self.vouched_for else 2

    @property
    def vouched_for(self) -> bool:
        """Whether a pinned key has signed some of what was read; in an empty log there is nothing to sign."""
        return self.size == 0 or max(self.signed_size, self.witnessed_size) > self.start

    def in_words(self) -> list[str]:
        """The report in sentences, the verdict first."""
        lines = [self._verdict(), *(f"  {one.layer} {one.kind}: {one.message}" for one in self.findings)]
        if self.trust:
            lines.append(f"Trust: pinned keys {', '.join(self.trust)}.")
        else:
            lines.append("Trust: none. Signatures were not verified; give the log's public key to verify them.")
        lines += [self._signed(), self._witnessed()]
        if not self.contents:
            lines.append("Only the tree was verified, not bodies, columns and private values.")
        elif self.erased:
            lines.append(f"{self.erased:,} private values were erased, each under a record.")
        return lines

    def to_mapping(self) -> dict[str, Any]:
        """The report as plain JSON values, for machines."""
        return {
            "origin": self.origin,
            "start": self.start,
            "size": self.size,
            "root": self.root.hex(),
            "exit_code": self.exit_code,
            "findings": [dict(one._asdict(), layer=str(one.layer), kind=str(one.kind)) for one in self.findings],
            "trust": list(self.trust),
            "signed_size": self.signed_size,
            "signed_by": self.signed_by,
            "witnessed_size": self.witnessed_size,
            "cosigned_size": self.cosigned_size,
            "cosigned_at": self.cosigned_at.isoformat() if self.cosigned_at else None,
            "cosigned_by": list(self.cosigned_by),
            "erased": self.erased,
            "contents": self.contents,
        }

    def _verdict(self) -> str:
        if self.first:
            return f"TAMPERED: the first wrong thing is at record {self.first.seq}: {self.first.message}"
        span = f"records {self.start:,} to {self.size:,}" if self.start else f"to size {self.size:,}"
        if not self.trust:
            return f"Consistent, but nobody vouches for it: {self.origin} {span}."
        if not self.vouched_for:
            return f"Consistent, but no checkpoint by a key you trust covers it yet: {self.origin} {span}."
        return f"Verified: {self.origin} {span}."

    def _signed(self) -> str:
        if not self.signed_size:
            return "Signed: no checkpoint by a pinned key covers these records."
        rest = self.size - self.signed_size
        tail = f"; {rest:,} newer records are not signed yet" if rest > 0 else ""
        return f"Signed: to size {self.signed_size:,} by {self.signed_by} (pinned){tail}."

    def _witnessed(self) -> str:
        if not self.witnessed_size:
            return "Witnessed: nothing. A rewrite with a stolen key, or a rollback, would go unseen."
        rest = self.size - self.witnessed_size
        tail = f"; {rest:,} newer records are not witnessed yet" if rest > 0 else ""
        cosigned = ""
        if self.cosigned_size:
            when = f" at {self.cosigned_at.isoformat()}" if self.cosigned_at else ""
            cosigned = f", cosigned to size {self.cosigned_size:,} by {', '.join(self.cosigned_by)}{when}"
        return f"Witnessed: to size {self.witnessed_size:,}{cosigned}{tail}."


def utc(timestamp: int) -> datetime | None:
    """Seconds since 1970 as a moment, None if no calendar has it."""
    try:
        return datetime.fromtimestamp(timestamp, UTC)
    except (OverflowError, ValueError, OSError):
        return None
