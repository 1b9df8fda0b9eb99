"""People who stand in for others, and what governance keeps beside the changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.columns import Document, UtcDateTime

revision = "0003"
down_revision = "0002"

COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the tables in."""
    op.create_table(
        "proposal_text",
        sa.Column("change", sa.String(64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("change", name="pk_proposal_text"),
    )
    op.create_table(
        "concern",
        sa.Column("change", sa.String(64), nullable=False),
        sa.Column("ref", sa.String(64), nullable=False),
        sa.Column("process", sa.String(64), nullable=False),
        sa.Column("code", sa.String(8), nullable=False),
        sa.Column("blocking", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("first_of_its_kind", sa.Boolean(), nullable=False),
        sa.Column("raised_at", UtcDateTime(), nullable=False),
        sa.Column("ask_by", UtcDateTime()),
        sa.Column("asked_at", UtcDateTime()),
        sa.Column("answered_at", UtcDateTime()),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("change", "ref", name="pk_concern"),
    )
    op.create_index("ix_concern_process_code", "concern", ["process", "code"])
    op.create_table(
        "delegation",
        sa.Column("ref", sa.String(64), nullable=False),
        sa.Column("giver", sa.String(64), nullable=False),
        sa.Column("receiver", sa.String(64), nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=False),
        sa.Column("gates", Document, nullable=False),
        sa.Column("changes", Document, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("given_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime()),
        sa.Column("revoked_by", sa.String(64)),
        sa.PrimaryKeyConstraint("ref", name="pk_delegation"),
    )
    op.create_index("ix_delegation_giver", "delegation", ["giver"])
    op.create_index("ix_delegation_receiver", "delegation", ["receiver"])
    op.create_table(
        "absence",
        sa.Column("ref", sa.String(64), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=False),
        sa.Column("given_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("ref", name="pk_absence"),
    )
    op.create_index("ix_absence_person", "absence", ["person"])
    op.create_table(
        "act",
        sa.Column("number", COUNTED, nullable=False, autoincrement=True),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_act"),
        sa.UniqueConstraint("actor", "key", name="uq_act_actor_key"),
    )
    op.create_table(
        "pseudonym",
        sa.Column("ref", sa.String(64), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("change", sa.String(64)),
        sa.Column("occasion", sa.String(64), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("ref", name="pk_pseudonym"),
        sa.UniqueConstraint("person", "occasion", name="uq_pseudonym_person_occasion"),
    )
    op.create_index("ix_pseudonym_change", "pseudonym", ["change"])


def downgrade() -> None:
    """Take them out again."""
    for table in ("pseudonym", "act", "absence", "delegation", "concern", "proposal_text"):
        op.drop_table(table)
