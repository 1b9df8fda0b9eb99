"""What changed between two versions of a policy, path by path, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from policies.conditions import in_words
from policies.schema import Policy


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that differs. ``before`` or ``after`` is none where it was added or removed."""

    path: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"{self.path}: added, {self.after}"
        if self.after is None:
            return f"{self.path}: removed, was {self.before}"
        return f"{self.path}: {self.before} becomes {self.after}"


def difference(old: Policy, new: Policy) -> tuple[Difference, ...]:
    """Every setting that differs: what changed or went in the order of the old file, then what was added.

    Routes are compared by name; their order is a setting of its own.
    """
    before, after = _settings(old), _settings(new)
    paths = dict.fromkeys([*before, *after])
    return tuple(
        Difference(path, before.get(path), after.get(path)) for path in paths if before.get(path) != after.get(path)
    )


def _settings(policy: Policy) -> dict[str, str]:
    content = policy.model_dump(mode="json")
    for route, shown in zip(policy.routes, content["routes"], strict=True):
        shown["when"] = in_words(route.when)
    settings = dict(_flattened(content, ""))
    settings["order of routes"] = ", ".join(route.name for route in policy.routes)
    return settings


def _flattened(value: Any, path: str) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            for key, item in value.items():
                yield from _flattened(item, f"{path}.{key}" if path else key)
        case [dict(), *_]:
            words: dict[str, int] = {}
            for item in value:
                word = str(item.get("name") or item.get("role"))
                words[word] = words.get(word, 0) + 1
                yield from _flattened(item, f"{path}.{word}" + (f"-{words[word]}" if words[word] > 1 else ""))
        case list():
            yield path, f"({', '.join(map(str, value))})"
        case None:
            return
        case bool():
            yield path, str(value).lower()
        case _:
            yield path, str(value)
