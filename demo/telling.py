"""Tells the story by giving its commands over HTTP; told again after an interruption, it goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine

from client.api import Api, Problem
from demo.http_sender import HttpSender, tokens_for
from demo.preparing import begin_story, end_story
from demo.sending import Done, perform
from demo.story import Tale, story

Listener = Callable[[Tale, Done], None]
"""Hears of each act that is on record."""


class StoryStuck(Exception):
    """Groundswell refused an act of the story; the message says which and why."""


async def tell_story(engine: Engine, address: str, now: datetime, listener: Listener) -> bool:
    """Tell what has not been told yet. Whether there was anything to tell.

    Raises:
        StoryStuck: an act was refused.
        client.api.ServerAway: the web server is gone.
    """
    begun = begin_story(engine, now)
    if begun.told:
        return False
    tales = story(begun.began)
    people = {act.person for tale in tales for act in tale.acts}
    async with Api(address) as api:
        sender = HttpSender(api, tokens_for(engine, sorted(people), "the demonstration's story", now))
        for tale in tales:
            await _tell(tale, sender, listener)
    end_story(engine, begun)
    return True


async def _tell(tale: Tale, sender: HttpSender, listener: Listener) -> None:
    number = 0
    try:
        async for done in perform(tale.acts, sender, f"story/{tale.name}"):
            number = done.number
            listener(tale, done)
    except Problem as problem:
        act = tale.acts[number]
        raise StoryStuck(
            f"The tale “{tale.name}” of the demonstration's story stopped: {act.person} was not allowed to "
            f"{act.command.kind.replace('_', ' ')}. {problem.detail} `make reset` starts afresh."
        ) from problem
