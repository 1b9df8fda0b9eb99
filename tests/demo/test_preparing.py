"""Making a database ready: what is empty is filled and marked, what belongs to somebody is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from demo.preparing import NotForDemonstration, prepare, sign_in_links
from directory.demonstration import PERSONAS
from store import tables
from store.database import open_database, reading, writing
from store.readiness import is_demonstration
from store.sign_in import use_link

NOW = datetime.now(UTC)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'empty.db'}")
    yield engine
    engine.dispose()


def imports(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(tables.directory_import)).scalar_one()


def test_an_empty_database_is_filled_and_marked_once(empty: Engine) -> None:
    prepare(empty, NOW)
    prepare(empty, NOW)
    assert imports(empty) == 1
    with reading(empty) as connection:
        assert is_demonstration(connection)
        assert connection.execute(select(func.count()).select_from(tables.policy_version)).scalar_one() == 1


def test_a_database_with_an_organisation_of_its_own_is_left_alone(engine: Engine) -> None:
    before = imports(engine)
    with pytest.raises(NotForDemonstration, match="42 people, and the demonstration would replace it"):
        prepare(engine, NOW)
    assert imports(engine) == before
    with reading(engine) as connection:
        assert not is_demonstration(connection)


def test_each_persona_gets_a_link_that_works_once(engine: Engine) -> None:
    links = sign_in_links(engine, "http://here", NOW)
    assert {link.part: link.person for link in links} == PERSONAS
    assert next(link for link in links if link.part == "manager").name == "Jonas Okafor"
    address, _, token = links[0].url.rpartition("/")
    assert address == "http://here/sign-in"
    with writing(engine) as connection:
        assert use_link(connection, token, NOW)
        assert use_link(connection, token, NOW) is None
