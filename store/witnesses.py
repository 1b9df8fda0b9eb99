"""Asking a witness to cosign a checkpoint: the client of C2SP tlog-witness, ``POST {address}/add-checkpoint``.

The body is the line ``old SIZE``, the consistency proof from that size line by line in base64, an empty line, and the
checkpoint. A witness that knows the log at another size answers 409 with that size, and is asked once more. One that
knows it at a larger size, or says that the log did not grow out of what it knows, is evidence that a database was
restored or rewritten.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import httpx2

from ledger.checkpoint import cosignatures_of, read_checkpoint
from ledger.note import COSIGNATURE_V1, Note, NoteError, NoteSignature, VerifierKey, parse_note
from ledger.tiles import NoSuchTile

SECONDS = 10.0
"""How long a witness may take to answer."""
MOST_DIGITS = 19
"""Of a log's size."""
Prove = Callable[[int], Sequence[bytes]]
"""The consistency proof from an old size to the checkpoint's."""


class WitnessRefused(Exception):
    """A witness does not cosign; the message says which and why."""


class WitnessKnowsMore(WitnessRefused):
    """A witness knows the log at a larger size than that of the checkpoint: another process was faster, or the end of
    the log is gone. ``size`` is what it knows."""

    def __init__(self, witness: str, size: int) -> None:
        super().__init__(f"{witness} knows this log at size {size:,}, which is beyond ours")
        self.size = size


class WitnessDisagrees(WitnessRefused):
    """A witness knows a log that the checkpoint's did not grow out of."""


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
            WitnessKnowsMore: it knows the log at a larger size.
            WitnessDisagrees: it knows another log of this name.
            WitnessRefused: it does not answer, does not agree, or its line does not fit.
        """
        size = read_checkpoint(note)[0].size
        answer = self._ask(note, old_size, prove)
        if answer.status_code == 409:
            known = self._known(answer, size)
            answer = self._ask(note, known, prove)
            if answer.status_code == 409 and self._known(answer, size) == known == size:
                raise WitnessDisagrees(f"{self.key.name} knows other records than ours up to {size:,}")
        if answer.status_code == 422:
            raise WitnessDisagrees(f"{self.key.name} says that ours did not grow out of what it knows: {_said(answer)}")
        if answer.status_code != 200:
            raise WitnessRefused(f"{self.key.name} answered {answer.status_code}: {_said(answer)}")
        return self._verified(note, answer.text)

    def _known(self, answer: httpx2.Response, size: int) -> int:
        """The size at which it knows the log, no more than that of the checkpoint."""
        known = answer.text.strip()
        if not known.isascii() or not known.isdigit() or len(known) > MOST_DIGITS:
            raise WitnessRefused(f"{self.key.name} answered 409 without the size that it knows: {_said(answer)}")
        if int(known) > size:
            raise WitnessKnowsMore(self.key.name, int(known))
        return int(known)

    def _ask(self, note: str, old_size: int, prove: Prove) -> httpx2.Response:
        try:
            body = add_checkpoint_body(note, old_size, prove(old_size))
        except (ValueError, NoSuchTile) as error:
            raise WitnessRefused(f"{self.key.name} cannot be given a proof from size {old_size:,}: {error}") from error
        try:
            with nullcontext(self.client) if self.client else httpx2.Client(timeout=SECONDS) as client:
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


def _said(answer: httpx2.Response) -> str:
    return answer.text.strip()[:200]


def add_checkpoint_body(note: str, old_size: int, proof: Sequence[bytes]) -> str:
    """The request in the form of tlog-witness."""
    steps = "".join(f"{base64.b64encode(step).decode()}\n" for step in proof)
    return f"old {old_size}\n{steps}\n{note}"
