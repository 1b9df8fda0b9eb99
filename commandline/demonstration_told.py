"""Prints what the supervisor does, on a terminal or into a file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from commandline.output import console, say
from demo.arrangement import Arrangement, shown
from demo.preparing import SignInLink
from demo.sending import Done
from demo.story import Tale
from demo.supervisor import Audience
from demo.telling import Listener


class Printing(Audience):
    """Prints what the supervisor does."""

    def hear(self, part: str, what: str) -> None:
        """One line for each part."""
        say(f"  {part:<12} {what}")

    @contextmanager
    def story(self) -> Iterator[Listener]:
        """A bar on a terminal; one line at the end everywhere."""
        commands = 0
        columns = (TextColumn("  the story   "), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=console(), transient=True, disable=not sys.stdout.isatty()) as progress:
            task = progress.add_task("", total=None)

            def listener(tale: Tale, done: Done) -> None:
                nonlocal commands
                commands += 1
                progress.update(task, advance=1, description=f"{done.receipt.change} {tale.now}")

            yield listener
        if commands:
            say(f"  {'the story':<12} {commands} commands given by the people of Nordwind")

    def ready(self, arrangement: Arrangement, links: tuple[SignInLink, ...]) -> None:
        """Where everything is."""
        for sentence in arrangement.replaced:
            say(f"  {sentence}", "yellow")
        say(f"\nGroundswell is ready: {arrangement.address}", "bold green")
        say(f"  Mail that would have left:  {arrangement.mail_url}")
        if arrangement.ui_url:
            say(f"  Temporal's own pages:       {arrangement.ui_url}")
        say(f"  Data and logs:              {shown(arrangement.place.folder)}")
        say("\nSign in as one of these. Each link works once; groundswell sign-in-link PERSON makes another.")
        for link in links:
            say(f"  {link.part:<14} {link.name:<20} {link.url}")
        say("\nmake tour takes a change through it. Ctrl-C stops everything; the data stays until make reset.")

    def stopping(self) -> None:
        """Somebody asked to stop."""
        say("\nStopping …")
