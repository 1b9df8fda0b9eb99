"""C2SP signed notes (c2sp.org/signed-note v1.0.0): text, signature lines, verifier keys. Ed25519 (type 0x01) signs.

A note's text must be ignored unless a key that was known beforehand signed it; :func:`verify_note` says which did.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519 = 0x01
"""The signature type of plain Ed25519 over the note's text."""
COSIGNATURE_V1 = 0x04
"""The signature type of a witness: Ed25519 over a time and a checkpoint (see ``ledger.checkpoint``)."""
MAXIMUM_SIGNATURES = 16
"""As many signature lines as every verifier must accept; more are refused."""
MAXIMUM_NOTE = 100_000
"""The longest note in bytes: sixteen post-quantum signatures of nearly 5 kB, and a text."""
KEY_ID_SIZE = 4
PUBLIC_KEY_SIZE = 32
SIGNATURE_SIZE = 64
_MARK = "\u2014 "


class NoteError(ValueError):
    """Something is wrong with a note or with a verifier key."""


class NoteMalformed(NoteError):
    """The bytes are not a signed note."""


class TooManySignatures(NoteMalformed):
    """The note carries more than 16 signature lines."""


class VerifierKeyMalformed(NoteError):
    """The text is not a verifier key ("name+id+key"), or its parts contradict each other."""


class SignatureWrong(NoteError):
    """A line is by a known key, by its name and id, yet the signature does not fit the text."""


class NoKnownSignature(NoteError):
    """None of the note's signatures is by a key that was known beforehand."""


