"""Every column of every table, and what becomes of it when a person is erased (:mod:`store.erasing`).

The list is what the erasure goes by, and not only what is said about it. A column that stands nowhere here fails a
test: whoever adds one has to say whether it holds a person's reference or words. The index of words, which is no table
of ours, is made anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import Column, Table

from store import tables


class How(StrEnum):
    """What becomes of a column."""

    THEIRS = "theirs"
    """It says whose the row is: a row of theirs goes."""
    WITH_ROW = "goes with the row"
    NAMED = "named"
    """It may name them beside other people: the reference that stands for nobody takes the place of theirs."""
    BEGINS = "begins with them"
    """A key that begins with the reference of whoever chose it: a random one takes its place."""
    MENTIONED = "mentioned"
    """Words or JSON in which they may be named or quoted: their reference, name, address and words are taken out."""
    REBUILT = "made anew"
    """Made anew from the records, without them."""
    BY_ITSELF = "by itself"
    """Erased in a way of its own."""
    KEPT = "kept"


class Fate(NamedTuple):
    """What becomes of a column, and why where that is not plain."""

    how: How
    why: str = ""


THEIRS, WITH_ROW, NAMED, BEGINS = Fate(How.THEIRS), Fate(How.WITH_ROW), Fate(How.NAMED), Fate(How.BEGINS)
MENTIONED, REBUILT = Fate(How.MENTIONED), Fate(How.REBUILT)


def _kept(why: str) -> Fate:
    return Fate(How.KEPT, why)


_LEDGER = _kept("what the tree is made of: it knows a person by a number, and who had it is erased")
_PLAIN = _kept("a reference, moment, count, state or digest that is about no person")
_SENT = _kept("what a system outside answered")
_POLICY = _kept("a policy is known by the digest of its text; where it names a person, publish one that does not")
_ORGANISATION = _kept("how the organisation is built")

FATES: Mapping[str, Mapping[str, Fate]] = MappingProxyType(
    {
        "person": {"ref": THEIRS, "manager": NAMED}
        | dict.fromkeys(
            "name email team other_teams title roles site active away_until open_to_invitations".split(), WITH_ROW
        ),
        "team": dict.fromkeys(("ref", "name", "parent"), _ORGANISATION),
        "process": {"owner": NAMED} | dict.fromkeys(("ref", "name", "depends_on"), _ORGANISATION),
        "directory_import": dict.fromkeys(("number", "version", "loaded_at", "people"), _PLAIN),
        "policy_version": {"text": _POLICY}
        | dict.fromkeys(("number", "name", "version", "sha256", "published_at", "change"), _PLAIN),
        "policy_candidate": {"text": _POLICY, "put_by": NAMED}
        | dict.fromkeys(("sha256", "name", "version", "put_at"), _PLAIN),
        "ledger_record": dict.fromkeys(
            "seq record_id idem_key recorded_at occurred_at action outcome change stage actor body leaf_hash".split(),
            _LEDGER,
        ),
        "ledger_head": dict.fromkeys(("size", "root", "frontier", "recorded_at", "first_seq"), _LEDGER),
        "ledger_tile": dict.fromkeys(("level", "index", "data", "root"), _LEDGER),
        "ledger_checkpoint": dict.fromkeys(("size", "key_id", "note", "made_at"), _LEDGER),
        "ledger_witness": dict.fromkeys(("size", "witness", "note", "received_at"), _LEDGER),
        "ledger_private": dict.fromkeys(
            ("seq", "label", "subject_ref", "salt", "value"),
            Fate(How.BY_ITSELF, "values by them, naming or quoting them go, and a record says which"),
        ),
        "ledger_person": {"person": THEIRS, "id": WITH_ROW},
        "redacted_event": {
            "seq": _PLAIN,
            "value": Fate(How.BY_ITSELF, "what changes are rebuilt from: without them, and without what they wrote"),
        },
        "change": {"title": REBUILT, "proposer": REBUILT, "standing": REBUILT, "document": REBUILT}
        | dict.fromkeys(
            "ref number process stage phase outcome version opened_at updated_at next_moment first_answer_at "
            "worked".split(),
            _PLAIN,
        ),
        "waiting": {"person": THEIRS, "task": REBUILT}
        | dict.fromkeys(("change", "commands", "since", "due"), WITH_ROW),
        "part": {"person": THEIRS, "change": WITH_ROW, "parts": WITH_ROW},
        "rollout_load": dict.fromkeys(("change", "team"), _PLAIN),
        "campaign_place": {"person": THEIRS, "change": WITH_ROW},
        "proposal_text": {"change": _PLAIN, "text": REBUILT},
        "proposal_word": {"change": _PLAIN, "word": REBUILT},
        "concern": dict.fromkeys(
            "change ref process code blocking status first_of_its_kind raised_at ask_by asked_at answered_at "
            "closed".split(),
            _PLAIN,
        ),
        "delegation": {"giver": THEIRS, "receiver": THEIRS, "revoked_by": NAMED, "reason": MENTIONED}
        | dict.fromkeys(("ref", "starts", "ends", "gates", "changes", "given_at", "revoked_at"), WITH_ROW),
        "absence": {"person": THEIRS} | dict.fromkeys(("ref", "starts", "ends", "given_at", "ended_at"), WITH_ROW),
        "act": {
            "actor": NAMED,
            "key": BEGINS,
            "fingerprint": Fate(How.BY_ITSELF, "a digest of what they asked for: a random one takes its place"),
            "answer": MENTIONED,
            "number": _PLAIN,
            "kind": _PLAIN,
            "at": _PLAIN,
        },
        "pseudonym": {"person": THEIRS} | dict.fromkeys(("ref", "change", "occasion", "made_at"), WITH_ROW),
        "applied_command": {"key": BEGINS, "applied": MENTIONED, "change": _PLAIN, "at": _PLAIN},
        "change_number": {"reserved_for": BEGINS, "number": _PLAIN, "reserved_at": _PLAIN},
        "outbox": {
            "recipient": THEIRS,
            "notice": Fate(How.BY_ITSELF, "letters that name them and those that left go; their words go from others"),
        }
        | dict.fromkeys("number key change created_at attempts last_error finished_at channel".split(), WITH_ROW)
        | dict.fromkeys(("claimed_by", "claimed_until"), WITH_ROW),
        "sign_in_link": {"person": THEIRS}
        | dict.fromkeys(("token_hash", "created_at", "expires_at", "used_at"), WITH_ROW),
        "session": {"person": THEIRS}
        | dict.fromkeys(("token_hash", "created_at", "seen_at", "expires_at", "ended_at", "how", "agent"), WITH_ROW),
        "api_token": {"person": THEIRS, "made_by": NAMED, "name": MENTIONED}
        | dict.fromkeys(
            "token_hash created_at expires_at last_used_at revoked_at scopes service change process metric".split(),
            WITH_ROW,
        ),
        "identity": {"person": THEIRS} | dict.fromkeys(("issuer", "subject", "how", "linked_at", "seen_at"), WITH_ROW),
        "granted_role": {"person": THEIRS, "roles": WITH_ROW, "granted_at": WITH_ROW},
        "mail_link": {"person": THEIRS}
        | dict.fromkeys(("token_hash", "change", "binding", "created_at", "expires_at", "used_at"), WITH_ROW),
        "mail_choice": {"person": THEIRS, "kind": WITH_ROW, "choice": WITH_ROW},
        "digest": {"person": THEIRS, "content": MENTIONED, "last_error": WITH_ROW}
        | dict.fromkeys(("week", "written_at", "attempts", "finished_at", "claimed_by", "claimed_until"), WITH_ROW),
        "webhook_endpoint": {"made_by": NAMED, "description": MENTIONED, "disabled_because": MENTIONED}
        | dict.fromkeys(
            ("ref", "url", "types", "secret", "earlier_secret", "earlier_until", "created_at", "disabled_at"),
            _kept("how a system outside is reached"),
        ),
        "webhook_delivery": {"body": MENTIONED}
        | dict.fromkeys(
            ("number", "endpoint", "event", "type", "change", "created_at", "attempts", "outcome", "finished_at"),
            _PLAIN,
        ),
        "webhook_attempt": dict.fromkeys(("delivery", "attempt", "at", "status", "milliseconds", "error"), _SENT),
        "deployment": {
            "name": _PLAIN,
            "value": _kept("facts about the installation; the secret that access records are made with is thrown away"),
        },
        "reading_preference": {"person": THEIRS, "theme": WITH_ROW, "zone": WITH_ROW},
        "draft": {"author": THEIRS, "answers": MENTIONED}
        | dict.fromkeys(("ref", "key", "began_at", "saved_at", "filed_as"), WITH_ROW),
    }
)


def columns_that(how: How) -> Iterator[tuple[Table, Column[object]]]:
    """The columns that have this fate, with their tables."""
    for table in tables.metadata.sorted_tables:
        for column in table.columns:
            if FATES[table.name][column.name].how is how:
                yield table, column
