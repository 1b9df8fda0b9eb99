"""``groundswell token``: API tokens of one's own and of systems, and the first one, made on the server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from commandline.database import opened
from commandline.exits import WRONG, Stopped
from commandline.output import moment, print_json, print_table, say
from commandline.signed_in import As, Json, asking

if TYPE_CHECKING:
    from client.api import Api

app = typer.Typer(no_args_is_help=True, help="API tokens: yours, those of systems, and the first one.")


@app.command("make")
def make(
    person: Annotated[str, typer.Argument(metavar="PERSON", help="Whose token it is, such as kenji.watanabe.")],
    name: Annotated[str, typer.Option(help="What it is for.")] = "made on the server",
    days: Annotated[int, typer.Option(min=1, max=366, help="For how many days it works.")] = 1,
    scope: Annotated[
        list[str] | None, typer.Option(help="What it may be used for; give it several times. All, if left out.")
    ] = None,
) -> None:
    """Make a token on the server, for whoever may write its database, and print it, this once."""
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


Name = Annotated[str, typer.Argument(metavar="NAME", help="What it is for; no two are called the same.")]
Lasts = Annotated[int, typer.Option(min=1, max=366, help="For how many days it works.")]
Which = Annotated[str, typer.Argument(metavar="ID", help="Its id, from the list.")]
OfSystems = Annotated[bool, typer.Option("--systems", help="Those of systems. For administrators.")]


@app.command("list")
def list_all(systems: OfSystems = False, as_person: As = None, as_json: Json = False) -> None:
    """The tokens that still work: yours, or those of systems."""

    async def question(api: Api) -> Any:
        return await api.get("/system-tokens" if systems else "/tokens")

    answer = asking(as_person, question)
    if as_json:
        print_json(answer)
        return
    rows = [
        (one["id"], one["service"] or one["name"], one["person"], _uses(one), moment(one["expires_at"]))
        for one in answer["tokens"]
    ]
    print_table(("Id", "For", "Whose", "May", "Until"), rows, "There are none.")


def _uses(token: dict[str, Any]) -> str:
    bounds = [token[name] for name in ("change", "process", "metric") if token[name]]
    return ", ".join(token["scopes"]) + (f" ({', '.join(bounds)})" if bounds else "")


@app.command()
def issue(
    name: Name,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="What it may be used for; may be repeated. Only read, if left out."),
    ] = None,
    days: Lasts = 90,
    as_person: As = None,
    as_json: Json = False,
) -> None:
    """Make a token of your own and print it, this once. It can do no more than what you sign in with."""
    body: dict[str, Any] = {"name": name, "days": days, **({"scopes": scope} if scope else {})}
    _issue("/tokens", body, as_person, as_json)


@app.command("issue-for-system")
def issue_for_system(
    service: Annotated[str, typer.Argument(metavar="SYSTEM", help="Its name, as it stands in the trail.")],
    on_behalf_of: Annotated[str, typer.Option(metavar="PERSON", help="Who answers for what it reports.")],
    name: Annotated[str, typer.Option(help="What it is for.")] = "reports",
    change: Annotated[str, typer.Option(help="Only for this change.")] = "",
    process: Annotated[str, typer.Option(help="Only for changes of this process.")] = "",
    metric: Annotated[str, typer.Option(help="Only for this metric or measure.")] = "",
    days: Lasts = 90,
    as_person: As = None,
    as_json: Json = False,
) -> None:
    """Make a token with which a system reports readings and results, and nothing else. For administrators."""
    body = {"service": service, "on_behalf_of": on_behalf_of, "name": name, "days": days}
    _issue("/system-tokens", body | {"change": change, "process": process, "metric": metric}, as_person, as_json)


def _issue(path: str, body: dict[str, Any], as_person: str | None, as_json: bool) -> None:
    async def question(api: Api) -> Any:
        return await api.post(path, body)

    answer = asking(as_person, question)
    if as_json:
        print_json(answer)
    else:
        say(answer["token"])


@app.command()
def revoke(token: Which, systems: OfSystems = False, as_person: As = None, as_json: Json = False) -> None:
    """Have a token stop working, at once."""

    async def question(api: Api) -> Any:
        await api.delete(f"{'/system-tokens' if systems else '/tokens'}/{quote(token, safe='')}")
        return {"revoked": token}

    answer = asking(as_person, question)
    if as_json:
        print_json(answer)
    else:
        say(f"{token} does not work any more.")
