"""What ``make bench-pages`` measures on is an organisation like any other: its ledger and read model agree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from benchmarks.company import Company
from benchmarks.pages import MOST_BYTES, MOST_QUERIES, Installation, report, run
from benchmarks.population import populate
from benchmarks.stories import stories
from changes.decision import evolve_all
from changes.events import event_from
from store import tables
from store.database import open_database, reading
from store.ledger import origin_of
from store.reading import change_state
from store.recording import event_texts
from store.verifying import verify_stored

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def populated(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """A thousand changes on SQLite."""
    folder = tmp_path_factory.mktemp("population")
    engine = open_database(f"sqlite:///{folder / 'groundswell.db'}")
    assert populate(engine, stories(folder), Company.of(200), 1_000) > 10_000
    return engine


def test_the_ledger_that_was_filled_verifies(populated: Engine) -> None:
    with reading(populated) as connection:
        found = verify_stored(connection, origin_of(connection), [])
    assert not found.findings, found.in_words()
    assert found.size > 10_000


def test_every_kind_of_change_is_what_its_records_say(populated: Engine) -> None:
    about = tables.change.c
    with reading(populated) as connection:
        kinds = connection.execute(select(about.ref).group_by(about.stage, about.phase, about.outcome)).scalars().all()
        assert len(kinds) >= 8
        for ref in kinds:
            events = [event_from(json.loads(text)) for text in event_texts(connection, ref)]
            assert evolve_all(None, events, ref) == change_state(connection, ref)


async def test_every_page_can_be_measured_and_keeps_to_its_queries_and_weight(
    populated: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [Installation(populated, tmp_path), Installation(populated, tmp_path)]
    await run(found, rounds=2)
    report(found)
    assert "What a page costs" in capsys.readouterr().out
    for page in found[0].pages:
        cost = found[0].costs[page.name]
        assert cost.weight < MOST_BYTES, page.name
        assert cost.queries <= MOST_QUERIES or not page.held_to, f"{page.name} needs {cost.queries} queries"
