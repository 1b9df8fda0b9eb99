"""From SQLite to PostgreSQL: every byte that was hashed, signed or vouched for arrives as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from ledger.keys import PinnedKey, generate_key
from store import tables
from store.checkpoints import Sealer
from store.database import lock_ledger, open_database, reading, writing
from store.ledger import append_many, origin_of
from store.moving import move_everything
from store.reading import change_state
from store.sinks import FolderSink
from store.verifying import verify_stored
from tests.support.databases import ON_POSTGRESQL, Databases, fill
from tests.support.desk import MONDAY, Desk
from tests.support.examples import TO_CHAMPIONS
from tests.support.ledgers import check_the_whole_ledger
from tests.support.writers import entry

KEPT = ("ledger_record", "ledger_head", "ledger_tile", "ledger_checkpoint", "ledger_witness", "ledger_private")


@pytest.mark.postgres
@pytest.mark.skipif(not ON_POSTGRESQL, reason="needs a PostgreSQL to move to")
def test_an_installation_moves_from_sqlite_to_postgresql_with_every_hash(
    database_maker: Databases, tmp_path: Path
) -> None:
    old = open_database(f"sqlite:///{tmp_path / 'old.db'}")
    fill(old)
    desk = Desk(old).walk(TO_CHAMPIONS)
    with writing(old) as connection:
        lock_ledger(connection)
        append_many(connection, [entry(f"more/{number}") for number in range(300)], MONDAY)
        origin = origin_of(connection)
    key = generate_key(origin)
    sealing = Sealer(old, lambda _origin: [key], [FolderSink(tmp_path / "kept")], clock=lambda: MONDAY)
    assert sealing.seal() is not None
    with reading(old) as connection:
        before = {name: _rows(connection, name) for name in KEPT}
    assert before["ledger_tile"]
    assert before["ledger_witness"]
    with database_maker.empty() as address:
        new = open_database(address)
        size = move_everything(old, new, MONDAY)
        with reading(new) as connection:
            for name, rows in before.items():
                assert _rows(connection, name)[: len(rows)] == rows, name
            assert check_the_whole_ledger(connection) == size == len(before["ledger_record"]) + 1
            assert origin_of(connection) == origin
            assert verify_stored(connection, origin, [PinnedKey(key.verifier_key)]).exit_code == 0
            assert change_state(connection, "CH-1") == desk.state
        new.dispose()
    old.dispose()


def _rows(connection: Connection, name: str) -> list[tuple[object, ...]]:
    table = tables.metadata.tables[name]
    query = select(table).order_by(*table.primary_key.columns)
    return [tuple(row) for row in connection.execute(query)]
