"""How our templates are rendered: once with markup, where whatever people wrote is escaped, and once as plain text.

What every template needs stands in both forms under the same names: the layout it extends, and the macros that make
paragraphs, quotations and lists. They are bound once. A template that imported them would look each of them up again
for each letter, and that cost as much as rendering it.
"""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

_MACROS = {
    "footer.jinja": ("why",),
    "gates.jinja": ("asking", "passing", "answering"),
    "parts": ("p", "said", "listed"),
}
"""Names that templates use without importing them, by the template in which they are defined."""


@cache
def marked_up() -> Environment:
    """For HTML: whatever people wrote is escaped, and a name that a template lacks is an error."""
    return _environment("html", autoescape=True)


@cache
def plain() -> Environment:
    """For text forms and subjects, where escaping would show readers an &amp;."""
    return _environment("txt", autoescape=False)


def _environment(form: str, autoescape: bool) -> Environment:
    made = Environment(
        loader=PackageLoader("notifications"),
        # Only plain text is not escaped.
        autoescape=autoescape,  # noqa: S701  # nosec B701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # asking the disk for each part of each letter costs more than rendering it
    )
    names: dict[str, object] = {}
    for template, defined in _MACROS.items():
        module = made.get_template(f"parts.{form}" if template == "parts" else template).module
        names |= {name: getattr(module, name) for name in defined}
    made.globals.update(names, layout=f"layout.{form}")
    return made
