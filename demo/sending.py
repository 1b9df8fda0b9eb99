"""Giving commands one after another as different people, whatever carries them: HTTP, Temporal or a test.

The story, the tour, tests and benchmarks are lists of acts; a :class:`Sender` carries them out.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Protocol

from changes.commands import Command
from changes.instruction import Receipt
from changes.proposal import Submit


@dataclass(frozen=True)
class Act:
    """One person gives one command."""

    person: str
    command: Command


class Sender(Protocol):
    """Carries commands to Groundswell."""

    async def send(self, person: str, command: Command, change: str | None, key: str) -> Receipt:
        """Give ``command`` as ``person`` and wait for its receipt.

        Args:
            change: the reference of the change; None for a submission, which begins one.
            key: the idempotency key; sent again with the same key the command happens once.
        """
        ...


@dataclass(frozen=True)
class Done:
    """An act that is on record."""

    number: int
    """Its place in the list, from 1."""
    act: Act
    receipt: Receipt
    seconds: float


async def perform(acts: Iterable[Act], sender: Sender, key: str, change: str | None = None) -> AsyncIterator[Done]:
    """Carry out ``acts`` in order, all on one change; what a sender raises ends it.

    Args:
        key: the beginning of every idempotency key, so that a list that was interrupted can be performed again.
        change: the change it is about; None where the first act submits it.
    """
    for number, act in enumerate(acts, start=1):
        began = time.perf_counter()
        about = None if isinstance(act.command, Submit) else change
        receipt = await sender.send(act.person, act.command, about, f"{key}/{number:02}")
        change = receipt.change
        yield Done(number, act, receipt, time.perf_counter() - began)
