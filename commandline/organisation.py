"""``groundswell directory``: who works here."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commandline.database import have_changes_look, opened
from commandline.exits import WRONG, Stopped
from commandline.output import say

if TYPE_CHECKING:
    from directory.model import Directory

directory_app = typer.Typer(no_args_is_help=True, help="Load the directory: people, teams, processes.")


@directory_app.command("import")
def import_directory(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A folder with people.csv, teams.csv and processes.csv.")
    ],
    check: Annotated[bool, typer.Option("--check", help="Only say what is wrong; load nothing.")] = False,
) -> None:
    """Replace the directory by what is in a folder: all of it, or nothing and every reason why."""
    from directory.importing import read_directory
    from store.database import in_words, writing
    from store.directory import save_directory

    directory = read_directory(folder)
    size = _counted(directory)
    if check:
        say(f"Nothing is wrong: {size}.")
        return
    with opened() as (engine, chosen):
        with writing(engine) as connection:
            save_directory(connection, directory, datetime.now(UTC))
        say(f"Loaded {size} into {in_words(engine)} ({chosen.because}).")
        at_once = have_changes_look(chosen)
    if at_once:
        say("Changes under way look now whether somebody left, moved or came back.", "dim")
    else:
        say(
            "Temporal does not answer here, so changes under way look for who left, moved or came back when it does: "
            "within a quarter of an hour.",
            "dim",
        )


@directory_app.command("link")
def link(
    person: Annotated[str, typer.Argument(metavar="PERSON", help="Whose sign-in it is, such as kenji.watanabe.")],
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="Who they are at the identity provider: sub.")],
) -> None:
    """Link a sign-in to somebody, on the server, where the address that the provider vouches for does not do it."""
    from store.database import writing
    from store.directory import load_directory
    from store.identities import identified, link_identity

    with opened() as (engine, chosen), writing(engine) as connection:
        issuer = chosen.settings.oidc_issuer
        if not issuer:
            raise Stopped("No identity provider is named. Set GROUNDSWELL_OIDC_ISSUER; see docs/sign-in.md.", WRONG)
        known = load_directory(connection).people.get(person)
        if known is None or not known.active:
            raise Stopped(f"Nobody active in the directory has the reference “{person}”.", WRONG)
        linked = identified(connection, issuer, subject)
        if linked is None and not link_identity(connection, issuer, subject, person, "hand", datetime.now(UTC)):
            raise Stopped(
                f"Another sign-in is linked to {person}. An administrator unlinks it with "
                f"DELETE /api/v1/people/{person}/access."
            )
        if linked not in {None, person}:
            raise Stopped(f"This sign-in is linked to {linked}. An administrator can unlink it.")
    say(f"Whoever {issuer} calls “{subject}” is {person} here.")


def _counted(directory: Directory) -> str:
    parts = {"people": directory.people, "teams": directory.teams, "processes": directory.processes}
    return ", ".join(f"{len(things)} {what}" for what, things in parts.items())
