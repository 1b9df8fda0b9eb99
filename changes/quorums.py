"""Counting yeses: how many a quorum asks for, of everybody or of each group, and whether enough people have said it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from changes.facts import Quorum, Seat

EVERYBODY = ""
"""Stands for all groups together."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one group, or everybody asked, has to give to a quorum."""

    group: str
    places: frozenset[str]
    """Whose answers count: the person of each seat, or whom they stand in for."""
    needed: int


def shares(quorum: Quorum, seats: Sequence[Seat]) -> tuple[Share, ...]:
    """Everything that has to be given before the quorum is reached, everybody's share first.

    People who were asked in addition, because no answer came in time, may fill a share but never raise it: silence
    does not make a gate harder to pass.
    """
    everybody = frozenset(place_of(seat) for seat in seats)
    together = Share(EVERYBODY, everybody, quorum.needed(len(everybody)))
    if quorum.each is None:
        return (together,)
    found = [together]
    for group in dict.fromkeys(group for seat in seats for group in groups_of(seat)):
        members = [seat for seat in seats if group in groups_of(seat)]
        first = {place_of(seat) for seat in members if not seat.added}
        needed = quorum.each.needed(len(first) or len(members))
        found.append(Share(group, frozenset(place_of(seat) for seat in members), needed))
    return tuple(found)


def can_be_reached(quorum: Quorum, seats: Sequence[Seat]) -> bool:
    """Whether enough people are asked."""
    return bool(seats) and all(share.needed <= len(share.places) for share in shares(quorum, seats))


def reached(quorum: Quorum, seats: Sequence[Seat], yes: Iterable[str]) -> str | None:
    """Why the people in ``yes`` are enough, or None while they are not.

    A person who stands in for another fills that person's place: whoever of the two answers, the place has answered.
    An answer given while somebody was asked counts on after they have moved or left; their group asks whoever is there
    now.
    """
    seated = {seat.person: place_of(seat) for seat in seats}
    answered = {seated.get(person, person) for person in yes}
    together, *groups = shares(quorum, seats)
    if quorum.rule == "all" and not together.places <= answered:
        return None
    if len(answered) < together.needed:
        return None
    if any(len(share.places & answered) < share.needed for share in groups):
        return None
    if groups:
        return f"{len(answered)} said yes, and with them each of {len(groups)} groups that were asked"
    return f"{len(answered)} said yes, {together.needed} needed"


def in_words(quorum: Quorum, seats: Sequence[Seat]) -> str:
    """The rule as a person would say it of these people: "any one of them is enough", "2 of 3 must say yes"."""
    together, *groups = shares(quorum, seats)
    if quorum.each is None or len(groups) < 2:
        alone = quorum.each or quorum
        return alone.in_words(len(together.places))
    least = f", and at least {quorum.at_least} people altogether" if quorum.at_least > 1 else ""
    return f"{_OF_EACH[quorum.each.rule].format(quorum.each)} each of {len(groups)} groups must say yes{least}"


_OF_EACH = {
    "any": "one person of",
    "all": "everybody of",
    "count": "{0.count} people of",
    "percent": "{0.percent}% of",
}


def place_of(seat: Seat) -> str:
    """Whose place a seat fills."""
    return seat.stands_in_for or seat.person


def groups_of(seat: Seat) -> tuple[str, ...]:
    """Every group a seat speaks for."""
    return seat.groups or (seat.group,)
