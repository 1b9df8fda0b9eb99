"""Letters and digests can be claimed by the round that sends them, so that no other sends them beside it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.columns import UtcDateTime

revision = "0012"
down_revision = "0011"

TABLES = ("outbox", "digest")


def upgrade() -> None:
    """Bring the columns in. What waits is in nobody's hands."""
    for name in TABLES:
        op.add_column(name, sa.Column("claimed_by", sa.String(32)))
        op.add_column(name, sa.Column("claimed_until", UtcDateTime()))


def downgrade() -> None:
    """Take them out again."""
    for name in TABLES:
        with op.batch_alter_table(name) as table:
            table.drop_column("claimed_until")
            table.drop_column("claimed_by")
