"""What a form can offer as answers: people, teams and processes, and the parts of the change it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from changes.state import Change, ConcernStatus
from directory.model import Directory, Person
from web.forms.questions import Option, Question

MOST_OFFERED = 400
"""More answers than that are not offered one by one: a name, a reference or an address is typed instead."""


@dataclass(frozen=True)
class Offered:
    """The answers on offer to the questions of one form."""

    directory: Directory
    parts: Mapping[str, tuple[Option, ...]] = field(default_factory=dict)
    """For fields that name a part of the change, such as its tests: the parts there are."""

    def to(self, question: Question) -> tuple[Option, ...]:
        """The answers to choose from; none where the answer is typed."""
        if question.options:
            return question.options
        if question.name in self.parts and question.names is None:
            return self.parts[question.name]
        return self._named(question.names) if self.few(question.names) else ()

    def few(self, thing: str | None) -> bool:
        """Whether there are so few people, teams or processes that all of them can be offered."""
        return len(self._things(thing)) <= MOST_OFFERED

    def reference(self, thing: str | None, typed: str) -> str:
        """The reference of the person, team or process that somebody typed: a reference, a name or an address.

        What is not known, or is the name of two, is left as it was typed, and refused where it is looked up.
        """
        text = typed.strip()
        things = self._things(thing)
        if text in things:
            return text
        wanted = text.casefold()
        found = [ref for ref, known in things.items() if wanted in _called(known)]
        return found[0] if len(found) == 1 else text

    def _things(self, thing: str | None) -> Mapping[str, object]:
        found: Mapping[str, Mapping[str, object]] = {
            "person": self.directory.people,
            "team": self.directory.teams,
            "process": self.directory.processes,
        }
        return found.get(thing or "", {})

    def _named(self, thing: str | None) -> tuple[Option, ...]:
        match thing:
            case "person":
                people = [person for person in self.directory.people.values() if person.active]
                found = [Option(person.ref, _with_title(person)) for person in people]
            case "team":
                found = [Option(team.ref, team.name) for team in self.directory.teams.values()]
            case "process":
                found = [Option(process.ref, process.name) for process in self.directory.processes.values()]
            case _:
                found = []
        return tuple(sorted(found, key=lambda option: option.label.casefold()))


def _with_title(person: Person) -> str:
    return f"{person.name}, {person.title}" if person.title else person.name


def _called(known: object) -> set[str]:
    names = (getattr(known, "ref", ""), getattr(known, "name", ""), getattr(known, "email", ""))
    return {str(name).casefold() for name in names if name}


def parts_of(change: Change) -> dict[str, tuple[Option, ...]]:
    """For each field name that means a part of the change: what there is to choose from now."""
    current, upcoming = change.rollout.current, change.rollout.upcoming
    stopped = {stop.test for stop in change.round.counting_stops}
    deadlines = [Option("gate", "the open gate")] if change.gate else []
    deadlines += [
        Option(check.ref, f"{check.ref}, which opens on {check.opens:%d %b %Y}")
        for check in change.learning.checks
        if not check.opened
    ]
    parts = {
        "test": [
            Option(test.ref, f"{test.ref}: {test.measure}") for test in change.round.tests if test.ref not in stopped
        ],
        "concern": [
            Option(concern.ref, f"{concern.ref}: {concern.title}")
            for concern in change.concerns
            if concern.status is ConcernStatus.OPEN
        ],
        "check": [
            Option(check.ref, check.ref) for check in change.learning.checks if check.opened and check.outcome is None
        ],
        "wave": [Option(upcoming.wave.name, upcoming.wave.name)] if upcoming else [],
        "metric": [Option(guard.metric, f"{guard.metric} ({guard.unit})") for guard in current.wave.guards]
        if current
        else [],
        "deadline": deadlines,
    }
    return {name: tuple(options) for name, options in parts.items() if options}
