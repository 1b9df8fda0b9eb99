"""An index of the records of what did not happen, which are few among many: refusals and failed verifications."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

NAME = "ix_ledger_record_not_applied_seq"


def upgrade() -> None:
    """Make it; an ordinary append does not touch it."""
    few = sa.text("outcome <> 'applied'")
    op.create_index(NAME, "ledger_record", ["outcome", "seq"], sqlite_where=few, postgresql_where=few)


def downgrade() -> None:
    """Drop it."""
    op.drop_index(NAME, "ledger_record")
