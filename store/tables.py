"""All tables. The ledger's rows are only ever inserted; everything else can be rebuilt from them or is configuration.

The database enforces insert-only with triggers, made in the migrations.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from store.columns import Document, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Sequence = BigInteger().with_variant(Integer(), "sqlite")
"""A row number; SQLite only counts by itself in a column it calls INTEGER."""

# --------------------------------------------------------------------------------------------------- directory

person = Table(
    "person",
    metadata,
    Column("ref", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("email", String(254), nullable=False, unique=True),
    Column("manager", String(64)),
    Column("team", String(64), nullable=False),
    Column("other_teams", Document, nullable=False),
    Column("title", String(200), nullable=False),
    Column("roles", Document, nullable=False),
    Column("site", String(200), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("away_until", Date),
    Column("open_to_invitations", Boolean, nullable=False),
)

team = Table(
    "team",
    metadata,
    Column("ref", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("parent", String(64)),
)

process = Table(
    "process",
    metadata,
    Column("ref", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("depends_on", Document, nullable=False),
)

directory_import = Table(
    "directory_import",
    metadata,
    Column("number", Sequence, primary_key=True, autoincrement=True),
    Column("version", String(64), nullable=False),
    Column("loaded_at", UtcDateTime, nullable=False),
    Column("people", Integer, nullable=False),
)

policy_version = Table(
    "policy_version",
    metadata,
    Column("number", Sequence, primary_key=True, autoincrement=True),
    Column("name", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
    UniqueConstraint("name", "version"),
)

# ------------------------------------------------------------------------------------------------------ ledger

ledger_record = Table(
    "ledger_record",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=False),
    Column("record_id", String(36), nullable=False, unique=True),
    Column("idem_key", String(300), nullable=False, unique=True),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("action", String(64), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("change", String(64), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary(32), nullable=False),
    Index(None, "change", "seq"),
    Index(None, "actor", "seq"),
)
"""One row per event or refusal. ``body`` is authoritative; the other columns serve queries."""

ledger_head = Table(
    "ledger_head",
    metadata,
    Column("size", Sequence, primary_key=True, autoincrement=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
)
"""The Merkle tree after each transaction. A size that is already taken is an error, never a fork."""

ledger_private = Table(
    "ledger_private",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=False),
    Column("salt", LargeBinary(32), nullable=False),
    Column("value", Text, nullable=False),
)
"""What people wrote, outside the tree; the record's body holds a salted commitment to it (reference/ledger.md 6.9)."""

# -------------------------------------------------------------------------------------------------- read model

