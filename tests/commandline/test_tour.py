"""The tour on a served Groundswell: a line for each act, the trail, and nothing left behind when it stops."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import Engine

from changes.recruiting import AcceptInvitation, Invite
from changes.state import Outcome
from client.api import Api
from commandline.exits import MISSING, Stopped
from commandline.tour import take_tour
from demo.http_sender import HttpSender, tokens_for
from demo.place import Place, Running
from demo.road import TOUR, main_road, shortest
from demo.sending import Act, perform
from tests.demo.serving import Served, served

NOW = datetime.now(UTC)


def paper() -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    return Console(file=written, width=200), written


@pytest.fixture
def here(engine: Engine, tmp_path: Path) -> Iterator[Served]:
    """A Groundswell of this test's own: a tour that stops half-way looks at every change there is."""
    with served(engine, tmp_path / "mail") as one:
        yield one


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Where a demonstration of this test's own keeps its state."""
    return Place(tmp_path / "local")


@pytest.fixture
def running(here: Served, place: Place) -> Iterator[Served]:
    with place.alone():
        place.announce(
            Running(
                pid=1,
                address=here.address,
                ui_url="http://temporal.test",
                mail_url="",
                database_url=here.database_url,
                temporal_address="127.0.0.1:1",
                temporal_namespace="default",
            )
        )
        yield here


async def test_it_prints_a_line_for_each_act_the_trail_and_where_to_look(running: Served, place: Place) -> None:
    console, written = paper()
    await take_tour(place, quick=True, paper=console)
    text = written.getvalue()
    acts = main_road(shortest(TOUR), NOW)
    for number, act in enumerate(acts, start=1):
        line = next(line for line in text.splitlines() if line.startswith(f"{number:>3}  "))
        assert act.command.button in line
        assert " ms  CH-1 " in line
    assert "Mara Lind" in text
    assert "submitted the proposal" in text
    assert f"{running.address}/changes/CH-1" in text
    assert "http://temporal.test/namespaces/default/workflows/CH-1" in text


async def test_without_a_demonstration_it_says_how_to_start_one(place: Place) -> None:
    console, _ = paper()
    with pytest.raises(Stopped, match="make demo") as stopped:
        await take_tour(place, quick=True, paper=console)
    assert stopped.value.code == MISSING


async def test_a_tour_that_is_refused_says_who_and_why_and_takes_its_change_back(running: Served, place: Place) -> None:
    champion = TOUR.champions[0]
    await make_champion_elsewhere(running, champion)
    console, _ = paper()
    with pytest.raises(Stopped, match=r"Mara Lind was not allowed to “Invite champions”.*Léa Fontaine"):
        await take_tour(place, quick=True, paper=console)
    closing = running.gateway.state("CH-2").closing
    assert closing is not None
    assert closing.outcome is Outcome.WITHDRAWN


async def make_champion_elsewhere(here: Served, champion: str) -> None:
    """Have ``champion`` accept a place on another change, which the rules allow once at a time."""
    acts = list(main_road(shortest(TOUR), NOW))
    last = next(number for number, act in enumerate(acts) if isinstance(act.command, AcceptInvitation))
    assert acts[last] == Act(champion, AcceptInvitation())
    assert any(isinstance(act.command, Invite) for act in acts[:last])
    async with Api(here.address) as api:
        sender = HttpSender(api, tokens_for(here.engine, [act.person for act in acts], "test", NOW))
        assert [done async for done in perform(acts[: last + 1], sender, "elsewhere")]
