"""The tamper-evident log: tiles, checkpoints, witnesses, labelled private values, search, and roles on PostgreSQL.

Records of the foundation stay byte for byte as they are, and their tree goes on growing (docs/decisions/0008). What is
written out here is not taken from ``store.tables``: a migration must not change when the tables do.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from hashlib import sha256

import sqlalchemy as sa
from alembic import op

from store.columns import UtcDateTime

revision = "0002"
down_revision = "0001"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ONLY_INSERTED = ("ledger_tile", "ledger_checkpoint", "ledger_witness")
OWNED = ("ledger_record", "ledger_head", *ONLY_INSERTED, "ledger_private", "ledger_person")
RECORD_INDEXES = (
    ("actor", "stage", "seq"),
    ("stage", "seq"),
    ("action", "seq"),
    ("action", "stage", "seq"),
    ("recorded_at",),
)
TILE = 256
OWNER, APP = "groundswell_owner", "groundswell_app"


def upgrade() -> None:
    """Bring the tables in, and carry over what is there."""
    _new_tables()
    op.add_column("ledger_head", sa.Column("first_seq", Number, nullable=True))
    for columns in RECORD_INDEXES:
        op.create_index(f"ix_ledger_record_{'_'.join(columns)}", "ledger_record", list(columns))
    _label_private_values()
    _name_the_log()
    _write_tiles()
    if op.get_bind().dialect.name == "postgresql":
        _search_postgresql()
        _only_insert_postgresql()
        _roles()
    else:
        op.execute("CREATE VIRTUAL TABLE ledger_search USING fts5(text, tokenize = 'unicode61 remove_diacritics 2')")
        _only_insert_sqlite()


def _new_tables() -> None:
    op.create_table(
        "ledger_tile",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("index", Number, autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(8192), nullable=False),
        sa.Column("root", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("level", "index", name="pk_ledger_tile"),
    )
    # Roots are read by the hundred, and would be found behind eight kilobytes each.
    op.create_index("ix_ledger_tile_level_index_root", "ledger_tile", ["level", "index", "root"])
    op.create_table(
        "ledger_checkpoint",
        sa.Column("size", Number, autoincrement=False, nullable=False),
        sa.Column("key_id", sa.String(8), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("made_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("size", "key_id", name="pk_ledger_checkpoint"),
    )
    op.create_table(
        "ledger_witness",
        sa.Column("size", Number, autoincrement=False, nullable=False),
        sa.Column("witness", sa.String(200), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("received_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("size", "witness", name="pk_ledger_witness"),
    )
    op.create_table(
        "redacted_event",
        sa.Column("seq", Number, autoincrement=False, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_redacted_event"),
    )
    op.create_table(
        "ledger_person",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_person"),
        sa.UniqueConstraint("person", name="uq_ledger_person_person"),
    )


def _label_private_values() -> None:
    """What the foundation kept under one label, "content", gets that label; the words and salts stay the same."""
    op.create_table(
        "ledger_private_labelled",
        sa.Column("seq", Number, autoincrement=False, nullable=False),
        sa.Column("label", sa.String(64), nullable=False),
        sa.Column("subject_ref", sa.String(64), nullable=True),
        sa.Column("salt", sa.LargeBinary(32), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", "label", name="pk_ledger_private_labelled"),
    )
    op.execute(
        "INSERT INTO ledger_private_labelled (seq, label, subject_ref, salt, value) "
        "SELECT p.seq, 'content', r.actor, p.salt, p.value "
        "FROM ledger_private AS p JOIN ledger_record AS r ON r.seq = p.seq"
    )
    op.drop_table("ledger_private")
    op.rename_table("ledger_private_labelled", "ledger_private")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER INDEX pk_ledger_private_labelled RENAME TO pk_ledger_private")
    op.create_index("ix_ledger_private_subject_ref_seq", "ledger_private", ["subject_ref", "seq"])


def _name_the_log() -> None:
    """Every log needs a name of its own, so that no record and no checkpoint can pass for another log's."""
    name = f"groundswell.local/{secrets.token_hex(6)}"
    deployment = sa.table("deployment", sa.column("name", sa.String), sa.column("value", sa.Text))
    op.execute(sa.insert(deployment).values(name="ledger_origin", value=name))


