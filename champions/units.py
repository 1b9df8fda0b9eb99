"""Which unit each affected person counts in, with units of fewer than five joined to their parent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from champions.model import SMALLEST_GROUP, Candidate, Unit


@dataclass(frozen=True, slots=True)
class Groups:
    """Units as floors and reports see them: a group is a unit together with the small units that joined it."""

    name: Mapping[str, str]
    """Every known unit's name."""
    home: Mapping[str, str]
    """Person to their one known home unit; people without one are absent."""
    joined: Mapping[str, str]
    """Every known unit to the unit it counts in."""
    size: Mapping[str, int]
    """Group to its affected people. Groups without any are absent."""
    in_cycle: int
    """Units whose chain of parents leads back to themselves; they are treated as having no parent."""

    def of(self, person: str) -> str | None:
        """The group ``person`` counts in, or none if they have no known unit."""
        unit = self.home.get(person)
        return None if unit is None else self.joined[unit]

    def shown(self, group: str) -> bool:
        """Whether figures about ``group`` may be printed."""
        return self.size.get(group, 0) >= SMALLEST_GROUP


def group(units: Iterable[Unit], candidates: Mapping[str, Candidate], affected: Iterable[str]) -> Groups:
    """Group ``affected`` by home unit.

    A unit of one to four affected people joins its parent, from the leaves up (3.3, section 5). One without a parent
    stays: it keeps its floor, and ``shown`` keeps it out of figures.
    """
    known = _by_ref(units)
    parents, in_cycle = _parents(known)
    depth = {ref: _depth(ref, parents) for ref in known}
    home = _homes(known, depth, candidates, affected)
    size: Counter[str] = Counter(home[person] for person in affected if person in home)
    joined = {ref: ref for ref in known}
    for ref in sorted(known, key=lambda ref: (-depth[ref], ref)):
        parent = parents[ref]
        if parent is not None and 0 < size[ref] < SMALLEST_GROUP:
            size[parent] += size.pop(ref)
            joined[ref] = parent
    # Parents before children, so that a chain of joins collapses in one pass.
    for ref in sorted(known, key=lambda ref: depth[ref]):
        joined[ref] = joined[joined[ref]]
    return Groups(
        name={ref: unit.name for ref, unit in known.items()},
        home=home,
        joined=joined,
        size={ref: count for ref, count in size.items() if count},
        in_cycle=in_cycle,
    )


def _by_ref(units: Iterable[Unit]) -> dict[str, Unit]:
    """Units by reference; one listed twice is merged, and the first in plain order gives name and parent."""
    known: dict[str, Unit] = {}
    for unit in sorted(units, key=lambda unit: (unit.ref, unit.name, unit.parent or "", unit.members)):
        first = known.get(unit.ref)
        known[unit.ref] = unit if first is None else first.model_copy(update={"members": first.members + unit.members})
    return known


def _parents(known: Mapping[str, Unit]) -> tuple[dict[str, str | None], int]:
    """Each unit's known parent, with every unit on a cycle (its own parent included) cut loose and counted."""
    parents = {ref: unit.parent if unit.parent in known else None for ref, unit in known.items()}
    on_cycle: set[str] = set()
    settled: set[str] = set()
    for start in parents:
        path: list[str] = []
        climbing: str | None = start
        while climbing is not None and climbing not in settled:
            settled.add(climbing)
            path.append(climbing)
            climbing = parents[climbing]
        if climbing in path:
            on_cycle.update(path[path.index(climbing) :])
    return {ref: None if ref in on_cycle else parent for ref, parent in parents.items()}, len(on_cycle)


def _depth(ref: str, parents: Mapping[str, str | None]) -> int:
    """Steps to the top. ``parents`` has no cycles."""
    steps, parent = 0, parents[ref]
    while parent is not None:
        steps, parent = steps + 1, parents[parent]
    return steps


def _homes(
    known: Mapping[str, Unit], depth: Mapping[str, int], candidates: Mapping[str, Candidate], affected: Iterable[str]
) -> dict[str, str]:
    """One home a person: what the directory says, else the deepest unit that lists them.

    A candidate whose home is empty has none: lists of members do not overrule the directory.
    """
    home = {ref: person.unit for ref, person in candidates.items() if person.unit is not None and person.unit in known}
    homeless = {ref for ref in affected if ref not in candidates}
    homeless.update(ref for ref, person in candidates.items() if person.unit is not None and ref not in home)
    if homeless:
        for unit in sorted(known.values(), key=lambda unit: (-depth[unit.ref], unit.ref)):
            for member in unit.members:
                if member in homeless:
                    home.setdefault(member, unit.ref)
    return home
