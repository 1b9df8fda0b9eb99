from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, Row, UniqueConstraint, delete, func, insert, inspect, select, text, update
from sqlalchemy.exc import DBAPIError

from changes.hearing import AcceptForTesting, SayBack
from store import tables
from store.database import DatabaseUnavailable, open_database, reading, writing
from store.migrating import latest_revision, migrate, present_revision
from store.outbox import claim_letters, waiting_to_leave
from store.readiness import is_demonstration, mark_demonstration, require_ready
from tests.support.databases import ON_POSTGRESQL, Databases, downgrade
from tests.support.desk import MONDAY, Desk
from tests.support.examples import MANAGER, PROPOSER, submit
from tests.support.ledgers import check_the_whole_ledger
from tests.support.processes import address_of, in_processes
from tests.support.writers import append_ten, migrate_at


@pytest.fixture
def empty(database_maker: Databases) -> Iterator[Engine]:
    """A database without any table."""
    with database_maker.empty() as address:
        engine = open_database(address)
        yield engine
        engine.dispose()


def table_names(engine: Engine) -> set[str]:
    with reading(engine) as connection:
        names = set(inspect(connection).get_table_names()) - {"alembic_version"}
        return {name for name in names if not of_the_search(name)}


def of_the_search(name: str | None) -> bool:
    """The search index is not in the tables of the program: each database has a kind of its own for it."""
    return bool(name) and str(name).startswith("ledger_search")


@pytest.mark.postgres
def test_an_upgrade_from_nothing_makes_exactly_the_tables_of_the_program(empty: Engine) -> None:
    migrate(empty)
    assert table_names(empty) == set(tables.metadata.tables)
    with reading(empty) as connection:
        options = {
            "compare_type": True,
            "compare_server_default": True,
            "include_name": lambda name, kind, _parents: not (kind == "table" and of_the_search(name)),
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, tables.metadata) == []


@pytest.mark.postgres
def test_the_names_of_indexes_and_constraints_are_those_of_the_program(empty: Engine) -> None:
    migrate(empty)
    with reading(empty) as connection:
        inspector = inspect(connection)
        for table in tables.metadata.sorted_tables:
            if ON_POSTGRESQL:  # SQLite keeps no name for the key of a table that counts by itself
                assert inspector.get_pk_constraint(table.name)["name"] == table.primary_key.name
            found = {index["name"] for index in inspector.get_indexes(table.name) if not index["unique"]}
            assert found == {index.name for index in table.indexes}
            unique = {constraint["name"] for constraint in inspector.get_unique_constraints(table.name)}
            assert unique == {c.name for c in table.constraints if isinstance(c, UniqueConstraint)}
            assert [c["name"] for c in inspector.get_columns(table.name)] == [c.name for c in table.columns]


@pytest.mark.postgres
def test_the_numbers_of_a_downgraded_database_start_again(empty: Engine) -> None:
    migrate(empty)
    downgrade(empty, "base")
    assert table_names(empty) == set()
    assert present_revision(empty) is None
    migrate(empty)
    assert present_revision(empty) == latest_revision()
    assert table_names(empty) == set(tables.metadata.tables)


def test_a_second_migration_changes_nothing(engine: Engine) -> None:
    with reading(engine) as connection:
        before = connection.execute(select(func.count()).select_from(tables.person)).scalar_one()
    migrate(engine)
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(tables.person)).scalar_one() == before > 0
    assert present_revision(engine) == latest_revision()


@pytest.mark.postgres
def test_several_that_migrate_at_once_wait_for_each_other(empty: Engine) -> None:
    in_processes(3, migrate_at, address_of(empty))
    assert table_names(empty) == set(tables.metadata.tables)


