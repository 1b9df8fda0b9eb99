"""Signing keys and pinned keys: making, reading from a file or from environment text, and naming them.

Private keys come from files or the environment, never from the database; the keys a verifier trusts are configured
outside the database too (reference/ledger.md 5), each with the sizes of the log that it may speak for.
"""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ledger.note import COSIGNATURE_V1, ED25519, VerifierKey, decode_base64

SEED_SIZE = 32
"""Bytes of an Ed25519 private key in its raw form."""


class KeyUnusable(ValueError):
    """A key is missing or cannot be used; the message says why and never shows the key."""


@dataclass(frozen=True)
class SigningKey:
    """An Ed25519 private key with the name it signs under. Its text form hides the key."""

    name: str
    private_key: Ed25519PrivateKey = field(repr=False, compare=False)
    algorithm: int = ED25519
    verifier_key: VerifierKey = field(init=False)

    def __post_init__(self) -> None:
        """Derive the public half, which also checks the name."""
        public = self.private_key.public_key().public_bytes_raw()
        object.__setattr__(self, "verifier_key", VerifierKey(self.name, public, self.algorithm))

    @property
    def vkey(self) -> str:
        """The public half as text, to hand to those who verify."""
        return str(self.verifier_key)

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the Ed25519 signature over ``message``."""
        return self.private_key.sign(message)

    def to_pem(self) -> bytes:
        """The private key as an unencrypted PKCS#8 PEM file."""
        return self.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def to_text(self) -> str:
        """The private key as base64 of its 32 bytes, short enough for an environment variable."""
        return base64.b64encode(self.private_key.private_bytes_raw()).decode()


def generate_key(name: str) -> SigningKey:
    """A new key for a log, whose ``name`` should be the log's origin."""
    return SigningKey(name, Ed25519PrivateKey.generate())


def generate_witness_key(name: str) -> SigningKey:
    """A new key for a witness."""
    return SigningKey(name, Ed25519PrivateKey.generate(), COSIGNATURE_V1)


def key_from_text(name: str, text: str, algorithm: int = ED25519) -> SigningKey:
    """The key in ``text``: PEM, or base64 of 32 bytes. White space around it does not matter.

    Raises:
        KeyUnusable: ``text`` is empty, of another form or another kind of key, or needs a password.
        VerifierKeyMalformed: ``name`` cannot be a key name.
    """
    text = text.strip()
    if not text:
        raise KeyUnusable(f"the key for {name} is empty")
    return SigningKey(name, _from_pem(name, text) if "-----BEGIN" in text else _from_base64(name, text), algorithm)


def key_from_file(name: str, path: Path, algorithm: int = ED25519) -> SigningKey:
    """The key in a file, in either form of :func:`key_from_text`.

    Raises:
        KeyUnusable: the file cannot be read or holds no usable key.
    """
    try:
        text = path.read_text(encoding="ascii")
    except OSError as error:
        raise KeyUnusable(f"the key file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise KeyUnusable(f"the key file {path} is neither PEM nor base64") from error
    return key_from_text(name, text, algorithm)


def write_key_file(path: Path, key: SigningKey) -> None:
    """Write the key as PEM into a new file that only its owner may read.

    Raises:
        KeyUnusable: the file exists already or cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise KeyUnusable(f"the key file {path} cannot be made: {error.strerror}") from error
    with os.fdopen(handle, "wb") as file:
        file.write(key.to_pem())


def permission_warning(path: Path) -> str | None:
    """What to tell the administrator if others than the owner may read or replace the key file, else None."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if not mode & 0o077:
        return None
    return f"{path} may be used by others than its owner (mode {mode:04o}); run: chmod 600 {path}"


@dataclass(frozen=True)
class PinnedKey:
    """A key that a verifier trusts for checkpoints of ``first_size`` to ``last_size`` leaves (None: without end).

    After a rotation the old key gets a last size. After a theft it gets the size at the time of the theft: later
    checkpoints by it are then not trusted.
    """

    key: VerifierKey
    first_size: int = 0
    last_size: int | None = None

    @classmethod
    def parse(cls, text: str) -> PinnedKey:
        """The key in ``VKEY``, ``VKEY 5000-``, ``VKEY -4999`` or ``VKEY 100-4999``.

        Raises:
            VerifierKeyMalformed: the key is malformed.
            KeyUnusable: the sizes are.
        """
        vkey, _, sizes = text.strip().partition(" ")
        first, dash, last = sizes.strip().partition("-")
        if sizes and not (dash and all(part == "" or (part.isascii() and part.isdigit()) for part in (first, last))):
            raise KeyUnusable(f"{sizes!r} must be a range of sizes such as 100-4999, 5000- or -4999")
        return cls(VerifierKey.parse(vkey), int(first or 0), int(last) if last else None)

    def speaks_for(self, size: int) -> bool:
        """Whether the key is trusted for a checkpoint of ``size`` leaves."""
        return self.first_size <= size and (self.last_size is None or size <= self.last_size)


def keys_for(pinned: Sequence[PinnedKey], size: int) -> tuple[VerifierKey, ...]:
    """The keys trusted for a checkpoint of ``size`` leaves."""
    return tuple(one.key for one in pinned if one.speaks_for(size))


def _from_base64(name: str, text: str) -> Ed25519PrivateKey:
    try:
        seed = decode_base64(text)
    except ValueError:
        # The cause would show parts of the key.
        raise KeyUnusable(f"the key for {name} is neither PEM nor base64") from None
    if len(seed) != SEED_SIZE:
        raise KeyUnusable(f"the key for {name} has {len(seed)} bytes; an Ed25519 key has {SEED_SIZE}")
    return Ed25519PrivateKey.from_private_bytes(seed)


def _from_pem(name: str, text: str) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except TypeError:
        raise KeyUnusable(f"the key for {name} is protected by a password; store it without one, mode 0600") from None
    except (ValueError, UnsupportedAlgorithm):
        raise KeyUnusable(f"the key for {name} is not a PEM private key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(f"the key for {name} is not an Ed25519 key; make one with the key command")
    return key
