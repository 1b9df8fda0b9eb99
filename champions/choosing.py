"""Choose whom to invite: reach-ℓ cover with nominations, one champion for every unit, volunteers first (3.3, 3.4)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import IntEnum
from heapq import heapify, heappop, heappush

from champions.cover import Cover
from champions.eligibility import Rules
from champions.model import Candidate, Ground, Plan, UnmetUnit
from champions.reasons import Explanation, planner_notes, why_nobody
from champions.snapshot import Snapshot, fingerprint

PARTS = 10**12
"""Resolution of a unit's coverage as a whole number."""

Key = tuple[int, int, int, int, bytes]


class Standing(IntEnum):
    """On what ground a person may take a place, best first."""

    VOLUNTEER = 0
    """Volunteered, and their unit's share of the places is not used up (3.4)."""
    SCORE = 1
    """Has a home unit, and a consented tie or a nomination (section 5)."""
    FLOOR = 2
    """Has neither, and their unit would stay without a champion."""
    WILLING = 3
    """Volunteered, beyond their unit's share and without a score."""


def plan(ground: Ground) -> Plan:
    """Whom to invite for the open places of ``ground``, in order, with reasons and with what stays open.

    Deterministic: equal content gives an equal plan, however it was listed. Never raises on the bad input that
    section 5 lists; what does not fit is named in ``unmet`` and ``notes``.
    """
    sha256 = fingerprint(ground)
    snapshot = Snapshot.of(ground)
    if len(snapshot.affected) <= 1 or ground.places == 0:
        return _nothing_to_recruit(ground, snapshot, sha256)
    refusals = _refusals(ground, snapshot)
    eligible = [person for ref, person in snapshot.candidates.items() if ref not in refusals]
    open_places = max(ground.places - len(snapshot.champions) - len(snapshot.asked), 0)
    floors, unmet = _floors(ground, snapshot, refusals, open_places)
    picks = _Choice(ground, snapshot, floors).choose(eligible, open_places)
    explanation = Explanation(ground, snapshot, picks)
    return Plan(
        picks=tuple(explanation.recommendation(snapshot.candidates[ref]) for ref in picks),
        unmet=unmet,
        units_without_tie=explanation.units_without_tie(),
        places=ground.places,
        ground_sha256=sha256,
        status="under_recruited" if open_places and not picks else "ready",
        notes=(*snapshot.notes, *planner_notes(ground, snapshot, explanation, open_places, len(floors))),
    )


def _nothing_to_recruit(ground: Ground, snapshot: Snapshot, sha256: str) -> Plan:
    """The plan for a change with nobody to win over, or a campaign without places."""
    if ground.places == 0:
        note = "The campaign has no places. Give it at least one for every affected unit."
        unmet = tuple(UnmetUnit(unit=unit, reason="the campaign has no places") for unit in _empty(ground, snapshot))
    else:
        note = "The change reaches one person at most, so there is nobody to recruit champions for. Talk to them."
        unmet = ()
    return Plan(
        picks=(),
        unmet=unmet,
        units_without_tie=(),
        places=ground.places,
        ground_sha256=sha256,
        status="nothing_to_recruit",
        notes=(*snapshot.notes, note),
    )


def _refusals(ground: Ground, snapshot: Snapshot) -> dict[str, str]:
    """Everybody who may not be invited, with the reason."""
    rules = Rules.of(ground)
    refusals = {}
    for ref, person in snapshot.candidates.items():
        refusal = rules.refusal(person)
        if refusal is None and ref in snapshot.unclear:
            refusal = "has an unclear entry in the directory"
        if refusal is not None:
            refusals[ref] = refusal
    return refusals


def _empty(ground: Ground, snapshot: Snapshot) -> list[str]:
    """Affected groups in which nobody accepted or was asked: the largest first, equal ones by the campaign's seed."""
    if not ground.cover_every_unit:
        return []
    groups = snapshot.groups
    held = {groups.of(person) for person in snapshot.champions | snapshot.asked}
    return sorted(
        (unit for unit in groups.size if unit not in held),
        key=lambda unit: (-groups.size[unit], _draw(ground.seed, unit)),
    )


