"""The bundle, and the offline verifier that has nothing of ours: examples, every changed character, every forgery."""

from __future__ import annotations

import ast
import base64
import copy
import hmac
import json
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ledger import offline
from ledger.bundle import FORMAT, PolicyText, build_bundle, bundle_bytes, bundle_digest
from ledger.checkpoint import cosign
from ledger.keys import generate_key, generate_witness_key
from ledger.merkle import leaf_hash, root_of
from ledger.note import parse_note, sign_note
from ledger.proofs import inclusion_proof
from ledger.stored import StoredPrivate
from ledger.tiles import TileReader
from tests.ledger.memory import LOG_KEY, ORIGIN, OTHER_KEY, POLICY_TEXT, START, MemoryLog
from tests.ledger.test_tiles import Storage

CHANGE = "c-7"
WITNESS = generate_witness_key("witness.example/w1")
Forgery = Callable[[dict[str, Any]], None]


def made(log: MemoryLog, **changes: Any) -> dict[str, Any]:
    """The bundle of one change out of a log of 1,000 records."""
    values: dict[str, Any] = {
        "vkeys": [LOG_KEY.vkey],
        "made_at": START,
        "made_by": "groundswell 0.1.0",
        "policies": [PolicyText("default", 3, POLICY_TEXT)],
        "signers": [LOG_KEY],
    }
    records = [record for record in log.records if record.columns["change_id"] == CHANGE]
    reader = TileReader(log, len(log.records))
    note = values | changes
    checkpoint = note.pop("checkpoint", log.checkpoints[-1].note)
    return build_bundle(CHANGE, note.pop("records", records[:6]), checkpoint, reader, **note)


@pytest.fixture(scope="module")
def bundle(thousand: MemoryLog) -> dict[str, Any]:
    """A bundle in order. Copy before forging."""
    return made(thousand)


def key(vkey: str) -> offline.Key:
    return offline.Key.parse(vkey, offline.LOG_KEY)


def judged(bundle: dict[str, Any], *vkeys: str) -> offline.Verdict:
    return offline.verify_bundle(bundle, [key(vkey) for vkey in vkeys])


