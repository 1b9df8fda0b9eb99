"""Signed notes: the specification's own example, the Go checksum database's, and every malformation by name."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.keys import SigningKey, generate_key, generate_witness_key, key_from_text
from ledger.note import (
    COSIGNATURE_V1,
    MAXIMUM_NOTE,
    NoKnownSignature,
    Note,
    NoteError,
    NoteMalformed,
    NoteSignature,
    SignatureWrong,
    TooManySignatures,
    VerifierKey,
    VerifierKeyMalformed,
    parse_note,
    sign_note,
    verify_note,
)

# c2sp.org/signed-note v1.0.0, section "Example".
C2SP_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = (
    "This is an example message.\n\n\u2014 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# golang.org/x/mod/sumdb/note, example "PeterNeumann": verifier key, signer key and note.
NEUMANN_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
NEUMANN_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
NEUMANN_LINE = (
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
)

KEY = key_from_text("log.example", base64.b64encode(bytes(32)).decode())
NOTE = str(sign_note("One line.\n", [KEY]))


def test_the_example_of_the_specification() -> None:
    key = VerifierKey.parse(C2SP_VKEY)
    assert (key.name, key.key_id.hex(), str(key)) == ("example.com/foo", "530d903a", C2SP_VKEY)
    note = parse_note(C2SP_NOTE.encode())
    assert note.text == "This is an example message.\n"
    assert verify_note(note, [key]) == (key,)
    assert str(note) == C2SP_NOTE


def test_the_example_of_the_go_checksum_database_signs_to_the_same_bytes() -> None:
    seed = base64.b64decode(NEUMANN_SKEY.split("+", 4)[4])[1:]
    signer = key_from_text("PeterNeumann", base64.b64encode(seed).decode())
    assert signer.vkey == NEUMANN_VKEY
    assert str(sign_note(NEUMANN_TEXT, [signer])) == f"{NEUMANN_TEXT}\n{NEUMANN_LINE}\n"


def test_a_text_may_hold_blank_lines() -> None:
    text = "first\n\n\nlast\n\n"
    note = parse_note(str(sign_note(text, [KEY])))
    assert note.text == text
    assert verify_note(note, [KEY.verifier_key])


def test_signatures_by_unknown_keys_are_ignored() -> None:
    stranger = generate_key("somebody.else")
    note = sign_note("text\n", [stranger, KEY])
    assert verify_note(note, [KEY.verifier_key]) == (KEY.verifier_key,)
    with pytest.raises(NoKnownSignature, match=r"somebody\.else"):
        verify_note(sign_note("text\n", [stranger]), [KEY.verifier_key])


def test_the_same_name_with_another_id_is_another_key() -> None:
    namesake = generate_key(KEY.name)
    with pytest.raises(NoKnownSignature):
        verify_note(sign_note("text\n", [namesake]), [KEY.verifier_key])


def test_the_same_id_with_another_name_is_another_key() -> None:
    line = parse_note(NOTE).signatures[0]
    renamed = Note("One line.\n", (NoteSignature("other.example", line.key_id, line.payload),))
    with pytest.raises(NoKnownSignature):
        verify_note(renamed, [KEY.verifier_key])


def test_a_known_key_that_does_not_fit_spoils_the_note() -> None:
    other = generate_key("other.example")
    good = sign_note("text\n", [KEY, other])
    spoiled = Note("text\n", (good.signatures[0], NoteSignature("other.example", other.verifier_key.key_id, bytes(64))))
    with pytest.raises(SignatureWrong, match=r"other\.example"):
        verify_note(spoiled, [KEY.verifier_key, other.verifier_key])
    assert verify_note(spoiled, [KEY.verifier_key]) == (KEY.verifier_key,)


def test_both_keys_of_a_rotation_are_named() -> None:
    new = generate_key(KEY.name)
    keys = (KEY.verifier_key, new.verifier_key)
    assert verify_note(sign_note("text\n", [KEY, new]), keys) == keys
    assert verify_note(sign_note("text\n", [KEY, KEY]), keys) == (KEY.verifier_key,)


def test_sixteen_signatures_are_accepted_and_seventeen_are_not() -> None:
    note = sign_note("text\n", [KEY] * 16)
    assert len(parse_note(str(note)).signatures) == 16
    with pytest.raises(TooManySignatures, match="17"):
        parse_note(str(sign_note("text\n", [KEY] * 17)))


SIGNATURE = NOTE.rsplit(" ", maxsplit=1)[-1].strip()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "blank line"),
        ("text\n", "blank line"),
        ("text\n\n", "blank line"),
        (NOTE.replace("\n\n", "\n"), "blank line"),
        (NOTE[:-1], "line break"),
        (NOTE + "\n", "blank line"),
        (NOTE.replace("\n\u2014", "\n\n\u2014") + "\n\n", "blank line"),
        (NOTE.replace("\n", "\r\n"), "U+000D"),
        (NOTE.replace("One", "One\t"), "U+0009"),
        (NOTE.replace("One", "One\0"), "U+0000"),
        (NOTE.replace("\u2014 ", "- "), "em dash"),
        (NOTE.replace("\u2014 ", "\u2014"), "em dash"),
        (NOTE.replace("\u2014 ", " \u2014 "), "em dash"),
        (NOTE.replace("log.example ", "log.example  "), "not base64"),
        (NOTE.replace("log.example", "log+example"), "single spaces"),
        (NOTE.replace("log.example", "log\u00a0example"), "single spaces"),
        (NOTE.replace("log.example ", ""), "single spaces"),
        (NOTE.replace("\u2014 log.example", "\u2014 "), "single spaces"),
        (NOTE.replace(SIGNATURE, SIGNATURE[:10] + " " + SIGNATURE[10:]), "not base64"),
        (NOTE.replace(SIGNATURE, SIGNATURE.rstrip("=")), "not base64"),
        (NOTE.replace(SIGNATURE, SIGNATURE + " "), "not base64"),
        (NOTE.replace(SIGNATURE, "AAAA"), "too short"),
        (NOTE.replace(SIGNATURE, "AAAAAA=="), "too short"),
        (NOTE.replace(SIGNATURE, "AAAAAAB="), "not base64"),
        (NOTE.encode() + b"\xff\n", "UTF-8"),
        ("text\ud800\n\n" + NOTE, "UTF-8"),
        ("x" * (MAXIMUM_NOTE + 1), "longer than"),
    ],
    ids=range(27),
)
def test_malformed_notes_are_refused_by_name(raw: str | bytes, reason: str) -> None:
    with pytest.raises(NoteMalformed) as refused:
        parse_note(raw)
    assert reason in str(refused.value)


def test_an_extra_blank_line_belongs_to_the_text_and_so_spoils_the_signature() -> None:
    with pytest.raises(SignatureWrong):
        verify_note(parse_note(NOTE.replace("\n\n", "\n\n\n")), [KEY.verifier_key])


@given(st.integers(0, len(NOTE.encode()) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused(position: int, change: int) -> None:
    raw = bytearray(NOTE.encode())
    raw[position] ^= change
    with pytest.raises(NoteError):
        verify_note(parse_note(bytes(raw)), [KEY.verifier_key])


@pytest.mark.parametrize("text", ["", "no line break", "tab\t\n", "cr\r\n", "half\ud800\n"])
def test_what_cannot_stand_in_a_note_is_not_signed(text: str) -> None:
    with pytest.raises(NoteMalformed):
        sign_note(text, [KEY])


def test_a_witness_key_signs_no_plain_note() -> None:
    with pytest.raises(NoteError, match="witness"):
        sign_note("text\n", [generate_witness_key("w.example")])


@pytest.mark.parametrize(
    ("vkey", "reason"),
    [
        ("", "three parts"),
        ("name+00000000", "three parts"),
        (C2SP_VKEY.replace("530d903a", "530d903b"), "the id of"),
        (C2SP_VKEY.replace("530d903a", "530D903A"), "the id of"),
        (C2SP_VKEY.replace("foo", "bar"), "the id of"),
        (C2SP_VKEY.replace("example.com/foo", ""), "no key name"),
        (C2SP_VKEY.replace("/foo", " foo"), "no key name"),
        (C2SP_VKEY + "A", "not base64"),
        (C2SP_VKEY[:-4], "32 bytes, not 29"),
        ("name+00000000+", "empty"),
        ("name+00000000+" + base64.b64encode(b"\x02" + bytes(32)).decode(), "0x02 is not supported"),
        ("name+00000000+" + base64.b64encode(b"\x06" + bytes(1312)).decode(), "0x06 is not supported"),
    ],
)
def test_malformed_verifier_keys_are_refused_by_name(vkey: str, reason: str) -> None:
    with pytest.raises(VerifierKeyMalformed) as refused:
        VerifierKey.parse(vkey)
    assert reason in str(refused.value)


def test_one_key_has_another_id_for_another_use() -> None:
    witness = SigningKey("log.example", KEY.private_key, COSIGNATURE_V1)
    assert witness.verifier_key.public_key == KEY.verifier_key.public_key
    assert witness.verifier_key.key_id != KEY.verifier_key.key_id
    assert VerifierKey.parse(witness.vkey) == witness.verifier_key
