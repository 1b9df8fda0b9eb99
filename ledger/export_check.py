"""Checking an export of JSON Lines, line by line: that its records are those of the tree a trusted key signed, that the
values it discloses are those that were recorded, and that it is as it was made. See :mod:`ledger.exports`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic_core import from_json

from ledger.checkpoint import Checkpoint, open_checkpoint, read_checkpoint
from ledger.commitments import verify as verify_commitment
from ledger.exports import FORMAT, ExportWrong
from ledger.keys import PinnedKey, keys_for
from ledger.merkle import HASH_SIZE, CompactRange, leaf_hash
from ledger.note import NoKnownSignature, NoteError, VerifierKey, parse_note, verify_note
from ledger.proofs import ProofInvalid
from ledger.record import commitments_of
from ledger.spans import pass_over

WITHOUT_PROOFS = "groundswell-export/v1"
"""The format before this one. It shows what was changed since an export was made, and proves no record."""


@dataclass(frozen=True)
class Checked:
    """What an export turned out to be."""

    count: int
    """Its records."""
    withheld: int
    """Of those, the ones whose place is proven and whose content is not there."""
    size: int
    """The size of the tree that they are proven to be in; 0 in the format without proofs."""
    proven_by: str
    """The trusted key that signed this tree; empty if none did."""
    sealed_by: str
    """The trusted key that vouches for the selection; empty if none does."""

    @property
    def exit_code(self) -> int:
        """0 in order, 2 not verifiable: no trusted key signed the tree, or none vouches for the selection."""
        return 0 if self.proven_by and self.sealed_by else 2

    def in_words(self) -> list[str]:
        """What it is worth, in sentences, the verdict first."""
        records = "1 record" if self.count == 1 else f"{self.count:,} records"
        if not self.size:
            by = f" {self.sealed_by} signed it" if self.sealed_by else " it was made"
            return [
                f"Not proven: {records}, unchanged since{by}. This export is of the format {WITHOUT_PROOFS}, which "
                "does not prove that they are those of the ledger. Take it out again for that."
            ]
        if not self.proven_by:
            lines = [f"Consistent, but no trusted key vouches for it: {records}."]
        elif not self.sealed_by:
            lines = [
                f"Not vouched for: {records}, each in the ledger of size {self.size:,} that {self.proven_by} signed, "
                "but no trusted key signed the selection."
            ]
        else:
            lines = [
                f"Verified: {records}, each in the ledger of size {self.size:,} that {self.proven_by} signed, selected "
                f"as {self.sealed_by} signed."
            ]
        if self.count == self.size:
            lines.append("Nothing is left out: it is the whole ledger up to that size.")
        if self.withheld:
            lines.append(
                f"Of {self.withheld:,} of them only the hash is there: their place is proven, and nothing more."
            )
        return lines


def check_json_lines(lines: Iterable[str], pinned: Sequence[PinnedKey] = ()) -> Checked:
    """Check an export, with the keys that are trusted.

    Raises:
        ExportWrong: a record is not in the tree that the checkpoint states, a disclosed value is not the one that was
            recorded, a line was changed, taken out, put in or moved, or a signature does not fit.
    """
    check = _Check(pinned)
    for number, line in enumerate(lines, start=1):
        try:
            if check.take(line, number):
                return check.checked
        except (ProofInvalid, NoteError) as error:
            raise ExportWrong(f"line {number}: {error}") from error
    raise ExportWrong("the export ends without its last line; it was cut off")


class _Check:
    """The lines of an export, one after the other."""

    def __init__(self, pinned: Sequence[PinnedKey]) -> None:
        self._pinned = pinned
        self._digest = hashlib.sha256()
        self._tree = CompactRange()
        self._format = ""
        self._stated: Checkpoint | None = None
        self._last = -1
        self._count = self._withheld = 0
        self.checked = Checked(0, 0, 0, "", "")

    def take(self, line: str, number: int) -> bool:
        """Take the next line; whether it was the last one."""
        content = _read(line, number)
        if number == 1:
            self._begin(content)
        elif "count" in content:
            self._end(content)
            return True
        else:
            self._record(content, number)
        self._digest.update(line.encode("utf-8", "surrogateescape"))
        return False

    def _begin(self, content: Mapping[str, Any]) -> None:
        self._format, note = str(content.get("format")), content.get("checkpoint")
        if self._format not in (FORMAT, WITHOUT_PROOFS):
            raise ExportWrong(f"line 1 does not begin an export in the format {FORMAT}")
        if note is None and self._format == WITHOUT_PROOFS:  # nothing was signed when it was made
            return
        stated, _ = read_checkpoint(str(note))
        if stated.origin != content.get("log"):
            raise ExportWrong(f"line 1: the checkpoint is of the log {stated.origin}, not of {content.get('log')}")
        self._stated = stated
        try:
            signed = open_checkpoint(str(note), stated.origin, keys_for(self._pinned, stated.size)).signed_by
        except NoKnownSignature:
            self._pinned = ()  # then they vouch for the selection in nothing
            return
        if self._format == FORMAT:
            self.checked = replace(self.checked, proven_by=signed[0].name)

    def _record(self, content: Mapping[str, Any], number: int) -> None:
        seq, body, stated = content.get("seq"), content.get("body"), content.get("leaf_hash")
        reason = content.get("withheld")
        withheld = body is None and isinstance(reason, str) and bool(reason) and self._format == FORMAT
        if type(seq) is not int or not (isinstance(body, str) or withheld) or not isinstance(stated, str):
            raise ExportWrong(f"line {number} is no record")
        leaf = _hash_in(stated) if body is None else leaf_hash(body.encode("utf-8", "surrogateescape"))
        if leaf.hex() != stated or len(leaf) != HASH_SIZE:
            raise ExportWrong(f"line {number}: the hash of record {seq} is not the hash of its bytes")
        if seq <= self._last:
            raise ExportWrong(f"line {number}: record {seq} stands behind record {self._last}")
        self._last = seq
        if self._stated and self._format == FORMAT:
            if seq >= self._stated.size:
                raise ExportWrong(f"line {number}: record {seq} is newer than the checkpoint")
            pass_over(self._tree, seq, _passed_in(content))
            self._tree.append(leaf)
            _check_values(content, seq, body)
        self._count += 1
        self._withheld += withheld

    def _end(self, content: Mapping[str, Any]) -> None:
        count, digest = self._count, self._digest.hexdigest()
        if content.get("count") != count:
            raise ExportWrong(f"the last line counts {content.get('count')} records, {count} are there")
        if content.get("sha256") != digest:
            raise ExportWrong("a line was changed, taken out, put in or moved since the export was made")
        self.checked = replace(self.checked, count=count, withheld=self._withheld)
        if self._stated and self._format == FORMAT:
            pass_over(self._tree, self._stated.size, _passed_in(content))
            if self._tree.root() != self._stated.root:
                raise ExportWrong(f"these are not the records of the tree of size {self._stated.size} that was signed")
            self.checked = replace(self.checked, size=self._stated.size)
        self._seal(content.get("seal"), f"{self._format}\n{count}\n{digest}\n")

    def _seal(self, seal: object, statement: str) -> None:
        if not isinstance(seal, str):
            return
        note = parse_note(seal)
        if note.text != statement:
            raise ExportWrong("the seal is that of another export")
        try:
            signed = verify_note(note, self._keys())
        except NoKnownSignature:
            return
        self.checked = replace(self.checked, sealed_by=signed[0].name)

    def _keys(self) -> Sequence[VerifierKey]:
        """The keys for the size that the export speaks of; in the format without proofs that of all its records."""
        return keys_for(self._pinned, max(self._stated.size if self._stated else 0, self._last + 1))


def _check_values(content: Mapping[str, Any], seq: int, body: str | None) -> None:
    values = content.get("private", [])
    if not values:
        return
    try:
        parsed = from_json(body or "")
    except ValueError as error:
        raise ExportWrong(f"record {seq} is not JSON: {error}") from error
    commitments = commitments_of(parsed) if isinstance(parsed, dict) else {}
    for value in values if isinstance(values, list) else [None]:
        parts = [value.get(name) for name in ("label", "value", "salt")] if isinstance(value, dict) else []
        match parts:
            case [str() as label, str() as text, str() as salt]:
                committed = str(commitments.get(label, ""))
                if verify_commitment(label, text, _bytes_in(salt), _hash_in(committed)):
                    continue
        raise ExportWrong(f"record {seq} discloses a value that is not the one which was recorded")


def _passed_in(content: Mapping[str, Any]) -> list[bytes]:
    roots = content.get("passed_over", [])
    return [_bytes_in(root) for root in roots] if isinstance(roots, list) else [b""]


def _bytes_in(text: object) -> bytes:
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        return b""


def _hash_in(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _read(line: str, number: int) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except ValueError as error:
        raise ExportWrong(f"line {number} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ExportWrong(f"line {number} is no record")
    return content
