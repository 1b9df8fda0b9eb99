"""``groundswell standing-in``: who answers for whom, and when somebody is away. And one answer for several changes."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commandline.exits import WRONG, Stopped
from commandline.fields import read_json
from commandline.output import print_json, print_table, say
from commandline.signed_in import As, Json, asking

if TYPE_CHECKING:
    from client.api import Api

app = typer.Typer(no_args_is_help=True, help="Let somebody answer for you, and say when you are away.")

Day = Annotated[str, typer.Option(metavar="DAY", help="Such as 2026-12-24.")]
Which = Annotated[str, typer.Argument(metavar="REFERENCE", help="Its reference, from the list.")]


@app.command("list")
def list_all(as_person: As = None, as_json: Json = False) -> None:
    """Who answers for you, for whom you do, and when you are away."""

    async def question(api: Api) -> Any:
        return await api.get("/standing-in")

    answer = asking(as_person, question)
    if as_json:
        print_json(answer)
        return
    rows = [
        (one["ref"], one["giver"], one["receiver"], one["starts"], one["ends"], "ended" if one["revoked_at"] else "")
        for one in answer["delegations"]
    ]
    print_table(("Reference", "For", "Answers", "From", "To", ""), rows, "Nobody answers for you, and you for nobody.")
    away = [(one["ref"], one["starts"], one["ends"], "ended" if one["ended_at"] else "") for one in answer["absences"]]
    print_table(("Away", "From", "To", ""), away, "You have not said that you are away.")


@app.command()
def delegate(
    to: Annotated[str, typer.Argument(metavar="PERSON", help="Who answers for you.")],
    starts: Day,
    ends: Day,
    decision: Annotated[
        list[str] | None, typer.Option(help="Only this kind of decision, such as endorse_tests; may be repeated.")
    ] = None,
    change: Annotated[list[str] | None, typer.Option(help="Only this change; may be repeated.")] = None,
    reason: Annotated[str, typer.Option(help="A word for the record.")] = "",
    as_person: As = None,
) -> None:
    """Let somebody answer in your place."""
    body = {"to": to, "starts": starts, "ends": ends, "reason": reason}
    _act("/delegations", body | {"decisions": decision or [], "changes": change or []}, as_person)


@app.command()
def revoke(reference: Which, as_person: As = None) -> None:
    """Take a delegation back, or give it back."""
    _act(f"/delegations/{reference}/revoke", None, as_person)


@app.command()
def away(starts: Day, ends: Day, as_person: As = None) -> None:
    """Say that you are away."""
    _act("/absences", {"starts": starts, "ends": ends}, as_person)


@app.command()
def back(reference: Which, as_person: As = None) -> None:
    """Say that you are back."""
    _act(f"/absences/{reference}/end", None, as_person)


def _act(path: str, body: dict[str, Any] | None, as_person: str | None) -> None:
    async def question(api: Api) -> Any:
        return await api.post(path, body or {}, {"Idempotency-Key": uuid.uuid4().hex})

    say(asking(as_person, question)["summary"])


def together(
    command: Annotated[str, typer.Argument(metavar="COMMAND", help="Such as endorse.")],
    changes: Annotated[list[str], typer.Argument(metavar="CHANGE…", help="Which changes.")],
    fields: Annotated[str, typer.Option("--fields", help="The command's fields as JSON.")] = "{}",
    as_person: As = None,
    as_json: Json = False,
) -> None:
    """Give one command to several changes. What one refuses does not keep the others from happening."""
    body = {"command": command.replace("-", "_"), "changes": changes, "content": read_json(fields, "--fields")}

    async def question(api: Api) -> Any:
        return await api.post("/commands/together", body, {"Idempotency-Key": uuid.uuid4().hex})

    answer = asking(as_person, question)
    if as_json:
        print_json(answer)
    else:
        print_table(("Change", "What happened"), [(one["change"], _said(one)) for one in answer["answers"]], "")
    if answer["done"] < len(answer["answers"]):
        raise Stopped(f"It happened on {answer['done']} of {len(answer['answers'])} changes.", WRONG)


def _said(one: dict[str, Any]) -> str:
    if one["receipt"]:
        return str(one["receipt"]["summary"])
    return str(one["refused"]["detail"] if one["refused"] else one["trouble"])
