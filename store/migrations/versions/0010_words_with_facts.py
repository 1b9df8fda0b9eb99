"""On SQLite the index of words also knows whose record it is, of which change, kind, stage and outcome, and keeps no
copy of what was written. The next sealing or search makes it anew, as after an erasure."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Put an empty one in the place of the index."""
    _in_its_place("text, facts, content = ''")


def downgrade() -> None:
    """Put the earlier one there, empty as well."""
    _in_its_place("text")


def _in_its_place(columns: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE ledger_search")
        op.execute(
            f"CREATE VIRTUAL TABLE ledger_search USING fts5({columns}, tokenize = 'unicode61 remove_diacritics 2')"
        )
