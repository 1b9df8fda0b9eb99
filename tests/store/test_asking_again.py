"""What decides who is asked, in short; also before there is anything that decides."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from policies.loader import shipped
from store.asking_again import open_changes, remember_world, world_now, world_seen
from store.authority import Authority
from store.database import open_database, reading, writing
from store.migrating import migrate
from store.policies import publish_policy
from tests.support.databases import ON_POSTGRESQL, Databases

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


@pytest.mark.postgres
@pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite lets one write at a time")
@pytest.mark.parametrize("before", ["", "an earlier one"])
def test_two_that_looked_at_once_may_both_say_so(new: Engine, before: str) -> None:
    if before:
        with writing(new) as connection:
            remember_world(connection, before)
    with ThreadPoolExecutor(1) as other:
        with writing(new) as connection:
            remember_world(connection, "mine")
            theirs = other.submit(_say, new, "theirs")
            time.sleep(0.3)  # it waits for this transaction
        theirs.result(timeout=20)
    with reading(new) as connection:
        assert world_seen(connection) == "theirs"


def _say(engine: Engine, world: str) -> None:
    with writing(engine) as connection:
        remember_world(connection, world)
