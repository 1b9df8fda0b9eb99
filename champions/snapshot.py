"""The ground with bad input put right (section 5) and everything that was left out counted."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter

from champions.model import Candidate, Ground
from champions.units import Groups, group


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One clean view of a :class:`~champions.model.Ground`."""

    candidates: Mapping[str, Candidate]
    unclear: frozenset[str]
    """References listed twice with different details, or differing only in upper and lower case."""
    affected: frozenset[str]
    """Affected people who are still here."""
    neighbours: Mapping[str, frozenset[str]]
    """Person to the affected people they have a consented tie with."""
    champions: frozenset[str]
    """Accepted and still here."""
    asked: frozenset[str]
    """Invited, still here, not yet answered."""
    groups: Groups
    notes: tuple[str, ...]

    @classmethod
    def of(cls, ground: Ground) -> Snapshot:
        """Clean ``ground``. Never raises on what section 5 lists."""
        candidates, unclear = _people(ground.people)
        gone = {ref for ref, candidate in candidates.items() if not candidate.active}
        affected = frozenset(ground.affected) - gone
        champions = frozenset(ground.already) - gone - set(ground.not_again)
        asked = frozenset(ground.asked) - gone - set(ground.not_again) - champions
        known = candidates.keys() | affected | champions | asked
        neighbours, left_out = _ties(ground.ties, known, gone, affected)
        groups = group(ground.units, candidates, affected)
        return cls(
            candidates=candidates,
            unclear=unclear,
            affected=affected,
            neighbours=neighbours,
            champions=champions,
            asked=asked,
            groups=groups,
            notes=_notes(unclear, left_out, groups),
        )


def fingerprint(ground: Ground) -> str:
    """SHA-256, in hexadecimal, of the ground in a fixed order: equal for equal content however it was listed."""
    seen_twice = len({person.ref for person in ground.people}) < len(ground.people)
    by_content = (lambda person: (person.ref, person.model_dump_json())) if seen_twice else attrgetter("ref")
    units = (unit.model_copy(update={"members": tuple(sorted(unit.members))}) for unit in ground.units)
    ordered = ground.model_copy(
        update={
            "people": tuple(sorted(ground.people, key=by_content)),
            "ties": (),
            "units": tuple(sorted(units, key=lambda unit: (unit.ref, unit.model_dump_json()))),
            **{
                name: tuple(sorted(getattr(ground, name)))
                for name in ("affected", "already", "asked", "not_again", "excluded")
            },
        }
    )
    # Ties are most of a ground. A reference holds no blank, so a line for each is as clear as JSON at half the work.
    ties = sorted([f"{one} {other}" if one <= other else f"{other} {one}" for one, other in ground.ties])
    return hashlib.sha256("\n".join((ordered.model_dump_json(), *ties)).encode()).hexdigest()


def _people(people: Iterable[Candidate]) -> tuple[dict[str, Candidate], frozenset[str]]:
    """Candidates by reference, and the references that nobody can be sure of."""
    candidates: dict[str, Candidate] = {}
    unclear: set[str] = set()
    for person in people:
        first = candidates.setdefault(person.ref, person)
        if first is not person and first != person:
            unclear.add(person.ref)
            # Which of the two is kept must not depend on their order.
            candidates[person.ref] = min(first, person, key=lambda each: each.model_dump_json())
    spelling: dict[str, str] = {}
    for ref in candidates:
        other = spelling.setdefault(ref.casefold(), ref)
        if other != ref:
            unclear.update((ref, other))
    return candidates, frozenset(unclear)


def _ties(
    ties: Iterable[tuple[str, str]], known: Iterable[str], gone: set[str], affected: frozenset[str]
) -> tuple[dict[str, frozenset[str]], Counter[str]]:
    """Ties both ways and each once, towards affected people only, and the dropped ones counted by reason."""
    met: dict[str, list[str]] = {ref: [] for ref in known if ref not in gone}
    left_out: Counter[str] = Counter()
    for one, other in ties:
        if one == other:
            left_out["tied a person to themselves"] += 1
        elif one in met and other in met:
            met[one].append(other)
            met[other].append(one)
        elif one in gone or other in gone:
            left_out["led to somebody who is no longer active"] += 1
        else:
            left_out["led to somebody the directory does not know"] += 1
    neighbours = {ref: reached for ref, others in met.items() if (reached := affected.intersection(others))}
    return neighbours, left_out


def _notes(unclear: frozenset[str], left_out: Counter[str], groups: Groups) -> tuple[str, ...]:
    """What was put right, in sentences for the planner."""
    notes = [
        f"{count} {'tie' if count == 1 else 'ties'} {reason} and {'was' if count == 1 else 'were'} left out."
        for reason, count in sorted(left_out.items())
    ]
    if unclear:
        notes.append(
            f"{len(unclear)} {'reference stands' if len(unclear) == 1 else 'references stand'} for more than one entry "
            "in the directory. Nobody behind them is invited until the directory is put right."
        )
    if groups.in_cycle:
        notes.append(
            f"{groups.in_cycle} {'unit has' if groups.in_cycle == 1 else 'units have'} a chain of parents that leads "
            "back to itself. They are planned as if they had no parent; please correct them in the directory."
        )
    return tuple(notes)