def _floors(
    ground: Ground, snapshot: Snapshot, refusals: Mapping[str, str], open_places: int
) -> tuple[frozenset[str], tuple[UnmetUnit, ...]]:
    """Groups that get a champion in this plan, and those that cannot, each with the reason (3.3, section 5)."""
    groups = snapshot.groups
    empty = _empty(ground, snapshot)
    staffed = {groups.of(ref) for ref in snapshot.candidates if ref not in refusals}
    fillable = [unit for unit in empty if unit in staffed]
    unmet = [
        UnmetUnit(unit=unit, reason=reason)
        for unit, reason in why_nobody(snapshot, refusals, [unit for unit in empty if unit not in staffed])
    ]
    unmet += [
        UnmetUnit(unit=unit, reason="no open place is left for it; larger units come first")
        for unit in fillable[open_places:]
    ]
    return frozenset(fillable[:open_places]), tuple(unmet)


def _draw(seed: str, ref: str) -> bytes:
    """A lot drawn for ``ref`` in the campaign ``seed``: the last word between equals, new in every campaign."""
    return hashlib.sha256(f"{seed}\0{ref}".encode()).digest()


class _Choice:
    """One run of the greedy choice.

    {Σ max(|picks in unit|, floor) ≤ places} is a matroid, so picking the best gain while enough places remain for the
    empty units gives at least half of the best possible worth (3.3).
    """

    def __init__(self, ground: Ground, snapshot: Snapshot, floors: Iterable[str]) -> None:
        self._seed = ground.seed
        self._snapshot = snapshot
        self._empty = set(floors)
        self._held: Counter[str | None] = Counter()
        self._share = _shares(ground, snapshot)
        votes = {ref: person.votes for ref, person in snapshot.candidates.items() if person.votes}
        self._cover = Cover(snapshot.affected, snapshot.neighbours, votes, ground.saturation)
        for person in snapshot.champions | snapshot.asked:
            self._take(person)

    def choose(self, eligible: Iterable[Candidate], places: int) -> tuple[str, ...]:
        """References of up to ``places`` of the ``eligible``, in the order to invite them."""
        people = {person.ref: (person, _draw(self._seed, person.ref)) for person in eligible}
        heap = [(key, ref) for ref, (person, drawn) in people.items() if (key := self._key(person, drawn)) is not None]
        heapify(heap)
        picks: list[str] = []
        while heap and len(picks) < places:
            _, ref = heappop(heap)
            # The rest of the places is reserved, and stays so: nobody outside the empty units gets another turn.
            if len(self._empty) == places - len(picks) and self._snapshot.groups.of(ref) not in self._empty:
                continue
            # Keys only get worse as others are picked, so whoever still leads with a fresh key is the best of all.
            key = self._key(*people[ref])
            if key is None:
                continue
            if heap and key > heap[0][0]:
                heappush(heap, (key, ref))
                continue
            picks.append(ref)
            self._take(ref)
        return tuple(picks)

    def _take(self, person: str) -> None:
        unit = self._snapshot.groups.of(person)
        self._cover.add(person)
        self._held[unit] += 1
        if unit is not None:
            self._empty.discard(unit)

    def _key(self, person: Candidate, drawn: bytes) -> Key | None:
        """What orders people now: standing, gain, load, their unit's coverage, the lot. None: not to be chosen."""
        unit = self._snapshot.groups.of(person.ref)
        standing = self._standing(person, unit)
        if standing is None:
            return None
        coverage = 0 if unit is None else self._held[unit] * PARTS // max(self._snapshot.groups.size.get(unit, 0), 1)
        return standing, -self._cover.gain(person.ref), person.campaigns_last_12_months, coverage, drawn

    def _standing(self, person: Candidate, unit: str | None) -> Standing | None:
        if person.volunteered and self._held[unit] < self._share.get(unit, 0):
            if unit is not None or person.ref in self._snapshot.affected:
                return Standing.VOLUNTEER
        if person.unit is not None:
            if person.votes or person.ref in self._snapshot.neighbours:
                return Standing.SCORE
            if unit in self._empty:
                return Standing.FLOOR
        return Standing.WILLING if person.volunteered else None


def _shares(ground: Ground, snapshot: Snapshot) -> dict[str | None, int]:
    """Places a group may fill with volunteers before anybody is invited: its part of all places, rounded up (3.4).

    Without a share a single keen team could take the whole campaign. People without a unit share like one group.
    """
    sizes: dict[str | None, int] = dict(snapshot.groups.size.items())
    sizes[None] = len(snapshot.affected) - sum(snapshot.groups.size.values())
    return {unit: -(-size * ground.places // len(snapshot.affected)) for unit, size in sizes.items()}
