"""The main road, walked over HTTP with commands applied in the process."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from changes.state import Outcome
from client.api import Api
from demo.http_sender import HttpSender, tokens_for
from demo.road import TOUR, Cast, main_road, shortest
from demo.sending import perform
from directory.demonstration import FOLDER
from directory.importing import read_directory
from tests.demo.serving import Served

NOW = datetime.now(UTC)


async def walked(here: Served, cast: Cast, key: str) -> str:
    acts = main_road(cast, NOW)
    tokens = tokens_for(here.engine, [act.person for act in acts], "test", NOW)
    async with Api(here.address) as api:
        return [done async for done in perform(acts, HttpSender(api, tokens), key)][-1].receipt.change


@pytest.mark.parametrize("cast", [TOUR, shortest(TOUR)], ids=["whole", "shortest"])
async def test_the_road_leads_from_filing_to_adoption(here: Served, cast: Cast) -> None:
    change = here.gateway.state(await walked(here, cast, "road"))
    assert change.closing is not None
    assert change.closing.outcome is Outcome.ADOPTED
    assert [gate.name for gate in change.passed] == ["answer_proposal", "endorse_tests", "sign_tests", "start_rollout"]
    assert set(change.recruiting.champions) == set(cast.champions)
    assert [progress.adoption for progress in change.rollout.waves] == [90] * len(cast.teams)
    assert [len(progress.pauses) for progress in change.rollout.waves] == [1] + [0] * (len(cast.teams) - 1)
    assert all(check.outcome for check in change.learning.checks)


async def test_the_champions_who_are_invited_were_recommended(here: Served) -> None:
    change = here.gateway.state(await walked(here, TOUR, "road"))
    assert {pick.person for pick in change.recruiting.plans[-1].picks} == set(TOUR.champions)


async def test_it_can_be_walked_again_at_once_because_nothing_stays_taken(here: Served) -> None:
    assert await walked(here, TOUR, "first") != await walked(here, TOUR, "second")


async def test_walked_again_with_the_same_keys_nothing_happens_twice(here: Served) -> None:
    first = await walked(here, TOUR, "road")
    decided = len(here.gateway.sent)
    assert await walked(here, TOUR, "road") == first
    assert len(here.gateway.sent) == decided


def test_the_tour_meets_the_manager_and_the_employee_and_a_side_road() -> None:
    acts = main_road(TOUR, NOW)
    kinds = [act.command.kind for act in acts]
    assert {"raise_concern", "resolve_concern", "resume_wave", "move_deadline"} <= set(kinds)
    assert kinds.count("endorse") == kinds.count("sign_gate") == 2
    assert len(main_road(shortest(TOUR), NOW)) < len(acts)
    assert {act.person for act in acts} <= set(read_directory(FOLDER).people)
