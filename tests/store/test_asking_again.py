"""What decides who is asked, in short; also before there is anything that decides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from policies.loader import shipped
from store.asking_again import open_changes, world_now
from store.authority import Authority
from store.database import open_database, reading, writing
from store.migrating import migrate
from store.policies import publish_policy
from tests.support.databases import Databases

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture
def new(database_maker: Databases) -> Iterator[Engine]:
    """An installation that is being set up: tables, and nothing in them."""
    with database_maker.empty() as address:
        engine = open_database(address)
        migrate(engine)
        yield engine
        engine.dispose()


@pytest.mark.postgres
def test_a_worker_that_starts_before_a_policy_exists_looks_as_soon_as_one_does(new: Engine) -> None:
    def world() -> str:
        with reading(new) as connection:
            assert open_changes(connection, "") == ()
            return world_now(connection, Authority(), NOW)

    before = world()
    assert world() == before
    policy, text = shipped()
    with writing(new) as connection:
        publish_policy(connection, policy, text, NOW)
    assert world() != before
