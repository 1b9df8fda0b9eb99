"""``groundswell token``: the first API token of an installation, made on the server by who may write its database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from commandline.database import opened
from commandline.exits import WRONG, Stopped
from commandline.output import say

app = typer.Typer(no_args_is_help=True, help="Make API tokens on the server.")


@app.command("make")
def make(
    person: Annotated[str, typer.Argument(metavar="PERSON", help="Whose token it is, such as kenji.watanabe.")],
    name: Annotated[str, typer.Option(help="What it is for.")] = "made on the server",
    days: Annotated[int, typer.Option(min=1, max=366, help="For how many days it works.")] = 1,
    scope: Annotated[
        list[str] | None, typer.Option(help="What it may be used for; give it several times. All, if left out.")
    ] = None,
) -> None:
    """Make a token and print it, this once. Everything else about tokens is done over the API."""
    from changes.permissions import EVERY_SCOPE, Scope
    from store.database import writing
    from store.directory import load_directory
    from store.tokens import make_token

    unknown = sorted(set(scope or ()) - set(EVERY_SCOPE))
    if unknown:
        raise Stopped(f"There is no scope “{unknown[0]}”. Choose from {', '.join(sorted(EVERY_SCOPE))}.", WRONG)
    scopes = frozenset(Scope(one) for one in scope) if scope else EVERY_SCOPE
    with opened() as (engine, _), writing(engine) as connection:
        known = load_directory(connection).people.get(person)
        if known is None or not known.active:
            raise Stopped(f"Nobody active in the directory has the reference “{person}”.", WRONG)
        say(make_token(connection, person, name, timedelta(days=days), datetime.now(UTC), scopes=scopes))
