"""Sign-in, tokens and channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from store.columns import Document, UtcDateTime

revision = "0006"
down_revision = "0005"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = (
    "identity",
    "granted_role",
    "mail_link",
    "mail_choice",
    "digest",
    "webhook_endpoint",
    "webhook_delivery",
    "webhook_attempt",
)


def _table(name: str, key: Sequence[str], *columns: sa.Column[Any], indexes: Sequence[tuple[str, ...]] = ()) -> None:
    op.create_table(name, *columns, sa.PrimaryKeyConstraint(*key, name=f"pk_{name}"))
    for parts in indexes:
        op.create_index(f"ix_{name}_{'_'.join(parts)}", name, list(parts))


def _text(name: str, length: int, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length), **({"nullable": False} | options))


def _moment(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, UtcDateTime, nullable=nullable)


def _count(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, nullable=nullable)


def upgrade() -> None:
    """Bring the tables in."""
    op.add_column("session", _text("how", 16, server_default=sa.text("''")))
    op.add_column("session", _text("agent", 200, server_default=sa.text("''")))
    op.create_index("ix_session_person_expires_at", "session", ["person", "expires_at"])
    op.add_column("api_token", sa.Column("scopes", Document))
    for name, length in (("service", 64), ("change", 64), ("process", 64), ("metric", 200), ("made_by", 64)):
        op.add_column("api_token", _text(name, length, server_default=sa.text("''")))
    op.create_index("ix_api_token_person_created_at", "api_token", ["person", "created_at"])
    op.add_column("outbox", _text("channel", 16, server_default="mail"))
    op.create_index("ix_outbox_channel_recipient", "outbox", ["channel", "recipient"])
    _sign_in()
    _mail()
    _webhooks()


def _sign_in() -> None:
    _table(
        "identity",
        ("issuer", "subject"),
        _text("issuer", 300),
        _text("subject", 255),
        _text("person", 64),
        _text("how", 16),
        _moment("linked_at"),
        _moment("seen_at"),
        indexes=[("person",)],
    )
    _table(
        "granted_role",
        ("person",),
        _text("person", 64),
        sa.Column("roles", Document, nullable=False),
        _moment("granted_at"),
    )


def _mail() -> None:
    _table(
        "mail_link",
        ("token_hash",),
        _text("token_hash", 64),
        _text("person", 64),
        _text("change", 64),
        _text("binding", 300),
        _moment("created_at"),
        _moment("expires_at"),
        _moment("used_at", nullable=True),
        indexes=[("change",)],
    )
    _table("mail_choice", ("person", "kind"), _text("person", 64), _text("kind", 64), _text("choice", 16))
    _table(
        "digest",
        ("person", "week"),
        _text("person", 64),
        _text("week", 16),
        sa.Column("content", sa.Text, nullable=False),
        _moment("written_at"),
        _count("attempts"),
        sa.Column("last_error", sa.Text),
        _moment("finished_at", nullable=True),
        indexes=[("finished_at",)],
    )


def _webhooks() -> None:
    _table(
        "webhook_endpoint",
        ("ref",),
        _text("ref", 32),
        _text("url", 2000),
        _text("description", 200),
        sa.Column("types", Document, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("earlier_secret", sa.Text, nullable=False),
        _moment("earlier_until", nullable=True),
        _text("made_by", 64),
        _moment("created_at"),
        _moment("disabled_at", nullable=True),
        _text("disabled_because", 300),
    )
    _table(
        "webhook_delivery",
        ("number",),
        sa.Column("number", Number, autoincrement=True),
        _text("endpoint", 32),
        _text("event", 64),
        _text("type", 100),
        _text("change", 64),
        sa.Column("body", sa.Text, nullable=False),
        _moment("created_at"),
        _count("attempts"),
        _text("outcome", 16),
        _moment("finished_at", nullable=True),
        indexes=[("endpoint", "number"), ("finished_at", "endpoint")],
    )
    _table(
        "webhook_attempt",
        ("delivery", "attempt"),
        sa.Column("delivery", Number, autoincrement=False),
        sa.Column("attempt", sa.Integer, autoincrement=False),
        _moment("at"),
        _count("status", nullable=True),
        _count("milliseconds"),
        _text("error", 500),
    )


def downgrade() -> None:
    """Take them out again."""
    for name in reversed(TABLES):
        op.drop_table(name)
    op.drop_index("ix_outbox_channel_recipient", "outbox")
    op.drop_index("ix_api_token_person_created_at", "api_token")
    op.drop_index("ix_session_person_expires_at", "session")
    with op.batch_alter_table("outbox") as outbox:
        outbox.drop_column("channel")
    with op.batch_alter_table("api_token") as api_token:
        for name in ("made_by", "metric", "process", "change", "service", "scopes"):
            api_token.drop_column(name)
    with op.batch_alter_table("session") as session:
        session.drop_column("agent")
        session.drop_column("how")
