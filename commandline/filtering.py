"""The options that narrow down the audit trail, the same for every command that reads it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

if TYPE_CHECKING:
    from store.audit.questions import Filter

Change = Annotated[str, typer.Option(help="Only this change, such as CH-3.")]
_OPTIONS: dict[str, tuple[Any, Any]] = {
    "change": (Change, ""),
    "person": (Annotated[str, typer.Option(help="Only what this person did.")], ""),
    "kind": (Annotated[str, typer.Option(help="Only this kind, such as endorsed.")], ""),
    "stage": (Annotated[str, typer.Option(help="Only in this stage.")], ""),
    "since": (Annotated[datetime | None, typer.Option(help="Recorded at or after this time (UTC).")], None),
    "until": (Annotated[datetime | None, typer.Option(help="Recorded before this time (UTC).")], None),
    "text": (Annotated[str, typer.Option(help="Only records with all these words.")], ""),
}


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """``command``, whose first parameter is a :class:`store.audit.Filter`, with an option for each part of one."""
    # Filter itself stays a name here: importing it would cost every command the start-up time of the store.
    meant = get_type_hints(command, localns={"Filter": object}, include_extras=True)
    own = list(inspect.signature(command).parameters.values())[1:]
    given = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in _OPTIONS.items()
    ]

    def run(**options: Any) -> None:
        parts = {name: options.pop(name) for name in _OPTIONS}
        command(_filter(parts), **options)

    rest = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=meant[one.name]) for one in own]
    parameters = [*given, *rest]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


def _filter(parts: dict[str, Any]) -> Filter:
    from store.audit.questions import Filter

    moments = {name: _utc(parts[name]) for name in ("since", "until")}
    return Filter(**{**parts, **moments})


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
