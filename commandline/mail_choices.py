"""``groundswell mail``: which kinds of mail you get at once, in the weekly digest, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from commandline.output import print_json, print_table, say
from commandline.signed_in import As, Json, asking

if TYPE_CHECKING:
    from client.api import Api

app = typer.Typer(no_args_is_help=True, help="Choose which mail you get.")

HOW = {"mail": "at once", "digest": "in the weekly digest", "off": "not at all"}


@app.command("list")
def list_all(as_person: As = None, as_json: Json = False) -> None:
    """How you get each kind of mail. What you are asked to answer always comes at once and is not among them."""

    async def question(api: Api) -> Any:
        return await api.get("/mail-choices")

    answer = asking(as_person, question)
    if as_json:
        print_json(answer)
        return
    rows = [(one["kind"], HOW[one["choice"]], one["words"]) for one in answer["choices"]]
    print_table(("Kind", "Comes", "When"), rows, "")


@app.command("set")
def choose(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="Its name, from the list, such as commented.")],
    choice: Annotated[str, typer.Argument(metavar="mail|digest|off", help="At once, in the digest, or not at all.")],
    as_person: As = None,
    as_json: Json = False,
) -> None:
    """Choose how you get one kind of mail, from the next one on."""

    async def question(api: Api) -> Any:
        return await api.put(f"/mail-choices/{quote(kind, safe='')}", {"choice": choice})

    answer = asking(as_person, question)
    if as_json:
        print_json(answer)
        return
    chosen = next(one for one in answer["choices"] if one["kind"] == kind)
    say(f"{chosen['words']}: {HOW[chosen['choice']]}.")
