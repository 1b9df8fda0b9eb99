"""``groundswell demo``, ``tour``, ``reset`` and ``doctor``: for whoever has just arrived."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import Annotated

import typer

from commandline.exits import MISSING, WRONG
from commandline.output import console, print_json, say
from commandline.signed_in import Json

WEB_PORT = 8000

MARKS = {"fine": "ok", "note": "note", "missing": "MISSING", "wrong": "WRONG"}
STYLES = {"fine": "green", "note": "yellow", "missing": "bold red", "wrong": "bold red"}


def demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where pages are served, if it is free.")] = WEB_PORT,
) -> None:
    """Start Groundswell with demonstration data on this machine; Ctrl-C stops it."""
    from commandline.demonstration_told import Printing
    from demo.arrangement import arrange
    from demo.place import Place, RunsAlready
    from demo.supervisor import demonstrate
    from settings import load_settings

    place = Place()
    arrangement = arrange(place, load_settings(), port)
    say("Starting Groundswell with demonstration data")
    try:
        code = asyncio.run(demonstrate(arrangement, Printing()))
    except RunsAlready as already:
        say(str(already))
        if already.running is None:
            raise
        say(f"  Mail that would have left:  {already.running.mail_url}")
        say("  Another sign-in link:       groundswell sign-in-link PERSON")
        return
    with suppress(OSError):  # the terminal may be gone, which is why it stopped
        say("Stopped. Nothing is left running.")
    raise typer.Exit(code)


def reset(yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Delete the demonstration's data. The next start begins afresh."""
    from demo.arrangement import shown
    from demo.place import Place, RunsAlready

    place = Place()
    if running := place.running():
        raise RunsAlready(running)
    if not place.folder.exists():
        say(f"There is nothing to delete in {shown(place.folder)}.")
        return
    if not yes and sys.stdin.isatty() and not typer.confirm(f"Delete {shown(place.folder)} with everything in it?"):
        say("Nothing was deleted.")
        return
    place.clear()
    say(f"Deleted {shown(place.folder)}. The next `make demo` starts afresh.")


def tour(
    quick: Annotated[bool, typer.Option("--quick", help="The shortest road: one team, one test, no detours.")] = False,
) -> None:
    """Take one change along the whole road on the running demonstration, and print its trail."""
    from commandline.tour import take_tour
    from demo.place import Place

    asyncio.run(take_tour(Place(), quick, console()))


def doctor(as_json: Json = False) -> None:
    """Say what is installed, which Temporal and database would be used and why, and what is wrong."""
    from commandline.checkup import look_over

    findings = look_over()
    states = {finding.state for finding in findings}
    code = WRONG if "wrong" in states else MISSING if "missing" in states else 0
    if as_json:
        print_json({"fine": code == 0, "findings": [finding.model_dump() for finding in findings]})
        raise typer.Exit(code)
    paper = console()
    for finding in findings:
        paper.print(f"[{STYLES[finding.state]}]{MARKS[finding.state]:<8}[/]{finding.about:<17}", end="")
        say(finding.found)
        if finding.advice:
            say(f"{'':<25}{finding.advice}", "dim" if finding.state == "fine" else "")
    say("\nEverything that is needed is there." if not code else "\nSomething is missing; see above for what to do.")
    raise typer.Exit(code)
