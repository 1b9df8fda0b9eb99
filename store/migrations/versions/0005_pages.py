"""What pages keep for a person: how they like to read, and proposals that are still being written."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.columns import Document, UtcDateTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Bring the tables in."""
    op.create_table(
        "reading_preference",
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("theme", sa.String(8), nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("person", name="pk_reading_preference"),
    )
    op.create_table(
        "draft",
        sa.Column("ref", sa.String(32), nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("answers", Document, nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("began_at", UtcDateTime(), nullable=False),
        sa.Column("saved_at", UtcDateTime(), nullable=False),
        sa.Column("filed_as", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("ref", name="pk_draft"),
    )
    op.create_index("ix_draft_author_saved_at", "draft", ["author", "saved_at"])


def downgrade() -> None:
    """Take them out again."""
    op.drop_table("draft")
    op.drop_table("reading_preference")
