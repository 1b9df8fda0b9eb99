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
    text,
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
    Column("change", String(64)),
    UniqueConstraint("name", "version"),
)

policy_candidate = Table(
    "policy_candidate",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("put_by", String(64), nullable=False),
    Column("put_at", UtcDateTime, nullable=False),
)
"""Texts that stewards checked in, so that changes can put them forward by their content hash."""

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
    Index(None, "actor", "stage", "seq"),
    Index(None, "stage", "seq"),
    Index(None, "action", "seq"),
    Index(None, "action", "stage", "seq"),
    Index(None, "recorded_at"),
    # Nearly all are applied. The others are found at once, and an append of one that is costs nothing more.
    Index(
        "ix_ledger_record_not_applied_seq",
        "outcome",
        "seq",
        sqlite_where=text("outcome <> 'applied'"),
        postgresql_where=text("outcome <> 'applied'"),
    ),
)
"""One row per event or refusal. ``body`` is authoritative; the other columns serve queries and are empty where the body
says nothing. ``actor`` is the person's number in ``ledger_person``; the foundation's records hold the reference."""

ledger_head = Table(
    "ledger_head",
    metadata,
    Column("size", Sequence, primary_key=True, autoincrement=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("first_seq", Sequence),
)
"""The Merkle tree after each transaction. A size that is already taken is an error, never a fork. ``first_seq`` is the
first record of the transaction; the foundation did not write it."""

ledger_tile = Table(
    "ledger_tile",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("index", Sequence, primary_key=True, autoincrement=False),
    Column("data", LargeBinary(8192), nullable=False),
    Column("root", LargeBinary(32), nullable=False),
    Index(None, "level", "index", "root"),
)
"""Full tiles of 256 hashes, each with the root over them: what proofs are read from."""

ledger_checkpoint = Table(
    "ledger_checkpoint",
    metadata,
    Column("size", Sequence, primary_key=True, autoincrement=False),
    Column("key_id", String(8), primary_key=True),
    Column("note", Text, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
)
"""Signed checkpoints. Copies lie outside the database, and those are the ones that count."""

ledger_witness = Table(
    "ledger_witness",
    metadata,
    Column("size", Sequence, primary_key=True, autoincrement=False),
    Column("witness", String(200), primary_key=True),
    Column("note", Text, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
)
"""Who outside vouched for a checkpoint: a witness that cosigned, or a place that keeps a copy; the note as it was
then."""

ledger_private = Table(
    "ledger_private",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=False),
    Column("label", String(64), primary_key=True),
    Column("subject_ref", String(64)),
    Column("salt", LargeBinary(32), nullable=False),
    Column("value", Text, nullable=False),
)
"""What people wrote, outside the tree; the record's body holds a salted commitment to it (reference/ledger.md 6.9).
``subject_ref`` is the number of the person whose words they are."""

ledger_person = Table(
    "ledger_person",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("person", String(64), nullable=False, unique=True),
)
"""The random number under which the ledger knows a person. With its row erased, nobody can tell who it was."""

redacted_event = Table(
    "redacted_event",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=False),
    Column("value", Text, nullable=False),
)
"""Events after an erasure, without the erased person's words and reference: what changes are rebuilt from where the
private value is gone. Not evidence; the record's commitment does not speak of it."""

# ``ledger_search`` and its parts are made in the migration: a virtual table on SQLite, a tsvector on PostgreSQL.

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
    Column("first_answer_at", UtcDateTime),
    Column("worked", Boolean),
    Index(None, "updated_at", "ref", "title"),
    Index(None, "outcome", "updated_at"),
    Index(None, "proposer", "outcome"),
    Index(None, "outcome", "stage", "updated_at"),
    Index(None, "opened_at", "first_answer_at", "outcome", "stage", "ref"),
    Index(None, "worked", "number", "process", "ref"),
)
"""Each change as it stands, with its whole state as JSON text. ``first_answer_at``: when somebody first answered the
proposal; ``worked``: what its evidence says about its process, see :func:`policies.proven.worked`."""

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
    Index(None, "due"),
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