change = Table(
    "change",
    metadata,
    Column("ref", String(64), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("title", String(200), nullable=False),
    Column("process", String(64), nullable=False),
    Column("proposer", String(64), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("phase", String(32), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("standing", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("next_moment", UtcDateTime),
    Column("document", Text, nullable=False),
    Index(None, "updated_at", "ref"),
    Index(None, "outcome", "updated_at"),
)
"""Each change as it stands, with its whole state as JSON text."""

waiting = Table(
    "waiting",
    metadata,
    Column("change", String(64), primary_key=True),
    Column("person", String(64), primary_key=True),
    Column("task", String(300), primary_key=True),
    Column("commands", Document, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("due", UtcDateTime),
    Index(None, "person", "due"),
)

part = Table(
    "part",
    metadata,
    Column("change", String(64), primary_key=True),
    Column("person", String(64), primary_key=True),
    Column("parts", Document, nullable=False),
    Index(None, "person", "change"),
)

rollout_load = Table(
    "rollout_load",
    metadata,
    Column("change", String(64), primary_key=True),
    Column("team", String(64), primary_key=True),
    Index(None, "team"),
)
"""Teams that are in a running wave of a change."""

campaign_place = Table(
    "campaign_place",
    metadata,
    Column("change", String(64), primary_key=True),
    Column("person", String(64), primary_key=True),
    Index(None, "person"),
)
"""Champions who hold a place on an open change."""

# -------------------------------------------------------------------------------------------------- governance

proposal_text = Table(
    "proposal_text",
    metadata,
    Column("change", String(64), primary_key=True),
    Column("text", Text, nullable=False),
)
"""What a proposal says, for finding similar ones."""

concern = Table(
    "concern",
    metadata,
    Column("change", String(64), primary_key=True),
    Column("ref", String(64), primary_key=True),
    Column("process", String(64), nullable=False),
    Column("code", String(8), nullable=False),
    Column("blocking", Boolean, nullable=False),
    Column("status", String(16), nullable=False),
    Column("first_of_its_kind", Boolean, nullable=False),
    Column("raised_at", UtcDateTime, nullable=False),
    Column("ask_by", UtcDateTime),
    Column("asked_at", UtcDateTime),
    Column("answered_at", UtcDateTime),
    Column("closed", Boolean, nullable=False),
    Index(None, "process", "code"),
)
"""Concerns without who raised them. ``first_of_its_kind`` is false where the same person had the reason before."""

delegation = Table(
    "delegation",
    metadata,
    Column("ref", String(64), primary_key=True),
    Column("giver", String(64), nullable=False),
    Column("receiver", String(64), nullable=False),
    Column("starts", Date, nullable=False),
    Column("ends", Date, nullable=False),
    Column("gates", Document, nullable=False),
    Column("changes", Document, nullable=False),
    Column("reason", Text, nullable=False),
    Column("given_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    Column("revoked_by", String(64)),
    Index(None, "giver"),
    Index(None, "receiver"),
)
"""Who answers for whom, from and until which day, at which gates or on which changes."""

absence = Table(
    "absence",
    metadata,
    Column("ref", String(64), primary_key=True),
    Column("person", String(64), nullable=False),
    Column("starts", Date, nullable=False),
    Column("ends", Date, nullable=False),
    Column("given_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Index(None, "person"),
)
"""When somebody is away, as they said themselves; what the directory says counts as well."""

act = Table(
    "act",
    metadata,
    Column("number", Sequence, primary_key=True, autoincrement=True),
    Column("actor", String(64), nullable=False),
    Column("key", String(200), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("answer", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint("actor", "key"),
)
"""What became of each idempotency key of an act that is not about one change, for ever."""

pseudonym = Table(
    "pseudonym",
    metadata,
    Column("ref", String(64), primary_key=True),
    Column("person", String(64), nullable=False),
    Column("change", String(64)),
    Column("occasion", String(64), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    UniqueConstraint("person", "occasion"),
    Index(None, "change"),
)
"""Who speaks under which name on one change. Read to find out who may act, and by nobody else."""

# ------------------------------------------------------------------------------------------ commands and mail

applied_command = Table(
    "applied_command",
    metadata,
    Column("change", String(64), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("applied", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
"""What became of each idempotency key, for ever."""

change_number = Table(
    "change_number",
    metadata,
    Column("number", Sequence, primary_key=True, autoincrement=True),
    Column("reserved_for", String(300), nullable=False, unique=True),
    Column("reserved_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)
"""Reference numbers, one for each person and idempotency key, so that a repeated submission gets the same one."""

outbox = Table(
    "outbox",
    metadata,
    Column("number", Sequence, primary_key=True, autoincrement=True),
    Column("key", String(300), nullable=False, unique=True),
    Column("change", String(64), nullable=False),
    Column("recipient", String(64), nullable=False),
    Column("notice", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_error", Text),
    Column("finished_at", UtcDateTime),
    Index(None, "finished_at", "change"),
)
"""Notices that wait to leave, written in the transaction that made them true."""

# ----------------------------------------------------------------------------------------------------- sign-in

sign_in_link = Table(
    "sign_in_link",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("person", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
)

session = Table(
    "session",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("person", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
)

api_token = Table(
    "api_token",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("person", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)

deployment = Table(
    "deployment",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
"""Facts about this installation, such as that it holds demonstration accounts; production refuses to start on those."""
