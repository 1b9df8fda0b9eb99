"""C2SP checkpoints (tlog-checkpoint v1.0.0) and witness cosignatures (tlog-cosignature v1, Ed25519, type 0x04).

A checkpoint is the signed statement "this log, at this size, has this root". It carries no time of its own; the time
in a witness's cosignature is the evidence of when it existed.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger.merkle import EMPTY_ROOT, HASH_SIZE
from ledger.note import (
    COSIGNATURE_V1,
    SIGNATURE_SIZE,
    Note,
    NoteError,
    NoteSignature,
    SignatureWrong,
    Signer,
    VerifierKey,
    decode_base64,
    parse_note,
    sign_note,
    verify_note,
)

LAST_TIMESTAMP = 2**63 - 1
"""The latest time in a cosignature, in seconds since 1970."""
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_TIMESTAMP_SIZE = 8


class CheckpointMalformed(NoteError):
    """A note's text is not a checkpoint."""


class WrongLog(NoteError):
    """A checkpoint of another log."""


@dataclass(frozen=True)
class Checkpoint:
    """The three facts of a checkpoint. ``extensions`` are further lines, kept because signatures cover them.

    Raises:
        CheckpointMalformed: the facts cannot be written as a checkpoint.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what the text form could not carry."""
        if not all(line and "\n" not in line for line in (self.origin, *self.extensions)):
            raise CheckpointMalformed("the origin and every further line must be one line of text")
        if not 0 <= self.size < 2**63:
            raise CheckpointMalformed(f"{self.size} is no size of a log")
        if len(self.root) != HASH_SIZE:
            raise CheckpointMalformed(f"the root must have {HASH_SIZE} bytes, not {len(self.root)}")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise CheckpointMalformed("the root of an empty log is wrong")

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """The checkpoint in a note's text.

        Raises:
            CheckpointMalformed: the text has another form.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1]:
            raise CheckpointMalformed("a checkpoint has at least three lines: origin, size and root")
        origin, size, root, *extensions = lines[:-1]
        if not _SIZE.fullmatch(size):
            raise CheckpointMalformed(f"line 2 must be the size as a plain number, not {size[:40]!r}")
        try:
            decoded = decode_base64(root)
        except ValueError as error:
            raise CheckpointMalformed("line 3 must be the root in base64") from error
        return cls(origin, int(size), decoded, tuple(extensions))

    @property
    def text(self) -> str:
        """The note text: one line each for origin, size, root and further lines."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True)
class Cosignature:
    """A witness's statement that it saw the checkpoint. ``timestamp`` is in seconds since 1970, UTC."""

    witness: VerifierKey
    timestamp: int


@dataclass(frozen=True)
class OpenedCheckpoint:
    """A checkpoint whose signatures were verified, and by whom they are."""

    checkpoint: Checkpoint
    note: Note
    signed_by: tuple[VerifierKey, ...]
    cosignatures: tuple[Cosignature, ...]


def sign_checkpoint(checkpoint: Checkpoint, signers: Iterable[Signer]) -> Note:
    """The signed note of ``checkpoint``. During a key rotation both keys sign the same one."""
    return sign_note(checkpoint.text, signers)


def read_checkpoint(raw: bytes | str) -> tuple[Checkpoint, Note]:
    """The checkpoint in a note, *without* verifying anything: for deciding which keys apply, never for trusting it.

    Raises:
        NoteMalformed, TooManySignatures, CheckpointMalformed: ``raw`` is not a checkpoint.
    """
    note = parse_note(raw)
    return Checkpoint.parse(note.text), note


def open_checkpoint(
    raw: bytes | str, origin: str, log_keys: Sequence[VerifierKey], witnesses: Sequence[VerifierKey] = ()
) -> OpenedCheckpoint:
    """The checkpoint in a note that one of ``log_keys`` signed. Cosignatures by ``witnesses`` are verified too.

    Raises:
        NoteMalformed, TooManySignatures, CheckpointMalformed: ``raw`` is not a checkpoint.
        WrongLog: it is one of another log.
        NoKnownSignature: none of ``log_keys`` signed it.
        SignatureWrong: a line by a known log key or witness does not verify.
    """
    checkpoint, note = read_checkpoint(raw)
    if checkpoint.origin != origin:
        raise WrongLog(f"the checkpoint is of the log {checkpoint.origin!r}, not of {origin!r}")
    return OpenedCheckpoint(checkpoint, note, verify_note(note, log_keys), cosignatures_of(note, witnesses))


def cosign(note: Note, witness: Signer, timestamp: int) -> NoteSignature:
    """The line by which ``witness`` (a key of type 0x04) states that it saw the checkpoint at ``timestamp``.

    Whether it may state so, that is whether the checkpoint grew out of the last one it signed, the caller checks.

    Raises:
        NoteError: the key is not a witness's, or the time is out of range.
    """
    key = witness.verifier_key
    if key.algorithm != COSIGNATURE_V1:
        raise NoteError(f"the key {key.name} is not a witness's (type 0x04)")
    if not 0 <= timestamp <= LAST_TIMESTAMP:
        raise NoteError(f"{timestamp} is no time in seconds since 1970")
    payload = timestamp.to_bytes(_TIMESTAMP_SIZE, "big") + witness.sign(_cosigned_message(note.text, timestamp))
    return NoteSignature(key.name, key.key_id, payload)


def cosignatures_of(note: Note, witnesses: Sequence[VerifierKey]) -> tuple[Cosignature, ...]:
    """The verified cosignatures by known witnesses, in the order of the lines. Lines by others are ignored.

    Raises:
        SignatureWrong: a line by a known witness does not verify.
    """
    return tuple(
        Cosignature(key, _verified_time(note.text, line, key))
        for line in note.signatures
        for key in witnesses
        if key.algorithm == COSIGNATURE_V1 and line.is_by(key)
    )


def _verified_time(text: str, line: NoteSignature, key: VerifierKey) -> int:
    stamp, signature = line.payload[:_TIMESTAMP_SIZE], line.payload[_TIMESTAMP_SIZE:]
    timestamp = int.from_bytes(stamp, "big")
    well_formed = len(signature) == SIGNATURE_SIZE and timestamp <= LAST_TIMESTAMP
    if not well_formed or not key.signed(signature, _cosigned_message(text, timestamp)):
        raise SignatureWrong(f"the cosignature by {key.name} ({key.key_id.hex()}) does not fit the checkpoint")
    return timestamp


def _cosigned_message(text: str, timestamp: int) -> bytes:
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()
