"""Finds the circles in a chain in which everybody points to at most one other."""

from __future__ import annotations

from collections.abc import Mapping


def cycles(following: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Every circle once, in the order and starting with the member that ``following`` names first.

    Args:
        following: who comes after whom, such as person to manager.

    Returns:
        The members of each circle in the order of the chain; the last is followed by the first.
    """
    found = []
    done: set[str] = set()
    for start in following:
        path: dict[str, int] = {}
        here: str | None = start
        while here is not None and here not in done and here not in path:
            path[here] = len(path)
            here = following.get(here)
        if here is not None and here in path:
            circle = tuple(path)[path[here] :]
            found.append(circle)
        done.update(path)
    place = {member: number for number, member in enumerate(following)}
    return sorted((_from_first(circle, place) for circle in found), key=lambda circle: place[circle[0]])


def _from_first(circle: tuple[str, ...], place: Mapping[str, int]) -> tuple[str, ...]:
    first = circle.index(min(circle, key=place.__getitem__))
    return circle[first:] + circle[:first]
