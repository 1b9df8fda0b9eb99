"""The decision packet as a part of a page: the same templates that make it a part of a letter."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from changes.facts import SYSTEM
from changes.state import Change
from changes.values import enumerated
from notifications.environment import marked_up
from notifications.packets import packet


def packet_on_a_page(change: Change, names: Mapping[str, str]) -> Markup:
    """What the people at the open gate have to know, or without one what the change is about. Whatever people wrote is
    escaped."""

    def name(ref: str) -> str:
        return "Groundswell" if ref == SYSTEM else names.get(ref, ref)

    content = {
        **packet(change, change.gate),
        "stands_in_for": "",
        "name": name,
        "names": lambda refs: enumerated(name(ref) for ref in refs.split(",") if ref),
    }
    return Markup(marked_up().get_template("packet.jinja").render(content))  # noqa: S704 - rendered with autoescape
