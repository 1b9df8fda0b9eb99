"""What pages of a large organisation are read from: words of proposals, first answers, and whether a change worked."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from changes.similarity import essence
from store.columns import UtcDateTime

revision = "0007"
down_revision = "0006"

ANSWERS = "'accepted_for_testing', 'changes_asked', 'declined', 'marked_duplicate', 'said_back'"
INDEXES = (
    ("change", ("outcome", "stage", "updated_at")),
    ("change", ("opened_at", "first_answer_at", "outcome", "stage", "ref")),
    ("change", ("worked", "number", "process", "ref")),
    ("change", ("proposer", "outcome")),
    ("change", ("updated_at", "ref", "title")),
    ("waiting", ("due",)),
    ("concern", ("raised_at",)),
)
MOST = 1_000
"""Changes that are read at a time."""


def upgrade() -> None:
    """Bring the columns, the table and the indexes in, and fill them from what is there."""
    op.add_column("change", sa.Column("first_answer_at", UtcDateTime()))
    op.add_column("change", sa.Column("worked", sa.Boolean()))
    op.create_table(
        "proposal_word",
        sa.Column("change", sa.String(64), nullable=False),
        sa.Column("word", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("change", "word", name="pk_proposal_word"),
    )
    op.execute(
        "UPDATE change SET first_answer_at = (SELECT min(occurred_at) FROM ledger_record "  # noqa: S608 - our own names
        f"WHERE ledger_record.change = change.ref AND outcome = 'applied' AND action IN ({ANSWERS}))"
    )
    _words()
    _verdicts()
    op.create_index("ix_proposal_word_word_change", "proposal_word", ["word", "change"])
    for table, columns in INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
    op.drop_index("ix_change_updated_at_ref", "change")  # the one with the title does the same


def _words() -> None:
    """Split every text. Changes older than the texts have their title for one."""
    bind = op.get_bind()
    missing = bind.execute(
        sa.text("SELECT ref, title FROM change WHERE ref NOT IN (SELECT change FROM proposal_text)")
    ).all()
    texts = sa.table("proposal_text", sa.column("change"), sa.column("text"))
    if missing:
        bind.execute(texts.insert(), [{"change": row.ref, "text": essence(row.title)} for row in missing])
    if bind.dialect.name == "postgresql":
        parts = "unnest(string_to_array(text, ' ')) AS part (value)"
    else:  # a text is words and spaces: nothing in it has to be escaped in JSON
        parts = """json_each('["' || replace(text, ' ', '","') || '"]') AS part"""
    op.execute(
        "INSERT INTO proposal_word (change, word) SELECT DISTINCT change, substr(part.value, 1, 64) "  # noqa: S608
        f"FROM proposal_text, {parts} WHERE part.value <> ''"
    )


def _verdicts() -> None:
    """What ended changes say about their processes."""
    bind = op.get_bind()
    change = sa.table("change", sa.column("ref"), sa.column("worked"))
    found = change.update().where(change.c.ref == sa.bindparam("of")).values(worked=sa.bindparam("found"))
    last = ""
    query = sa.text(
        "SELECT ref, document FROM change WHERE outcome IN ('adopted', 'rolled_back') AND ref > :last "
        "ORDER BY ref LIMIT :most"
    )
    while rows := bind.execute(query, {"last": last, "most": MOST}).all():
        verdicts = [{"of": row.ref, "found": _worked(json.loads(row.document))} for row in rows]
        if known := [verdict for verdict in verdicts if verdict["found"] is not None]:
            bind.execute(found, known)
        last = rows[-1].ref


def _worked(document: dict[str, Any]) -> bool | None:
    """As ``policies.proven.worked`` says, from the stored state."""
    closing, content = document.get("closing"), document["proposal"]["versions"][-1]["content"]
    if not closing or content.get("policy") or content.get("regulated"):
        return None
    if closing["outcome"] == "rolled_back":
        return False
    found = [check["outcome"] for check in document["learning"]["checks"] if check.get("outcome")]
    if closing["outcome"] != "adopted" or not found:
        return None
    return {"effective": True, "ineffective": False}.get(found[-1])


def downgrade() -> None:
    """Take them out again."""
    op.create_index("ix_change_updated_at_ref", "change", ["updated_at", "ref"])
    for table, columns in reversed(INDEXES):
        op.drop_index(f"ix_{table}_{'_'.join(columns)}", table)
    op.drop_table("proposal_word")
    with op.batch_alter_table("change") as change:
        change.drop_column("worked")
        change.drop_column("first_answer_at")
