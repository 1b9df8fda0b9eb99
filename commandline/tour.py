"""The tour: one change along the whole road on the running demonstration, over HTTP, as different people."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from changes.any_moment import Withdraw
from client.api import Api, Problem, ServerAway, change_path
from commandline.changes import TRAIL_COLUMNS, trail_rows
from commandline.exits import MISSING, Stopped
from commandline.output import table
from demo.http_sender import HttpSender, tokens_for
from demo.place import Place, Running
from demo.road import TOUR, main_road, shortest
from demo.sending import Act, Done, perform
from directory.model import Directory
from store.database import open_database, reading
from store.directory import load_directory

PURPOSE = "the tour"


async def take_tour(place: Place, quick: bool, paper: Console) -> None:
    """Take the tour and print it.

    Raises:
        Stopped: no demonstration is running, or a rule stopped the tour.
        client.api.ServerAway: the demonstration went away.
    """
    running = place.running()
    if running is None:
        raise Stopped("No demonstration is running here. Start one in another terminal with: make demo", MISSING)
    now = datetime.now(UTC)
    acts = main_road(shortest(TOUR) if quick else TOUR, now)
    people = [act.person for act in acts]
    engine = open_database(running.database_url)
    try:
        tokens = tokens_for(engine, people, PURPOSE, now)
        with reading(engine) as connection:
            directory = load_directory(connection)
    finally:
        engine.dispose()
    async with Api(running.address) as api:
        sender = HttpSender(api, tokens)
        change = await _walk(acts, sender, f"tour/{now:%Y%m%dT%H%M%S.%f}", directory, paper)
        await _show_trail(api.acting_as(tokens[people[0]]), change, running, paper)


async def _walk(acts: tuple[Act, ...], sender: HttpSender, key: str, directory: Directory, paper: Console) -> str:
    """Perform the acts, a line for each; the change's reference."""
    last: Done | None = None
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    paper.print("One change from filing to closing, given over HTTP by the people of Nordwind:\n")
    try:
        with Progress(*columns, console=paper, transient=True, disable=not paper.is_terminal) as progress:
            task = progress.add_task("", total=len(acts))
            async for done in perform(acts, sender, key):
                last = done
                paper.print(_line(done, directory), soft_wrap=True)
                following = acts[done.number] if done.number < len(acts) else None
                words = f"{_name(following, directory)}: {following.command.button}" if following else ""
                progress.update(task, advance=1, description=words)
    except Problem as problem:
        stopped_at = acts[last.number if last else 0]
        await _leave_nothing_behind(last, acts[0].person, sender, key)
        raise Stopped(
            f"The tour stopped: {_name(stopped_at, directory)} was not allowed to "
            f"“{stopped_at.command.button}”. {problem.detail}"
        ) from problem
    except BaseException:
        await _leave_nothing_behind(last, acts[0].person, sender, key)
        raise
    if last is None:
        raise RuntimeError("the road has no acts")
    return last.receipt.change


async def _leave_nothing_behind(last: Done | None, proposer: str, sender: HttpSender, key: str) -> None:
    """A tour that stops half-way takes its change back, so that its champions and teams are free for the next one."""
    if last is None:
        return
    with suppress(Problem, ServerAway):
        taken_back = Withdraw(reason="The tour was stopped half-way.")
        await sender.send(proposer, taken_back, last.receipt.change, f"{key}/stopped")


def _name(act: Act, directory: Directory) -> str:
    return directory.person(act.person).name


def _line(done: Done, directory: Directory) -> Text:
    line = Text()
    line.append(f"{done.number:>3}  ", "dim")
    line.append(f"{_name(done.act, directory):<16} ", "cyan")
    line.append(f"{done.act.command.button:<29} ", "bold")
    line.append(f"{done.seconds * 1000:>5.0f} ms  ", "dim")
    line.append(done.receipt.summary)
    return line


async def _show_trail(api: Api, change: str, running: Running, paper: Console) -> None:
    trail = await api.get(f"{change_path(change)}/trail")
    names = (await api.get(change_path(change)))["names"]
    paper.print(f"\nThe trail of {change}:")
    paper.print(table(TRAIL_COLUMNS, trail_rows(trail["entries"], names)))
    paper.print(f"See it in the browser:    {running.address}/changes/{change}", soft_wrap=True)
    if running.ui_url:
        address = f"{running.ui_url}/namespaces/{running.temporal_namespace}/workflows/{change}"
        paper.print(f"See it in Temporal:       {address}", soft_wrap=True)
