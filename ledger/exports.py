"""Exports of records: JSON Lines as evidence, CSV for people, CloudEvents for other systems. Pure; lines go out as they
are made, so that memory does not grow with the export.

An export of JSON Lines begins with a line that says what was asked for, of which log, with the signed checkpoint. Each
record's line carries the roots of what was passed over since the line before it, the last line those up to the end:
with them the lines make the tree that the checkpoint states, which proves each record and its place
(docs/decisions/0042). The last line counts and digests all before it, and the log's keys sign that. That the filter
itself left nothing out, this signature vouches for; where nothing was passed over, the tree proves it.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ledger.checkpoint import read_checkpoint
from ledger.merkle import CompactRange
from ledger.note import Signer, sign_note
from ledger.proofs import HashReader
from ledger.spans import pass_over, passed_over

FORMAT = "groundswell-export/v2"
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # fmt: skip
"""What a spreadsheet takes for the beginning of a formula (OWASP ASVS 1.2.10), full-width forms too."""
WITHHELD_TYPE = "org.groundswell.record.withheld"
"""The type of an event that only says that a record is there."""
_BEHIND_A_SEPARATOR = re.compile("(?<=[;\t\r\n])(?=[-=+@\uff1d\uff0b\uff0d\uff20])")
"""Where a cell of its own begins for a spreadsheet that separates cells by something else than a comma."""
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
    leaf: bytes
    """The hash of its bytes, whether they go out or not."""
    body: bytes | None
    """None where only the hash goes out: that the record is there, and not what it says."""
    shown: Mapping[str, str]
    private: Sequence[Mapping[str, str]] = ()
    withheld: str = ""
    """Why only the hash goes out, in a sentence."""


class ExportWrong(ValueError):
    """An export is not what it is said to be, or cannot be made of what is there; the message says what is wrong
    first."""


def json_lines(
    head: Mapping[str, Any], records: Iterable[ExportedRecord], reader: HashReader, signers: Sequence[Signer]
) -> Iterator[str]:
    """The lines of an export, each with its line break.

    Args:
        head: which log and filter, and the "checkpoint" that covers every record.
        records: in their order, none beyond the checkpoint.
        reader: answers the roots of what is passed over; asked in order, from the left to the right.
        signers: the log's keys, each of which signs the seal.

    Raises:
        ExportWrong: they do not make the tree that the checkpoint states. Nothing is sealed.
    """
    stated, _ = read_checkpoint(head["checkpoint"])
    digest, count, tree = hashlib.sha256(), 0, CompactRange()
    first = _line({"format": FORMAT, **head})
    digest.update(first.encode())
    yield first
    for record in records:
        passed = passed_over(reader, tree.size, record.seq)
        pass_over(tree, record.seq, passed)
        tree.append(record.leaf)
        line = _line({"seq": record.seq, **_passed(passed), **_content(record)})
        digest.update(line.encode("utf-8", "surrogateescape"))
        count += 1
        yield line
    passed = passed_over(reader, tree.size, stated.size)
    pass_over(tree, stated.size, passed)
    if tree.root() != stated.root:
        raise ExportWrong(f"the records do not make the tree of size {stated.size:,} that was signed")
    statement = f"{FORMAT}\n{count}\n{digest.hexdigest()}\n"
    note = str(sign_note(statement, signers)) if signers else None
    yield _line({**_passed(passed), "count": count, "sha256": digest.hexdigest(), "seal": note})


def _content(record: ExportedRecord) -> dict[str, Any]:
    if record.body is None:
        return {"leaf_hash": record.leaf.hex(), "withheld": record.withheld}
    body = record.body.decode("utf-8", "surrogateescape")
    return {"body": body, "leaf_hash": record.leaf.hex(), "private": list(record.private)}


def _passed(roots: Sequence[bytes]) -> dict[str, list[str]]:
    return {"passed_over": [base64.b64encode(root).decode() for root in roots]} if roots else {}


def csv_lines(records: Iterable[ExportedRecord]) -> Iterator[str]:
    """The lines of a CSV file with a heading. Cells that a spreadsheet would compute get an apostrophe in front."""
    yield _row(CSV_COLUMNS)
    for record in records:
        yield _row(tuple(harmless(record.shown.get(name, "")) for name in CSV_COLUMNS))


def harmless(cell: str) -> str:
    """``cell`` as a spreadsheet shows it and never computes it."""
    within = _BEHIND_A_SEPARATOR.sub("'", cell)
    return f"'{within}" if within.startswith(DANGEROUS) else within


def cloud_events(source: str, records: Iterable[ExportedRecord]) -> Iterator[str]:
    """One CloudEvents 1.0 event in JSON per line. The log's name is the source, the record's id the event's. What only
    the hash of goes out is an event without time and subject, under the record's number, which is no other's id."""
    for record in records:
        if record.body is None:
            yield _line(_withheld_event(source, record))
            continue
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


def _withheld_event(source: str, record: ExportedRecord) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(record.seq),
        "source": source,
        "type": WITHHELD_TYPE,
        "datacontenttype": "application/json",
        "data": {"seq": record.seq, "leaf_hash": record.leaf.hex(), "withheld": record.withheld},
    }


def _line(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"


def _row(cells: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue()
