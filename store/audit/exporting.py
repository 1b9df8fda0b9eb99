"""Records taken out, oldest first. What is not as it was recorded does not go out (docs/decisions/0042)."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import from_json
from sqlalchemy import Connection

from changes.sight import NAMING_THE_ASKED
from ledger.exports import ExportedRecord
from ledger.findings import Findings
from ledger.merkle import leaf_hash
from ledger.record import columns_of, commitments_of, instant_text, policy_of
from ledger.tiles import NoSuchTile, TileReader
from store.audit.entries import entry_of, withheld_from
from store.audit.questions import Filter, Reader, bounding_of, question_about
from store.checkpoints import RecordsAltered, head_of
from store.ledger import LABEL
from store.tiles import passing_reader
from store.trail import Line, is_as_recorded
from store.verifying_change import check_size


def exported(
    connection: Connection, asked: Filter, reader: Reader, names: Mapping[str, str], size: int
) -> Iterator[ExportedRecord]:
    """The records that fit among the first ``size``, which are signed, oldest first, in pieces: memory stays the same
    however many they are.

    Raises:
        RecordsAltered: one of them is not what was recorded; it does not go out, in no format.
    """
    question = question_about(connection, asked, reader, bounding_of(asked))
    values = {**question.values, "stop": min(question.values["stop"], size)}
    query, leaves = question.oldest(connection, values), passing_reader(connection, size)
    findings = Findings()
    check_size(connection, head_of(connection).size, findings)
    for wrong in findings.in_order():
        raise RecordsAltered(f"Nothing can be taken out: {wrong.message}. See: groundswell audit verify")
    while rows := query.read(connection, values):
        for line in map(Line.of, rows):
            yield _exported(line, _require_recorded(line, leaves), reader, names)
        values["first"] = rows[-1][0] + 1


def _require_recorded(line: Line, leaves: TileReader) -> dict[str, Any]:
    """The body of a record that is in the tree as it is here, with its columns and its words."""
    try:
        if leaf_hash(line.body) != leaves.subtree_root(0, line.seq):
            raise ValueError("its bytes are not those that were recorded")
        body: dict[str, Any] = from_json(line.body)  # what has this hash is in the one form that was recorded
        stated, shown = columns_of(body), line._asdict()
        if any((stated[name] or "") != shown[column] for name, column in _SHOWN_AS_RECORDED.items()):
            raise ValueError("its columns say something else than its bytes")
        if any(stated[name] != instant_text(shown[name]) for name in ("recorded_at", "occurred_at")):
            raise ValueError("its times are not those that were recorded")
        if line.value is not None and not is_as_recorded(line, commitments_of(body).get(LABEL)):
            raise ValueError("its words are not those that were recorded")
    except (ValueError, NoSuchTile) as error:
        raise RecordsAltered(
            f"Record {line.seq:,} cannot be taken out: {error}. Nothing of it goes out. See: groundswell audit verify"
        ) from error
    return body


_SHOWN_AS_RECORDED = {
    "record_id": "record_id",
    "action": "action",
    "outcome": "outcome",
    "change_id": "change",
    "stage": "stage",
}
"""The columns of a record that an export shows, by their names in ``ledger.record.COLUMNS``."""


def _exported(line: Line, body: Mapping[str, Any], reader: Reader, names: Mapping[str, str]) -> ExportedRecord:
    mine = line.person == reader.ref
    withheld = withheld_from(reader, line.action, line.outcome, line.body, mine=mine)
    entry = entry_of(line, reader, names)
    if entry.withheld:
        shown = {"number": str(entry.seq), "words": withheld, "hash of the record": entry.leaf_hash}
        return ExportedRecord(entry.seq, line.leaf_hash, None, shown, withheld=withheld)
    policy, signature = policy_of(body), body.get("signature", {})
    # Who may not see who acted gets no words either: the words of an event name its author.
    values = []
    told = reader.sees_all or mine or (entry.actor == line.person and entry.action not in NAMING_THE_ASKED)
    if line.value is not None and line.salt is not None and told:
        values = [{"label": LABEL, "salt": base64.b64encode(line.salt).decode(), "value": line.value}]
    who = names.get(entry.actor, entry.actor)
    shown = {
        "number": str(entry.seq),
        "recorded": entry.recorded_at.isoformat(),
        "happened": entry.occurred_at.isoformat(),
        "change": entry.change,
        "stage": entry.stage,
        "what": entry.action,
        "outcome": entry.outcome,
        "who": who,
        "by way of": entry.via,
        "signed as": who if signature else "",
        "signature means": signature.get("meaning", ""),
        "words": entry.sentence,
        "policy": f"{policy[0]} {policy[1]}" if policy else "",
        "hash of the record": entry.leaf_hash,
    }
    if withheld:  # its line is open, and its bytes are not
        return ExportedRecord(entry.seq, line.leaf_hash, None, shown, withheld=withheld)
    return ExportedRecord(entry.seq, line.leaf_hash, line.body, shown, values)
