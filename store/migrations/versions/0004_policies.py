"""The candidates that changes put forward, which change brought each version of the policy, and that none changes."""

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
    _published_stays()


REFUSED = "a published policy never changes"


def _published_stays() -> None:
    """Refuse every change to a published version, in the database itself: changes under way are decided by it."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION policy_version_stays() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN RAISE EXCEPTION '{REFUSED}: % on % is refused', TG_OP, TG_TABLE_NAME; END $$"
        )
        for name, moment, level in (("change", "UPDATE OR DELETE", "ROW"), ("truncate", "TRUNCATE", "STATEMENT")):
            op.execute(
                f"CREATE TRIGGER policy_version_no_{name} BEFORE {moment} ON policy_version "
                f"FOR EACH {level} EXECUTE FUNCTION policy_version_stays()"
            )
            # An ordinary trigger is skipped by session_replication_role = replica.
            op.execute(f"ALTER TABLE policy_version ENABLE ALWAYS TRIGGER policy_version_no_{name}")
        return
    for moment in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER policy_version_no_{moment.lower()} BEFORE {moment} ON policy_version "
            f"BEGIN SELECT RAISE(ABORT, '{REFUSED}: {moment} on policy_version is refused'); END"
        )
    # INSERT OR REPLACE deletes the row that has the new row's keys, without firing the triggers above.
    op.execute(
        "CREATE TRIGGER policy_version_new BEFORE INSERT ON policy_version WHEN EXISTS "  # noqa: S608
        "(SELECT 1 FROM policy_version WHERE number = NEW.number OR (name = NEW.name AND version = NEW.version)) "
        f"BEGIN SELECT RAISE(ABORT, '{REFUSED}: this version is there already'); END"
    )


def downgrade() -> None:
    """Take them out again."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION policy_version_stays() CASCADE")  # with its triggers
    else:
        for name in ("update", "delete"):
            op.execute(f"DROP TRIGGER policy_version_no_{name}")
        op.execute("DROP TRIGGER policy_version_new")
    op.drop_table("policy_candidate")
    op.drop_column("policy_version", "change")