proposal_word = Table(
    "proposal_word",
    metadata,
    Column("change", String(64), primary_key=True),
    Column("word", String(64), primary_key=True),
    Index(None, "word", "change"),
)
"""Each telling word of a proposal once: which proposals are worth comparing is found by it."""

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
    Index(None, "raised_at"),
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
    Column("channel", String(16), nullable=False, server_default="mail"),
    Column("claimed_by", String(32)),
    Column("claimed_until", UtcDateTime),
    Index(None, "finished_at", "change"),
    Index(None, "channel", "recipient"),
)
"""Notices that wait to leave, written in the transaction that made them true. Claims: see :mod:`store.claims`."""

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
    Column("how", String(16), nullable=False, server_default=text("''")),
    Column("agent", String(200), nullable=False, server_default=text("''")),
    Index(None, "person", "expires_at"),
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
    Column("scopes", Document),
    Column("service", String(64), nullable=False, server_default=text("''")),
    Column("change", String(64), nullable=False, server_default=text("''")),
    Column("process", String(64), nullable=False, server_default=text("''")),
    Column("metric", String(200), nullable=False, server_default=text("''")),
    Column("made_by", String(64), nullable=False, server_default=text("''")),
    Index(None, "person", "created_at"),
)
"""Tokens of people, and of systems: those name the ``service``, act on behalf of ``person``, and may be bound to a
change, a process or a metric. No ``scopes`` means all of them, as tokens had before there were any."""

identity = Table(
    "identity",
    metadata,
    Column("issuer", String(300), primary_key=True),
    Column("subject", String(255), primary_key=True),
    Column("person", String(64), nullable=False),
    Column("how", String(16), nullable=False),
    Column("linked_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Index(None, "person"),
)
"""Whom an identity provider's subject is here. A changed e-mail address changes nothing."""

granted_role = Table(
    "granted_role",
    metadata,
    Column("person", String(64), primary_key=True),
    Column("roles", Document, nullable=False),
    Column("granted_at", UtcDateTime, nullable=False),
)
"""Roles that the identity provider's groups give, as of somebody's latest sign-in; beside those of the directory."""

mail_link = Table(
    "mail_link",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("person", String(64), nullable=False),
    Column("change", String(64), nullable=False),
    Column("binding", String(300), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    Index(None, "change"),
)
"""Links in mail that lead to a confirm page. ``binding`` is what was asked; when something else is asked now,
the link is void."""

mail_choice = Table(
    "mail_choice",
    metadata,
    Column("person", String(64), primary_key=True),
    Column("kind", String(64), primary_key=True),
    Column("choice", String(16), nullable=False),
)
"""What somebody wants of a kind of mail, where it is not the usual: ``digest`` or ``off``."""

digest = Table(
    "digest",
    metadata,
    Column("person", String(64), primary_key=True),
    Column("week", String(16), primary_key=True),
    Column("content", Text, nullable=False),
    Column("written_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_error", Text),
    Column("finished_at", UtcDateTime),
    Column("claimed_by", String(32)),
    Column("claimed_until", UtcDateTime),
    Index(None, "finished_at"),
)
"""The weekly digest of one person; one for each week, however often it is tried."""

# ---------------------------------------------------------------------------------------------------- webhooks

webhook_endpoint = Table(
    "webhook_endpoint",
    metadata,
    Column("ref", String(32), primary_key=True),
    Column("url", String(2000), nullable=False),
    Column("description", String(200), nullable=False),
    Column("types", Document, nullable=False),
    Column("secret", Text, nullable=False),
    Column("earlier_secret", Text, nullable=False),
    Column("earlier_until", UtcDateTime),
    Column("made_by", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
    Column("disabled_because", String(300), nullable=False),
)

webhook_delivery = Table(
    "webhook_delivery",
    metadata,
    Column("number", Sequence, primary_key=True, autoincrement=True),
    Column("endpoint", String(32), nullable=False),
    Column("event", String(64), nullable=False),
    Column("type", String(100), nullable=False),
    Column("change", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("finished_at", UtcDateTime),
    Index(None, "endpoint", "number"),
    Index(None, "finished_at", "endpoint"),
)
"""Events on their way to an endpoint, written in the transaction that made them true."""

webhook_attempt = Table(
    "webhook_attempt",
    metadata,
    Column("delivery", Sequence, primary_key=True, autoincrement=False),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("status", Integer),
    Column("milliseconds", Integer, nullable=False),
    Column("error", String(500), nullable=False),
)
"""What an endpoint answered, each time."""

deployment = Table(
    "deployment",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
"""Facts about this installation, such as that it holds demonstration accounts; production refuses to start on those."""

# ------------------------------------------------------------------------------------------------------- pages

reading_preference = Table(
    "reading_preference",
    metadata,
    Column("person", String(64), primary_key=True),
    Column("theme", String(8), nullable=False),
    Column("zone", String(64), nullable=False),
)
"""How somebody likes to read: light, dark or as their device says, and on which clock."""

draft = Table(
    "draft",
    metadata,
    Column("ref", String(32), primary_key=True),
    Column("author", String(64), nullable=False),
    Column("answers", Document, nullable=False),
    Column("key", String(128), nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Column("saved_at", UtcDateTime, nullable=False),
    Column("filed_as", String(64), nullable=False),
    Index(None, "author", "saved_at"),
)
"""Proposals that are still being written, for their author alone; ``filed_as`` names the change one became."""
