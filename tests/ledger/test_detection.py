"""The detection matrix of reference/ledger.md 5: every attack is found by exactly the layers that should find it.

Two rows differ from the table there, because our bodies carry their own number and their own time of recording, which
the measured prototype's did not: a plain swap of rows is seen by C as well.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ledger.canonical import parse_canonical
from ledger.checkpoint import Checkpoint, sign_checkpoint
from ledger.commitments import new_salt
from ledger.keys import PinnedKey
from ledger.merkle import leaf_hash
from ledger.record import instant_text
from ledger.verification import Kind, Layer, Report
from tests.ledger.memory import LOG_KEY, OTHER_KEY, START, MemoryLog, draft

L1, L2, L3, L4 = Layer.ROW, Layer.HEAD, Layer.CHECKPOINT, Layer.WITNESS
C, P = Layer.CONTENT, Layer.PRIVATE
WITNESSED = 800
OLD, NEW = 500, 900
Attack = Callable[[MemoryLog], None]


def say_otherwise(body: dict[str, Any]) -> None:
    body["after"]["state"] = "declined"


def body_edited(log: MemoryLog) -> None:
    log.edit_body(OLD, say_otherwise)


def body_and_leaf_edited(log: MemoryLog) -> None:
    body_edited(log)
    log.fix_leaf(OLD)


def everything_rehashed(log: MemoryLog, seq: int = OLD) -> None:
    log.edit_body(seq, say_otherwise)
    log.fix_leaf(seq)
    log.fix_heads()


def checkpoints_deleted_too(log: MemoryLog) -> None:
    everything_rehashed(log)
    log.checkpoints.clear()


def signed_with_another_key(log: MemoryLog) -> None:
    everything_rehashed(log)
    log.sign_again(OTHER_KEY)


def signed_with_the_stolen_key(log: MemoryLog) -> None:
    everything_rehashed(log)
    log.sign_again(LOG_KEY)


def newer_row_signed_with_the_stolen_key(log: MemoryLog) -> None:
    everything_rehashed(log, NEW)
    log.sign_again(LOG_KEY)


def middle_row_deleted(log: MemoryLog) -> None:
    del log.records[OLD]


def middle_row_deleted_and_all_rehashed(log: MemoryLog) -> None:
    del log.records[OLD]
    log.renumber()
    log.fix_heads()


def first_row_deleted(log: MemoryLog) -> None:
    del log.records[0]


def rows_swapped(log: MemoryLog) -> None:
    one, other = log.records[OLD], log.records[OLD + 1]
    log.records[OLD] = other._replace(seq=OLD)
    log.records[OLD + 1] = one._replace(seq=OLD + 1)


def rows_swapped_and_renumbered(log: MemoryLog) -> None:
    times = [parse_canonical(log.records[seq].body)["recorded_at"] for seq in (OLD, OLD + 1)]
    log.records[OLD : OLD + 2] = reversed(log.records[OLD : OLD + 2])
    for seq, time in zip((OLD, OLD + 1), times, strict=True):
        log.set_fields(seq, seq=seq, recorded_at=time)
        log.edit(seq, seq=seq)
        log.fix_leaf(seq)


def tail_deleted(log: MemoryLog) -> None:
    del log.records[950:]


def rolled_back_above_the_witness(log: MemoryLog) -> None:
    log.cut(WITNESSED + 100)


def rolled_back_below_the_witness(log: MemoryLog) -> None:
    log.cut(WITNESSED - 100)


def emptied(log: MemoryLog) -> None:
    log.cut(0)


def column_edited(log: MemoryLog) -> None:
    log.edit(OLD, columns={**log.records[OLD].columns, "actor_ref": "p-99"})


def time_rewritten(log: MemoryLog) -> None:
    log.set_fields(OLD, occurred_at="1970-01-01T00:00:00.000000Z")


def recorded_in_the_past(log: MemoryLog) -> None:
    log.set_fields(OLD, recorded_at=instant_text(START))
    log.fix_leaf(OLD)
    log.fix_heads()
    log.sign_again(LOG_KEY)


def value_edited(log: MemoryLog) -> None:
    name, *rest = log.records[OLD].private
    log.edit(OLD, private=(name._replace(value="Somebody Else"), *rest))


def salt_edited(log: MemoryLog) -> None:
    name, *rest = log.records[OLD].private
    log.edit(OLD, private=(name._replace(salt=new_salt()), *rest))


def encoded_otherwise(log: MemoryLog) -> None:
    raw = json.dumps(parse_canonical(log.records[OLD].body), sort_keys=True).encode()
    log.edit(OLD, body=raw, leaf_hash=leaf_hash(raw))
    log.fix_heads()


def moved_here_from_another_log(log: MemoryLog) -> None:
    log.set_fields(OLD, log="elsewhere.example/log")
    log.fix_leaf(OLD)
    log.fix_heads()


def forged_append(log: MemoryLog) -> None:
    log.append_many([draft(5_000)])
    log.checkpoint()


def frontier_edited(log: MemoryLog) -> None:
    head = log.heads[50]
    log.heads[50] = head._replace(frontier=bytes([head.frontier[0] ^ 1]) + head.frontier[1:])


def root_edited(log: MemoryLog) -> None:
    log.heads[50] = log.heads[50]._replace(root=bytes(32))


def head_deleted(log: MemoryLog) -> None:
    del log.heads[50]


def last_head_deleted(log: MemoryLog) -> None:
    del log.heads[-1]


def checkpoint_of_another_size(log: MemoryLog) -> None:
    log.checkpoints[3] = log.checkpoints[3]._replace(size=401)


def checkpoint_of_another_log(log: MemoryLog) -> None:
    head = log.heads[39]
    note = sign_checkpoint(Checkpoint("elsewhere.example/log", head.size, head.root), [LOG_KEY])
    log.checkpoints[3] = log.checkpoints[3]._replace(note=str(note))


MATRIX: list[tuple[Attack, set[Layer], Kind | None, int]] = [
    (body_edited, {L1, L2, L3, L4}, Kind.LEAF_DIFFERS, OLD),
    (body_and_leaf_edited, {L2, L3, L4}, Kind.HEAD_DIFFERS, OLD + 9),
    (everything_rehashed, {L3, L4}, Kind.CHECKPOINT_DIFFERS, 599),
    (checkpoints_deleted_too, {L4}, Kind.CHECKPOINT_DIFFERS, 799),
    (signed_with_another_key, {L3, L4}, Kind.CHECKPOINT_UNTRUSTED, 99),
    (signed_with_the_stolen_key, {L4}, Kind.CHECKPOINT_DIFFERS, 799),
    (newer_row_signed_with_the_stolen_key, set(), None, 0),
    (middle_row_deleted, {L1, L2, L3, L4}, Kind.RECORD_MISSING, OLD),
    (middle_row_deleted_and_all_rehashed, {L3, L4}, Kind.CHECKPOINT_DIFFERS, 599),
    (first_row_deleted, {L1, L2, L3, L4}, Kind.RECORD_MISSING, 0),
    (rows_swapped, {L2, L3, L4, C}, Kind.COLUMN_DIFFERS, OLD),
    (rows_swapped_and_renumbered, {L2, L3, L4}, Kind.HEAD_DIFFERS, OLD + 9),
    (tail_deleted, {L2, L3}, Kind.LOG_TOO_SHORT, 950),
    (rolled_back_above_the_witness, set(), None, 0),
    (rolled_back_below_the_witness, {L4}, Kind.LOG_TOO_SHORT, 700),
    (emptied, {L4}, Kind.LOG_TOO_SHORT, 0),
    (column_edited, {C}, Kind.COLUMN_DIFFERS, OLD),
    (time_rewritten, {L1, L2, L3, L4}, Kind.LEAF_DIFFERS, OLD),
    (recorded_in_the_past, {L4, C}, Kind.TIME_BACKWARDS, OLD),
    (value_edited, {P}, Kind.VALUE_DIFFERS, OLD),
    (salt_edited, {P}, Kind.VALUE_DIFFERS, OLD),
    (encoded_otherwise, {L3, L4, C}, Kind.NOT_CANONICAL, OLD),
    (moved_here_from_another_log, {L3, L4, C}, Kind.OTHER_LOG, OLD),
    (forged_append, set(), None, 0),
    (frontier_edited, {L2}, Kind.HEAD_DIFFERS, 509),
    (root_edited, {L2}, Kind.HEAD_DIFFERS, 509),
    (head_deleted, {L2}, Kind.HEAD_OUT_OF_ORDER, 519),
    (last_head_deleted, {L2}, Kind.RECORDS_WITHOUT_HEAD, 990),
    (checkpoint_of_another_size, {L3}, Kind.CHECKPOINT_DIFFERS, 400),
    (checkpoint_of_another_log, {L3}, Kind.OTHER_LOG, 399),
]


def witnessed(log: MemoryLog) -> str:
    """The copy that was taken to the outside when the log had 800 records."""
    return next(row.note for row in log.checkpoints if row.size == WITNESSED)


def attacked(log: MemoryLog, attack: Attack, **more: Any) -> Report:
    """The report on a copy of ``log`` after ``attack``."""
    outside = witnessed(log)
    victim = log.copy()
    attack(victim)
    return victim.verify([outside], **more)


@pytest.mark.parametrize(
    ("attack", "layers", "kind", "seq"), [pytest.param(*row, id=row[0].__name__) for row in MATRIX]
)
def test_found_by_exactly_these_layers(
    thousand: MemoryLog, attack: Attack, layers: set[Layer], kind: Kind | None, seq: int
) -> None:
    report = attacked(thousand, attack)
    assert report.layers == layers, report.in_words()
    assert report.exit_code == (1 if layers else 0)
    if kind is None:
        assert report.first is None
    else:
        assert report.first is not None
        assert (report.first.kind, report.first.seq) == (kind, seq), report.in_words()


def test_a_log_in_order_is_in_order(thousand: MemoryLog) -> None:
    report = thousand.verify([witnessed(thousand)], tiles=thousand)
    assert report.findings == ()
    assert (report.exit_code, report.size, report.signed_size, report.witnessed_size) == (0, 1_000, 1_000, WITNESSED)
    assert report.root == thousand.heads[-1].root
    words = " ".join(report.in_words())
    assert "200 newer records are not witnessed yet" in words
    assert f"by {LOG_KEY.name} (pinned)" in words


def test_a_key_read_from_the_database_finds_nothing_before_the_witness(thousand: MemoryLog) -> None:
    fooled = attacked(thousand, signed_with_another_key, pinned=[PinnedKey(OTHER_KEY.verifier_key)])
    assert fooled.layers == {L4}


def test_without_an_outside_copy_the_stolen_key_passes(thousand: MemoryLog) -> None:
    victim = thousand.copy()
    signed_with_the_stolen_key(victim)
    report = victim.verify()
    assert report.exit_code == 0
    assert "would go unseen" in " ".join(report.in_words())


def test_without_a_pinned_key_nothing_is_verified_but_everything_compared(thousand: MemoryLog) -> None:
    report = thousand.verify(pinned=())
    assert (report.exit_code, report.findings, report.signed_size) == (2, (), 0)
    assert "Trust: none" in " ".join(report.in_words())
    assert attacked(thousand, everything_rehashed, pinned=()).layers == {L3, L4}


@pytest.mark.parametrize("attack", [column_edited, value_edited])
def test_the_tree_alone_is_blind_to_columns_and_values(thousand: MemoryLog, attack: Attack) -> None:
    report = attacked(thousand, attack, contents=False)
    assert report.exit_code == 0
    assert "Only the tree was verified" in " ".join(report.in_words())
