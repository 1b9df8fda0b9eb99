"""Checkpoints and cosignatures: the specification's examples, round trips, and malformations by name."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.checkpoint import (
    LAST_TIMESTAMP,
    Checkpoint,
    CheckpointMalformed,
    Cosignature,
    WrongLog,
    cosign,
    open_checkpoint,
    read_checkpoint,
    sign_checkpoint,
)
from ledger.keys import generate_key, generate_witness_key
from ledger.merkle import EMPTY_ROOT, HASH_SIZE
from ledger.note import NoKnownSignature, NoteError, NoteSignature, SignatureWrong

# c2sp.org/tlog-cosignature, first example.
C2SP_CHECKPOINT = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "\u2014 example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "\u2014 witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)
ORIGIN = "log.example"
KEY = generate_key(ORIGIN)
WITNESS = generate_witness_key("witness.example/w1")
ROOT = bytes(range(32))
SIGNED = sign_checkpoint(Checkpoint(ORIGIN, 7, ROOT), [KEY])
SEEN_AT = 1_679_315_147


def test_the_example_of_the_specification() -> None:
    checkpoint, note = read_checkpoint(C2SP_CHECKPOINT.encode())
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert checkpoint.text == note.text
    log, witness = note.signatures
    assert log.key_id.hex() == "033de0ae"
    assert int.from_bytes(witness.payload[:8], "big") == SEEN_AT
    assert str(note) == C2SP_CHECKPOINT


@given(
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1),
    st.integers(1, 2**63 - 1),
    st.binary(min_size=HASH_SIZE, max_size=HASH_SIZE),
)
def test_round_trip(origin: str, size: int, root: bytes) -> None:
    checkpoint = Checkpoint(origin, size, root)
    opened = open_checkpoint(str(sign_checkpoint(checkpoint, [KEY])), origin, [KEY.verifier_key])
    assert opened.checkpoint == checkpoint
    assert opened.signed_by == (KEY.verifier_key,)
    assert opened.cosignatures == ()


def test_the_empty_log_has_one_root() -> None:
    assert Checkpoint.parse(Checkpoint(ORIGIN, 0, EMPTY_ROOT).text).size == 0
    with pytest.raises(CheckpointMalformed, match="empty log"):
        Checkpoint(ORIGIN, 0, ROOT)


def test_extension_lines_are_kept_because_they_are_signed() -> None:
    checkpoint = Checkpoint(ORIGIN, 7, ROOT, ("one more",))
    note = sign_checkpoint(checkpoint, [KEY])
    assert open_checkpoint(str(note), ORIGIN, [KEY.verifier_key]).checkpoint == checkpoint


LINES = Checkpoint(ORIGIN, 7, ROOT).text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "three lines"),
        (f"{ORIGIN}\n7\n", "three lines"),
        (LINES[:-1], "three lines"),
        (LINES.replace("\n7\n", "\n07\n"), "line 2"),
        (LINES.replace("\n7\n", "\n-7\n"), "line 2"),
        (LINES.replace("\n7\n", "\n+7\n"), "line 2"),
        (LINES.replace("\n7\n", "\n7 \n"), "line 2"),
        (LINES.replace("\n7\n", "\n7_0\n"), "line 2"),
        (LINES.replace("\n7\n", "\n\u0667\n"), "line 2"),
        (LINES.replace("\n7\n", "\n\n"), "line 2"),
        (LINES.replace("\n7\n", f"\n{2**63}\n"), "no size"),
        (LINES.replace("\n7\n", "\n" + "9" * 5_000 + "\n"), "line 2"),
        (LINES.replace("AAEC", "AAE"), "line 3"),
        (LINES.replace("AAEC", "AA EC"), "line 3"),
        (LINES.replace("AAECAwQF", ""), "32 bytes"),
        (LINES + "\n", "one line"),
        (LINES.replace(ORIGIN, ""), "one line"),
    ],
    ids=range(17),
)
def test_malformed_checkpoints_are_refused_by_name(text: str, reason: str) -> None:
    with pytest.raises(CheckpointMalformed) as refused:
        Checkpoint.parse(text)
    assert reason in str(refused.value)


def test_a_checkpoint_of_another_log_or_key_is_refused() -> None:
    with pytest.raises(WrongLog, match=ORIGIN):
        open_checkpoint(str(SIGNED), "other.example", [KEY.verifier_key])
    with pytest.raises(NoKnownSignature):
        open_checkpoint(str(SIGNED), ORIGIN, [generate_key(ORIGIN).verifier_key])
    with pytest.raises(NoKnownSignature):
        open_checkpoint(str(SIGNED), ORIGIN, [])


def test_a_cosignature_is_verified_with_its_time() -> None:
    note = SIGNED.with_signatures(cosign(SIGNED, WITNESS, SEEN_AT))
    opened = open_checkpoint(str(note), ORIGIN, [KEY.verifier_key], [WITNESS.verifier_key])
    assert opened.cosignatures == (Cosignature(WITNESS.verifier_key, SEEN_AT),)
    assert open_checkpoint(str(note), ORIGIN, [KEY.verifier_key]).cosignatures == ()


def test_the_cosigned_message_is_the_one_of_the_specification() -> None:
    line = cosign(SIGNED, WITNESS, SEEN_AT)
    message = f"cosignature/v1\ntime {SEEN_AT}\n{ORIGIN}\n7\n{base64.b64encode(ROOT).decode()}\n"
    assert line.payload == SEEN_AT.to_bytes(8, "big") + WITNESS.sign(message.encode())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda payload: (SEEN_AT + 1).to_bytes(8, "big") + payload[8:],
        lambda payload: payload[:-1],
        lambda payload: payload + b"\0",
        lambda payload: payload[8:],
        lambda payload: payload[:20] + bytes([payload[20] ^ 1]) + payload[21:],
    ],
)
def test_a_spoiled_cosignature_spoils_the_checkpoint(spoil: Callable[[bytes], bytes]) -> None:
    line = cosign(SIGNED, WITNESS, SEEN_AT)
    note = SIGNED.with_signatures(replace(line, payload=spoil(line.payload)))
    with pytest.raises(SignatureWrong, match="cosignature"):
        open_checkpoint(str(note), ORIGIN, [KEY.verifier_key], [WITNESS.verifier_key])


def test_a_cosignature_with_an_impossible_time_is_refused() -> None:
    late = LAST_TIMESTAMP + 1
    message = f"cosignature/v1\ntime {late}\n{SIGNED.text}".encode()
    key = WITNESS.verifier_key
    note = SIGNED.with_signatures(NoteSignature(key.name, key.key_id, late.to_bytes(8, "big") + WITNESS.sign(message)))
    with pytest.raises(SignatureWrong):
        open_checkpoint(str(note), ORIGIN, [KEY.verifier_key], [key])
    with pytest.raises(NoteError, match="no time"):
        cosign(SIGNED, WITNESS, late)


def test_a_log_key_cosigns_nothing_and_a_plain_signature_is_no_cosignature() -> None:
    with pytest.raises(NoteError, match="witness"):
        cosign(SIGNED, KEY, SEEN_AT)
    with pytest.raises(NoKnownSignature):
        open_checkpoint(str(SIGNED), ORIGIN, [WITNESS.verifier_key])
    opened = open_checkpoint(str(SIGNED), ORIGIN, [KEY.verifier_key], [KEY.verifier_key])
    assert opened.cosignatures == ()
    cosigned = str(SIGNED.with_signatures(cosign(SIGNED, WITNESS, SEEN_AT)))
    both = [KEY.verifier_key, WITNESS.verifier_key]
    assert open_checkpoint(cosigned, ORIGIN, both).signed_by == (KEY.verifier_key,)
