"""Where accepted champions are and where they are missing, in the terms of the rollout gate (3.8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Literal

from champions.model import Ground
from champions.snapshot import Snapshot
from changes.values import Ref, Value

UNITS_WANTED = 95
"""Per cent of affected units that need an accepted champion; below, the gate holds (3.8)."""
PLACES_WANTED = 80
"""Per cent of places that should be filled; below, the gate sets conditions (3.8)."""


class UnitCoverage(Value):
    """A unit of five or more affected people, the small units that joined it included."""

    unit: Ref
    name: str
    members: int
    """Affected people."""
    champions: int
    ratio: int | None
    """People for one champion, rounded up; none without a champion."""
    covered: bool
    """Has at least one accepted champion. Says nothing about whom the champion reaches, so never print the word."""


class Gap(Value):
    """A piece of evidence of 3.8 that falls short, and what the gate makes of it."""

    evidence: Literal["units_with_champion", "places_filled", "champions_per_person"]
    effect: Literal["hold", "conditions"]
    text: str


class Coverage(Value):
    """Coverage as a rollout gate reads it. Only printable figures: no unit of fewer than five."""

    units: tuple[UnitCoverage, ...]
    """The largest first."""
    people: int
    champions: int
    places: int
    units_percent: int
    """Per cent of ``units`` with a champion, rounded down; 100 without any unit."""
    places_percent: int
    """Per cent of places filled, rounded down; 100 without any place."""
    ratio: int | None
    """People for one champion, rounded up; none without a champion."""
    gaps: tuple[Gap, ...]


def coverage(ground: Ground, accepted: Collection[str], people_per_champion: int | None = None) -> Coverage:
    """Coverage by the ``accepted`` who are still here and did not step down.

    ``ground.already`` is not looked at. Where ``people_per_champion`` is given, fewer champions than that is a gap;
    3.8 asks for 25 in an easy change, 12 in a pilot and 6 in a hard one.
    """
    snapshot = Snapshot.of(ground.model_copy(update={"already": tuple(accepted), "asked": ()}))
    champions = len(snapshot.champions)
    people = len(snapshot.affected)
    units = _units(snapshot)
    return Coverage(
        units=units,
        people=people,
        champions=champions,
        places=ground.places,
        units_percent=_percent(sum(unit.covered for unit in units), len(units)),
        places_percent=_percent(min(champions, ground.places), ground.places),
        ratio=_ratio(people, champions),
        gaps=(
            *_unit_gaps(units),
            *_place_gaps(champions, ground.places),
            *_ratio_gaps(people, champions, people_per_champion),
        ),
    )


def places_for(people_affected: int, people_per_champion: int, units: int) -> int:
    """Places for a campaign: one for every ``people_per_champion`` people, rounded up, and one for every unit.

    Never more than there are people, and none for a single person: there is nobody to recruit. A plan says so when its
    units bind more than half of the places; then more places help (3.3).

    Raises:
        ValueError: ``people_per_champion`` is below 1.
    """
    if people_per_champion < 1:
        raise ValueError("people_per_champion: one champion is for at least one person; please give 1 or more")
    if people_affected <= 1:
        return 0
    return min(max(-(-people_affected // people_per_champion), units), people_affected)


def units_to_cover(ground: Ground) -> tuple[Ref, ...]:
    """The affected units that need a champion of their own, small ones joined to their parent, in plain order."""
    return tuple(sorted(Snapshot.of(ground).groups.size))


def _units(snapshot: Snapshot) -> tuple[UnitCoverage, ...]:
    groups = snapshot.groups
    held = Counter(groups.of(champion) for champion in snapshot.champions)
    return tuple(
        UnitCoverage(
            unit=unit,
            name=groups.name[unit],
            members=size,
            champions=held[unit],
            ratio=_ratio(size, held[unit]),
            covered=held[unit] > 0,
        )
        for unit, size in sorted(groups.size.items(), key=lambda item: (-item[1], item[0]))
        if groups.shown(unit)
    )


def _unit_gaps(units: tuple[UnitCoverage, ...]) -> tuple[Gap, ...]:
    missing = [unit for unit in units if not unit.covered]
    if not missing:
        return ()
    enough = (len(units) - len(missing)) * 100 >= UNITS_WANTED * len(units)
    names = ", ".join(f"{unit.name} ({unit.members} people)" for unit in missing)
    return (
        Gap(
            evidence="units_with_champion",
            effect="conditions" if enough else "hold",
            text=f"{len(missing)} of {len(units)} units have no accepted champion: {names}.",
        ),
    )


def _place_gaps(champions: int, places: int) -> tuple[Gap, ...]:
    if champions * 100 >= PLACES_WANTED * places:
        return ()
    text = f"{champions} of {places} places are filled, fewer than {PLACES_WANTED}%."
    return (Gap(evidence="places_filled", effect="conditions", text=text),)


def _ratio_gaps(people: int, champions: int, wanted: int | None) -> tuple[Gap, ...]:
    if wanted is None or champions * wanted >= people:
        return ()
    found = "No champion" if champions == 0 else f"One champion for {_ratio(people, champions)} people"
    text = f"{found}; one for {wanted} is planned, so {-(-people // wanted) - champions} more would be needed."
    return (Gap(evidence="champions_per_person", effect="conditions", text=text),)


def _ratio(people: int, champions: int) -> int | None:
    return -(-people // champions) if champions else None


def _percent(part: int, whole: int) -> int:
    return part * 100 // whole if whole else 100
