"""Exports of JSON Lines: each record is proven by the lines themselves, whatever was left out between them."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import offline
from ledger.export_check import WITHOUT_PROOFS, Checked, check_json_lines
from ledger.exports import FORMAT, ExportedRecord, ExportWrong, csv_lines, harmless, json_lines
from ledger.keys import PinnedKey, SigningKey
from ledger.merkle import CompactRange, leaf_hash, root_of
from ledger.note import sign_note
from ledger.proofs import ProofInvalid
from ledger.spans import pass_over, passed_over, subtrees
from ledger.tiles import TileReader
from tests.ledger.memory import LOG_KEY, ORIGIN, OTHER_KEY, PINNED, MemoryLog
from tests.ledger.test_tiles import Storage

SIZE = 1_000
OUTSIDERS = offline.Key.parse(LOG_KEY.vkey, offline.LOG_KEY)
Lines = list[dict[str, Any]]


def taken_out(log: MemoryLog, chosen: Sequence[int], withheld: Sequence[int] = ()) -> list[str]:
    """An export of some records under the last checkpoint."""
    records = [
        ExportedRecord(
            seq,
            log.records[seq].leaf_hash,
            None if seq in withheld else log.records[seq].body,
            {},
            [
                {"label": one.label, "salt": base64.b64encode(one.salt).decode(), "value": one.value}
                for one in log.records[seq].private
            ],
            "It is not yours to read." if seq in withheld else "",
        )
        for seq in chosen
    ]
    head = {"log": ORIGIN, "filter": {}, "checkpoint": log.checkpoints[-1].note}
    return list(json_lines(head, records, TileReader(log, SIZE, passing=True), [log.key]))


def checked(lines: Sequence[str], *pinned: PinnedKey) -> Checked:
    return check_json_lines(lines, pinned or PINNED)


def sealed_again(contents: Lines, key: SigningKey = LOG_KEY, form: str = FORMAT) -> list[str]:
    """The lines with everything that can be made to fit by whoever has a key."""
    *lines, last = contents
    written = [json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines]
    digest = hashlib.sha256("".join(written).encode()).hexdigest()
    note = str(sign_note(f"{form}\n{len(lines) - 1}\n{digest}\n", [key]))
    end = {**last, "count": len(lines) - 1, "sha256": digest, "seal": note}
    return [*written, json.dumps(end, separators=(",", ":")) + "\n"]


EXPORTS: dict[str, Sequence[int]] = {
    "everything": range(SIZE),
    "every second": range(0, SIZE, 2),
    "every hundredth": range(7, SIZE, 100),
    "a run in the middle": range(300, 700),
    "the first": [0],
    "the last": [SIZE - 1],
    "nothing": [],
}


@pytest.mark.parametrize("which", EXPORTS)
def test_each_record_is_proven_whatever_was_left_out(thousand: MemoryLog, which: str) -> None:
    found = checked(taken_out(thousand, EXPORTS[which]))
    assert found == Checked(len(EXPORTS[which]), 0, SIZE, LOG_KEY.name, LOG_KEY.name)
    assert found.exit_code == 0
    assert ("Nothing is left out" in " ".join(found.in_words())) is (which == "everything")
    verdict = offline.verify_file(taken_out(thousand, EXPORTS[which]), [OUTSIDERS], [])
    assert (verdict.exit_code, verdict.problems) == (0, [])
    assert ("nothing is left out" in " ".join(verdict.facts)) is (which == "everything")


def test_records_that_follow_one_another_cost_no_hashes_and_a_gap_few(thousand: MemoryLog) -> None:
    assert not any("passed_over" in line for line in taken_out(thousand, range(SIZE)))
    for which, seqs in EXPORTS.items():
        lines = map(json.loads, taken_out(thousand, seqs))
        assert max(len(line.get("passed_over", ())) for line in lines) <= 2 * SIZE.bit_length(), which


def other_word(lines: Lines) -> None:
    lines[3]["body"] = lines[3]["body"].replace("endorsed", "declined")
    lines[3]["leaf_hash"] = leaf_hash(lines[3]["body"].encode()).hex()


def moved(lines: Lines) -> None:
    lines[3]["seq"] += 1


def invented(lines: Lines) -> None:
    lines.insert(4, {**copy.deepcopy(lines[3]), "seq": lines[3]["seq"] + 1})


def left_out(lines: Lines) -> None:
    del lines[3]


def other_hash_passed_over(lines: Lines) -> None:
    lines[3]["passed_over"][0] = base64.b64encode(bytes(32)).decode()


def one_hash_less(lines: Lines) -> None:
    lines[3]["passed_over"].pop()


def one_hash_more(lines: Lines) -> None:
    lines[3]["passed_over"].append(base64.b64encode(bytes(32)).decode())


def short_hash(lines: Lines) -> None:
    lines[3]["passed_over"][0] = "AAAA"


def hashes_of_another_kind(lines: Lines) -> None:
    lines[3]["passed_over"] = {"0": 1}


def nothing_behind_the_last(lines: Lines) -> None:
    lines[-1].pop("passed_over")


def newer_than_the_checkpoint(lines: Lines) -> None:
    lines[-2]["seq"] = SIZE


def other_value(lines: Lines) -> None:
    lines[3]["private"][0]["value"] += "!"


def other_salt(lines: Lines) -> None:
    lines[3]["private"][0]["salt"] = base64.b64encode(bytes(32)).decode()


def other_label(lines: Lines) -> None:
    lines[3]["private"][0]["label"] = "reason.text"


def values_of_another_kind(lines: Lines) -> None:
    lines[3]["private"] = {"label": 1}


def withheld_and_another(lines: Lines) -> None:
    lines[3] = {**lines[3], "body": None, "withheld": "It is not yours to read.", "leaf_hash": "00" * 32, "private": []}


def withheld_and_short(lines: Lines) -> None:
    lines[3] = {**lines[3], "body": None, "withheld": "It is not yours to read.", "leaf_hash": "00", "private": []}


def no_body(lines: Lines) -> None:
    del lines[3]["body"]


def disclosed_without_a_body(lines: Lines) -> None:
    lines[3] = {**lines[3], "body": None, "withheld": "It is not yours to read."}


def true_for_a_number(lines: Lines) -> None:
    lines[3]["seq"] = True


def other_log(lines: Lines) -> None:
    lines[0]["log"] = "elsewhere.example/log"


def other_checkpoint(lines: Lines) -> None:
    lines[0]["checkpoint"] = lines[0]["checkpoint"].replace("\n1000\n", "\n1001\n")


def no_checkpoint(lines: Lines) -> None:
    del lines[0]["checkpoint"]


FORGERIES: list[Callable[[Lines], None]] = [
    other_word,
    moved,
    invented,
    left_out,
    other_hash_passed_over,
    one_hash_less,
    one_hash_more,
    short_hash,
    hashes_of_another_kind,
    nothing_behind_the_last,
    newer_than_the_checkpoint,
    other_value,
    other_salt,
    other_label,
    values_of_another_kind,
    withheld_and_another,
    withheld_and_short,
    no_body,
    disclosed_without_a_body,
    true_for_a_number,
    other_log,
    other_checkpoint,
    no_checkpoint,
]


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_what_the_log_does_not_hold_is_found_even_where_its_own_key_sealed_it(
    thousand: MemoryLog, forge: Callable[[Lines], None]
) -> None:
    contents = [json.loads(line) for line in taken_out(thousand, range(7, SIZE, 100))]
    assert checked(sealed_again(contents)).exit_code == 0
    forge(contents)
    with pytest.raises(ExportWrong):
        checked(sealed_again(contents))
    assert offline.verify_file(sealed_again(contents), [OUTSIDERS], []).exit_code == 1


def test_an_export_of_records_that_are_not_those_that_were_signed_is_not_sealed(thousand: MemoryLog) -> None:
    log = thousand.copy()
    log.edit_body(500, lambda body: body["after"].update(state="declined"))
    log.fix_leaf(500)
    with pytest.raises(ExportWrong, match="do not make the tree of size 1,000"):
        taken_out(log, range(SIZE))


def test_of_a_withheld_record_the_place_is_proven(thousand: MemoryLog) -> None:
    found = checked(taken_out(thousand, range(400, 410), withheld=[403, 405]))
    assert (found.count, found.withheld, found.exit_code) == (10, 2, 0)
    assert "Of 2 of them only the hash is there" in " ".join(found.in_words())
    verdict = offline.verify_file(taken_out(thousand, range(400, 410), withheld=[403, 405]), [OUTSIDERS], [])
    assert (verdict.exit_code, "of 2 of them only the hash is there" in " ".join(verdict.facts)) == (0, True)


def test_an_outsider_checks_an_export_with_one_file(thousand: MemoryLog, tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    for lines, exit_code in ((taken_out(thousand, range(9)), 0), (taken_out(thousand, range(9))[:-1], 1)):
        file.write_text("".join(lines), encoding="utf-8", newline="")
        command = [sys.executable, "-I", str(Path(offline.__file__)), str(file), "--key", LOG_KEY.vkey]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        assert done.returncode == exit_code, done.stdout + done.stderr


def test_who_vouches_for_what_is_told_apart(thousand: MemoryLog) -> None:
    lines = taken_out(thousand, range(7, SIZE, 100))
    contents = [json.loads(line) for line in lines]
    for pinned, sealed, exit_code, said in (
        (PINNED, lines, 0, "Verified: 10 records"),
        ((), lines, 2, "no trusted key vouches for it"),
        ([PinnedKey(OTHER_KEY.verifier_key)], lines, 2, "no trusted key vouches for it"),
        ([PinnedKey(LOG_KEY.verifier_key, 0, SIZE - 1)], lines, 2, "no trusted key vouches for it"),
        (PINNED, sealed_again(contents, OTHER_KEY), 2, "no trusted key signed the selection"),
    ):
        found = check_json_lines(sealed, pinned)
        theirs = [
            replace(offline.Key.parse(str(one.key), 1), first=one.first_size, last=one.last_size) for one in pinned
        ]
        assert offline.verify_file(sealed, theirs, []).exit_code == exit_code
        assert (found.exit_code, said in found.in_words()[0]) == (exit_code, True), found.in_words()


def test_an_export_of_the_format_before_is_told_from_one_with_proofs(thousand: MemoryLog) -> None:
    contents = [json.loads(line) for line in taken_out(thousand, range(10))]
    contents[0]["format"] = WITHOUT_PROOFS
    old = sealed_again(contents, form=WITHOUT_PROOFS)
    found = checked(old)
    assert (found.count, found.size, found.exit_code) == (10, 0, 2)
    assert offline.verify_file(old, [OUTSIDERS], []).exit_code == 1
    assert f"Not proven: 10 records, unchanged since {LOG_KEY.name} signed it" in found.in_words()[0]
    with pytest.raises(ExportWrong, match="changed, taken out"):
        checked([*old[:2], old[2].replace('"private":[{', '"private":[{ '), *old[3:]])


@given(st.integers(0, 700), st.sets(st.integers(0, 699), max_size=40), st.randoms(use_true_random=False))
def test_some_leaves_and_what_lies_between_them_make_the_tree(size: int, chosen: set[int], random: Any) -> None:
    leaves = [hashlib.sha256(number.to_bytes(2, "big")).digest() for number in range(size)]
    storage = Storage()
    storage.append(leaves)
    reader, tree = TileReader(storage, size, passing=True), CompactRange()
    for seq in sorted(seq for seq in chosen if seq < size):
        pass_over(tree, seq, passed_over(reader, tree.size, seq))
        tree.append(leaves[seq])
    pass_over(tree, size, passed_over(reader, tree.size, size))
    assert tree.root() == root_of(leaves)
    first = random.randint(0, size)
    assert sum(1 << level for level, _ in subtrees(first, size)) == size - first


def test_a_run_is_passed_over_with_exactly_its_hashes() -> None:
    with pytest.raises(ProofInvalid, match="2 hashes lead from record 0 to record 3, 1 are there"):
        pass_over(CompactRange(), 3, [bytes(32)])


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(
    "cell", ["=1+1", "fine;=1+1", "fine\t@SUM(1)", "fine\n+1", "a;b;-1", "\uff1d1", "x;\uff0b1", ";=1", "\r=1"]
)
def test_no_cell_is_computed_whatever_a_spreadsheet_takes_for_the_separator(cell: str, separator: str) -> None:
    record = ExportedRecord(0, bytes(32), b"{}", {"words": cell})
    for line in csv_lines([record]):
        for row in line.splitlines():
            for read in row.split(separator):  # as if it knew no quotes
                assert not read.strip('"').startswith(("=", "+", "-", "@", "\uff1d", "\uff0b")), line


def test_what_computes_nothing_stays_as_it_is() -> None:
    for cell in ("fine; and = good", "a, b", "1-2", "it's", "mail@example.com"):
        assert harmless(cell) == cell
