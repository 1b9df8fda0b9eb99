"""The bundle of one change from the stored ledger, under a checkpoint made for it; and the proof of one record."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from changes.sight import NAMING_THE_ASKED
from ledger.bundle import PolicyText, build_bundle
from ledger.canonical import NotCanonical, parse_canonical
from ledger.checkpoint import read_checkpoint
from ledger.keys import PinnedKey
from ledger.note import Signer
from ledger.record import evidence_of, policy_of
from ledger.stored import StoredRecord
from policies.loader import parse_policy
from store.audit.entries import withheld_from
from store.audit.questions import Reader
from store.checkpoints import RecordsAltered, Sealed
from store.ledger import number_of
from store.policies import candidate_text, published_text
from store.tiles import stored_inclusion, stored_reader
from store.verifying import records_of
from store.verifying_change import verify_change

PROOF_FORMAT = "c2sp.org/tlog-proof@v1"


class NothingRecorded(LookupError):
    """There is no such change or record in the ledger."""


def bundle_of(
    connection: Connection,
    change: str,
    sealed: Sealed,
    signers: Sequence[Signer],
    reader: Reader,
    made_at: datetime,
    made_by: str,
) -> dict[str, Any]:
    """Everything about ``change`` that ``reader`` may see the words of, with proofs. See ``ledger.bundle``.

    Raises:
        NothingRecorded: nothing is recorded about the change.
        RecordsAltered: its records are not those that were recorded, or not all of them.
    """
    _require_whole(connection, change, sealed, signers)
    records = [one for one in records_of(connection, change) if one.seq < sealed.size]
    if not records:
        raise NothingRecorded(f"Nothing is recorded about a change {change}.")
    mine = {number_of(connection, reader.ref), reader.ref}
    withheld = {one.seq: why for one in records if (why := _withheld(one, reader, mine))}
    return build_bundle(
        change,
        [_disclosed(one, reader, mine) for one in records],
        sealed.note,
        stored_reader(connection, sealed.size),
        vkeys=[str(signer.verifier_key) for signer in signers],
        made_at=made_at,
        made_by=made_by,
        signers=signers,
        policies=_policies(connection, [one for one in records if one.seq not in withheld]),
        withheld=withheld,
    )


def proof_of(connection: Connection, seq: int, sealed: Sealed) -> str:
    """The proof that record ``seq`` is in the ledger, as the text file that C2SP tlog-proof describes.

    Raises:
        NothingRecorded: there is no such record, or none of that number yet.
    """
    if not 0 <= seq < sealed.size:
        raise NothingRecorded(f"The ledger has {sealed.size:,} records; number {seq} is not among them.")
    steps = stored_inclusion(connection, seq, sealed.size)
    hashes = "".join(f"{base64.b64encode(step).decode()}\n" for step in steps)
    return f"{PROOF_FORMAT}\nindex {seq}\n{hashes}\n{sealed.note}"


def _require_whole(connection: Connection, change: str, sealed: Sealed, signers: Sequence[Signer]) -> None:
    """Refuse to sign a selection from which something was taken out, or in which something was altered."""
    own = [PinnedKey(signer.verifier_key) for signer in signers]
    stated, _ = read_checkpoint(sealed.note)
    report = verify_change(connection, stated.origin, own, change, checkpoint=sealed.note)
    if report.first:
        raise RecordsAltered(
            f"No bundle of {change} is made: {report.first.message}. See: groundswell audit verify --change {change}"
        )


def _withheld(record: StoredRecord, reader: Reader, mine: set[str]) -> str:
    action, outcome, actor = (str(record.columns[name]) for name in ("action", "outcome", "actor_ref"))
    return withheld_from(reader, action, outcome, record.body, mine=actor in mine)


def _disclosed(record: StoredRecord, reader: Reader, mine: set[str]) -> StoredRecord:
    """The record with those words that the reader may have; the others stay a commitment."""
    open_to_all = record.columns["action"] not in NAMING_THE_ASKED
    return (
        record if reader.sees_all or open_to_all or record.columns["actor_ref"] in mine else record._replace(private=())
    )


def _policies(connection: Connection, records: Sequence[StoredRecord]) -> list[PolicyText]:
    """Each policy that decided or was put forward, in the canonical form that its digest is made of."""
    digests: set[str] = set()
    for record in records:
        digests |= _digests_in(record.body)
    found = []
    for digest in digests:
        text = published_text(connection, digest) or candidate_text(connection, digest)
        if text is not None:
            policy = parse_policy(text, digest)
            found.append(PolicyText(policy.name, policy.version, policy.canonical))
    return sorted(found)


def _digests_in(body: bytes) -> set[str]:
    """The digests under which a body refers to something that may be a policy."""
    try:
        parsed = parse_canonical(body)
    except NotCanonical:
        return set()
    decided = policy_of(parsed)
    return {reference["sha256"] for reference in evidence_of(parsed)} | ({decided[2]} if decided else set())
