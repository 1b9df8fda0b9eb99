"""Carries acts over HTTP, as any program would: one API token for each person, one key for each command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Engine

from changes.commands import Command
from changes.instruction import Receipt
from client.api import Api
from store.database import writing
from store.tokens import make_token

TOKEN_LASTS = timedelta(hours=1)


class HttpSender:
    """A :class:`demo.sending.Sender` over one connection pool."""

    def __init__(self, api: Api, tokens: Mapping[str, str]) -> None:
        self._as = {person: api.acting_as(token) for person, token in tokens.items()}

    async def send(self, person: str, command: Command, change: str | None, key: str) -> Receipt:
        """Give ``command`` as ``person``, with the fields they would have filled in.

        Raises:
            client.api.Problem: Groundswell refuses.
            client.api.ServerAway: nobody answers.
        """
        content = command.model_dump(mode="json", exclude_unset=True)
        return await self._as[person].give(command.kind, content, change, key)


def tokens_for(engine: Engine, people: Iterable[str], purpose: str, now: datetime) -> dict[str, str]:
    """A short-lived API token for each of ``people``, named ``purpose`` in the database."""
    with writing(engine) as connection:
        return {person: make_token(connection, person, purpose, TOKEN_LASTS, now) for person in dict.fromkeys(people)}
