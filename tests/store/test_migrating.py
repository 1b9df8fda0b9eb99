from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, Row, UniqueConstraint, func, inspect, select, text

from changes.hearing import AcceptForTesting, SayBack
from store import migrating, tables
from store.database import DatabaseUnavailable, open_database, reading, writing
from store.migrating import latest_revision, migrate, present_revision
from store.readiness import is_demonstration, mark_demonstration, require_ready
from tests.support.databases import ON_POSTGRESQL, Databases
from tests.support.desk import Desk
from tests.support.examples import MANAGER, PROPOSER, submit
from tests.support.processes import address_of, in_processes
from tests.support.writers import migrate_at


@pytest.fixture
def empty(database_maker: Databases) -> Iterator[Engine]:
    """A database without any table."""
    with database_maker.empty() as address:
        engine = open_database(address)
        yield engine
        engine.dispose()


def downgrade(engine: Engine, to: str) -> None:
    """What an operator does by hand with Alembic."""
    config = migrating._config()
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, to)


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
