"""The decision packet as a part of a page: the same templates that make it a part of a letter."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from changes.facts import SYSTEM
from changes.state import Change
from notifications.packets import packet
from notifications.wording import enumerated


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("notifications"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def packet_on_a_page(change: Change, names: Mapping[str, str]) -> Markup:
    """What the people at the open gate have to know, or without one what the change is about. Whatever people wrote is
    escaped."""

    def name(ref: str) -> str:
        return "Groundswell" if ref == SYSTEM else names.get(ref, ref)

    content = {
        **packet(change, change.gate),
        "stands_in_for": "",
        "parts": "parts.html",
        "name": name,
        "names": lambda refs: enumerated(name(ref) for ref in refs.split(",") if ref),
    }
    return Markup(_environment().get_template("packet.jinja").render(content))  # noqa: S704 - rendered with autoescape
