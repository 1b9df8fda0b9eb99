"""``groundswell changes``: which there are, one of them, its trail, and what waits for you."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commandline.giving import name_of
from commandline.output import console, moment, print_json, print_table, say, table
from commandline.signed_in import As, Json, asking

if TYPE_CHECKING:
    from changes.state import Change, Result
    from client.api import Api

app = typer.Typer(no_args_is_help=True, help="Look at changes.")

Ref = Annotated[str, typer.Argument(metavar="CHANGE", help="The change, such as CH-3.")]


@app.command("list")
def list_changes(
    mine: Annotated[bool, typer.Option("--mine", help="Only those you have a part in.")] = False,
    stage: Annotated[
        str | None, typer.Option(help="Only those in this stage: proposal, testing, champions, rollout, learning.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Only those with this in their title.")] = None,
    ended: Annotated[
        bool | None, typer.Option("--ended/--open", help="Only those that have ended, or have not.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many.")] = 50,
    as_person: As = None,
    as_json: Json = False,
) -> None:
    """Changes, those that moved last first."""
    query = {
        "mine": "true" if mine else None,
        "stage": stage,
        "text": text,
        "ended": None if ended is None else str(ended).lower(),
        "limit": limit,
    }

    async def question(api: Api) -> Any:
        return await api.get("/changes", query)

    answer = asking(as_person, question)
    if as_json:
        print_json(answer)
        return
    rows = [
        (each["ref"], each["title"], f"{each['standing'][0].upper()}{each['standing'][1:]}", moment(each["updated_at"]))
        for each in answer["changes"]
    ]
    print_table(("Change", "Title", "It", "Moved"), rows, "No change fits.")
    if answer["next"]:
        say("There are more; ask for more with --limit, or narrow it with --text.")


@app.command()
def waiting(as_person: As = None, as_json: Json = False) -> None:
    """What waits for you, the soonest due first."""

    async def question(api: Api) -> Any:
        return await api.get("/waiting")

    answer = asking(as_person, question)
    if as_json:
        print_json(answer)
        return
    rows = [
        (
            each["change"],
            each["title"],
            each["task"],
            moment(each["due"]),
            f"groundswell do {name_of(each['commands'][0])} {each['change']}" if each["commands"] else "",
        )
        for each in answer["items"]
    ]
    print_table(("Change", "Title", "What to do", "Due", "For example"), rows, "Nothing waits for you.")


@app.command()
def show(ref: Ref, as_person: As = None, as_json: Json = False) -> None:
    """One change: where it stands, who is waited for, and what you may do."""
    from changes.state import Change
    from client.api import change_path

    async def question(api: Api) -> Any:
        return await api.get(change_path(ref))

    answer = asking(as_person, question)
    if as_json:
        print_json(answer)
        return
    change = Change.model_validate(answer["change"])
    for line in _described(change, answer):
        say(line)
    for heading, columns, rows in _parts(change, answer["names"]):
        if rows:
            say(f"\n{heading}", "bold")
            console().print(table(columns, rows))
    if answer["you_may"]:
        say("\nYou may: " + ", ".join(name_of(kind) for kind in answer["you_may"]))
        say(f"For example: groundswell do {name_of(answer['you_may'][0])} {change.ref} --help")
    say(f"\n{answer['who_sees']}", "dim")


@app.command()
def trail(ref: Ref, as_person: As = None, as_json: Json = False) -> None:
    """Everything that was decided about a change, and by whom, oldest first."""
    from client.api import change_path

    async def question(api: Api) -> tuple[Any, dict[str, str]]:
        trail = await api.get(f"{change_path(ref)}/trail")
        return trail, (await api.get(change_path(ref)))["names"]

    answer, names = asking(as_person, question)
    if as_json:
        print_json(answer)
        return
    print_table(TRAIL_COLUMNS, trail_rows(answer["entries"], names), "Nothing is on record yet.")


TRAIL_COLUMNS = ("#", "When", "Who", "What")


def trail_rows(entries: list[Mapping[str, Any]], names: Mapping[str, str]) -> list[tuple[str, ...]]:
    """The entries of a trail as rows; where saying who would break a promise, it says "somebody"."""
    return [
        (
            str(entry["seq"]),
            moment(entry["occurred_at"]),
            names.get(entry["actor"], entry["actor"]) or "somebody",
            entry["sentence"],
        )
        for entry in entries
    ]


def _described(change: Change, answer: Mapping[str, Any]) -> Iterator[str]:
    """What a change is about and where it stands, in lines."""
    names: Mapping[str, str] = answer["names"]
    content = change.proposal.content
    teams = ", ".join(names.get(team, team) for team in content.affected_teams)
    yield f"{change.ref}  {change.title}"
    yield f"This change {answer['standing']}. Version {change.version}."
    proposer = change.proposal.proposer
    yield f"Proposed by {names.get(proposer, proposer)}, about {names.get(content.process, content.process)}."
    yield f"Affects {content.people_affected} people in {teams}."
    yield f"\n{content.problem}\n\n{content.suggestion}"
    yield f"\n{change.route_because[0]}"
    for task in answer["waiting"]:
        due = f", by {moment(task['due'])}" if task["due"] else ""
        yield f"Waiting for {names.get(task['person'], task['person'])}: {task['task']}{due}"


def _parts(change: Change, names: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    """The tables of a change: its tests with their results, its waves, its concerns."""
    results = {result.test: result for result in change.round.counting_results}
    tests: list[tuple[str, ...]] = [
        (
            test.ref,
            test.measure,
            f"{test.operator.replace('_', ' ')} {test.pass_line} {test.unit}",
            _result(results.get(test.ref), test.unit),
        )
        for test in change.round.tests
    ]
    yield "Tests", ("Test", "Measure", "Passed when", "Result"), tests
    waves: list[tuple[str, ...]] = [
        (each.wave.name, ", ".join(names.get(team, team) for team in each.wave.teams), each.status.replace("_", " "))
        for each in change.rollout.waves
    ]
    yield "Rollout", ("Wave", "Teams", "It is"), waves
    concerns: list[tuple[str, ...]] = [
        (each.ref, each.title, names.get(each.by, each.by), each.status, "yes" if each.blocking else "no")
        for each in change.concerns
    ]
    yield "Concerns", ("Concern", "Title", "By", "It is", "Blocking"), concerns


def _result(result: Result | None, unit: str) -> str:
    if result is None:
        return ""
    return f"{result.value} {unit}, {'passed' if result.passed else 'not passed'}"
