"""The bundle of a change: one JSON document that proves its records to somebody who has nothing else of ours.

``ledger/offline.py`` verifies it with the standard library and ``cryptography`` only. Everything in it is either a leaf
of the log, proven by the checkpoint, or covered by the seal, a signed digest over the whole document. The seal is what
binds the *selection* of records: an inclusion proof says that a record is in the log, never that none is left out. A
record that whoever takes the bundle may not read is there by its hash: its place is proven, and what it says untold.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ledger.canonical import NotCanonical, parse_canonical
from ledger.checkpoint import read_checkpoint
from ledger.merkle import leaf_hash
from ledger.note import Signer, sign_note
from ledger.proofs import HashReader, inclusion_proof
from ledger.record import evidence_of, instant_text
from ledger.stored import StoredRecord

FORMAT = "groundswell-bundle/v1"
"""The format's name, also the first line of the seal's note, so that a seal can never pass for a checkpoint."""
KEYS_LABEL = "untrusted: compare with a key that you obtained from elsewhere"


class PolicyText(NamedTuple):
    """A policy that decided, or that a change puts forward. Its SHA-256 over ``text`` in UTF-8 is what records name as
    ``policy_sha256``, or as evidence called "policy NAME VERSION"."""

    policy_id: str
    version: int
    text: str


def build_bundle(
    change: str,
    records: Sequence[StoredRecord],
    checkpoint: str,
    reader: HashReader,
    *,
    vkeys: Sequence[str],
    made_at: datetime,
    made_by: str,
    signers: Sequence[Signer],
    policies: Sequence[PolicyText] = (),
    withheld: Mapping[int, str] | None = None,
) -> dict[str, Any]:
    """The bundle as plain JSON values.

    Args:
        change: the change's reference.
        records: its records in their order, each with only those private values that may be disclosed.
        checkpoint: the signed note that covers them all; make one first if need be.
        reader: answers hashes for the inclusion proofs.
        vkeys: the log's public keys; they go along labelled as untrusted.
        made_at: when, aware.
        made_by: the software and its version.
        signers: the log's keys, to sign the seal: both while one is being replaced. None leaves the selection of
            records unsigned, and the offline verifier then answers "not verifiable" although each record is proven.
        policies: the text of each policy that decided or was put forward, as the records name them.
        withheld: the numbers of those records of which only the hash goes along, and why in a sentence.

    Raises:
        ValueError: the checkpoint does not cover a record, or is not a checkpoint.
    """
    stated, _ = read_checkpoint(checkpoint)
    hidden = withheld or {}
    for record in records:
        if record.seq >= stated.size:
            raise ValueError(f"record {record.seq} is newer than the checkpoint of size {stated.size}; make a new one")
    document: dict[str, Any] = {
        "format": FORMAT,
        "change": change,
        "made_at": instant_text(made_at),
        "made_by": made_by,
        "origin": stated.origin,
        "checkpoint": checkpoint,
        "keys": {"trust": KEYS_LABEL, "vkeys": list(vkeys)},
        "count": len(records),
        "records": [
            _entry(record, inclusion_proof(reader, record.seq, stated.size), hidden.get(record.seq, ""))
            for record in records
        ],
        "policies": [_policy(policy) for policy in policies],
        "evidence": [one for record in records if record.seq not in hidden for one in _evidence(record)],
    }
    digest = bundle_digest(document)
    note = str(sign_note(f"{FORMAT}\n{digest}\n", signers)) if signers else None
    return {**document, "seal": {"sha256": digest, "note": note}}


def bundle_bytes(bundle: Mapping[str, Any]) -> bytes:
    """The bundle as it is written to a file: JSON a person can read, UTF-8."""
    return json.dumps(bundle, ensure_ascii=False, indent=1).encode() + b"\n"


def bundle_digest(document: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of a bundle without its seal, in hexadecimal."""
    content = {name: value for name, value in document.items() if name != "seal"}
    encoded = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return hashlib.sha256(encoded).hexdigest()


def _entry(record: StoredRecord, proof: Sequence[bytes], withheld: str) -> dict[str, Any]:
    """A record's exact bytes, as text where they are UTF-8, which only tampered ones are not; the hash alone, proven
    like all others, where they are withheld."""
    entry: dict[str, Any] = {"seq": record.seq}
    if withheld:
        hashed = {"leaf_hash": leaf_hash(record.body).hex(), "proof": [_base64(step) for step in proof]}
        return {**entry, **hashed, "withheld": withheld}
    try:
        entry["body"] = record.body.decode()
    except UnicodeDecodeError:
        entry["body_base64"] = _base64(record.body)
    entry["leaf_hash"] = leaf_hash(record.body).hex()
    entry["proof"] = [_base64(step) for step in proof]
    entry["private"] = [{"label": one.label, "salt": _base64(one.salt), "value": one.value} for one in record.private]
    return entry


def _policy(policy: PolicyText) -> dict[str, Any]:
    digest = hashlib.sha256(policy.text.encode()).hexdigest()
    return {"policy_id": policy.policy_id, "version": policy.version, "sha256": digest, "text": policy.text}


def _evidence(record: StoredRecord) -> list[dict[str, Any]]:
    try:
        return [{"seq": record.seq, **reference} for reference in evidence_of(parse_canonical(record.body))]
    except NotCanonical:
        return []


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
