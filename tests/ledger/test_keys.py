"""Keys: where they come from, what is refused and how, and which sizes a pinned key speaks for."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from ledger.keys import (
    KeyUnusable,
    PinnedKey,
    generate_key,
    generate_witness_key,
    key_from_file,
    key_from_text,
    keys_for,
    permission_warning,
    write_key_file,
)
from ledger.note import VerifierKey, VerifierKeyMalformed

NAME = "log.example"
KEY = generate_key(NAME)


def test_a_key_survives_both_forms(tmp_path: Path) -> None:
    for text in (KEY.to_text(), KEY.to_pem().decode(), f"\n {KEY.to_text()} \n"):
        assert key_from_text(NAME, text).vkey == KEY.vkey
    path = tmp_path / "log.key"
    write_key_file(path, KEY)
    assert key_from_file(NAME, path).vkey == KEY.vkey
    assert path.stat().st_mode & 0o777 == 0o600
    assert permission_warning(path) is None


def test_generated_keys_differ_and_verify() -> None:
    other = generate_key(NAME)
    assert other.vkey != KEY.vkey
    assert VerifierKey.parse(KEY.vkey).signed(KEY.sign(b"message"), b"message")
    assert not VerifierKey.parse(other.vkey).signed(KEY.sign(b"message"), b"message")
    assert generate_witness_key("w.example").vkey.startswith("w.example+")


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    write_key_file(path, KEY)
    with pytest.raises(KeyUnusable, match="cannot be made"):
        write_key_file(path, generate_key(NAME))
    assert key_from_file(NAME, path).vkey == KEY.vkey


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602, 0o610])
def test_loose_permissions_are_told_with_the_repair(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "log.key"
    write_key_file(path, KEY)
    path.chmod(mode)
    warning = permission_warning(path)
    assert warning is not None
    assert f"chmod 600 {path}" in warning


def pem(key: object, encryption: object) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("not base64!", "neither PEM nor base64"),
        (KEY.to_text()[:-4], "bytes; an Ed25519 key has 32"),
        (KEY.vkey, "neither PEM nor base64"),
        (pem(generate_private_key(SECP256R1()), NoEncryption()), "not an Ed25519 key"),
        (pem(KEY.private_key, BestAvailableEncryption(b"secret")), "protected by a password"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not a PEM private key"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "not a PEM private key"),
    ],
    ids=range(9),
)
def test_unusable_keys_are_refused_by_name(text: str, reason: str) -> None:
    with pytest.raises(KeyUnusable) as refused:
        key_from_text(NAME, text)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [KEY.to_text() + "!", KEY.to_text()[:-4], KEY.to_pem().decode().replace("MC4", "MC5")],
    ids=["longer", "shorter", "other PEM"],
)
def test_no_message_and_no_text_form_shows_a_key(text: str) -> None:
    with pytest.raises(KeyUnusable) as refused:
        key_from_text(NAME, text)
    assert KEY.to_text()[:12] not in f"{refused.value} {refused.value.__cause__}"
    assert KEY.to_text()[:12] not in repr(KEY)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(KeyUnusable, match="cannot be read"):
        key_from_file(NAME, tmp_path / "missing.key")
    binary = tmp_path / "binary.key"
    binary.write_bytes(b"\xff" * 32)
    with pytest.raises(KeyUnusable, match="neither PEM nor base64"):
        key_from_file(NAME, binary)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "line\nbreak", "no\u00a0break", "bell\a"])
def test_names_that_cannot_sign_are_refused(name: str) -> None:
    with pytest.raises(VerifierKeyMalformed, match="no key name"):
        generate_key(name)


@pytest.mark.parametrize(
    ("sizes", "speaks", "silent"),
    [
        ("", [0, 10**9], []),
        (" 5-", [5, 10**9], [0, 4]),
        (" -9", [0, 9], [10]),
        (" 5-9", [5, 9], [4, 10]),
    ],
)
def test_a_pinned_key_speaks_for_its_sizes(sizes: str, speaks: list[int], silent: list[int]) -> None:
    pinned = PinnedKey.parse(KEY.vkey + sizes)
    assert pinned.key == KEY.verifier_key
    assert all(keys_for([pinned], size) == (KEY.verifier_key,) for size in speaks)
    assert all(keys_for([pinned], size) == () for size in silent)


@pytest.mark.parametrize("sizes", ["5", "a-b", "5-9-", "+5-9", "5 - 9", "\u0665-"])
def test_malformed_size_ranges_are_refused(sizes: str) -> None:
    with pytest.raises(KeyUnusable, match="range of sizes"):
        PinnedKey.parse(f"{KEY.vkey} {sizes}")