def run(path: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-I", str(Path(offline.__file__)), str(path), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=path.parent,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_record_that_was_left_out_before_the_seal_leaves_a_gap(thousand: MemoryLog) -> None:
    records = [record for record in thousand.records if record.columns["change_id"] == CHANGE]
    verdict = judged(made(thousand, records=[*records[:4], *records[5:]]), LOG_KEY.vkey)
    assert (verdict.exit_code, len(verdict.problems)) == (1, 1)
    assert "a record was left out: none is there of revision 5, and others speak of 50" in verdict.problems[0]
    assert judged(made(thousand, records=records), LOG_KEY.vkey).exit_code == 0


def test_in_order_with_the_pinned_key(bundle: dict[str, Any]) -> None:
    verdict = judged(bundle, LOG_KEY.vkey)
    assert (verdict.exit_code, verdict.problems, verdict.trust) == (0, [], "pinned")
    words = "\n".join(offline.tell(verdict))
    assert "a key that you gave" in words
    assert "each proven to be in the tree of size 1000" in words
    assert "signed this selection" in words


def test_without_a_key_it_says_that_it_proves_nothing(bundle: dict[str, Any]) -> None:
    verdict = judged(bundle)
    assert (verdict.exit_code, verdict.problems, verdict.trust) == (2, [], "bundle")
    assert "comes from the bundle itself" in "\n".join(offline.tell(verdict))


def test_signed_by_another_key_it_depends_on_the_pinned_one(thousand: MemoryLog) -> None:
    forged = made(thousand, checkpoint=thousand.note(OTHER_KEY), signers=[OTHER_KEY], vkeys=[OTHER_KEY.vkey])
    assert judged(forged).exit_code == 2
    verdict = judged(forged, LOG_KEY.vkey)
    assert verdict.exit_code == 1
    assert "not signed by the key you gave" in verdict.problems[0]


def test_after_a_rotation_either_key_will_do(thousand: MemoryLog) -> None:
    rotated = made(thousand, checkpoint=thousand.note(LOG_KEY, OTHER_KEY), signers=[LOG_KEY, OTHER_KEY])
    for trusted in ((OTHER_KEY.vkey, LOG_KEY.vkey), (LOG_KEY.vkey,), (OTHER_KEY.vkey,)):
        assert judged(rotated, *trusted).exit_code == 0
    by_the_old_one = made(thousand, checkpoint=thousand.note(LOG_KEY, OTHER_KEY))
    verdict = judged(by_the_old_one, OTHER_KEY.vkey)
    assert (verdict.exit_code, verdict.problems, verdict.trust) == (2, [], "pinned")
    assert f"it claims to be by {LOG_KEY.name}" in "\n".join(verdict.facts)


def test_a_key_is_trusted_for_the_sizes_that_stand_behind_it(thousand: MemoryLog) -> None:
    rotated = made(thousand, checkpoint=thousand.note(LOG_KEY, OTHER_KEY), signers=[LOG_KEY, OTHER_KEY])
    for sizes in ("-1000", "1000-", "0-", "-", "1000-1000", "7-5000"):
        assert judged(rotated, f"{LOG_KEY.vkey} {sizes}").exit_code == 0, sizes
    assert judged(rotated, f"{LOG_KEY.vkey} -999", f"{OTHER_KEY.vkey} 1000-").exit_code == 0
    for sizes in ("-999", "1001-", "1-999"):
        verdict = judged(made(thousand), f"{LOG_KEY.vkey} {sizes}")
        assert (verdict.exit_code, verdict.trust) == (1, "none"), sizes
        assert "not signed by the key you gave for a log of 1000 records" in verdict.problems[0]
    by_the_stolen_one = made(thousand, checkpoint=thousand.note(LOG_KEY, OTHER_KEY))
    assert judged(by_the_stolen_one, f"{LOG_KEY.vkey} -999", f"{OTHER_KEY.vkey} 1000-").exit_code == 2


def test_an_unsigned_selection_is_not_verifiable(thousand: MemoryLog) -> None:
    verdict = judged(made(thousand, signers=[]), LOG_KEY.vkey)
    assert (verdict.exit_code, verdict.problems, verdict.trust) == (2, [], "pinned")
    assert "nobody vouches that none was left out" in "\n".join(offline.tell(verdict))


def test_the_witness_is_named_and_demanded(thousand: MemoryLog) -> None:
    witness = offline.Key.parse(WITNESS.vkey, offline.WITNESS_KEY)
    note = parse_note(thousand.checkpoints[-1].note)
    cosigned = made(thousand, checkpoint=str(note.with_signatures(cosign(note, WITNESS, 1_772_352_000))))
    verdict = offline.verify_bundle(cosigned, [key(LOG_KEY.vkey)], [witness])
    assert verdict.exit_code == 0
    assert "saw the checkpoint at 2026-03-01T08:00:00+00:00" in "\n".join(verdict.facts)
    missing = offline.verify_bundle(made(thousand), [key(LOG_KEY.vkey)], [witness])
    assert (missing.exit_code, missing.problems) == (1, ["none of the witnesses you named cosigned the checkpoint"])


def test_values_are_disclosed_one_by_one(thousand: MemoryLog) -> None:
    record = thousand.records[7]
    for private in ((), record.private[:1], record.private):
        assert judged(made(thousand, records=[record._replace(private=private)]), LOG_KEY.vkey).exit_code == 0


def test_a_record_newer_than_the_checkpoint_cannot_be_bundled(thousand: MemoryLog) -> None:
    with pytest.raises(ValueError, match="newer than the checkpoint of size 100"):
        made(thousand, checkpoint=thousand.checkpoints[0].note, records=[thousand.records[107]])


def test_a_record_of_another_change_is_pointed_at(thousand: MemoryLog) -> None:
    verdict = judged(made(thousand, records=thousand.records[7:9]), LOG_KEY.vkey)
    assert verdict.exit_code == 0
    assert "(about c-8, not c-7)" in verdict.facts[-1]


def test_the_offline_verifier_follows_proofs_in_trees_of_every_shape() -> None:
    bodies = [b"%d" % number for number in range(40)]
    leaves = [leaf_hash(body) for body in bodies]
    storage = Storage()
    storage.append(leaves)
    reader = TileReader(storage, len(leaves))
    for size in range(1, 41):
        for index in range(size):
            proof = inclusion_proof(reader, index, size)
            assert offline.root_from(leaves[index], index, size, proof) == root_of(leaves[:size])


def test_a_proof_of_another_length_is_refused_even_where_the_hashes_would_fit() -> None:
    step = bytes(32)
    with pytest.raises(offline.Wrong, match="too short"):
        offline.root_from(bytes(32), 0, 4, [step])
    with pytest.raises(offline.Wrong, match="too long"):
        offline.root_from(bytes(32), 0, 2, [step, step])
    with pytest.raises(offline.Wrong, match="too long or malformed"):
        offline.root_from(bytes(32), 0, 2, [step[1:]])


# --- forgeries: each with everything else made to fit as well as an attacker without the key can ---


def sealed_again(forged: dict[str, Any], signer: Any = None) -> None:
    digest = bundle_digest(forged)
    note = str(sign_note(f"{FORMAT}\n{digest}\n", [signer])) if signer else None
    forged["seal"] = {"sha256": digest, "note": note}


def other_word(forged: dict[str, Any]) -> None:
    entry = forged["records"][1]
    entry["body"] = entry["body"].replace("endorsed", "declined", 1)


def other_word_and_leaf(forged: dict[str, Any]) -> None:
    other_word(forged)
    forged["records"][1]["leaf_hash"] = leaf_hash(forged["records"][1]["body"].encode()).hex()


def other_leaf(forged: dict[str, Any]) -> None:
    forged["records"][1]["leaf_hash"] = "0" * 64


def other_proof(forged: dict[str, Any]) -> None:
    forged["records"][1]["proof"][0] = base64.b64encode(bytes(32)).decode()


def shorter_proof(forged: dict[str, Any]) -> None:
    forged["records"][1]["proof"].pop()


def longer_proof(forged: dict[str, Any]) -> None:
    forged["records"][1]["proof"].append(base64.b64encode(bytes(32)).decode())


def other_number(forged: dict[str, Any]) -> None:
    forged["records"][1]["seq"] += 1


def negative_number(forged: dict[str, Any]) -> None:
    forged["records"][1]["seq"] = -1


def true_for_a_number(forged: dict[str, Any]) -> None:
    forged["records"][1]["seq"] = True


def fit_evidence(forged: dict[str, Any]) -> None:
    bodies = [json.loads(entry["body"]) for entry in forged["records"]]
    forged["evidence"] = [{"seq": body["seq"], **one} for body in bodies for one in body["links"]["evidence"]]


def swapped(forged: dict[str, Any]) -> None:
    forged["records"].reverse()
    fit_evidence(forged)


def twice(forged: dict[str, Any]) -> None:
    forged["records"][1:2] = [forged["records"][1]] * 2
    forged["count"] += 1
    fit_evidence(forged)


def left_out_but_counted(forged: dict[str, Any]) -> None:
    del forged["records"][1]
    fit_evidence(forged)


def emptied_and_renamed(forged: dict[str, Any]) -> None:
    forged.update(records=[], evidence=[], policies=[], count=0, origin="elsewhere.example")


def other_value(forged: dict[str, Any]) -> None:
    forged["records"][1]["private"][0]["value"] = "Somebody Else"


def other_label(forged: dict[str, Any]) -> None:
    forged["records"][1]["private"][0]["label"] = "reason.text"


def other_salt(forged: dict[str, Any]) -> None:
    forged["records"][1]["private"][0]["salt"] = base64.b64encode(bytes(32)).decode()


def other_policy(forged: dict[str, Any]) -> None:
    forged["policies"][0]["text"] += "more: 1\n"


def unnamed_policy(forged: dict[str, Any]) -> None:
    other_policy(forged)
    forged["policies"][0]["sha256"] = "0" * 64


def other_policy_version(forged: dict[str, Any]) -> None:
    forged["policies"][0]["version"] = 4


def other_evidence(forged: dict[str, Any]) -> None:
    forged["evidence"][0]["sha256"] = "0" * 64


def less_evidence(forged: dict[str, Any]) -> None:
    forged["evidence"].pop()


def other_origin(forged: dict[str, Any]) -> None:
    forged["origin"] = "elsewhere.example"


def other_size(forged: dict[str, Any]) -> None:
    forged["checkpoint"] = forged["checkpoint"].replace("\n1000\n", "\n1001\n")


def unsigned_checkpoint(forged: dict[str, Any]) -> None:
    forged["checkpoint"] = forged["checkpoint"].partition("\u2014")[0]


def missing_records(forged: dict[str, Any]) -> None:
    del forged["records"]


def null_records(forged: dict[str, Any]) -> None:
    forged["records"] = [None, "x", 5]


def half_a_character(forged: dict[str, Any]) -> None:
    forged["records"][1]["private"][0]["value"] = "\ud800"


def half_a_character_in_a_body(forged: dict[str, Any]) -> None:
    forged["records"][1]["body"] = "\ud800"


def other_format(forged: dict[str, Any]) -> None:
    forged["format"] = "groundswell-bundle/v2"


FORGERIES: list[Forgery] = [
    other_word,
    other_word_and_leaf,
    other_leaf,
    other_proof,
    shorter_proof,
    longer_proof,
    other_number,
    negative_number,
    true_for_a_number,
    swapped,
    twice,
    left_out_but_counted,
    emptied_and_renamed,
    other_value,
    other_label,
    other_salt,
    other_policy,
    unnamed_policy,
    other_policy_version,
    other_evidence,
    less_evidence,
    other_origin,
    other_size,
    unsigned_checkpoint,
    missing_records,
    null_records,
    half_a_character,
    half_a_character_in_a_body,
    other_format,
]


@pytest.mark.parametrize("forge", FORGERIES)
def test_a_forgery_is_found_even_without_the_seal(bundle: dict[str, Any], forge: Forgery) -> None:
    forged = copy.deepcopy(bundle)
    forge(forged)
    with suppress(UnicodeEncodeError):  # no digest can be made of half a character
        sealed_again(forged)
    assert judged(forged, LOG_KEY.vkey).exit_code == 1
    assert judged(forged).exit_code == 1


def left_out(forged: dict[str, Any]) -> None:
    gone = forged["records"].pop()
    forged["evidence"] = [one for one in forged["evidence"] if one["seq"] != gone["seq"]]
    forged["count"] -= 1


def retold(forged: dict[str, Any]) -> None:
    forged["change"] = "c-9"


@pytest.mark.parametrize("forge", [left_out, retold])
def test_another_selection_is_found_by_the_seal(bundle: dict[str, Any], forge: Forgery) -> None:
    forged = copy.deepcopy(bundle)
    forge(forged)
    assert judged(forged, LOG_KEY.vkey).problems[-1] == "something in the bundle was changed after it was sealed"
    sealed_again(forged)
    assert judged(forged, LOG_KEY.vkey).exit_code == 2
    sealed_again(forged, OTHER_KEY)
    verdict = judged(forged, LOG_KEY.vkey)
    assert (verdict.exit_code, verdict.problems) == (2, [])
    assert "nobody you trust vouches that none was left out" in "\n".join(verdict.facts)
    assert judged(forged).problems == ["the seal is not signed by the same key as the checkpoint"]


def test_the_seal_of_another_bundle_does_not_fit(bundle: dict[str, Any], thousand: MemoryLog) -> None:
    forged = copy.deepcopy(bundle)
    forged["seal"]["note"] = made(thousand, records=[])["seal"]["note"]
    assert judged(forged, LOG_KEY.vkey).problems == ["the seal's note is about another bundle"]


def test_a_seal_is_no_checkpoint_and_a_checkpoint_no_seal(bundle: dict[str, Any]) -> None:
    forged = copy.deepcopy(bundle)
    forged["checkpoint"], forged["seal"]["note"] = forged["seal"]["note"], forged["checkpoint"]
    assert judged(forged, LOG_KEY.vkey).exit_code == 1


def test_a_record_in_another_encoding_is_found_though_the_log_holds_it(thousand: MemoryLog) -> None:
    log = thousand.copy()
    body = json.dumps(json.loads(log.records[7].body)).encode()
    log.edit(7, body=body)
    log.fix_leaf(7)
    log.fix_heads()
    log.sign_again(LOG_KEY)
    verdict = judged(made(log, records=[log.records[7]]), LOG_KEY.vkey)
    assert verdict.problems[0] == "record 7: its bytes are not in canonical form"


def body_of(**fields: Any) -> bytes:
    content = {"seq": 7, "log": ORIGIN, **fields}
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


SHORT_SALT = bytes(31)
STRANGE_BODIES: list[tuple[bytes, str]] = [
    (b"\xff\xfe", "not UTF-8"),
    (b"[1]", "not a JSON object"),
    (b"{}", "another place"),
    (body_of(seq=8), "another place"),
    (body_of(log="elsewhere.example"), "another log"),
    (body_of(a=1.5), "not a whole number"),
    (body_of(a=2**53), "canonical form"),
    (body_of(**{"\u00e9": 1}), "canonical form"),
    (body_of().replace(b"{", b'{"log":"x",'), "twice"),
    (b'{"a":"\\ud800"}', "broken character"),
    (nested(33), "canonical form"),
    (nested(5_000), "nested too deeply"),
    (
        body_of(actor={"commit": {"actor.name": hmac.digest(SHORT_SALT, b"actor.name\0Mara", "sha256").hex()}}),
        "private value actor.name",
    ),
]


@pytest.mark.parametrize(("raw", "problem"), STRANGE_BODIES, ids=range(len(STRANGE_BODIES)))
def test_what_is_no_record_is_found_though_the_log_holds_it(thousand: MemoryLog, raw: bytes, problem: str) -> None:
    log = thousand.copy()
    log.edit(7, body=raw, private=[StoredPrivate("actor.name", SHORT_SALT, "Mara")])
    log.fix_leaf(7)
    log.fix_heads()
    log.sign_again(LOG_KEY)
    verdict = judged(made(log, records=[log.records[7]]), LOG_KEY.vkey)
    assert verdict.problems[0].startswith("record 7: ")
    assert problem in verdict.problems[0]


def leaves_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [found for name, part in value.items() for found in leaves_of(part, (*path, name))]
    if isinstance(value, list):
        return [found for place, part in enumerate(value) for found in leaves_of(part, (*path, place))]
    return [path]


def test_every_changed_character_of_every_value_is_found(thousand: MemoryLog) -> None:
    small = made(thousand, records=thousand.records[7:8])
    chosen = random.Random(7)  # noqa: S311
    for path in leaves_of(small):
        changed = copy.deepcopy(small)
        holder = changed
        for step in path[:-1]:
            holder = holder[step]
        value = holder[path[-1]]
        if isinstance(value, str):
            for place in {0, len(value) - 1, *(chosen.randrange(len(value)) for _ in range(12))}:
                other = chr(ord(value[place]) ^ 1)
                holder[path[-1]] = value[:place] + other + value[place + 1 :]
                found = judged(changed, LOG_KEY.vkey)
                whose = path == ("seal", "note") and value.index("\u2014") < place and not found.problems
                assert found.exit_code == (2 if whose else 1), (path, place)  # a seal by a key that nobody knows
        else:
            holder[path[-1]] = value + 1
            assert judged(changed, LOG_KEY.vkey).exit_code == 1, path


# --- the program ---


def test_it_imports_nothing_but_the_standard_library_and_cryptography() -> None:
    tree = ast.parse(Path(offline.__file__).read_text())
    names = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert names - set(sys.stdlib_module_names) == {"cryptography"}


def test_the_program_says_it_all(bundle: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    path.write_bytes(bundle_bytes(bundle))
    code, words = run(path, "--key", LOG_KEY.vkey)
    assert code == 0
    assert words.startswith("IN ORDER.")
    code, words = run(path)
    assert code == 2
    assert words.startswith("NOT VERIFIABLE")
    code, words = run(path, "--key", generate_key(ORIGIN).vkey)
    assert code == 1
    assert words.startswith("TAMPERED. First: the checkpoint is not signed by the key you gave")
    code, words = run(path, "--key", LOG_KEY.vkey, "--json")
    assert json.loads(words)["exit_code"] == code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--key", "nonsense"],
        ["--key", LOG_KEY.vkey[:-4]],
        ["--key", WITNESS.vkey],
        ["--key", f"{LOG_KEY.vkey} 7"],
        ["--key", f"{LOG_KEY.vkey} -x"],
        ["--witness", LOG_KEY.vkey],
        ["--unknown"],
        ["another.json"],
    ],
)
def test_wrong_usage_has_its_own_exit_code(bundle: dict[str, Any], tmp_path: Path, arguments: list[str]) -> None:
    path = tmp_path / "bundle.json"
    path.write_bytes(bundle_bytes(bundle))
    with pytest.raises(SystemExit) as left:
        offline.main([str(path), *arguments])
    assert left.value.code == 3


def test_a_missing_file_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as left:
        offline.main([str(tmp_path / "missing.json")])
    assert left.value.code == 3


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"null", b"\xff", b'{"format":1}', b"[" * 100_000, b'{"a":1,"a":2}', b'{"a":1e5}']
)
def test_an_unreadable_file_is_tampered(tmp_path: Path, raw: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bundle.json"
    path.write_bytes(raw)
    assert offline.main([str(path), "--key", LOG_KEY.vkey]) == 1
    assert capsys.readouterr().out.startswith("TAMPERED")


def test_a_field_twice_in_the_file_is_found(bundle: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    path.write_bytes(bundle_bytes(bundle).replace(b'"change"', b'"change": "c-9", "change"', 1))
    assert offline.main([str(path), "--key", LOG_KEY.vkey]) == 1


def test_nothing_in_a_bundle_can_steer_the_terminal(bundle: dict[str, Any]) -> None:
    forged = copy.deepcopy(bundle)
    forged["origin"] = "\x1b[2Jin order\n"
    forged["policies"][0]["policy_id"] = "\x1b]0;x\x07"
    words = "".join(offline.tell(judged(forged, LOG_KEY.vkey)))
    assert words.isprintable()
