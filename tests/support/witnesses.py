"""A small witness and a small place for checkpoints, as others run them, behind an HTTP client without sockets."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

import httpx2

from ledger.checkpoint import cosign, open_checkpoint
from ledger.keys import SigningKey
from ledger.merkle import EMPTY_ROOT
from ledger.note import NoteError, VerifierKey
from ledger.proofs import ProofInvalid, verify_consistency


@dataclass
class SmallWitness:
    """C2SP tlog-witness for one log: remembers the latest size and root, and signs only what grew out of it."""

    key: SigningKey
    log_key: VerifierKey
    size: int = 0
    root: bytes = EMPTY_ROOT
    asked: list[int] = field(default_factory=list)
    away: bool = False

    def client(self) -> httpx2.Client:
        """A client whose requests this witness answers."""
        return httpx2.Client(transport=httpx2.MockTransport(self.answer))

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """What it says to an ``add-checkpoint``."""
        assert request.url.path.endswith("/add-checkpoint")
        if self.away:
            return httpx2.Response(503, text="gone fishing")
        proof, _, note = request.content.decode().partition("\n\n")
        old, *steps = proof.split("\n")
        old_size = int(old.removeprefix("old "))
        self.asked.append(old_size)
        try:
            opened = open_checkpoint(note, self.log_key.name, [self.log_key])
        except NoteError as error:
            return httpx2.Response(403, text=str(error))
        if old_size != self.size:
            return httpx2.Response(409, text=f"{self.size}\n", headers={"content-type": "text/x.tlog.size"})
        stated = opened.checkpoint
        if stated.size == self.size and stated.root != self.root:
            return httpx2.Response(409, text=f"{self.size}\n", headers={"content-type": "text/x.tlog.size"})
        try:
            verify_consistency(old_size, stated.size, self.root, stated.root, [base64.b64decode(one) for one in steps])
        except ProofInvalid as error:
            return httpx2.Response(422, text=str(error))
        self.size, self.root = stated.size, stated.root
        return httpx2.Response(200, text=f"{cosign(opened.note, self.key, 1_800_000_000)}\n")


@dataclass
class SmallPlace:
    """A place that keeps checkpoints over HTTP."""

    kept: dict[str, str] = field(default_factory=dict)
    status: int = 200

    def client(self) -> httpx2.Client:
        """A client whose requests this place answers."""
        return httpx2.Client(transport=httpx2.MockTransport(self._answer))

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        if self.status != 200:
            return httpx2.Response(self.status)
        name = request.url.path.rpartition("/")[2]
        if request.method == "PUT":
            self.kept[name] = request.content.decode()
            return httpx2.Response(200)
        if not self.kept:
            return httpx2.Response(404)
        return httpx2.Response(200, text=self.kept[max(self.kept, key=int)])
