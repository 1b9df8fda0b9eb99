"""Asking a witness to cosign a checkpoint: the client of C2SP tlog-witness, ``POST {address}/add-checkpoint``.

The body is the line ``old SIZE``, the consistency proof from that size line by line in base64, an empty line, and the
checkpoint. A witness that knows the log at another size answers 409 with that size, and is asked once more.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx2

from ledger.checkpoint import cosignatures_of, read_checkpoint
from ledger.note import COSIGNATURE_V1, Note, NoteError, NoteSignature, VerifierKey, parse_note

SECONDS = 10.0
"""How long a witness may take to answer."""
Prove = Callable[[int], Sequence[bytes]]
"""The consistency proof from an old size to the checkpoint's."""


class WitnessRefused(Exception):
    """A witness does not cosign; the message says which and why."""


@dataclass(frozen=True)
class Witness:
    """Somebody who vouches for checkpoints, and the key they do it with."""

    key: VerifierKey
    address: str
    client: httpx2.Client | None = None

    @classmethod
    def parse(cls, text: str) -> Witness:
        """The witness in ``VKEY ADDRESS``.

        Raises:
            ledger.note.NoteError: the key is not that of a witness.
        """
        vkey, _, address = text.strip().partition(" ")
        key = VerifierKey.parse(vkey)
        if key.algorithm != COSIGNATURE_V1 or not address.strip():
            raise NoteError(f"a witness is written as its key of type 0x04, a space and its address, not {text!r}")
        return cls(key, address.strip())

    def cosign(self, note: str, old_size: int, prove: Prove) -> NoteSignature:
        """The witness's line for the checkpoint in ``note``; ``old_size`` is what it is thought to know.

        Raises:
            WitnessRefused: it does not answer, does not agree, or its line does not fit.
        """
        answer = self._ask(note, old_size, prove)
        if answer.status_code == 409:
            known = answer.text.strip()
            checkpoint, _ = read_checkpoint(note)
            if not known.isascii() or not known.isdigit() or int(known) > checkpoint.size:
                raise WitnessRefused(f"{self.key.name} knows this log at size {known[:40]}, which is beyond ours")
            answer = self._ask(note, int(known), prove)
        if answer.status_code != 200:
            raise WitnessRefused(f"{self.key.name} answered {answer.status_code}: {answer.text.strip()[:200]}")
        return self._verified(note, answer.text)

    def _ask(self, note: str, old_size: int, prove: Prove) -> httpx2.Response:
        body = add_checkpoint_body(note, old_size, prove(old_size))
        client = self.client or httpx2.Client(timeout=SECONDS)
        try:
            return client.post(f"{self.address.rstrip('/')}/add-checkpoint", content=body.encode())
        except httpx2.HTTPError as error:
            raise WitnessRefused(f"{self.key.name} does not answer: {error}") from error

    def _verified(self, note: str, lines: str) -> NoteSignature:
        """The line that is by this witness; one that does not fit is worth less than none."""
        signed = parse_note(note)
        try:
            offered = parse_note(f"{signed.text}\n{lines}").signatures
            mine = [line for line in offered if line.is_by(self.key)]
            if not mine or not cosignatures_of(Note(signed.text, tuple(mine)), [self.key]):
                raise WitnessRefused(f"{self.key.name} answered with a line that is not its own")
        except NoteError as error:
            raise WitnessRefused(f"{self.key.name} answered with something else than a cosignature: {error}") from error
        return mine[0]


def add_checkpoint_body(note: str, old_size: int, proof: Sequence[bytes]) -> str:
    """The request in the form of tlog-witness."""
    steps = "".join(f"{base64.b64encode(step).decode()}\n" for step in proof)
    return f"old {old_size}\n{steps}\n{note}"
