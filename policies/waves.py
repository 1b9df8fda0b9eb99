"""The waves a rollout plan begins with: the affected teams, gathered until each wave reaches the share it should."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from directory.model import Directory
from policies.schema import Policy


@dataclass(frozen=True, slots=True)
class Sketch:
    """A wave to start from: which teams, and how many of the affected people it and the waves before it reach."""

    name: str
    teams: tuple[str, ...]
    reaches: int
    """Per cent of the people in the affected teams."""


def first_waves(policy: Policy, directory: Directory, teams: Sequence[str]) -> tuple[Sketch, ...]:
    """The affected teams in the waves that ``rollout.waves`` asks for, the smallest teams first.

    A team is never split, so a wave may reach more than its share; a wave for which no team is left is left out.
    """
    sizes = {team: len(directory.members_of(team)) for team in dict.fromkeys(teams) if team in directory.teams}
    waiting = sorted(sizes, key=lambda team: (sizes[team], team))
    everybody, reached = max(sum(sizes.values()), 1), 0
    found: list[Sketch] = []
    for share in policy.rollout.waves:
        taken = []
        while waiting and (reached * 100 < share * everybody or share == 100):
            taken.append(waiting.pop(0))
            reached += sizes[taken[-1]]
        if taken:
            name = "Pilot" if not found and waiting else f"Wave {len(found) + 1}" if waiting else "Everybody"
            found.append(Sketch(name, tuple(taken), reached * 100 // everybody))
    return tuple(found)
