"""Small grounds for the tests: written by hand, drawn by hypothesis, and searched exhaustively."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import combinations
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from champions.cover import Cover
from champions.model import Candidate, Ground, Unit
from champions.snapshot import Snapshot

TODAY = date(2026, 11, 2)

untimed = settings(deadline=None)
"""For every property: a slow machine is not a wrong plan."""


def person(ref: str, unit: str | None = "u", **fields: Any) -> Candidate:
    """A candidate who may be invited unless ``fields`` say otherwise."""
    return Candidate(ref=ref, unit=unit, **fields)


def ground(people: Sequence[Candidate], ties: Iterable[str] = (), places: int = 1, **fields: Any) -> Ground:
    """A ground in which everybody is affected and "a-b" is a tie. Units follow from the people's homes."""
    homes = sorted({each.unit for each in people if each.unit is not None})
    values: dict[str, Any] = {
        "affected": tuple(each.ref for each in people),
        "units": tuple(Unit(ref=home, name=home.upper()) for home in homes),
        "seed": "campaign",
        "today": TODAY,
    } | fields
    pairs = tuple((one, other) for one, other in (tie.split("-") for tie in ties))
    return Ground(people=tuple(people), ties=pairs, places=places, **values)


def team(unit: str, size: int, **fields: Any) -> list[Candidate]:
    """``size`` people of ``unit``, named after it: u1, u2, …"""
    return [person(f"{unit}{number}", unit, **fields) for number in range(1, size + 1)]


@st.composite
def grounds(draw: st.DrawFn, most: int = 24, *, odd: bool = True) -> Ground:
    """Any ground of up to ``most`` people; ``odd`` ones hold the bad input of section 5 too."""
    refs = [f"p{number}" for number in range(draw(st.integers(1, most)))]
    unit_refs = [f"u{number}" for number in range(draw(st.integers(0, 5)))]
    somebody = st.sampled_from([*refs, "stranger"] if odd else refs)
    home = st.sampled_from([*unit_refs, "elsewhere", None])
    people = [_candidate(draw, ref, home) for ref in refs]
    if odd and draw(st.booleans()):
        people.append(_candidate(draw, draw(st.sampled_from([*refs, refs[0].upper()])), home))
    some = st.lists(somebody, max_size=4).map(tuple)
    units = [
        Unit(ref=ref, name=ref.upper(), members=draw(some), parent=draw(st.sampled_from([*unit_refs, "nowhere", None])))
        for ref in unit_refs
    ]
    return Ground(
        people=tuple(people),
        affected=tuple(draw(st.lists(somebody, max_size=2 * most))),
        ties=tuple(draw(st.lists(st.tuples(somebody, somebody), max_size=3 * most))),
        units=tuple(units),
        places=draw(st.integers(0, 10)),
        already=draw(some),
        asked=draw(some),
        not_again=draw(some),
        excluded=draw(some),
        saturation=draw(st.sampled_from([1, 2, 3])),
        seed=draw(st.sampled_from(["one", "two"])),
        today=TODAY,
        cover_every_unit=draw(st.booleans()),
    )


def _candidate(draw: st.DrawFn, ref: str, home: st.SearchStrategy[str | None]) -> Candidate:
    rarely = st.integers(0, 7).map(lambda number: number == 0)
    return Candidate(
        ref=ref,
        unit=draw(home),
        active=not draw(rarely),
        open_to_invitations=not draw(rarely),
        leads_people=draw(rarely),
        open_campaigns=int(draw(rarely)),
        campaigns_last_12_months=draw(st.sampled_from([0, 0, 0, 1, 2])),
        volunteered=draw(rarely),
        votes=draw(st.integers(0, 6)),
        conflicted="reports to the proposer" if draw(rarely) else None,
    )


@st.composite
def plain_grounds(draw: st.DrawFn) -> Ground:
    """Up to 12 people who may all be invited, each with a tie or a vote, in units of five or more: the pure problem."""
    size = draw(st.integers(2, 12))
    # Two units of at least five where there are enough people, so that no unit is joined to another.
    people = [
        person(f"p{number}", f"u{int(size >= 10 and number % 2)}", votes=draw(st.integers(0, 5)))
        for number in range(size)
    ]
    refs = [each.ref for each in people]
    pairs = draw(st.lists(st.sampled_from(list(combinations(refs, 2))), max_size=3 * size))
    tied = {ref for pair in pairs for ref in pair}
    people = [each if each.ref in tied else each.model_copy(update={"votes": each.votes + 1}) for each in people]
    return ground(
        people,
        [f"{one}-{other}" for one, other in pairs],
        places=draw(st.integers(1, 6)),
        saturation=draw(st.sampled_from([1, 2, 3])),
        cover_every_unit=draw(st.booleans()),
    )


def cover_of(some: Ground) -> Cover:
    """The objective of ``some`` ground, without a champion yet."""
    snapshot = Snapshot.of(some)
    votes = {ref: each.votes for ref, each in snapshot.candidates.items()}
    return Cover(snapshot.affected, snapshot.neighbours, votes, some.saturation)


def worth(some: Ground, champions: Iterable[str]) -> int:
    """The objective of 3.3 written down once more, as the sentence says it and not as the code does. Half points."""
    chosen = set(champions)
    ties = {frozenset(tie) for tie in some.ties}
    reached = sum(
        some.saturation
        if each in chosen
        else min(some.saturation, sum(frozenset((each, champion)) in ties for champion in chosen))
        for each in some.affected
    )
    return 2 * reached + sum(each.votes for each in some.people if each.ref in chosen)


def best_worth(some: Ground) -> int:
    """The best objective of all sets that fit a plain ground's places and floors."""
    homes = {each.ref: each.unit for each in some.people}
    floors = set(homes.values()) if some.cover_every_unit else set()
    size = min(some.places, len(homes))
    # The best sets are full, because no champion ever takes worth away. Too many floors: as many as fit.
    return max(
        worth(some, chosen)
        for chosen in combinations(homes, size)
        if len({homes[ref] for ref in chosen} & floors) >= min(len(floors), size)
    )
