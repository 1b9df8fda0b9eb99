"""``groundswell webhooks``: where events are sent, what became of each, and sending again. For administrators."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from commandline.output import moment, print_json, print_table, say
from commandline.signed_in import As, Json, asking

if TYPE_CHECKING:
    from client.api import Api

app = typer.Typer(no_args_is_help=True, help="Send events to other programs, and see what became of each.")

Which = Annotated[str, typer.Argument(metavar="REFERENCE", help="The endpoint, from the list, such as wh_0123….")]
Event = Annotated[
    list[str] | None, typer.Option("--event", help="Only this kind of event, such as closed; may be repeated.")
]


def _at(reference: str, what: str = "") -> str:
    return f"/webhooks/{quote(reference, safe='')}{what}"


def _done(as_person: str | None, as_json: bool, told: str, question: Callable[[Api], Awaitable[Any]]) -> None:
    """Ask, and say ``told``; its braces are filled from the answer."""
    answer = asking(as_person, question)
    if as_json:
        print_json(answer)
    else:
        say(told.format_map(answer or {}))


def _posted(reference: str, act: str, as_person: str | None, as_json: bool, told: str) -> None:
    """Have ``act`` done with an endpoint, and say ``told``."""

    async def question(api: Api) -> Any:
        return await api.post(_at(reference, f"/{act}"), {})

    _done(as_person, as_json, told, question)


@app.command("list")
def list_all(as_person: As = None, as_json: Json = False) -> None:
    """Where events are sent."""

    async def question(api: Api) -> Any:
        return await api.get("/webhooks")

    answer = asking(as_person, question)
    if as_json:
        print_json(answer)
        return
    rows = [
        (one["ref"], one["url"], one["description"], ", ".join(one["types"]) or "all events", one["disabled_because"])
        for one in answer["endpoints"]
    ]
    print_table(("Reference", "Address", "For", "Events", "Disabled"), rows, "Nothing is sent anywhere.")


@app.command()
def add(
    url: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where events go, beginning with https://.")],
    description: Annotated[str, typer.Option(help="What takes them there.")],
    event: Event = None,
    as_person: As = None,
    as_json: Json = False,
) -> None:
    """Send events to an address. The secret that signs them is printed, this once."""

    async def question(api: Api) -> Any:
        return await api.post("/webhooks", {"url": url, "description": description, "events": event or []})

    _done(as_person, as_json, "Added as {endpoint[ref]}. Its secret, shown this once: {secret}", question)


@app.command()
def change(
    reference: Which,
    url: Annotated[str, typer.Option(help="Where events go, beginning with https://.")],
    description: Annotated[str, typer.Option(help="What takes them there.")],
    event: Event = None,
    as_person: As = None,
    as_json: Json = False,
) -> None:
    """Change an endpoint. One that was disabled sends again."""

    async def question(api: Api) -> Any:
        return await api.put(_at(reference), {"url": url, "description": description, "events": event or []})

    _done(as_person, as_json, "{ref} sends to {url}.", question)


@app.command()
def disable(reference: Which, as_person: As = None, as_json: Json = False) -> None:
    """Send nothing more there. What waits is dropped."""
    _posted(reference, "disable", as_person, as_json, "Nothing more is sent to {url}.")


@app.command()
def remove(reference: Which, as_person: As = None, as_json: Json = False) -> None:
    """Forget an endpoint and its log."""

    async def question(api: Api) -> Any:
        await api.delete(_at(reference))
        return {"removed": reference}

    _done(as_person, as_json, "{removed} is forgotten.", question)


@app.command()
def secret(reference: Which, as_person: As = None, as_json: Json = False) -> None:
    """Make a new secret and print it, this once. For a day the earlier one signs as well."""
    _posted(reference, "secret", as_person, as_json, "{secret}")


@app.command()
def test(reference: Which, as_person: As = None, as_json: Json = False) -> None:
    """Send an event that says that nothing has happened."""
    _posted(reference, "test", as_person, as_json, "It is on its way. See: groundswell webhooks log " + reference)


@app.command()
def log(
    reference: Which,
    before: Annotated[int | None, typer.Option(help="Only what is older than this number.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 20,
    as_person: As = None,
    as_json: Json = False,
) -> None:
    """What was sent, newest first, and what became of each."""

    async def question(api: Api) -> Any:
        return await api.get(_at(reference, "/deliveries"), {"before": before, "limit": limit})

    answer = asking(as_person, question)
    if as_json:
        print_json(answer)
        return
    rows = [
        (str(one["number"]), moment(one["created_at"]), one["type"], one["change"], one["outcome"], _attempts(one))
        for one in answer["deliveries"]
    ]
    print_table(("Number", "When", "Event", "Change", "Became", "Answers"), rows, "Nothing was sent yet.")


def _attempts(delivery: dict[str, Any]) -> str:
    return ", ".join(str(attempt["status"] or attempt["error"]) for attempt in delivery["attempts"])


@app.command()
def again(
    reference: Which,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Which event, from the log.")],
    as_person: As = None,
    as_json: Json = False,
) -> None:
    """Send an event once more, as the same event."""

    async def question(api: Api) -> Any:
        return await api.post(_at(reference, f"/deliveries/{number}/again"), {})

    _done(as_person, as_json, "It is on its way once more.", question)
