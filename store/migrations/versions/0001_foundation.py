"""The foundation: directory, policies, ledger, read model, commands, mail, sign-in.

The tables are written out, not taken from ``store.tables``: a migration must not change when the tables do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from store.columns import Document, UtcDateTime

revision = "0001"
down_revision = None

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LEDGER_TABLES = ("ledger_record", "ledger_head")
"""Only ever inserted. ``ledger_private`` is not among them: what people wrote can be erased."""


def _table(name: str, *parts: sa.Column[Any] | sa.Constraint, indexes: Sequence[tuple[str, ...]] = ()) -> None:
    op.create_table(name, *parts)
    for columns in indexes:
        op.create_index(f"ix_{name}_{'_'.join(columns)}", name, list(columns))


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=f"uq_{table}_{'_'.join(columns)}")


def _text(name: str, length: int, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length), **({"nullable": False} | options))


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def upgrade() -> None:
    """Create everything."""
    _directory()
    _ledger()
    _read_model()
    _commands_and_mail()
    _sign_in()
    _only_insert()


def _directory() -> None:
    _table(
        "person",
        _text("ref", 64),
        _text("name", 200),
        _text("email", 254),
        _text("manager", 64, nullable=True),
        _text("team", 64),
        sa.Column("other_teams", Document, nullable=False),
        _text("title", 200),
        sa.Column("roles", Document, nullable=False),
        _text("site", 200),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("away_until", sa.Date()),
        sa.Column("open_to_invitations", sa.Boolean(), nullable=False),
        _key("person", "ref"),
        _unique("person", "email"),
    )
    _table("team", _text("ref", 64), _text("name", 200), _text("parent", 64, nullable=True), _key("team", "ref"))
    _table(
        "process",
        _text("ref", 64),
        _text("name", 200),
        _text("owner", 64),
        sa.Column("depends_on", Document, nullable=False),
        _key("process", "ref"),
    )
    _table(
        "directory_import",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        _text("version", 64),
        sa.Column("loaded_at", UtcDateTime, nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        _key("directory_import", "number"),
    )
    _table(
        "policy_version",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        _text("name", 64),
        sa.Column("version", sa.Integer(), nullable=False),
        _text("sha256", 64),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("published_at", UtcDateTime, nullable=False),
        _key("policy_version", "number"),
        _unique("policy_version", "name", "version"),
    )


def _ledger() -> None:
    _table(
        "ledger_record",
        sa.Column("seq", Number, autoincrement=False, nullable=False),
        _text("record_id", 36),
        _text("idem_key", 300),
        sa.Column("recorded_at", UtcDateTime, nullable=False),
        sa.Column("occurred_at", UtcDateTime, nullable=False),
        _text("action", 64),
        _text("outcome", 16),
        _text("change", 64),
        _text("stage", 16),
        _text("actor", 64),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(32), nullable=False),
        _key("ledger_record", "seq"),
        _unique("ledger_record", "record_id"),
        _unique("ledger_record", "idem_key"),
        indexes=[("change", "seq"), ("actor", "seq")],
    )
    _table(
        "ledger_head",
        sa.Column("size", Number, autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(32), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", UtcDateTime, nullable=False),
        _key("ledger_head", "size"),
    )
    _table(
        "ledger_private",
        sa.Column("seq", Number, autoincrement=False, nullable=False),
        sa.Column("salt", sa.LargeBinary(32), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        _key("ledger_private", "seq"),
    )


def _read_model() -> None:
    _table(
        "change",
        _text("ref", 64),
        sa.Column("number", sa.Integer(), nullable=False),
        _text("title", 200),
        _text("process", 64),
        _text("proposer", 64),
        _text("stage", 16),
        _text("phase", 32),
        _text("outcome", 16),
        sa.Column("standing", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("opened_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.Column("next_moment", UtcDateTime),
        sa.Column("document", sa.Text(), nullable=False),
        _key("change", "ref"),
        _unique("change", "number"),
        indexes=[("updated_at", "ref"), ("outcome", "updated_at")],
    )
    _table(
        "waiting",
        _text("change", 64),
        _text("person", 64),
        _text("task", 300),
        sa.Column("commands", Document, nullable=False),
        sa.Column("since", UtcDateTime, nullable=False),
        sa.Column("due", UtcDateTime),
        _key("waiting", "change", "person", "task"),
        indexes=[("person", "due")],
    )
    _table(
        "part",
        _text("change", 64),
        _text("person", 64),
        sa.Column("parts", Document, nullable=False),
        _key("part", "change", "person"),
        indexes=[("person", "change")],
    )
    _table(
        "rollout_load",
        _text("change", 64),
        _text("team", 64),
        _key("rollout_load", "change", "team"),
        indexes=[("team",)],
    )
    _table(
        "campaign_place",
        _text("change", 64),
        _text("person", 64),
        _key("campaign_place", "change", "person"),
        indexes=[("person",)],
    )


def _commands_and_mail() -> None:
    _table(
        "applied_command",
        _text("change", 64),
        _text("key", 200),
        sa.Column("applied", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        _key("applied_command", "change", "key"),
    )
    op.create_table(
        "change_number",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        _text("reserved_for", 300),
        sa.Column("reserved_at", UtcDateTime, nullable=False),
        _key("change_number", "number"),
        _unique("change_number", "reserved_for"),
        sqlite_autoincrement=True,
    )
    _table(
        "outbox",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        _text("key", 300),
        _text("change", 64),
        _text("recipient", 64),
        sa.Column("notice", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text()),
        sa.Column("finished_at", UtcDateTime),
        _key("outbox", "number"),
        _unique("outbox", "key"),
        indexes=[("finished_at", "change")],
    )
    _table("deployment", _text("name", 64), sa.Column("value", sa.Text(), nullable=False), _key("deployment", "name"))


def _sign_in() -> None:
    moments = {
        "sign_in_link": (("created_at", False), ("expires_at", False), ("used_at", True)),
        "session": (("created_at", False), ("seen_at", False), ("expires_at", False), ("ended_at", True)),
    }
    for name, columns in moments.items():
        _table(
            name,
            _text("token_hash", 64),
            _text("person", 64),
            *(sa.Column(column, UtcDateTime, nullable=empty) for column, empty in columns),
            _key(name, "token_hash"),
        )
    _table(
        "api_token",
        _text("token_hash", 64),
        _text("person", 64),
        _text("name", 200),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.Column("last_used_at", UtcDateTime),
        sa.Column("revoked_at", UtcDateTime),
        _key("api_token", "token_hash"),
    )


def _only_insert() -> None:
    """Refuse every change to what is on record, in the database itself (reference/ledger.md 6.7)."""
    if op.get_bind().dialect.name == "postgresql":
        _only_insert_postgresql()
    else:
        _only_insert_sqlite()


def _only_insert_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'the ledger is append-only: % on % is refused', TG_OP, TG_TABLE_NAME; END $$"
    )
    for table in LEDGER_TABLES:
        for name, moment, level in (
            ("change", "UPDATE OR DELETE", "ROW"),
            ("truncate", "TRUNCATE", "STATEMENT"),
        ):
            op.execute(
                f"CREATE TRIGGER {table}_no_{name} BEFORE {moment} ON {table} "
                f"FOR EACH {level} EXECUTE FUNCTION ledger_is_append_only()"
            )
            # An ordinary trigger is skipped by session_replication_role = replica.
            op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_no_{name}")


def _only_insert_sqlite() -> None:
    for table in LEDGER_TABLES:
        for moment in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{moment.lower()} BEFORE {moment} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: {moment} on {table} is refused'); END"
            )
    # INSERT OR REPLACE deletes every row that has one of the new row's keys, without firing the triggers above. So a
    # record must be the next one, under keys that nobody has, and a head must lie beyond all others.
    _refuse_insert("ledger_record", "NEW.seq <> (SELECT COALESCE(MAX(seq), -1) + 1 FROM ledger_record)")
    _refuse_insert("ledger_record", "EXISTS (SELECT 1 FROM ledger_record WHERE idem_key = NEW.idem_key)", "key")
    _refuse_insert("ledger_record", "EXISTS (SELECT 1 FROM ledger_record WHERE record_id = NEW.record_id)", "identity")
    _refuse_insert("ledger_head", "NEW.size <= (SELECT COALESCE(MAX(size), 0) FROM ledger_head)")


def _refuse_insert(table: str, taken: str, what: str = "number") -> None:
    op.execute(
        f"CREATE TRIGGER {table}_new_{what} BEFORE INSERT ON {table} WHEN {taken} "
        f"BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: this {what} in {table} is taken, or not the next'); END"
    )


def downgrade() -> None:
    """Remove everything, the ledger too; only for trying out migrations."""
    names = (
        "api_token session sign_in_link deployment outbox change_number applied_command campaign_place rollout_load "
        "part waiting change ledger_private ledger_head ledger_record policy_version directory_import process team "
        "person"
    )
    for name in names.split():
        op.drop_table(name)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION ledger_is_append_only()")
