"""What the foundation recorded stays byte for byte, and is verified with everything that came after."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select, text

from ledger.findings import Kind
from ledger.keys import PinnedKey, generate_key
from store import tables
from store.checkpoints import Sealer
from store.database import lock_ledger, open_database, reading, writing
from store.ledger import append_many, origin_of
from store.migrating import migrate
from store.rights import excess_rights, lacks_the_function
from store.trail import trail
from store.verifying import verify_stored
from tests.support import foundation
from tests.support.attacks import Attacker
from tests.support.databases import ON_POSTGRESQL, Databases
from tests.support.desk import MONDAY
from tests.support.writers import entry

pytestmark = pytest.mark.postgres
BEFORE = 300


@pytest.fixture
def old(database_maker: Databases) -> Iterator[Engine]:
    """A database as the foundation left it."""
    with database_maker.empty() as address:
        engine = open_database(address)
        migrate(engine, "0001")
        with writing(engine) as connection:
            foundation.write(connection, BEFORE)
        yield engine
        engine.dispose()


def test_old_records_are_carried_over_and_verified_with_the_new(old: Engine) -> None:
    with reading(old) as connection:
        before = connection.execute(text("SELECT seq, body, leaf_hash FROM ledger_record ORDER BY seq")).all()
        root = connection.execute(text("SELECT root FROM ledger_head ORDER BY size DESC LIMIT 1")).scalar_one()
    migrate(old)
    with reading(old) as connection:
        after = connection.execute(text("SELECT seq, body, leaf_hash FROM ledger_record ORDER BY seq")).all()
        origin = origin_of(connection)
        tiles = connection.execute(select(tables.ledger_tile.c.level, tables.ledger_tile.c.root)).all()
    assert [tuple(map(bytes, row[1:])) for row in after] == [tuple(map(bytes, row[1:])) for row in before]
    assert [tile.level for tile in tiles] == [0]
    key = generate_key(origin)
    with writing(old) as connection:
        lock_ledger(connection)
        append_many(connection, [entry(f"new/{number}") for number in range(4)], MONDAY)
    assert Sealer(old, lambda _origin: [key]).seal() is not None
    with reading(old) as connection:
        report = verify_stored(connection, origin, [PinnedKey(key.verifier_key)])
        assert (report.findings, report.size, report.signed_size) == ((), BEFORE + 4, BEFORE + 4)
        assert trail(connection, "CH-1", "mara.lind", limit=1)[0].sentence == "commented: Word 0"
        assert trail(connection, "CH-1", "mara.lind", limit=1)[0].actor == "mara.lind"
    assert bytes(root) != report.root


def test_an_old_form_behind_a_new_one_is_found(old: Engine) -> None:
    migrate(old)
    with writing(old) as connection:
        lock_ledger(connection)
        append_many(connection, [entry("new/1"), entry("new/2")], MONDAY)
    with old.connect().execution_options(writing=True) as connection, connection.begin() as transaction:
        attacker = Attacker(connection, generate_key("a"), generate_key("b"))
        attacker.take_triggers_away()
        attacker.edit(BEFORE + 1, lambda body: body.update(v=1), leaf=True)
        attacker.fix_tree()
        report = verify_stored(connection, origin_of(connection), [])
        transaction.rollback()
    assert Kind.NOT_CANONICAL in {finding.kind for finding in report.findings} or report.first is not None
    assert report.exit_code == 1


@pytest.mark.skipif(not ON_POSTGRESQL, reason="about PostgreSQL")
def test_the_programs_role_may_add_to_the_ledger_and_read_it_and_nothing_else(old: Engine) -> None:
    migrate(old)
    refused = [
        "UPDATE ledger_record SET actor = 'x'",
        "DELETE FROM ledger_record",
        "TRUNCATE ledger_record",
        "DELETE FROM ledger_private",
        "DELETE FROM ledger_person",
        "UPDATE ledger_checkpoint SET note = 'x'",
        "SELECT * FROM ledger_head FOR UPDATE",
        "ALTER TABLE ledger_record DISABLE TRIGGER USER",
        "DROP TABLE ledger_tile",
        "DROP FUNCTION ledger_append",
        "UPDATE alembic_version SET version_num = 'x'",
    ]
    for statement in refused:
        with pytest.raises(Exception, match=r"permission denied|must be owner"), writing(old) as connection:
            connection.execute(text("SET LOCAL ROLE groundswell_app"))
            connection.execute(text(statement))
    with writing(old) as connection:
        connection.execute(text("SET LOCAL ROLE groundswell_app"))
        lock_ledger(connection)
        assert append_many(connection, [entry("by the role")], MONDAY) == BEFORE + 1
        assert append_many(connection, [entry("by its function")], MONDAY) == BEFORE + 2
        assert not lacks_the_function(connection)
        connection.execute(text("DELETE FROM waiting"))


def test_rights_that_no_program_needs_are_named(old: Engine) -> None:
    migrate(old)
    with writing(old) as connection:
        if not ON_POSTGRESQL:
            assert excess_rights(connection) == ()
            return
        assert excess_rights(connection) == ("everything, as a superuser",)
        connection.execute(text("SET LOCAL ROLE groundswell_app"))
        assert excess_rights(connection) == []
