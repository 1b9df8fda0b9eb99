"""What a set of champions is worth: colleagues reached up to a limit, and nominations (3.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

NOBODY: frozenset[str] = frozenset()


class Cover:
    """The worth of a growing set of champions, in whole half points so that it is exact on every platform.

    Each affected person counts until ``saturation`` champions have a tie to them, a champion counts in full, and each
    vote adds half a point. Monotone and submodular: a gain never rises as champions are added, so an old gain is an
    upper bound and lazy evaluation is valid.
    """

    def __init__(
        self,
        affected: Iterable[str],
        neighbours: Mapping[str, frozenset[str]],
        votes: Mapping[str, int],
        saturation: int,
    ) -> None:
        """Start with no champions. ``neighbours`` leads from anybody to affected people only."""
        self._wanting = dict.fromkeys(affected, saturation)
        self._satisfied: set[str] = set()
        self._neighbours = neighbours
        self._votes = votes
        self._champions: set[str] = set()
        self.worth = 0
        """Half points of the champions added so far."""

    def gain(self, person: str) -> int:
        """Half points that ``person`` would add now; 0 for a champion."""
        if person in self._champions:
            return 0
        reached = self._neighbours.get(person, NOBODY)
        wanting = len(reached) - len(reached & self._satisfied)
        return 2 * (self._wanting.get(person, 0) + wanting) + self._votes.get(person, 0)

    def add(self, person: str) -> None:
        """Count ``person`` as a champion. Adding them again changes nothing."""
        if person in self._champions:
            return
        self.worth += self.gain(person)
        self._champions.add(person)
        if person in self._wanting:
            self._wanting[person] = 0
            self._satisfied.add(person)
        for colleague in self._neighbours.get(person, NOBODY) - self._satisfied:
            self._wanting[colleague] -= 1
            if not self._wanting[colleague]:
                self._satisfied.add(colleague)
