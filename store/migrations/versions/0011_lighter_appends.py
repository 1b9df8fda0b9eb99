"""An append costs less: on SQLite its statements keep no copy of what they change, and an index that nothing reads is
gone from both databases.

A trigger that raises ABORT makes SQLite copy each page that the statement is about to change, so that the statement can
be undone by itself. These triggers raise before the row is written, and there is nothing to undo. They refuse what they
refused, in the same words.
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"

INDEX = "ix_ledger_private_subject_ref_seq"
REFUSED = {
    ("ledger_record", "number"): "NEW.seq <> (SELECT COALESCE(MAX(seq), -1) + 1 FROM ledger_record)",
    ("ledger_record", "key"): "EXISTS (SELECT 1 FROM ledger_record WHERE idem_key = NEW.idem_key)",
    ("ledger_record", "identity"): "EXISTS (SELECT 1 FROM ledger_record WHERE record_id = NEW.record_id)",
    ("ledger_head", "number"): "NEW.size <= (SELECT COALESCE(MAX(size), 0) FROM ledger_head)",
}
"""As migration 0001 has them."""


def upgrade() -> None:
    """Make the triggers anew, and drop the index."""
    _refuse("FAIL")
    op.drop_index(INDEX, "ledger_private")


def downgrade() -> None:
    """Put them back as they were."""
    op.create_index(INDEX, "ledger_private", ["subject_ref", "seq"])
    _refuse("ABORT")


def _refuse(how: str) -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    for (table, what), taken in REFUSED.items():
        op.execute(f"DROP TRIGGER {table}_new_{what}")
        op.execute(
            f"CREATE TRIGGER {table}_new_{what} BEFORE INSERT ON {table} WHEN {taken} BEGIN "
            f"SELECT RAISE({how}, 'the ledger is append-only: this {what} in {table} is taken, or not the next'); END"
        )
