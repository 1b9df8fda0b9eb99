"""Exports of records: JSON Lines as evidence, CSV for people, CloudEvents for other systems. Pure; lines go out as they
are made, so that memory does not grow with the export.

An export of JSON Lines begins with a line that says what was asked for and ends with one that counts and digests all
before it, which the log's key signs. A filtered export proves each record it holds, and that none was taken out of the
file since; that the filter itself left nothing out, the signature vouches for.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ledger.checkpoint import open_checkpoint, read_checkpoint
from ledger.keys import PinnedKey, keys_for
from ledger.merkle import leaf_hash
from ledger.note import NoKnownSignature, NoteError, Signer, VerifierKey, parse_note, sign_note, verify_note

FORMAT = "groundswell-export/v1"
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # fmt: skip
"""What a spreadsheet takes for the beginning of a formula (OWASP ASVS 1.2.10), full-width forms too."""
CSV_COLUMNS = (
    "number",
    "recorded",
    "happened",
    "change",
    "stage",
    "what",
    "outcome",
    "who",
    "on behalf of",
    "by way of",
    "signed as",
    "signature means",
    "words",
    "policy",
    "hash of the record",
)


class ExportedRecord(NamedTuple):
    """One record on its way out. ``shown`` holds what people read, by the names in :data:`CSV_COLUMNS`; ``private``
    the values that may be disclosed, with their salts in base64."""

    seq: int
    body: bytes
    shown: Mapping[str, str]
    private: Sequence[Mapping[str, str]] = ()


class ExportWrong(ValueError):
    """An export is not what it is said to be; the message says what is wrong first."""


def json_lines(
    head: Mapping[str, Any], records: Iterable[ExportedRecord], signers: Sequence[Signer] = ()
) -> Iterator[str]:
    """The lines of an export, each with its line break. ``head`` says which log and filter, and holds the checkpoint.
    All ``signers`` seal it: both while a key is being replaced."""
    digest, count = hashlib.sha256(), 0
    first = _line({"format": FORMAT, **head})
    digest.update(first.encode())
    yield first
    for record in records:
        line = _line(
            {
                "seq": record.seq,
                "body": record.body.decode("utf-8", "surrogateescape"),
                "leaf_hash": leaf_hash(record.body).hex(),
                "private": list(record.private),
            }
        )
        digest.update(line.encode("utf-8", "surrogateescape"))
        count += 1
        yield line
    statement = f"{FORMAT}\n{count}\n{digest.hexdigest()}\n"
    note = str(sign_note(statement, signers)) if signers else None
    yield _line({"count": count, "sha256": digest.hexdigest(), "seal": note})


def check_json_lines(lines: Iterable[str], pinned: Sequence[PinnedKey] = ()) -> tuple[int, bool]:
    """Check an export: how many records it holds, and whether one of the ``pinned`` keys vouches for the selection. It
    has to be trusted for the size of the checkpoint and for all records; the digest that is sealed covers both.

    Raises:
        ExportWrong: a line was changed, taken out, put in or moved, or the signature does not fit.
    """
    digest, count, last = hashlib.sha256(), 0, -1
    found = iter(lines)
    head = next(found, "")
    first = _read(head, 1)
    if first.get("format") != FORMAT:
        raise ExportWrong(f"line 1 does not begin an export in the format {FORMAT}")
    digest.update(head.encode("utf-8", "surrogateescape"))
    for number, line in enumerate(found, start=2):
        content = _read(line, number)
        if "count" in content:
            keys = _trusted(first, pinned, last + 1)
            return _check_end(content, count, digest.hexdigest(), keys)
        seq, body = content.get("seq"), content.get("body")
        if not isinstance(seq, int) or not isinstance(body, str):
            raise ExportWrong(f"line {number} is no record")
        if content.get("leaf_hash") != leaf_hash(body.encode("utf-8", "surrogateescape")).hex():
            raise ExportWrong(f"line {number}: the hash of record {seq} is not the hash of its bytes")
        if seq <= last:
            raise ExportWrong(f"line {number}: record {seq} stands behind record {last}")
        last, count = seq, count + 1
        digest.update(line.encode("utf-8", "surrogateescape"))
    raise ExportWrong("the export ends without its last line; it was cut off")


def _trusted(head: Mapping[str, Any], pinned: Sequence[PinnedKey], least: int) -> Sequence[VerifierKey]:
    """The keys for the size that the export speaks of, if one of them signed its checkpoint."""
    checkpoint = head.get("checkpoint")
    if checkpoint is None:  # nothing was recorded yet
        return keys_for(pinned, least)
    try:
        stated, _ = read_checkpoint(str(checkpoint))
        keys = keys_for(pinned, max(stated.size, least))
        open_checkpoint(str(checkpoint), str(head.get("log")), keys)
    except NoKnownSignature:
        return ()
    except NoteError as error:
        raise ExportWrong(f"line 1: the checkpoint: {error}") from error
    return keys


def _check_end(content: Mapping[str, Any], count: int, digest: str, keys: Sequence[VerifierKey]) -> tuple[int, bool]:
    if content.get("count") != count:
        raise ExportWrong(f"the last line counts {content.get('count')} records, {count} are there")
    if content.get("sha256") != digest:
        raise ExportWrong("a line was changed, taken out, put in or moved since the export was made")
    seal = content.get("seal")
    if not keys or not isinstance(seal, str):
        return count, False
    try:
        note = parse_note(seal)
        verify_note(note, keys)
    except NoKnownSignature:
        return count, False
    except NoteError as error:
        raise ExportWrong(f"the seal: {error}") from error
    if note.text != f"{FORMAT}\n{count}\n{digest}\n":
        raise ExportWrong("the seal is that of another export")
    return count, True


def csv_lines(records: Iterable[ExportedRecord]) -> Iterator[str]:
    """The lines of a CSV file with a heading. Cells that a spreadsheet would compute get an apostrophe in front."""
    yield _row(CSV_COLUMNS)
    for record in records:
        yield _row(tuple(harmless(record.shown.get(name, "")) for name in CSV_COLUMNS))


def harmless(cell: str) -> str:
    """``cell`` as a spreadsheet shows it and never computes it."""
    return f"'{cell}" if cell.startswith(DANGEROUS) else cell


def cloud_events(source: str, records: Iterable[ExportedRecord]) -> Iterator[str]:
    """One CloudEvents 1.0 event in JSON per line. The log's name is the source, the record's id the event's."""
    for record in records:
        body = json.loads(record.body)
        subject = body.get("subject", {})
        event = {
            "specversion": "1.0",
            "id": body["record_id"],
            "source": source,
            "type": body.get("type", f"org.groundswell.change.{body['action']}"),
            "subject": subject.get("change_id") or subject.get("change") or source,
            "time": body["recorded_at"],
            "datacontenttype": "application/json",
            "data": body,
        }
        yield _line(event)


def _line(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"


def _row(cells: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue()


def _read(line: str, number: int) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except ValueError as error:
        raise ExportWrong(f"line {number} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ExportWrong(f"line {number} is no record")
    return content