@dataclass(frozen=True)
class VerifierKey:
    """A public key with the name it signs under.

    Raises:
        VerifierKeyMalformed: the name, the type or the length of the key is not allowed.
    """

    name: str
    public_key: bytes
    algorithm: int = ED25519
    key_id: bytes = field(init=False)

    def __post_init__(self) -> None:
        """Check the parts and compute the key id."""
        if not is_key_name(self.name):
            raise VerifierKeyMalformed(f"{self.name!r} is no key name: it must have neither spaces nor a plus sign")
        if self.algorithm not in (ED25519, COSIGNATURE_V1):
            raise VerifierKeyMalformed(f"signature type {self.algorithm:#04x} is not supported; use Ed25519")
        if len(self.public_key) != PUBLIC_KEY_SIZE:
            raise VerifierKeyMalformed(f"an Ed25519 public key has 32 bytes, not {len(self.public_key)}")
        identity = b"\n".join([self.name.encode(), bytes([self.algorithm]) + self.public_key])
        object.__setattr__(self, "key_id", hashlib.sha256(identity).digest()[:KEY_ID_SIZE])

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """The key in a "vkey": ``example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k``.

        Raises:
            VerifierKeyMalformed: the form is wrong or the id is not the one of this name and key.
        """
        parts = text.strip().split("+", 2)
        if len(parts) != 3:
            raise VerifierKeyMalformed("a verifier key has three parts joined by plus signs: name+id+key")
        name, identity, encoded = parts
        try:
            material = decode_base64(encoded)
        except ValueError as error:
            raise VerifierKeyMalformed(f"the key of {name!r} is not base64") from error
        if not material:
            raise VerifierKeyMalformed(f"the key of {name!r} is empty")
        key = cls(name, material[1:], material[0])
        if identity != key.key_id.hex():
            raise VerifierKeyMalformed(f"the id of {name!r} is {key.key_id.hex()}, the text says {identity!r}")
        return key

    def __str__(self) -> str:
        """The key as a "vkey"."""
        material = base64.b64encode(bytes([self.algorithm]) + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{material}"

    def signed(self, signature: bytes, message: bytes) -> bool:
        """Whether ``signature`` (64 bytes) is this key's over ``message``."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer(Protocol):
    """Something that can sign: a key in memory (``ledger.keys.SigningKey``), or one in a security module."""

    @property
    def verifier_key(self) -> VerifierKey:
        """The public half."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the Ed25519 signature over ``message``."""
        ...


@dataclass(frozen=True)
class NoteSignature:
    """One signature line. ``payload`` is what follows the key id; its form depends on the signature type."""

    name: str
    key_id: bytes
    payload: bytes

    def __str__(self) -> str:
        """The line, without its line break."""
        return f"{_MARK}{self.name} {base64.b64encode(self.key_id + self.payload).decode()}"

    def is_by(self, key: VerifierKey) -> bool:
        """Whether the line claims to be by ``key``. Name and id together decide."""
        return self.name == key.name and self.key_id == key.key_id


@dataclass(frozen=True)
class Note:
    """A text with its signature lines. ``text`` ends in a line break."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def __str__(self) -> str:
        """The note as it is stored and served."""
        return f"{self.text}\n" + "".join(f"{signature}\n" for signature in self.signatures)

    def with_signatures(self, *added: NoteSignature) -> Note:
        """The same note with more signature lines at its end."""
        return Note(self.text, (*self.signatures, *added))


def parse_note(raw: bytes | str) -> Note:
    """The note in ``raw``. Nothing in it is trustworthy before :func:`verify_note`.

    Raises:
        NoteMalformed: ``raw`` is not a signed note in every detail of the specification.
        TooManySignatures: there are more than 16 signature lines.
    """
    text = _note_text(raw)
    body, separator, block = text.rpartition("\n\n")
    if not separator or not block:
        raise NoteMalformed("a blank line and at least one signature line must follow the text")
    if not block.endswith("\n"):
        raise NoteMalformed("the note does not end in a line break; it may have been cut off")
    lines = block[:-1].split("\n")
    if len(lines) > MAXIMUM_SIGNATURES:
        raise TooManySignatures(f"the note has {len(lines)} signatures; {MAXIMUM_SIGNATURES} are accepted")
    return Note(body + "\n", tuple(_parse_signature(line) for line in lines))


def sign_note(text: str, signers: Iterable[Signer]) -> Note:
    """The note of ``text`` with a plain Ed25519 signature by each signer.

    Raises:
        NoteMalformed: ``text`` cannot stand in a note, for example because it does not end in a line break.
    """
    if not text.endswith("\n"):
        raise NoteMalformed("the text of a note must end in a line break")
    message = _note_text(text).encode()
    signatures = []
    for signer in signers:
        key = signer.verifier_key
        if key.algorithm != ED25519:
            raise NoteError(f"the key {key.name} is a witness's; it signs checkpoints only")
        signatures.append(NoteSignature(key.name, key.key_id, signer.sign(message)))
    return Note(text, tuple(signatures))


def verify_note(note: Note, keys: Sequence[VerifierKey]) -> tuple[VerifierKey, ...]:
    """The keys out of ``keys`` that signed the note, in the order of its lines. Unknown lines are ignored.

    Only plain Ed25519 keys are looked at here; witnesses' are the business of ``ledger.checkpoint``.

    Raises:
        SignatureWrong: a line by a known key does not verify. The whole note is then to be rejected.
        NoKnownSignature: no line is by a known key.
    """
    message = note.text.encode()
    found: list[VerifierKey] = []
    for signature in note.signatures:
        for key in keys:
            if key.algorithm != ED25519 or not signature.is_by(key):
                continue
            if not key.signed(signature.payload, message):
                raise SignatureWrong(f"the signature by {key.name} ({key.key_id.hex()}) does not fit the text")
            if key not in found:
                found.append(key)
    if not found:
        names = ", ".join(sorted({f"{line.name} ({line.key_id.hex()})" for line in note.signatures})) or "nobody"
        raise NoKnownSignature(f"signed by {names}, and by none of the keys that are trusted here")
    return tuple(found)


def is_key_name(name: str) -> bool:
    """Whether ``name`` may stand in a signature line: not empty, no Unicode spaces, no plus, no control characters."""
    return bool(name) and name.isprintable() and not any(letter.isspace() or letter == "+" for letter in name)


def decode_base64(text: str) -> bytes:
    """Standard base64, and only its one canonical form: no spaces, no missing or loose padding bits.

    Raises:
        ValueError: ``text`` is anything else.
    """
    try:
        decoded = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from error
    if base64.b64encode(decoded).decode() != text:
        raise ValueError("not base64 in its canonical form")
    return decoded


def _note_text(raw: bytes | str) -> str:
    """``raw`` as text, refused if it is not UTF-8, holds control characters or is longer than any note can be."""
    if len(raw) > MAXIMUM_NOTE:
        raise NoteMalformed(f"the note is longer than {MAXIMUM_NOTE:,} bytes")
    try:
        text = raw.decode() if isinstance(raw, bytes) else raw
        text.encode()
    except UnicodeError as error:
        raise NoteMalformed("the note is not UTF-8") from error
    for character in text:
        if character < " " and character != "\n":
            raise NoteMalformed(f"the note holds the control character U+{ord(character):04X}")
    return text


def _parse_signature(line: str) -> NoteSignature:
    if not line.startswith(_MARK):
        raise NoteMalformed("a signature line must begin with an em dash and a space")
    name, separator, encoded = line.removeprefix(_MARK).partition(" ")
    if not separator or not is_key_name(name):
        raise NoteMalformed("a signature line must be an em dash, a key name and base64, with single spaces")
    try:
        blob = decode_base64(encoded)
    except ValueError as error:
        raise NoteMalformed(f"the signature by {name} is not base64") from error
    if len(blob) <= KEY_ID_SIZE:
        raise NoteMalformed(f"the signature by {name} is too short")
    return NoteSignature(name, blob[:KEY_ID_SIZE], blob[KEY_ID_SIZE:])
