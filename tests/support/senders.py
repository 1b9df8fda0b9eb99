"""Giving commands in tests: through a real Temporal client, as the people of the demonstration organisation."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

from changes.commands import Command
from changes.instruction import Instruction, Receipt, assert_actor
from changes.refusals import Refused
from temporal.gateway import Gateway

SECRET = b"a key for tests, of no use anywhere else"
_counter = itertools.count(1)


def instruction(
    command: Command, actor: str, change: str, key: str | None = None, version: int | None = None
) -> Instruction:
    """What travels beside ``command`` when ``actor`` gives it."""
    key = key or f"key-{next(_counter)}"
    claim = assert_actor(SECRET, actor, "api", datetime.now(UTC), change, key, command)
    return Instruction(change=change, key=key, assertion=claim, expected_version=version)


class ByTemporal:
    """Sends commands to one change's workflow and expects receipts."""

    def __init__(self, gateway: Gateway, change: str) -> None:
        self.gateway = gateway
        self.change = change

    async def send(self, actor: str, command: Command, *, key: str | None = None) -> Receipt:
        """Give ``command`` and return its receipt."""
        answer = await self.answer(actor, command, key=key)
        assert isinstance(answer, Receipt), f"{actor} was refused {command.kind}: {answer.detail} ({answer.pointer})"
        return answer

    async def refused(self, actor: str, command: Command, *, key: str | None = None) -> Refused:
        """Give ``command`` and return why it was refused."""
        answer = await self.answer(actor, command, key=key)
        assert isinstance(answer, Refused), f"{actor} was not refused {command.kind}: {answer.summary}"
        return answer

    async def answer(
        self, actor: str, command: Command, *, key: str | None = None, version: int | None = None
    ) -> Receipt | Refused:
        """Give ``command`` and return whatever comes back."""
        begins = command.kind == "submit"
        return await self.gateway.send(command, instruction(command, actor, self.change, key, version), begins)
