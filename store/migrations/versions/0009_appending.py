"""One record is added to the ledger in one statement: a function in the database waits for the lock, looks whether the
log is still as the program remembers it, and writes. SQLite needs none: its statements make no journeys.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

LOCK = 113741193899620
"""As ``store.database.LEDGER_LOCK`` when this was written; both must be the same for ever."""
APP = "groundswell_app"
FUNCTION = f"""
CREATE OR REPLACE FUNCTION ledger_append(
    patience text, believed_size bigint, believed_root bytea,
    actor_person text, actor_number text, other_person text, other_number text,
    record_seq bigint, record_record_id text, record_idem_key text, record_recorded_at timestamptz,
    record_occurred_at timestamptz, record_action text, record_outcome text, record_change text, record_stage text,
    record_actor text, record_body bytea, record_leaf_hash bytea,
    private_label text, private_subject_ref text, private_salt bytea, private_value text,
    head_size bigint, head_root bytea, head_frontier bytea
) RETURNS boolean LANGUAGE plpgsql VOLATILE SECURITY INVOKER AS $$
BEGIN
    -- A statement of a volatile function sees what was committed before it began, at READ COMMITTED: those below see
    -- the log as it is once the lock is ours. At any other isolation they would see it as it was before the wait.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RETURN false;
    END IF;
    PERFORM set_config('lock_timeout', patience, true);
    PERFORM pg_advisory_xact_lock({LOCK});
    IF (SELECT size = believed_size AND root = believed_root FROM ledger_head ORDER BY size DESC LIMIT 1) IS NOT TRUE
        OR EXISTS (SELECT FROM deployment WHERE name = 'ledger_stopped')
        OR actor_person IS NOT NULL
            AND NOT EXISTS (SELECT FROM ledger_person WHERE person = actor_person AND id = actor_number)
        OR other_person IS NOT NULL
            AND NOT EXISTS (SELECT FROM ledger_person WHERE person = other_person AND id = other_number)
    THEN
        RETURN false;
    END IF;
    INSERT INTO ledger_record (
        seq, record_id, idem_key, recorded_at, occurred_at, action, outcome, change, stage, actor, body, leaf_hash
    ) VALUES (
        record_seq, record_record_id, record_idem_key, record_recorded_at, record_occurred_at, record_action,
        record_outcome, record_change, record_stage, record_actor, record_body, record_leaf_hash
    );
    IF private_salt IS NOT NULL THEN
        INSERT INTO ledger_private (seq, label, subject_ref, salt, value)
        VALUES (record_seq, private_label, private_subject_ref, private_salt, private_value);
    END IF;
    INSERT INTO ledger_head (size, root, frontier, recorded_at, first_seq)
    VALUES (head_size, head_root, head_frontier, record_recorded_at, record_seq);
    RETURN true;
END $$
"""  # noqa: S608 - our own number


def upgrade() -> None:
    """Make it. It has no rights of its own: whoever calls it can do with it what they may do without."""
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    connection.exec_driver_sql(FUNCTION)
    there = sa.text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :app)")
    if connection.execute(there, {"app": APP}).scalar_one():
        op.execute(f"GRANT EXECUTE ON FUNCTION ledger_append TO {APP}")


def downgrade() -> None:
    """Drop it."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION IF EXISTS ledger_append")
