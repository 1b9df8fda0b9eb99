"""The candidates that changes put forward, and which change brought each version of the policy."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.columns import UtcDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Bring the tables in."""
    op.add_column("policy_version", sa.Column("change", sa.String(64), nullable=True))
    op.create_table(
        "policy_candidate",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("put_by", sa.String(64), nullable=False),
        sa.Column("put_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_policy_candidate"),
    )


def downgrade() -> None:
    """Take them out again."""
    op.drop_table("policy_candidate")
    op.drop_column("policy_version", "change")
