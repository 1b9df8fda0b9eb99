"""How our templates are rendered: once with markup, where whatever people wrote is escaped, and once as plain text."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def marked_up() -> Environment:
    """For HTML: whatever people wrote is escaped, and a name that a template lacks is an error."""
    return Environment(
        loader=PackageLoader("notifications"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # asking the disk for each part of each letter costs more than rendering it
    )


@cache
def plain() -> Environment:
    """For text forms and subjects, where escaping would show readers an &amp;."""
    return marked_up().overlay(autoescape=False)
