"""Verification beyond the matrix: any changed byte, erasures, ranges, rotation, witnesses, tiles, constant memory."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import offline
from ledger.bundle import build_bundle
from ledger.canonical import canonical_bytes, parse_canonical
from ledger.checkpoint import Checkpoint, cosign, sign_checkpoint
from ledger.keys import PinnedKey, generate_key, generate_witness_key
from ledger.merkle import CompactRange, leaf_hash
from ledger.note import parse_note
from ledger.record import Erasure, Links, columns_of
from ledger.stored import StoredCheckpoint, StoredHead, StoredPrivate, StoredRecord
from ledger.tiles import Tile, TileReader
from ledger.verification import Kind, Layer, verify
from tests.ledger.memory import LOG_KEY, ORIGIN, OTHER_KEY, PINNED, START, MemoryLog, draft, erasure, filled
from tests.ledger.test_canonical import scalars

WITNESS = generate_witness_key("witness.example/w1")


@cache
def shared() -> MemoryLog:
    """20 records, heads after each 5, checkpoints after each 10."""
    return filled(20, batch=5, every=10)


def flip(raw: bytes, position: int, change: int) -> bytes:
    return raw[:position] + bytes([raw[position] ^ change]) + raw[position + 1 :]


@given(st.integers(0, 19), st.integers(1, 255), st.data())
def test_any_changed_byte_of_a_body_is_found(seq: int, change: int, data: st.DataObject) -> None:
    log = shared().copy()
    body = log.records[seq].body
    log.edit(seq, body=flip(body, data.draw(st.integers(0, len(body) - 1)), change))
    report = log.verify(contents=data.draw(st.booleans()))
    assert report.first is not None
    assert (report.first.kind, report.first.seq) == (Kind.LEAF_DIFFERS, seq)
    assert report.layers >= {Layer.ROW, Layer.HEAD, Layer.CHECKPOINT}


@given(st.integers(0, 19), st.integers(1, 255), st.integers(0, 31))
def test_any_changed_byte_of_a_leaf_is_found(seq: int, change: int, position: int) -> None:
    log = shared().copy()
    log.edit(seq, leaf_hash=flip(log.records[seq].leaf_hash, position, change))
    report = log.verify()
    assert report.first is not None
    assert (report.first.layer, report.first.seq, len(report.findings)) == (Layer.ROW, seq, 1)


@given(st.integers(0, 3), st.integers(1, 255), st.data())
def test_any_changed_byte_of_a_head_is_found(number: int, change: int, data: st.DataObject) -> None:
    log = shared().copy()
    head = log.heads[number]
    if data.draw(st.booleans()):
        changed = head._replace(frontier=flip(head.frontier, data.draw(st.integers(0, len(head.frontier) - 1)), change))
    else:
        changed = head._replace(root=flip(head.root, data.draw(st.integers(0, 31)), change))
    log.heads[number] = changed
    report = log.verify()
    assert report.layers == {Layer.HEAD}
    assert report.findings[0].kind is Kind.HEAD_DIFFERS


@given(st.integers(0, 1), st.integers(1, 127), st.data())
def test_any_changed_byte_of_a_checkpoint_is_found_inside_and_outside(
    number: int, change: int, data: st.DataObject
) -> None:
    log = shared().copy()
    row = log.checkpoints[number]
    raw = row.note.encode()
    note = flip(raw, data.draw(st.integers(0, len(raw) - 1)), change).decode(errors="surrogateescape")
    assert log.verify([note]).layers == {Layer.WITNESS}
    log.checkpoints[number] = row._replace(note=note)
    assert log.verify().layers == {Layer.CHECKPOINT}


@pytest.mark.parametrize("field", ["size", "first_seq"])
@pytest.mark.parametrize("by", [-30, -1, 1, 30])
def test_a_head_with_other_numbers_is_found(small: MemoryLog, field: str, by: int) -> None:
    log = small.copy()
    log.heads[1] = log.heads[1]._replace(**{field: getattr(log.heads[1], field) + by})
    assert Layer.HEAD in log.verify().layers


@pytest.mark.parametrize("by", [-30, -10, -1, 1, 5, 30])
def test_a_checkpoint_row_with_another_size_is_found(small: MemoryLog, by: int) -> None:
    log = small.copy()
    log.checkpoints[0] = log.checkpoints[0]._replace(size=10 + by)
    assert log.verify().layers == {Layer.CHECKPOINT}


def test_a_checkpoint_that_lies_about_its_size_is_found_though_its_key_is_right(small: MemoryLog) -> None:
    ten, twenty = (head.root for head in small.heads if head.size in (10, 20))
    log = small.copy()
    log.checkpoints[0] = StoredCheckpoint(10, str(sign_checkpoint(Checkpoint(ORIGIN, 11, ten), [LOG_KEY])))
    assert log.verify().layers == {Layer.CHECKPOINT}
    log = small.copy()
    log.checkpoints.append(StoredCheckpoint(10, str(sign_checkpoint(Checkpoint(ORIGIN, 10, twenty), [LOG_KEY]))))
    assert log.verify().layers == {Layer.CHECKPOINT}


@pytest.mark.parametrize("name", ["seq", "record_id", "stage", "actor_ref", "occurred_at"])
def test_each_edited_missing_or_added_column_is_named(small: MemoryLog, name: str) -> None:
    for columns in (
        {**small.records[3].columns, name: "other"},
        {key: value for key, value in small.records[3].columns.items() if key != name},
        {**small.records[3].columns, name: None},
    ):
        log = small.copy()
        log.edit(3, columns=columns)
        report = log.verify()
        assert report.layers == {Layer.CONTENT}
        assert f"column {name} of record 3" in report.findings[0].message
    log = small.copy()
    log.edit(3, columns={**small.records[3].columns, "extra": 1})
    assert "column extra" in log.verify().findings[0].message


def test_a_record_twice_is_named(small: MemoryLog) -> None:
    log = small.copy()
    log.records.insert(4, log.records[3])
    report = log.verify()
    assert report.first is not None
    assert (report.first.kind, report.first.seq) == (Kind.RECORD_OUT_OF_ORDER, 3)


@pytest.mark.parametrize(
    "text",
    ["2026-03-01T08:00:00.000000+00:00", "2026-03-01T08:00:60.000000Z", "2026-03-01T08:00:00Z", "now"],
)
def test_a_time_in_another_form_is_found(small: MemoryLog, text: str) -> None:
    log = small.copy()
    log.set_fields(3, occurred_at=text)
    log.fix_leaf(3)
    log.fix_heads()
    log.sign_again(LOG_KEY)
    report = log.verify()
    assert report.layers == {Layer.CONTENT}
    assert report.findings[0].kind is Kind.NOT_CANONICAL


def test_the_empty_log_is_in_order() -> None:
    report = MemoryLog().verify()
    assert (report.exit_code, report.size, report.findings) == (0, 0, ())
    assert MemoryLog().verify([shared().note()]).layers == {Layer.WITNESS}


# --- private values and erasures ---


def test_an_erasure_under_a_record_is_in_order_and_counted(small: MemoryLog) -> None:
    log = small.copy()
    log.edit(3, private=log.records[3].private[1:])
    log.edit(4, private=())
    places = ((3, "actor.name"), (4, "actor.name"), (4, "reason.text"))
    log.append_many([erasure(20, *places)])
    report = log.verify()
    assert (report.findings, report.erased) == ((), 3)
    assert "3 private values were erased" in " ".join(report.in_words())
    log.append_many([erasure(21, (3, "actor.name"))])
    assert log.verify().findings == ()


def test_an_erasure_without_a_record_is_found(small: MemoryLog) -> None:
    log = small.copy()
    log.edit(3, private=log.records[3].private[1:])
    log.edit(9, private=())
    report = log.verify()
    assert report.layers == {Layer.PRIVATE}
    assert (report.findings[0].kind, report.findings[0].seq) == (Kind.VALUE_MISSING, 3)


def test_an_erased_value_that_came_back_is_found(small: MemoryLog) -> None:
    log = small.copy()
    log.append_many([erasure(20, (3, "actor.name"))])
    report = log.verify()
    assert (report.findings[0].kind, report.findings[0].seq) == (Kind.VALUE_NOT_ERASED, 3)
    assert "it is there" in report.findings[0].message


def test_an_erasure_cannot_come_before_its_value(small: MemoryLog) -> None:
    log = small.copy()
    log.append_many([erasure(20, (21, "actor.name")), draft(21)])
    log.edit(21, private=log.records[21].private[1:])
    assert log.verify().layers == {Layer.PRIVATE}


def test_a_record_cannot_erase_its_own_value(small: MemoryLog) -> None:
    log = small.copy()
    log.append_many([draft(20, links=Links(erases=(Erasure(seq=20, labels=("actor.name", "reason.text")),)))])
    log.edit(20, private=())
    assert log.verify().layers == {Layer.PRIVATE}


def test_a_malformed_erasure_is_found(small: MemoryLog) -> None:
    log = small.copy()
    log.edit_body(3, lambda body: body["links"].update(erases=[{"seq": "all"}]))
    log.fix_leaf(3)
    log.fix_heads()
    log.sign_again(LOG_KEY)
    assert log.verify().findings[0].kind is Kind.ERASURE_MALFORMED


def test_a_value_nobody_committed_to_is_found(small: MemoryLog) -> None:
    name = small.records[3].private[0]
    for added in (StoredPrivate("actor.phone", bytes(32), "1"), name):
        log = small.copy()
        log.edit(3, private=(*log.records[3].private, added))
        report = log.verify()
        assert (report.findings[0].kind, report.findings[0].seq) == (Kind.VALUE_UNKNOWN, 3)


@pytest.mark.parametrize("commitment", ["zz", "", 5, None, ["0" * 64]])
def test_a_malformed_commitment_is_found_and_does_not_break_the_verifier(small: MemoryLog, commitment: object) -> None:
    log = small.copy()
    log.edit_body(3, lambda body: body["actor"]["commit"].update({"actor.name": commitment}))
    report = log.verify()
    assert Layer.PRIVATE in report.layers


FIELDS = st.sampled_from(["actor", "subject", "reason", "before", "after", "links", "commit", "erases", "recorded_at"])


@given(st.dictionaries(FIELDS, st.recursive(scalars, lambda inner: st.dictionaries(FIELDS, inner) | st.lists(inner))))
def test_no_body_breaks_the_verifiers(fields: dict[str, Any]) -> None:
    log = shared().copy()
    raw = canonical_bytes({"seq": 3, "log": ORIGIN, **fields})
    log.edit(3, body=raw, columns=columns_of(parse_canonical(raw)))
    log.fix_leaf(3)
    log.fix_heads()
    log.sign_again(LOG_KEY)
    assert log.verify().layers <= {Layer.CONTENT, Layer.PRIVATE}
    reader = TileReader(log, 20)
    bundle = build_bundle(
        "c-3", log.records[3:4], log.note(), reader, vkeys=[], made_at=START, made_by="test", signers=[LOG_KEY]
    )
    assert offline.verify_bundle(bundle, [offline.Key.parse(LOG_KEY.vkey, offline.LOG_KEY)]).trust == "pinned"


# --- trust ---


def test_after_a_rotation_each_key_speaks_for_its_sizes(small: MemoryLog) -> None:
    log = small.copy()
    log.checkpoints[1] = log.checkpoints[1]._replace(note=log.note(OTHER_KEY))
    old, new = LOG_KEY.verifier_key, OTHER_KEY.verifier_key
    assert log.verify(pinned=[PinnedKey(old, 0, 10), PinnedKey(new, 11)]).exit_code == 0
    assert log.verify(pinned=[PinnedKey(old), PinnedKey(new)]).signed_by == new.name
    late = log.verify(pinned=[PinnedKey(old)])
    assert [(one.kind, one.seq) for one in late.findings] == [(Kind.CHECKPOINT_UNTRUSTED, 19)]
    both = small.copy()
    both.checkpoints[1] = both.checkpoints[1]._replace(note=both.note(LOG_KEY, OTHER_KEY))
    assert both.verify(pinned=[PinnedKey(old)]).exit_code == 0
    assert both.verify(pinned=[PinnedKey(new, 11), PinnedKey(old, 0, 10)]).exit_code == 0


def test_two_checkpoints_of_one_size_are_both_verified(small: MemoryLog) -> None:
    log = small.copy()
    log.checkpoints.insert(1, StoredCheckpoint(10, log.checkpoints[0].note))
    assert log.verify().exit_code == 0
    log.checkpoints[1] = log.checkpoints[1]._replace(note=small.note(generate_key(ORIGIN)))
    assert log.verify().layers == {Layer.CHECKPOINT}


def test_a_witness_and_its_time_are_named(small: MemoryLog) -> None:
    note = parse_note(small.checkpoints[0].note)
    seen = datetime(2026, 3, 2, tzinfo=UTC)
    cosigned = str(note.with_signatures(cosign(note, WITNESS, int(seen.timestamp()))))
    report = small.verify([small.note(), cosigned], witnesses=[WITNESS.verifier_key])
    assert (report.exit_code, report.witnessed_size, report.cosigned_size) == (0, 20, 10)
    assert (report.cosigned_at, report.cosigned_by) == (seen, ("witness.example/w1",))
    assert "cosigned to size 10 by witness.example/w1 at 2026-03-02" in " ".join(report.in_words())
    unknown = small.verify([cosigned])
    assert (unknown.witnessed_size, unknown.cosigned_size) == (10, 0)


def test_a_cosignature_kept_in_the_database_counts_too(small: MemoryLog) -> None:
    log = small.copy()
    note = parse_note(log.checkpoints[0].note)
    cosigned = str(note.with_signatures(cosign(note, WITNESS, 1)))
    log.checkpoints[0] = log.checkpoints[0]._replace(note=cosigned)
    assert log.verify(witnesses=[WITNESS.verifier_key]).witnessed_size == 10
    assert log.verify().witnessed_size == 0


def test_outside_copies_may_come_in_any_order_and_twice(thousand: MemoryLog) -> None:
    notes = [row.note for row in reversed(thousand.checkpoints)]
    report = thousand.verify([*notes, *notes])
    assert (report.exit_code, report.witnessed_size) == (0, 1_000)


@pytest.mark.parametrize("cut", [0, 1, 30, 120])
def test_a_half_written_outside_copy_is_a_finding_at_the_end(small: MemoryLog, cut: int) -> None:
    report = small.verify([small.checkpoints[0].note, small.note()[:cut]])
    assert report.layers == {Layer.WITNESS}
    assert (report.findings[0].kind, report.findings[0].seq) == (Kind.CHECKPOINT_UNREADABLE, 19)


def test_the_outside_copy_of_another_log_is_a_finding(small: MemoryLog) -> None:
    other = MemoryLog(origin="other.example")
    other.append_many([draft(0)])
    report = small.verify([other.note()])
    assert (report.findings[0].layer, report.findings[0].kind) == (Layer.WITNESS, Kind.OTHER_LOG)


# --- tiles ---


@pytest.mark.parametrize("part", ["data", "root", "missing"])
def test_a_wrong_tile_is_named(thousand: MemoryLog, part: str) -> None:
    log = thousand.copy()
    tile = log.tiles[0, 2]
    if part == "missing":
        del log.tiles[0, 2]
    elif part == "data":
        log.tiles[0, 2] = Tile(0, 2, flip(tile.data, 77, 1), tile.root)
    else:
        log.tiles[0, 2] = Tile(0, 2, tile.data, flip(tile.root, 0, 1))
    report = log.verify(tiles=log)
    assert report.layers == {Layer.TILE}
    assert report.findings[0].seq == 767
    assert "tile/0/002" in report.findings[0].message
    assert log.verify().exit_code == 0


def test_tiles_of_the_second_level_are_verified_too() -> None:
    log = MemoryLog()
    size = 65_536 + 300
    raw = [number.to_bytes(4, "big") for number in range(size)]
    log.records = [StoredRecord(seq, body, leaf_hash(body), {}) for seq, body in enumerate(raw)]
    log.heads = [StoredHead(size, b"", b"", 0)]
    log.fix_heads()
    assert set(log.tiles) == {(0, index) for index in range(257)} | {(1, 0)}
    assert log.verify(tiles=log, contents=False).findings == ()
    tile = log.tiles[1, 0]
    log.tiles[1, 0] = Tile(1, 0, tile.data, bytes(32))
    report = log.verify(tiles=log, contents=False)
    assert (report.findings[0].kind, report.findings[0].seq) == (Kind.TILE_DIFFERS, 65_535)


# --- ranges ---


def from_head(log: MemoryLog, size: int) -> CompactRange:
    head = next(head for head in log.heads if head.size == size)
    return CompactRange.from_bytes(head.size, head.frontier)


def test_a_range_is_verified_from_a_stored_head(thousand: MemoryLog) -> None:
    report = verify(
        thousand.records[300:700],
        thousand.heads,
        thousand.checkpoints,
        PINNED,
        [row.note for row in thousand.checkpoints],
        origin=ORIGIN,
        tiles=thousand,
        start=from_head(thousand, 300),
        stop=700,
    )
    assert (report.exit_code, report.start, report.size, report.signed_size) == (0, 300, 700, 700)
    assert "records 300 to 700" in report.in_words()[0]


def test_a_range_in_two_halves_gives_the_same_root(thousand: MemoryLog) -> None:
    arguments = (thousand.heads, thousand.checkpoints, PINNED)
    first = verify(iter(thousand.records), *arguments, origin=ORIGIN, stop=500)
    second = verify(thousand.records[500:], *arguments, origin=ORIGIN, start=from_head(thousand, 500))
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert (first.size, second.size, second.root) == (500, 1_000, thousand.heads[-1].root)


def test_a_forged_start_is_found_by_the_next_checkpoint(thousand: MemoryLog) -> None:
    start = from_head(thousand, 300)
    forged = CompactRange.from_bytes(300, flip(start.to_bytes(), 0, 1))
    report = verify(thousand.records[300:], thousand.heads, thousand.checkpoints, PINNED, origin=ORIGIN, start=forged)
    assert {Layer.HEAD, Layer.CHECKPOINT} <= report.layers


def test_an_erasure_outside_the_range_is_no_finding(thousand: MemoryLog) -> None:
    log = thousand.copy()
    log.edit(5, private=())
    log.append_many([erasure(1_000, (5, "actor.name"), (5, "reason.text"))])
    assert log.verify().exit_code == 0
    assert log.verify(stop=500).exit_code == 0
    later = verify(log.records[500:], log.heads, log.checkpoints, PINNED, origin=ORIGIN, start=from_head(log, 500))
    assert later.findings == ()


def test_a_log_that_ends_before_the_stop_is_read_to_its_end(small: MemoryLog) -> None:
    assert small.verify(stop=20).exit_code == 0
    assert small.verify(stop=25).exit_code == 0
    log = small.copy()
    del log.records[15:]
    assert log.verify(stop=25).layers == {Layer.HEAD, Layer.CHECKPOINT}
    assert log.verify(stop=15).exit_code == 0


# --- the report, and the stream ---


def test_the_report_for_machines_is_json(small: MemoryLog) -> None:
    log = small.copy()
    log.edit(3, leaf_hash=bytes(32))
    mapping = json.loads(json.dumps(log.verify([small.note()]).to_mapping()))
    assert mapping["exit_code"] == 1
    assert mapping["findings"][0] == {
        "seq": 3,
        "layer": "L1",
        "kind": "leaf differs from body",
        "message": "the leaf hash of record 3 is not the hash of its body",
    }
    assert "TAMPERED: the first wrong thing is at record 3" in log.verify().in_words()[0]


def test_progress_is_told(thousand: MemoryLog) -> None:
    told: list[int] = []
    stream = (record for _ in range(5) for record in thousand.records)
    verify(stream, [], [], PINNED, origin=ORIGIN, contents=False, progress=told.append)
    assert told == [4_096]


def endless(count: int) -> Iterator[StoredRecord]:
    template = shared().records[0]
    body = parse_canonical(template.body)
    for seq in range(count):
        raw = template.body.replace(b'"seq":0', b'"seq":%d' % seq)
        yield StoredRecord(seq, raw, leaf_hash(raw), {**columns_of(body), "seq": seq}, template.private)


def peak_memory(count: int) -> int:
    tracemalloc.start()
    try:
        report = verify(endless(count), [], [], PINNED, origin=ORIGIN)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert report.size == count
    assert report.layers == {Layer.HEAD}
    return peak


@pytest.mark.slow
def test_memory_does_not_grow_with_the_log() -> None:
    peak_memory(300)
    assert peak_memory(6_000) < 1.2 * peak_memory(1_000)