@pytest.mark.postgres
def test_a_migration_that_fails_leaves_nothing(empty: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with writing(empty) as connection:
        connection.execute(text("CREATE TABLE api_token (in_the_way INTEGER)"))
    with pytest.raises(Exception, match=r"api_token.* already exists"):
        migrate(empty)
    assert table_names(empty) == {"api_token"}
    assert present_revision(empty) is None


def test_what_pages_are_read_from_is_made_for_changes_that_are_there(engine: Engine) -> None:
    desk = Desk(engine).walk([(PROPOSER, submit())])
    desk.now += timedelta(days=2)
    desk.walk([(MANAGER, SayBack(heard="Customers wait.")), (MANAGER, AcceptForTesting(note="Let us try it."))])
    made = read_from(engine)
    assert [row.first_answer_at for row in made[0]] == [desk.now]
    assert {"returns", "day"} <= {row.word for row in made[1]}
    downgrade(engine, "0006")
    migrate(engine)
    assert read_from(engine) == made


@pytest.mark.postgres
def test_a_ledger_with_records_is_migrated_to_lighter_appends_and_back(engine: Engine) -> None:
    append_ten(engine, 0)
    made = defences(engine)
    assert "ix_ledger_private_subject_ref_seq" not in made.indexes
    downgrade(engine, "0010")
    before = defences(engine)
    assert before.indexes == made.indexes | {"ix_ledger_private_subject_ref_seq"}
    assert before.triggers.keys() == made.triggers.keys()
    differing = {name for name, text in made.triggers.items() if before.triggers[name] != text}
    assert len(differing) == (0 if ON_POSTGRESQL else 4)
    assert all(made.triggers[name].replace("FAIL", "ABORT") == before.triggers[name] for name in differing)
    require_refused(engine)
    append_ten(engine, 1)
    migrate(engine)
    assert defences(engine) == made
    require_refused(engine)
    append_ten(engine, 2)
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 60


@pytest.mark.postgres
def test_letters_and_digests_that_wait_are_in_nobodys_hands_after_the_migration_that_brings_claims(
    engine: Engine,
) -> None:
    Desk(engine).walk([(PROPOSER, submit())])
    with writing(engine) as connection:
        row = {"person": PROPOSER, "week": "2026-W10", "content": "{}", "written_at": MONDAY, "attempts": 0}
        connection.execute(insert(tables.digest).values(row))
        written = waiting_to_leave(connection)
        assert written and claim_letters(connection, [one.number for one in written], "somebody", MONDAY)
    downgrade(engine, "0011")
    migrate(engine)
    with reading(engine) as connection:
        assert waiting_to_leave(connection) == written
        assert connection.execute(select(tables.digest.c.person, tables.digest.c.claimed_by)).all() == [
            (PROPOSER, None)
        ]


class Defences(NamedTuple):
    """What keeps the ledger as it is, and what it is found by."""

    triggers: dict[str, str]
    indexes: set[str]


def defences(engine: Engine) -> Defences:
    found = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    if ON_POSTGRESQL:
        found = "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"
    with reading(engine) as connection:
        triggers = {str(name): str(sql) for name, sql in connection.execute(text(found))}
        indexes = inspect(connection).get_indexes("ledger_private")
    return Defences(triggers, {str(index["name"]) for index in indexes})


def require_refused(engine: Engine) -> None:
    """The last record once more, and one of the head's sizes, and what stands there altered and deleted."""
    with reading(engine) as connection:
        record = dict(
            connection.execute(select(tables.ledger_record).order_by(tables.ledger_record.c.seq)).mappings().all()[-1]
        )
        head = dict(connection.execute(select(tables.ledger_head)).mappings().all()[-1])
    fresh = {"record_id": "fresh", "idem_key": "fresh"}
    next_one = {**record, **fresh, "seq": record["seq"] + 1}
    refused = [
        update(tables.ledger_record).values(actor="nobody"),
        delete(tables.ledger_head),
        insert(tables.ledger_record).values({**record, **fresh}),
        insert(tables.ledger_record).values({**next_one, "idem_key": record["idem_key"]}),
        insert(tables.ledger_record).values({**next_one, "record_id": record["record_id"]}),
        insert(tables.ledger_head).values(head),
    ]
    for statement in refused:
        with pytest.raises(DBAPIError) as caught, writing(engine) as connection:
            connection.execute(statement)
        assert ON_POSTGRESQL or "the ledger is append-only" in str(caught.value.orig)


def read_from(engine: Engine) -> tuple[list[Row[Any]], list[Row[Any]]]:
    """What migration 0007 brought."""
    change, word = tables.change.c, tables.proposal_word
    with reading(engine) as connection:
        return (
            list(connection.execute(select(change.ref, change.first_answer_at, change.worked).order_by(change.ref))),
            list(connection.execute(select(word).order_by(word.c.change, word.c.word))),
        )


# -------------------------------------------------------------------------------------------------- readiness


def test_a_migrated_database_is_ready(engine: Engine) -> None:
    require_ready(engine, demonstration_allowed=False)


@pytest.mark.postgres
def test_a_database_without_tables_says_what_to_run(empty: Engine) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"has no tables yet; this program needs .* Run: groundswell migrate"):
        require_ready(empty, demonstration_allowed=True)


