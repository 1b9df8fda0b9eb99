"""An attacker who holds the database: takes the triggers away and rewrites rows, heads, tiles and checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, text, update

from ledger.canonical import canonical_bytes, parse_canonical
from ledger.checkpoint import Checkpoint, sign_checkpoint
from ledger.keys import SigningKey
from ledger.merkle import CompactRange, leaf_hash
from ledger.tiles import completed_tiles
from store import tables
from store.ledger import origin_of
from store.tiles import StoredTiles

RECORD, HEAD, PRIVATE = tables.ledger_record, tables.ledger_head, tables.ledger_private
TILE, CHECKPOINT = tables.ledger_tile, tables.ledger_checkpoint


def take_triggers_away(connection: Connection, *guarded: Table) -> None:
    """What every owner of a database can do."""
    for table in guarded:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"ALTER TABLE {table.name} DISABLE TRIGGER USER"))
            continue
        named = text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table")
        for name in connection.execute(named, {"table": table.name}).scalars().all():
            connection.execute(text(f"DROP TRIGGER {name}"))


class Attacker:
    """Works on one connection, within a transaction that the test rolls back."""

    def __init__(self, connection: Connection, key: SigningKey, other_key: SigningKey) -> None:
        self.connection, self.key, self.other_key = connection, key, other_key

    def take_triggers_away(self) -> None:
        """So that nothing in the database guards the ledger any more."""
        take_triggers_away(self.connection, RECORD, HEAD, TILE, CHECKPOINT, tables.ledger_witness)

    def body(self, seq: int) -> dict[str, Any]:
        """A record's body."""
        return parse_canonical(self.connection.execute(select(RECORD.c.body).where(RECORD.c.seq == seq)).scalar_one())

    def write_body(self, place: int, body: dict[str, Any] | bytes, /, leaf: bool = False, **columns: Any) -> None:
        """Put another body in place, with its leaf hash or without."""
        raw = body if isinstance(body, bytes) else canonical_bytes(body)
        values = {"body": raw, **columns, **({"leaf_hash": leaf_hash(raw)} if leaf else {})}
        self.set(RECORD, place, **values)

    def edit(self, seq: int, change: Callable[[dict[str, Any]], None], leaf: bool = False, **columns: Any) -> None:
        """Change something in a body."""
        body = self.body(seq)
        change(body)
        self.write_body(seq, body, leaf, **columns)

    def set(self, table: Any, place: int, /, **values: Any) -> None:
        """Change columns of the row with this number or size."""
        key = table.c.seq if "seq" in table.c else table.c.size
        self.connection.execute(update(table).where(key == place).values(**values))

    def remove(self, table: Any, condition: Any) -> None:
        """Delete rows."""
        self.connection.execute(delete(table).where(condition))

    def renumber(self) -> None:
        """Close gaps: every record gets the number of its place, in its body and its column."""
        seqs = self.connection.execute(select(RECORD.c.seq).order_by(RECORD.c.seq)).scalars().all()
        for place, seq in enumerate(seqs):
            if place != seq:
                body = {**self.body(seq), "seq": place}
                self.set(PRIVATE, seq, seq=place)
                self.write_body(seq, body, leaf=True, seq=place)

    def fix_tree(self) -> None:
        """Make every head and tile fit the records."""
        leaves = [
            bytes(leaf) for leaf in self.connection.execute(select(RECORD.c.leaf_hash).order_by(RECORD.c.seq)).scalars()
        ]
        tree, before = CompactRange(), 0
        heads = self.connection.execute(select(HEAD).order_by(HEAD.c.size)).all()
        self.connection.execute(delete(HEAD))
        for head in heads:
            size = min(head.size, len(leaves))
            if size == before:
                continue
            tree.extend(leaves[before:size])
            row = {"size": size, "root": tree.root(), "frontier": tree.to_bytes(), "recorded_at": head.recorded_at}
            self.connection.execute(insert(HEAD).values(**row, first_seq=before))
            before = size
        self.connection.execute(delete(TILE))
        for tile in completed_tiles(StoredTiles(self.connection), 0, leaves):
            row = {"level": tile.level, "index": tile.index, "data": tile.data, "root": tile.root}
            self.connection.execute(insert(TILE).values(row))

    def sign_again(self, key: SigningKey) -> None:
        """Put new checkpoints in place of those in the database."""
        roots = {row.size: bytes(row.root) for row in self.connection.execute(select(HEAD))}
        origin = origin_of(self.connection)
        self.connection.execute(delete(tables.ledger_witness))
        for row in self.connection.execute(select(CHECKPOINT)).all():
            note = str(sign_checkpoint(Checkpoint(origin, row.size, roots[row.size]), [key]))
            self.set(CHECKPOINT, row.size, note=note)

    def cut(self, size: int) -> None:
        """Roll everything back."""
        self.remove(PRIVATE, PRIVATE.c.seq >= size)
        self.remove(RECORD, RECORD.c.seq >= size)
        for table in (HEAD, CHECKPOINT, tables.ledger_witness):
            self.remove(table, table.c.size > size)
        self.remove(TILE, TILE.c.index >= size // 256)
