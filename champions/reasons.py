"""Say why: to the person asked, and to the planner about what a plan cannot do (3.5). Numbers only, never names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from champions.model import SMALLEST_COUNT, SMALLEST_GROUP, Candidate, Ground, Recommendation
from champions.snapshot import Snapshot

NOBODY = "nobody there can be asked now"


class Explanation:
    """What the champions of a plan, the accepted and the asked ones among them, mean to the people affected."""

    def __init__(self, ground: Ground, snapshot: Snapshot, picks: tuple[str, ...]) -> None:
        """Count the ties of everybody in ``picks``, of the accepted and of the asked."""
        self._ground = ground
        self._snapshot = snapshot
        self.picks = picks
        self.champions = snapshot.champions | snapshot.asked | set(picks)
        self._ties = Counter(
            colleague for champion in self.champions for colleague in snapshot.neighbours.get(champion, ())
        )
        self._in_group = Counter(snapshot.groups.of(champion) for champion in self.champions)

    def recommendation(self, person: Candidate) -> Recommendation:
        """Why ``person`` is asked. A number that fewer than three people stand behind is 0 and gets no sentence."""
        reached = self._snapshot.neighbours.get(person.ref, frozenset())
        home = self._snapshot.groups.home
        reach = _shown(len(reached))
        only_this = _shown(
            sum(1 for colleague in reached if self._ties[colleague] == 1 and colleague not in self.champions)
        )
        teams = len({home[colleague] for colleague in reached if colleague in home}) if reach else 0
        return Recommendation(
            person=person.ref,
            reasons=tuple(self._sentences(person, reach, only_this, teams)),
            reach=reach,
            only_this=only_this,
            teams=teams,
            unit=person.unit,
        )

    def _sentences(self, person: Candidate, reach: int, only_this: int, teams: int) -> Iterator[str]:
        """The sentences of 3.5, addressed to ``person``."""
        because = list(self._because(person, reach, only_this, teams))
        yield from because or ["Fewer than three colleagues have said that they work with you, so no number is shown."]
        yield f"You have championed {_count(person.campaigns_last_12_months, 'change')} in the past year."
        hours, weeks = _count(self._ground.hours_per_week, "hour"), _count(self._ground.weeks, "week")
        yield f"It takes about {hours} a week for {weeks}."
        yield "Saying no has no effect, and nobody is told."

    def _because(self, person: Candidate, reach: int, only_this: int, teams: int) -> Iterator[str]:
        if person.volunteered:
            yield "You offered to be a champion."
        if reach:
            where = f" in {_count(teams, 'team')}" if teams else ""
            yield f"{reach} colleagues{where} go to you or work with you."
        if only_this:
            yield f"{only_this} of them have no other champion."
        if _shown(person.votes):
            yield f"{person.votes} colleagues named you as somebody they go to."
        groups = self._snapshot.groups
        unit = groups.of(person.ref)
        if unit is not None and groups.shown(unit) and self._in_group[unit] == 1:
            yield f"{groups.name[unit]} has no other champion."

    def units_without_tie(self) -> tuple[str, ...]:
        """Printable groups in which nobody has a tie to a champion, in plain order."""
        groups = self._snapshot.groups
        tied = {groups.of(person) for person in self._ties}
        return tuple(sorted(unit for unit in groups.size if unit not in tied and groups.shown(unit)))

    def tied(self) -> str:
        """How much of the affected people's contact to champions is known (3.5: never print "covered")."""
        share = (
            f"{len(self._ties) * 100 // len(self._snapshot.affected)}%"
            if _shown(len(self._ties))
            else "Fewer than three"
        )
        return (
            f"{share} of the people affected have a consented tie to a champion of this plan. "
            "What reaches the others is not known."
        )

    def sites_without_champion(self) -> tuple[str, ...]:
        """Sites of five or more affected people without a champion, in plain order."""
        candidates = self._snapshot.candidates
        people = Counter(candidates[ref].site for ref in self._snapshot.affected if ref in candidates)
        held = {candidates[ref].site for ref in self.champions if ref in candidates}
        return tuple(
            sorted(site for site, size in people.items() if site and size >= SMALLEST_GROUP and site not in held)
        )


def planner_notes(
    ground: Ground, snapshot: Snapshot, explanation: Explanation, open_places: int, floors: int
) -> Iterator[str]:
    """What the planner should know about a plan, what the system does not know included."""
    left = open_places - len(explanation.picks)
    if open_places == 0:
        yield "All places are taken or asked for."
    elif not explanation.picks:
        yield (
            "Nobody can be invited for the open places. Make an open call, start with a smaller wave, "
            "or cover larger units."
        )
    elif left:
        yield (
            f"{_count(left, 'place')} {'stays' if left == 1 else 'stay'} open: nobody else who may be invited has a "
            "consented tie or a nomination. Ask people whom they go to for advice, or make an open call."
        )
    if floors * 2 > open_places > 0:
        yield (
            f"{floors} of {_count(open_places, 'open place')} {'goes' if floors == 1 else 'go'} to units that have no "
            "champion yet. Above half, reach suffers: add places, use larger units or split the wave."
        )
    if len(snapshot.affected) >= SMALLEST_GROUP:
        yield explanation.tied()
    homeless = len(snapshot.affected) - sum(snapshot.groups.size.values())
    if _shown(homeless):
        yield f"{homeless} of the people affected have no unit here. The rollout should write to them directly."
    if sites := explanation.sites_without_champion():
        yield f"No champion works at {', '.join(sites)}."
    if explanation.picks:
        yield (
            "Between people of equal score, those with fewer campaigns in the past year come first, then those from "
            f"units with fewer champions for their size, then a lot drawn from the campaign's seed ({ground.seed})."
        )


def why_nobody(snapshot: Snapshot, refusals: Mapping[str, str], units: Iterable[str]) -> Iterator[tuple[str, str]]:
    """For each of ``units``, why nobody in it can be asked.

    A reason that fewer than three people share is not told, because it could point to the one who declined; nor is how
    many share it, because two plans compared would.
    """
    shared: dict[str, Counter[str]] = {unit: Counter() for unit in units}
    for person in snapshot.affected:
        unit = snapshot.groups.of(person)
        if unit in shared and person in refusals:
            shared[unit][refusals[person]] += 1
    for unit, reasons in shared.items():
        told = (
            sorted(reason for reason, count in reasons.items() if _shown(count)) if snapshot.groups.shown(unit) else []
        )
        if told and len(told) < len(reasons):
            told.append("cannot for another reason")
        yield unit, f"{NOBODY}: each person {' or '.join(told)}" if told else NOBODY


def _shown(count: int) -> int:
    """``count``, or 0 where so few people stand behind it that it would point at them."""
    return count if count >= SMALLEST_COUNT else 0


def _count(number: int, noun: str) -> str:
    """ "1 week", "6 weeks"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