def test_a_database_at_an_older_schema_says_what_to_run(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.readiness.latest_revision", lambda: "9999")
    with pytest.raises(DatabaseUnavailable, match=r"is at schema \d{4}; this program needs 9999. Run: groundswell mig"):
        require_ready(engine, demonstration_allowed=True)


def test_a_database_ahead_of_the_program_is_not_to_be_migrated(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseUnavailable, match="is at schema 9999, which this program does not know") as caught:
        require_ready(engine, demonstration_allowed=True)
    assert "groundswell migrate" not in str(caught.value)
    with pytest.raises(DatabaseUnavailable, match="is at schema 9999, which this program does not know"):
        migrate(engine)


def test_production_does_not_start_on_the_accounts_of_the_demonstration(engine: Engine) -> None:
    with writing(engine) as connection:
        assert not is_demonstration(connection)
        mark_demonstration(connection)
        mark_demonstration(connection)
        assert is_demonstration(connection)
    require_ready(engine, demonstration_allowed=True)
    with pytest.raises(DatabaseUnavailable, match=r"holds the demonstration's accounts.*Use a database of its own"):
        require_ready(engine, demonstration_allowed=False)


@pytest.mark.postgres
@pytest.mark.parametrize("may_make_roles", [True, False])
def test_a_login_that_made_the_roles_or_is_a_member_of_the_owner_is_enough(may_make_roles: bool, empty: Engine) -> None:
    if not ON_POSTGRESQL:
        pytest.skip("SQLite knows no roles")
    login = f"migrator_{uuid.uuid4().hex}"
    with empty.connect().execution_options(isolation_level="AUTOCOMMIT") as superuser:
        superuser.execute(text(f"CREATE ROLE {login} LOGIN {'CREATEROLE' if may_make_roles else ''}"))
        superuser.execute(text(f"GRANT groundswell_owner TO {login} {AS_MAKER if may_make_roles else ''}"))
        superuser.execute(text(f"ALTER DATABASE {empty.url.database} OWNER TO {login}"))
        migrator = open_database(empty.url.set(username=login).render_as_string(hide_password=False))
        try:
            migrate(migrator)
            owners = superuser.execute(
                text("SELECT DISTINCT tableowner FROM pg_tables WHERE tablename IN ('ledger_record', 'ledger_head')")
            )
            assert owners.scalars().all() == ["groundswell_owner"]
        finally:
            migrator.dispose()
            superuser.execute(text(f"REASSIGN OWNED BY {login} TO CURRENT_USER"))
            superuser.execute(text(f"ALTER DATABASE {empty.url.database} OWNER TO CURRENT_USER"))
            superuser.execute(text(f"DROP OWNED BY {login}"))
            superuser.execute(text(f"DROP ROLE {login}"))


AS_MAKER = "WITH ADMIN OPTION, INHERIT FALSE, SET FALSE"
"""What PostgreSQL 16 and later give whoever made a role."""
