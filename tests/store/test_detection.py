"""The detection matrix of reference/ledger.md 5 and its group 1 to 7, carried out on a real database."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select, text, update

from ledger.checkpoint import Checkpoint, sign_checkpoint
from ledger.commitments import new_salt
from ledger.findings import Kind, Layer, Report
from ledger.keys import PinnedKey, SigningKey, key_from_text
from store import tables
from store.checkpoints import LedgerDamaged, Sealer, check_outside, head_of
from store.database import lock_ledger, reading, writing
from store.ledger import append_many, origin_of
from store.outside import ask_outside
from store.sinks import FolderSink
from store.verifying import verify_stored
from store.verifying_change import ChangeReport, verify_change
from tests.support.attacks import CHECKPOINT, HEAD, PRIVATE, RECORD, TILE, Attacker
from tests.support.databases import ON_POSTGRESQL
from tests.support.desk import MONDAY
from tests.support.writers import entry

L1, L2, L3, L4 = Layer.ROW, Layer.HEAD, Layer.CHECKPOINT, Layer.WITNESS
C, P, T = Layer.CONTENT, Layer.PRIVATE, Layer.TILE
SIZE, BATCH, EVERY, WITNESSED = 300, 10, 60, 240
OLD, NEW = 150, 270
Attack = Callable[[Attacker], None]


SEEDS = {
    "log": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
    "other": "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=",
}


def key(origin: str, which: str) -> SigningKey:
    return key_from_text(origin, SEEDS[which])


def say_otherwise(body: dict[str, Any]) -> None:
    body["after"]["phase"] = "declined"


def body_edited(it: Attacker) -> None:
    it.edit(OLD, say_otherwise)


def body_and_leaf_edited(it: Attacker) -> None:
    it.edit(OLD, say_otherwise, leaf=True)


def everything_rehashed(it: Attacker, seq: int = OLD) -> None:
    it.edit(seq, say_otherwise, leaf=True)
    it.fix_tree()


def checkpoints_deleted_too(it: Attacker) -> None:
    everything_rehashed(it)
    it.connection.execute(delete(CHECKPOINT))
    it.connection.execute(delete(tables.ledger_witness))


def signed_with_another_key(it: Attacker) -> None:
    everything_rehashed(it)
    it.sign_again(it.other_key)


def signed_with_the_stolen_key(it: Attacker) -> None:
    everything_rehashed(it)
    it.sign_again(it.key)


def newer_row_signed_with_the_stolen_key(it: Attacker) -> None:
    everything_rehashed(it, NEW)
    it.sign_again(it.key)


def middle_row_deleted(it: Attacker) -> None:
    it.remove(RECORD, RECORD.c.seq == OLD)


def middle_row_deleted_and_all_rehashed(it: Attacker) -> None:
    it.remove(PRIVATE, PRIVATE.c.seq == OLD)
    it.remove(RECORD, RECORD.c.seq == OLD)
    it.renumber()
    it.fix_tree()


def first_row_deleted(it: Attacker) -> None:
    it.remove(RECORD, RECORD.c.seq == 0)


def rows_swapped(it: Attacker) -> None:
    for source, to in ((OLD, 9_999), (OLD + 1, OLD), (9_999, OLD + 1)):
        it.set(RECORD, source, seq=to)


def tail_deleted(it: Attacker) -> None:
    it.remove(PRIVATE, PRIVATE.c.seq >= 285)
    it.remove(RECORD, RECORD.c.seq >= 285)


def rolled_back_above_the_witness(it: Attacker) -> None:
    it.cut(WITNESSED + BATCH)


def rolled_back_below_the_witness(it: Attacker) -> None:
    it.cut(WITNESSED - EVERY)


def emptied(it: Attacker) -> None:
    it.cut(0)


def column_edited(it: Attacker) -> None:
    it.set(RECORD, OLD, actor="p-99")


def given_to_another_change(it: Attacker) -> None:
    it.set(RECORD, OLD, change="CH-2")


def last_one_given_to_another_change(it: Attacker) -> None:
    it.set(RECORD, SIZE - 1, change="CH-2")
    it.connection.execute(update(tables.change).values(version=SIZE - 1))


def time_column_edited(it: Attacker) -> None:
    it.set(RECORD, OLD, occurred_at=datetime(1970, 1, 1, tzinfo=UTC))


def time_rewritten(it: Attacker) -> None:
    moment = datetime(9999, 12, 31, tzinfo=UTC)
    it.edit(OLD, lambda body: body.update(occurred_at="9999-12-31T00:00:00.000000Z"), occurred_at=moment)


def value_edited(it: Attacker) -> None:
    it.set(PRIVATE, OLD, value='{"kind":"declined"}')


def salt_edited(it: Attacker) -> None:
    it.set(PRIVATE, OLD, salt=new_salt())


def value_removed_without_a_record(it: Attacker) -> None:
    it.remove(PRIVATE, PRIVATE.c.seq == OLD)


def encoded_otherwise(it: Attacker) -> None:
    it.write_body(OLD, json.dumps(it.body(OLD), sort_keys=True).encode(), leaf=True)
    it.fix_tree()


def moved_here_from_another_log(it: Attacker) -> None:
    it.edit(OLD, lambda body: body.update(log="elsewhere.example/log"), leaf=True)
    it.fix_tree()


def form_of_the_foundation(it: Attacker) -> None:
    it.edit(OLD, lambda body: body.update(v=1), leaf=True)
    it.fix_tree()


def forged_append(it: Attacker) -> None:
    append_many(it.connection, [entry("forged", actor="jonas.okafor")], MONDAY + timedelta(days=1))


def frontier_edited(it: Attacker) -> None:
    it.set(HEAD, 160, frontier=bytes(64))


def head_deleted(it: Attacker) -> None:
    it.remove(HEAD, HEAD.c.size == 160)


def last_head_deleted(it: Attacker) -> None:
    it.remove(HEAD, HEAD.c.size == SIZE)


def tile_edited(it: Attacker) -> None:
    it.connection.execute(update(TILE).values(data=bytes(8192)))


def tile_root_edited(it: Attacker) -> None:
    it.connection.execute(update(TILE).values(root=bytes(32)))


def tile_deleted(it: Attacker) -> None:
    it.connection.execute(delete(TILE))


def body_replaced(it: Attacker) -> None:
    """What somebody types who has only ever used SQL. On SQLite it leaves text where bytes belong."""
    made = "replace(body, '\"awaiting_answer\"', '\"answered\"')"
    if it.connection.dialect.name == "postgresql":
        made = made.replace("body", "convert_from(body, 'UTF8')")
        made = f"convert_to({made}, 'UTF8')"
    it.connection.execute(text(f"UPDATE ledger_record SET body = {made} WHERE seq = {OLD}"))  # noqa: S608


def body_not_json(it: Attacker) -> None:
    it.set(RECORD, OLD, body=b'{"v":1.5,')


def body_not_utf8(it: Attacker) -> None:
    raw = bytearray(it.connection.execute(select(RECORD.c.body).where(RECORD.c.seq == OLD)).scalar_one())
    raw[5] = 0xFF
    it.set(RECORD, OLD, body=bytes(raw))


def body_nested_behind_a_fraction(it: Attacker) -> None:
    it.set(RECORD, OLD, body=b'{"v":1.5,"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}")


def body_emptied(it: Attacker) -> None:
    it.set(RECORD, OLD, body=b"", leaf_hash=b"")


def root_cut_off(it: Attacker) -> None:
    it.set(HEAD, 160, root=b"1")


def checkpoint_of_another_log(it: Attacker) -> None:
    root = it.connection.execute(select(HEAD.c.root).where(HEAD.c.size == 60)).scalar_one()
    it.set(CHECKPOINT, 60, note=str(sign_checkpoint(Checkpoint("elsewhere.example/log", 60, bytes(root)), [it.key])))


def checkpoint_cut_off(it: Attacker) -> None:
    note = it.connection.execute(select(CHECKPOINT.c.note).where(CHECKPOINT.c.size == 60)).scalar_one()
    it.set(CHECKPOINT, 60, note=note[:40])


MATRIX: list[tuple[Attack, set[Layer], Kind | None, int]] = [
    (body_edited, {L1, L2, L3, L4, T}, Kind.LEAF_DIFFERS, OLD),
    (body_and_leaf_edited, {L2, L3, L4, T}, Kind.HEAD_DIFFERS, OLD + 9),
    (everything_rehashed, {L3, L4}, Kind.CHECKPOINT_DIFFERS, 179),
    (checkpoints_deleted_too, {L4}, Kind.CHECKPOINT_DIFFERS, WITNESSED - 1),
    (signed_with_another_key, {L3, L4}, Kind.CHECKPOINT_UNTRUSTED, 59),
    (signed_with_the_stolen_key, {L4}, Kind.CHECKPOINT_DIFFERS, WITNESSED - 1),
    (newer_row_signed_with_the_stolen_key, set(), None, 0),
    (middle_row_deleted, {L1, L2, L3, L4, T}, Kind.RECORD_MISSING, OLD),
    (middle_row_deleted_and_all_rehashed, {L3, L4}, Kind.CHECKPOINT_DIFFERS, 179),
    (first_row_deleted, {L1, L2, L3, L4, T}, Kind.RECORD_MISSING, 0),
    (rows_swapped, {L2, L3, L4, T, C, P}, Kind.COLUMN_DIFFERS, OLD),
    (tail_deleted, {L2, L3}, Kind.LOG_TOO_SHORT, 285),
    (rolled_back_above_the_witness, set(), None, 0),
    (rolled_back_below_the_witness, {L4}, Kind.LOG_TOO_SHORT, WITNESSED - EVERY),
    (emptied, {L4}, Kind.LOG_TOO_SHORT, 0),
    (column_edited, {C}, Kind.COLUMN_DIFFERS, OLD),
    (given_to_another_change, {C}, Kind.COLUMN_DIFFERS, OLD),
    (last_one_given_to_another_change, {C}, Kind.COLUMN_DIFFERS, SIZE - 1),
    (time_column_edited, {C}, Kind.COLUMN_DIFFERS, OLD),
    (time_rewritten, {L1, L2, L3, L4, T}, Kind.LEAF_DIFFERS, OLD),
    (value_edited, {P}, Kind.VALUE_DIFFERS, OLD),
    (salt_edited, {P}, Kind.VALUE_DIFFERS, OLD),
    (value_removed_without_a_record, {P}, Kind.VALUE_MISSING, OLD),
    (encoded_otherwise, {L3, L4, C}, Kind.NOT_CANONICAL, OLD),
    (moved_here_from_another_log, {L3, L4, C}, Kind.OTHER_LOG, OLD),
    (form_of_the_foundation, {L3, L4, C, P}, Kind.COLUMN_DIFFERS, OLD),
    (forged_append, set(), None, 0),
    (frontier_edited, {L2}, Kind.HEAD_DIFFERS, 159),
    (head_deleted, {L2}, Kind.HEAD_OUT_OF_ORDER, 169),
    (last_head_deleted, {L2}, Kind.RECORDS_WITHOUT_HEAD, SIZE - BATCH),
    (body_replaced, {L1, L2, L3, L4, T} | ({C} if not ON_POSTGRESQL else set()), Kind.LEAF_DIFFERS, OLD),
    (body_not_json, {L1, L2, L3, L4, T, C}, Kind.LEAF_DIFFERS, OLD),
    (body_not_utf8, {L1, L2, L3, L4, T, C}, Kind.LEAF_DIFFERS, OLD),
    (body_nested_behind_a_fraction, {L1, L2, L3, L4, T, C}, Kind.LEAF_DIFFERS, OLD),
    (body_emptied, {L1, L2, L3, L4, T, C}, Kind.LEAF_DIFFERS, OLD),
    (root_cut_off, {L2}, Kind.HEAD_DIFFERS, 159),
    (tile_edited, {T}, Kind.TILE_DIFFERS, 255),
    (tile_root_edited, {T}, Kind.TILE_DIFFERS, 255),
    (tile_deleted, {T}, Kind.TILE_MISSING, 255),
    (checkpoint_of_another_log, {L3}, Kind.OTHER_LOG, 59),
    (checkpoint_cut_off, {L3}, Kind.CHECKPOINT_UNREADABLE, 59),
]


@pytest.fixture
def sealed(engine: Engine, tmp_path: Path) -> tuple[Engine, FolderSink]:
    """300 records with a checkpoint every 60, of which the one at 240 is the latest that lies outside."""
    sink = FolderSink(tmp_path)
    with reading(engine) as connection:
        origin = origin_of(connection)
    for first in range(0, SIZE, BATCH):
        with writing(engine) as connection:
            lock_ledger(connection)
            now = MONDAY + timedelta(minutes=first)
            append_many(
                connection, [entry(str(number), version=number + 1) for number in range(first, first + BATCH)], now
            )
        size = first + BATCH
        if size % EVERY == 0:
            sinks = [sink] if size <= WITNESSED else []
            assert Sealer(engine, lambda origin: [key(origin, "log")], sinks).seal() is not None
    assert origin
    return engine, sink


def report_on_the_change(attack: Attack | None, engine: Engine, sink: FolderSink) -> ChangeReport:
    """The report on the one change that all records are about, with ``attack`` done and then undone."""
    with engine.connect().execution_options(writing=True) as connection, connection.begin() as transaction:
        origin = origin_of(connection)
        log_key, other_key = key(origin, "log"), key(origin, "other")
        newest = [next(iter(sink.notes(origin)))]
        if attack:
            attacker = Attacker(connection, log_key, other_key)
            attacker.take_triggers_away()
            attack(attacker)
        report = verify_change(connection, origin, [PinnedKey(log_key.verifier_key)], "CH-1", newest)
        transaction.rollback()
    return report


def report_after(attack: Attack | None, engine: Engine, sink: FolderSink) -> tuple[Report, bool]:
    """The report, and whether the guard at the start refuses, with ``attack`` done and then undone."""
    asked = ask_outside(engine, [sink])
    with engine.connect().execution_options(writing=True) as connection, connection.begin() as transaction:
        origin = origin_of(connection)
        log_key, other_key = key(origin, "log"), key(origin, "other")
        if attack:
            attacker = Attacker(connection, log_key, other_key)
            attacker.take_triggers_away()
            attack(attacker)
        newest = [next(iter(sink.notes(origin)))]
        pinned = [PinnedKey(log_key.verifier_key)]
        report = verify_stored(connection, origin, pinned, newest)
        try:
            check_outside(connection, head_of(connection), asked)
        except LedgerDamaged:
            refused = True
        else:
            refused = False
        transaction.rollback()
    return report, refused


@pytest.mark.slow
def test_every_attack_is_found_by_exactly_the_layers_that_should_find_it(sealed: tuple[Engine, FolderSink]) -> None:
    in_order, refused = report_after(None, *sealed)
    assert (in_order.findings, in_order.exit_code, in_order.size, refused) == ((), 0, SIZE, False)
    assert (in_order.signed_size, in_order.witnessed_size) == (SIZE, WITNESSED)
    wrong = []
    for attack, layers, kind, seq in MATRIX:
        report, _ = report_after(attack, *sealed)
        first = (report.first.kind, report.first.seq) if report.first else (None, 0)
        if (report.layers, *first) != (layers, kind, seq) or report.exit_code != (1 if layers else 0):
            wrong.append((attack.__name__, sorted(report.layers), first, report.exit_code))
    assert wrong == []


OF_OTHERS = {
    frontier_edited,
    root_cut_off,
    head_deleted,
    checkpoint_of_another_log,
    checkpoint_cut_off,
    last_one_given_to_another_change,
}
"""What verifying a change does not see: what it does not ask, and its last record, which nothing behind it names."""


@pytest.mark.slow
def test_of_one_change_every_attack_is_found_that_touches_it(sealed: tuple[Engine, FolderSink]) -> None:
    in_order = report_on_the_change(None, *sealed)
    assert (in_order.findings, in_order.exit_code, in_order.count, in_order.last_revision) == ((), 0, SIZE, SIZE)
    assert (in_order.signed_size, in_order.witnessed_size, in_order.unwitnessed) == (SIZE, WITNESSED, SIZE - WITNESSED)
    wrong = []
    for attack, layers, _, _ in MATRIX:
        report = report_on_the_change(attack, *sealed)
        if (report.exit_code == 1) is not ((bool(layers) and attack not in OF_OTHERS) or attack is forged_append):
            wrong.append((attack.__name__, report.in_words()))
    assert wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("attack", [rolled_back_below_the_witness, emptied, everything_rehashed])
def test_nothing_is_added_to_a_database_that_is_behind_its_checkpoint_or_another(
    sealed: tuple[Engine, FolderSink], attack: Attack
) -> None:
    _, refused = report_after(attack, *sealed)
    assert refused


NOT_UTF8 = "CAST(x'ff41' AS TEXT)"
OF_ANOTHER_KIND: list[tuple[str, set[Layer], Kind, int]] = [
    (f"ledger_record SET body = CAST(body AS TEXT) WHERE seq = {OLD}", {L1, L2, L3, L4, T, C}, Kind.LEAF_DIFFERS, OLD),
    (f"ledger_record SET body = 7 WHERE seq = {OLD}", {L1, L2, L3, L4, T, C}, Kind.LEAF_DIFFERS, OLD),
    (f"ledger_record SET body = {NOT_UTF8} WHERE seq = {OLD}", {L1, L2, L3, L4, T, C}, Kind.LEAF_DIFFERS, OLD),
    (f"ledger_record SET leaf_hash = 'none' WHERE seq = {OLD}", {L1}, Kind.LEAF_DIFFERS, OLD),
    *(
        (f"ledger_record SET {column} = {value} WHERE seq = {OLD}", {C}, Kind.COLUMN_DIFFERS, OLD)
        for column in ("record_id", "idem_key", "recorded_at", "occurred_at", "action", "outcome", "stage", "actor")
        for value in (NOT_UTF8, "x'00ff'", "7.5")
    ),
    (f"ledger_private SET value = {NOT_UTF8} WHERE seq = {OLD}", {P}, Kind.VALUE_DIFFERS, OLD),
    (f"ledger_private SET value = x'00' WHERE seq = {OLD}", {P}, Kind.VALUE_DIFFERS, OLD),
    (f"ledger_private SET value = CAST(value AS BLOB) WHERE seq = {OLD}", {P}, Kind.VALUE_DIFFERS, OLD),
    (f"ledger_private SET salt = 'salt' WHERE seq = {OLD}", {P}, Kind.VALUE_DIFFERS, OLD),
    (f"ledger_private SET label = x'00ff' WHERE seq = {OLD}", {P}, Kind.VALUE_UNKNOWN, OLD),
    (f"ledger_private SET label = {NOT_UTF8} WHERE seq = {OLD}", {P}, Kind.VALUE_UNKNOWN, OLD),
    (f"ledger_private SET seq = 'none' WHERE seq = {OLD}", {P}, Kind.VALUE_MISSING, OLD),
    ("ledger_head SET root = 'root' WHERE size = 160", {L2}, Kind.HEAD_DIFFERS, 159),
    ("ledger_head SET frontier = 0.5 WHERE size = 160", {L2}, Kind.HEAD_DIFFERS, 159),
    ("ledger_head SET first_seq = 'none' WHERE size = 160", {L2}, Kind.HEAD_OUT_OF_ORDER, 159),
    ("ledger_checkpoint SET note = x'00ff' WHERE size = 60", {L3}, Kind.CHECKPOINT_UNREADABLE, 59),
    ("ledger_checkpoint SET note = 7 WHERE size = 60", {L3}, Kind.CHECKPOINT_UNREADABLE, 59),
    (f"ledger_checkpoint SET note = {NOT_UTF8} WHERE size = 60", {L3}, Kind.CHECKPOINT_UNREADABLE, 59),
    ("ledger_checkpoint SET size = 'none' WHERE size = 60", {L3}, Kind.CHECKPOINT_UNTRUSTED, 0),
    (f"ledger_checkpoint SET size = {NOT_UTF8} WHERE size = {SIZE}", {L3}, Kind.CHECKPOINT_UNTRUSTED, 0),
    ("ledger_tile SET data = 'none'", {T}, Kind.TILE_DIFFERS, 255),
    ("ledger_tile SET root = 'none'", {T}, Kind.TILE_DIFFERS, 255),
]


def put(statement: str, it: Attacker) -> None:
    it.connection.execute(text(f"UPDATE {statement}"))


@pytest.mark.slow
@pytest.mark.skipif(ON_POSTGRESQL, reason="PostgreSQL takes nothing into a column that is not of its kind")
def test_what_is_not_even_of_its_columns_kind_is_named(sealed: tuple[Engine, FolderSink]) -> None:
    wrong = []
    for statement, layers, kind, seq in OF_ANOTHER_KIND:
        report, _ = report_after(partial(put, statement), *sealed)
        first = (report.first.kind, report.first.seq) if report.first else (None, 0)
        if (report.layers, *first) != (layers, kind, seq):
            wrong.append((statement, sorted(report.layers), first))
    assert wrong == []
