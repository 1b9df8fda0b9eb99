"""Checks a stored ledger the slow way: everything is computed again from the stored bytes."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, select

from ledger.canonical import canonical_bytes, parse_canonical
from ledger.commitments import verify
from ledger.merkle import CompactRange, leaf_hash, root_of
from ledger.record import Body, commitments_of
from store import tables
from store.ledger import LABEL


def records(connection: Connection) -> Sequence[RowMapping]:
    """All records in order."""
    query = select(tables.ledger_record).order_by(tables.ledger_record.c.seq)
    return connection.execute(query).mappings().all()


def actors(connection: Connection) -> Sequence[str]:
    """Who acted in each record, in order: the people behind the ledger's numbers."""
    people = {row.id: row.person for row in connection.execute(select(tables.ledger_person))}
    return [people.get(row["actor"], row["actor"]) for row in records(connection)]


def heads(connection: Connection) -> Sequence[RowMapping]:
    """The tree after each transaction, in order."""
    return connection.execute(select(tables.ledger_head).order_by(tables.ledger_head.c.size)).mappings().all()


def check_the_whole_ledger(connection: Connection) -> int:
    """Recompute everything from the stored bytes alone, and return the number of records."""
    found = records(connection)
    assert [row["seq"] for row in found] == list(range(len(found)))
    assert [row["leaf_hash"] for row in found] == [leaf_hash(row["body"]) for row in found]
    states = heads(connection)
    for head in states:
        leaves = [leaf_hash(row["body"]) for row in found[: head["size"]]]
        assert len(leaves) == head["size"]
        assert head["root"] == root_of(leaves)
        assert CompactRange.from_bytes(head["size"], head["frontier"]).root() == head["root"]
    assert (states[-1]["size"] if states else 0) == len(found)
    for row in found:
        check_columns(row)
    times = [row["recorded_at"] for row in found]
    assert times == sorted(times)
    return len(found)


def check_columns(row: RowMapping) -> None:
    """The columns beside the body say what the body says."""
    body = parse_canonical(row["body"])
    assert canonical_bytes(body) == row["body"]
    assert {name: row[name] for name in ("seq", "record_id", "idem_key", "action", "outcome")} == {
        name: body[name] for name in ("seq", "record_id", "idem_key", "action", "outcome")
    }
    subject, actor = body["subject"], body["actor"]
    assert [row["change"], row["stage"]] == [subject.get("change_id", ""), subject.get("stage", "")]
    assert row["actor"] == actor.get("ref", "")
    assert Body.from_bytes(row["body"]).to_bytes() == row["body"]  # the model is the yardstick of what is written
    for name in ("recorded_at", "occurred_at"):
        assert row[name].strftime("%Y-%m-%dT%H:%M:%S.%fZ") == body[name]


def check_commitments(connection: Connection) -> None:
    """Every record's words are there, and they are what the record is committed to."""
    table = tables.ledger_private
    private = {row.seq: row for row in connection.execute(select(table))}
    for row in records(connection):
        kept = private.pop(row["seq"])
        commitment = commitments_of(parse_canonical(row["body"]))[LABEL]
        assert verify(LABEL, kept.value, kept.salt, bytes.fromhex(commitment))
    assert not private
