"""The story: told over HTTP as the right people, once, wherever it was interrupted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from changes.state import Change, InvitationStatus, Outcome, Phase
from client.api import Api
from demo.http_sender import HttpSender, tokens_for
from demo.preparing import begin_story, story_so_far
from demo.sending import Done, perform
from demo.story import Tale, story
from demo.telling import StoryStuck, tell_story
from directory.demonstration import PERSONAS
from store.database import open_database, reading
from store.reading import list_changes, waiting_of
from tests.demo.serving import Served, served
from tests.support.databases import Databases

NOW = datetime.now(UTC)


def nothing(tale: Tale, done: Done) -> None:
    """Nobody listens."""


def state(here: Served, tale: str) -> Change:
    number = [each.name for each in story(NOW)].index(tale) + 1
    return here.gateway.state(f"CH-{number}")


@pytest.fixture(scope="module")
async def told(database_maker: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """Groundswell with the whole story told, for tests that only look or tell it again."""
    with database_maker.fresh() as address:
        engine = open_database(address)
        with served(engine, tmp_path_factory.mktemp("mail")) as running:
            assert await tell_story(engine, running.address, NOW, nothing)
            yield running
        engine.dispose()


def test_each_tale_ends_where_it_says(told: Served) -> None:
    here = told
    assert state(here, "small-orders").closing.outcome is Outcome.ADOPTED  # type: ignore[union-attr]
    films = state(here, "training-films")
    assert films.phase is Phase.CHECKING_EFFECT
    assert [check.opened for check in films.learning.checks] == [True, False]
    crates = state(here, "crates")
    assert crates.phase is Phase.WAVE_PAUSED
    assert [progress.status for progress in crates.rollout.waves] == ["complete", "paused"]
    label = state(here, "label-in-the-parcel")
    assert label.phase is Phase.RECRUITING
    assert PERSONAS["champion"] in label.recruiting.with_status(InvitationStatus.SENT)
    repair = state(here, "repair-ready")
    assert repair.phase is Phase.RUNNING_TESTS
    assert (len(repair.round.tests), len(repair.round.results)) == (3, 1)
    assert state(here, "torque-on-screen").hold is not None
    spokes = state(here, "spokes").closing
    assert spokes is not None
    assert (spokes.outcome, bool(spokes.way_forward)) == (Outcome.DECLINED, True)
    assert state(here, "bank-file").closing.outcome is Outcome.WITHDRAWN  # type: ignore[union-attr]
    reminder = state(here, "one-reminder")
    assert [concern.ref for concern in reminder.blocking_concerns] == ["C1"]
    assert reminder.concerns[0].whys[0].answer == ""
    assert state(here, "photo").phase is Phase.AWAITING_ENDORSEMENT
    assert state(here, "morning-answers").phase is Phase.OBJECTION_WINDOW
    assert state(here, "call-back").phase is Phase.AWAITING_ANSWER


def test_every_persona_finds_something_and_the_manager_is_asked_for_two_answers(told: Served) -> None:
    with reading(told.engine) as connection:
        waiting = {part: waiting_of(connection, person) for part, person in PERSONAS.items()}
        listed = {part: list_changes(connection, person=person).changes for part, person in PERSONAS.items()}
    assert all(waiting.values()), waiting
    assert {item.commands[0] for item in waiting["manager"]} == {"endorse", "accept_for_testing"}
    assert waiting["champion"][0].commands[0] == "accept_invitation"
    assert len(listed["employee"]) >= 3


async def test_told_again_nothing_happens(told: Served) -> None:
    commands = len(told.gateway.sent)
    assert not await tell_story(told.engine, told.address, NOW + timedelta(days=3), nothing)
    assert len(told.gateway.sent) == commands


@pytest.mark.slow
async def test_interrupted_it_goes_on_where_it_stopped(here: Served) -> None:
    heard = 37

    class Enough(Exception):
        pass

    numbers: list[int] = []

    def stops(tale: Tale, done: Done) -> None:
        numbers.append(done.number)
        if len(numbers) == heard:
            raise Enough

    with pytest.raises(Enough):
        await tell_story(here.engine, here.address, NOW, stops)
    assert len(here.gateway.sent) == heard
    begun = story_so_far(here.engine)
    assert begun is not None
    assert not begun.told
    assert await tell_story(here.engine, here.address, NOW + timedelta(days=2), nothing)
    assert len(here.gateway.sent) == sum(len(tale.acts) for tale in story(NOW))
    with reading(here.engine) as connection:
        assert len(list_changes(connection).changes) == len(story(NOW))


async def test_an_act_that_is_refused_stops_the_story_and_is_named(here: Served) -> None:
    begin_story(here.engine, NOW)
    first = story(NOW)[0]
    tokens = tokens_for(here.engine, {act.person for act in first.acts}, "test", NOW)
    async with Api(here.address) as api:
        done = [each async for each in perform(first.acts[:2], HttpSender(api, tokens), f"story/{first.name}")]
        change = done[-1].receipt.change
        await api.acting_as(tokens[first.acts[0].person]).give("withdraw", {"reason": "No."}, change, "in-between")
    with pytest.raises(StoryStuck, match=r"“small-orders”.*noor\.vandijk was not allowed to confirm heard.*make reset"):
        await tell_story(here.engine, here.address, NOW, nothing)


def test_the_same_beginning_gives_the_same_commands() -> None:
    again = [[act.command.fingerprint() for act in tale.acts] for tale in story(NOW)]
    assert [[act.command.fingerprint() for act in tale.acts] for tale in story(NOW)] == again
    later = [[act.command.fingerprint() for act in tale.acts] for tale in story(NOW + timedelta(days=1))]
    assert later != again


def test_tales_have_names_of_their_own_and_say_where_they_end() -> None:
    tales = story(NOW)
    assert len({tale.name for tale in tales}) == len(tales) == 12
    assert all(tale.now for tale in tales)


async def test_the_beginning_is_written_down_once(here: Served) -> None:
    first = begin_story(here.engine, NOW)
    assert begin_story(here.engine, NOW + timedelta(days=1)) == first
    assert story_so_far(here.engine) == first
