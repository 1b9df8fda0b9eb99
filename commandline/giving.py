"""``groundswell do``: one command for each command of a change's life, made from the registry of commands.

Nothing is checked here: what was typed goes to the interface, and what is wrong comes back in the same words that pages
and programs get.
"""

from __future__ import annotations

import inspect
import sys
import uuid
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from commandline.exits import WRONG, Stopped
from commandline.fields import parameter_of, read_json, read_text, typed
from commandline.output import complain, print_json, say
from commandline.signed_in import As, asking

if TYPE_CHECKING:
    from changes.commands import Command
    from client.api import Api


def name_of(kind: str) -> str:
    """A command as it is typed: ``say-back``."""
    return kind.replace("_", "-")


class EveryCommand(TyperGroup):
    """The group of all commands. Each is made when it is asked for, whether typed with - or with _."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the order of a change's life."""
        from changes.decision import HUMAN_COMMANDS

        return [name_of(kind) for kind in HUMAN_COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name, or None."""
        from changes.decision import HUMAN_COMMANDS

        kind = cmd_name.replace("-", "_")
        return _made(kind) if kind in HUMAN_COMMANDS else None


@cache
def _made(kind: str) -> Any:
    from changes.decision import HUMAN_COMMANDS

    command = HUMAN_COMMANDS[kind]
    single = typer.Typer(add_completion=False, rich_markup_mode=None)  # its tables cut long option names off
    single.command(name_of(kind), help=f"{command.button}. {inspect.getdoc(command) or ''}")(_function(kind, command))
    return typer.main.get_command(single)


Change = Annotated[str, typer.Argument(metavar="CHANGE", help="The change, such as CH-3.", show_default=False)]
Content = Annotated[
    str | None,
    typer.Option("--json", metavar="FILE|-", help="Fields as a JSON object; options win."),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key", metavar="TEXT", help="Idempotency key: sent twice with one key, it happens once. Made for you."
    ),
]
Version = Annotated[
    int | None,
    typer.Option("--version", metavar="N", min=1, help="Refuse if the change is not at this version."),
]
Whole = Annotated[bool, typer.Option("--receipt", help="Print the whole receipt as JSON.")]
Nameless = Annotated[
    bool, typer.Option("--anonymously", help="Under your pseudonym on this change; nobody writes down who you are.")
]
_USUAL: dict[str, tuple[Any, Any]] = {
    "json_file": (Content, None),
    "key": (Key, None),
    "expected_version": (Version, None),
    "as_person": (As, None),
    "without_my_name": (Nameless, False),
    "whole_receipt": (Whole, False),
}


def _function(kind: str, command: type[Command]) -> Callable[..., None]:
    """The function behind one command, with a signature that says its options."""
    schema = command.model_json_schema()
    fields = [
        parameter_of(name, field, schema.get("$defs", {}), name in schema.get("required", ()))
        for name, field in schema.get("properties", {}).items()
    ]
    begins = kind == "submit"

    def run(**given: Any) -> None:
        from client.api import NotNow, ServerAway

        usual = {name: given.pop(name) for name in _USUAL}
        change = None if begins else given.pop("change_ref")
        content = _content(usual["json_file"]) | typed(given, schema)
        key = usual["key"] or f"cli-{uuid.uuid4()}"

        async def give(api: Api) -> Any:
            nameless = usual["without_my_name"]
            return await api.give(kind, content, change, key, usual["expected_version"], anonymously=nameless)

        try:
            receipt = asking(usual["as_person"], give)
        except (NotNow, ServerAway):
            complain(f"It may have happened or not. To be sure, give the same command again with --key {key}")
            raise
        if usual["whole_receipt"]:
            print_json(receipt.model_dump(mode="json"))
        else:
            say(receipt.summary)

    where = [inspect.Parameter("change_ref", inspect.Parameter.KEYWORD_ONLY, annotation=Change)]
    rest = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in _USUAL.items()
    ]
    parameters = [*([] if begins else where), *fields, *rest]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _content(file: str | None) -> dict[str, Any]:
    """The JSON object in ``file``; ``-`` is standard input.

    Raises:
        Stopped: it is not one.
    """
    if file is None:
        return {}
    content = read_json(sys.stdin.read() if file == "-" else read_text(file), "--json")
    if not isinstance(content, dict):
        raise Stopped('--json: must hold an object such as {"note": "fine"}.', WRONG)
    return content
