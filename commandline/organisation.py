"""``groundswell directory``: who works here."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commandline.database import Chosen, opened
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
        at_once = asyncio.run(_have_changes_look(chosen))
    if at_once:
        say("Changes under way look now whether somebody left, moved or came back.", "dim")
    else:
        say(
            "Temporal does not answer here, so changes under way look for who left, moved or came back when it does: "
            "within a quarter of an hour.",
            "dim",
        )


async def _have_changes_look(chosen: Chosen) -> bool:
    """Have running changes look at the new directory at once; False where that has to wait for housekeeping."""
    from temporal.link import TemporalLink

    link = TemporalLink(chosen.settings.temporal_task_queue, to=chosen.temporal)
    return await link.ask_again()


def _counted(directory: Directory) -> str:
    parts = {"people": directory.people, "teams": directory.teams, "processes": directory.processes}
    return ", ".join(f"{len(things)} {what}" for what, things in parts.items())
