"""Fixtures that every room's tests may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine

from store.database import open_database
from tests.support.databases import Databases, databases
from tests.support.thoroughness import PROFILE, examples

# A run that is green is green again: the same examples each time. `make test` tries few of them, `make coverage` a
# hundred (steady), and HYPOTHESIS_PROFILE=explore looks for new ones.
# Neither measures the machine: a busy one is no fault of a property.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", patient, derandomize=True, max_examples=examples(100))
settings.register_profile("steady", patient, derandomize=True)
settings.register_profile("explore", patient, derandomize=False)
settings.load_profile(PROFILE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever uses a database runs on PostgreSQL too: ``make test-postgres`` picks these."""
    for item in items:
        if "database_address" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.postgres)


@pytest.fixture(scope="session")
def database_maker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """Makes databases for this test process."""
    with databases(tmp_path_factory.mktemp("databases")) as maker:
        yield maker


@pytest.fixture
def database_address(database_maker: Databases) -> Iterator[str]:
    """The address of a fresh database with the demonstration organisation and the shipped policy."""
    with database_maker.fresh() as address:
        yield address


@pytest.fixture
def engine(database_address: str) -> Iterator[Engine]:
    """An engine on a fresh database."""
    engine = open_database(database_address)
    yield engine
    engine.dispose()
