"""Asking Groundswell as somebody who has signed in here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from client.api import Api

T = TypeVar("T")

As = Annotated[
    str | None,
    typer.Option("--as", metavar="PERSON", help="Whose sign-in to use; the latest one if left out."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def asking(person: str | None, question: Callable[[Api], Awaitable[T]]) -> T:
    """The answer to ``question``, put by ``person``, by whom the environment names, or by who signed in last.

    Raises:
        commandline.sign_ins.NotSignedIn: they have not signed in here.
        client.api.Problem: Groundswell refuses.
        client.api.ServerAway: nobody answers.
    """
    from client.api import Api
    from commandline.sign_ins import load, of_environment

    sign_in = (None if person else of_environment()) or load().of(person)

    async def ask() -> T:
        async with Api(sign_in.server, sign_in.token) as api:
            return await question(api)

    return asyncio.run(ask())