def _write_tiles() -> None:
    """The full tiles of what is there, from its stored leaves; a tile's root is one hash of the level above."""
    connection = op.get_bind()
    record = sa.table("ledger_record", sa.column("seq", Number), sa.column("leaf_hash", sa.LargeBinary))
    tile = sa.table(
        "ledger_tile",
        sa.column("level", sa.Integer),
        sa.column("index", Number),
        sa.column("data", sa.LargeBinary),
        sa.column("root", sa.LargeBinary),
    )
    level, index, roots = 0, 0, list[bytes]()
    while True:
        query = sa.select(record.c.leaf_hash).where(record.c.seq.between(index * TILE, index * TILE + TILE - 1))
        hashes = [bytes(row) for row in connection.execute(query.order_by(record.c.seq)).scalars()]
        if len(hashes) < TILE:
            break
        roots.append(_root(hashes))
        connection.execute(sa.insert(tile).values(level=level, index=index, data=b"".join(hashes), root=roots[-1]))
        index += 1
    while len(roots) >= TILE:
        level, below, roots = level + 1, roots, []
        for index in range(len(below) // TILE):
            hashes = below[index * TILE : (index + 1) * TILE]
            roots.append(_root(hashes))
            connection.execute(sa.insert(tile).values(level=level, index=index, data=b"".join(hashes), root=roots[-1]))


def _root(hashes: Sequence[bytes]) -> bytes:
    """The root over a full tile (RFC 6962: a node is SHA-256 over 0x01 and its two children)."""
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return hashes[0]


def _search_postgresql() -> None:
    op.execute(
        "CREATE TABLE ledger_search (seq bigint PRIMARY KEY, text text NOT NULL, "
        "words tsvector GENERATED ALWAYS AS (to_tsvector('simple', text)) STORED)"
    )
    op.execute("CREATE INDEX ix_ledger_search_words ON ledger_search USING gin (words)")


def _only_insert_postgresql() -> None:
    for table in ONLY_INSERTED:
        for name, moment, level in (("change", "UPDATE OR DELETE", "ROW"), ("truncate", "TRUNCATE", "STATEMENT")):
            op.execute(
                f"CREATE TRIGGER {table}_no_{name} BEFORE {moment} ON {table} "
                f"FOR EACH {level} EXECUTE FUNCTION ledger_is_append_only()"
            )
            op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_no_{name}")


def _only_insert_sqlite() -> None:
    keys = {
        "ledger_tile": ("level", "index"),
        "ledger_checkpoint": ("size", "key_id"),
        "ledger_witness": ("size", "witness"),
    }
    for table, columns in keys.items():
        for moment in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{moment.lower()} BEFORE {moment} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: {moment} on {table} is refused'); END"
            )
        same = " AND ".join(f'"{column}" = NEW."{column}"' for column in columns)
        op.execute(
            f"CREATE TRIGGER {table}_new BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "  # noqa: S608
            f"BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: this row of {table} is there already'); END"
        )


def _roles() -> None:
    """An owner nobody signs in as, and a role for the programs that may only add to the ledger and read it.

    Only a login that may make roles can do this, or one that was made a member of the owner beforehand; ``groundswell
    doctor`` says where it was not done.
    """
    connection = op.get_bind()
    may_make_roles = connection.execute(
        sa.text("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
    ).scalar_one()
    if may_make_roles:
        for role in (OWNER, APP):
            op.execute(
                f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN; "
                "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
            )
    both = "rolname IN ('groundswell_owner', 'groundswell_app')"
    if connection.execute(sa.text(f"SELECT count(*) FROM pg_roles WHERE {both}")).scalar_one() < 2:  # noqa: S608
        return
    if not connection.execute(sa.text("SELECT pg_has_role(current_user, 'groundswell_owner', 'USAGE')")).scalar_one():
        if not may_make_roles:
            return
        op.execute(f"GRANT {OWNER} TO CURRENT_USER")  # without it, none but a superuser could give it the tables
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {APP}")
    op.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {APP}")
    # Tables that later migrations make are ordinary ones; those of the ledger are all listed here.
    op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APP}")
    op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {APP}")
    op.execute(f"GRANT USAGE ON SCHEMA public TO {APP}")
    op.execute(f"GRANT USAGE, CREATE ON SCHEMA public TO {OWNER}")
    for table in OWNED:
        op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON {table} FROM {APP}, PUBLIC")
        op.execute(f"ALTER TABLE {table} OWNER TO {OWNER}")
    op.execute(f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {APP}")


def downgrade() -> None:
    """Take the tables out again, and the labels from the private values; only for trying out migrations."""
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    op.drop_table("ledger_search")
    op.create_table(
        "ledger_private_plain",
        sa.Column("seq", Number, autoincrement=False, nullable=False),
        sa.Column("salt", sa.LargeBinary(32), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_ledger_private_plain"),
    )
    op.execute("INSERT INTO ledger_private_plain SELECT seq, salt, value FROM ledger_private WHERE label = 'content'")
    op.drop_table("ledger_private")
    op.rename_table("ledger_private_plain", "ledger_private")
    if on_postgresql:
        op.execute("ALTER INDEX pk_ledger_private_plain RENAME TO pk_ledger_private")
        op.execute(
            f"DO $$ BEGIN ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM {APP}; "
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM {APP}; "
            "EXCEPTION WHEN undefined_object THEN NULL; END $$"
        )
    for columns in RECORD_INDEXES:
        op.drop_index(f"ix_ledger_record_{'_'.join(columns)}", "ledger_record")
    op.drop_column("ledger_head", "first_seq")
    for table in (*ONLY_INSERTED, "ledger_person", "redacted_event"):
        op.drop_table(table)
    op.execute("DELETE FROM deployment WHERE name = 'ledger_origin'")
